"""A stock RQ worker of the class named; what its jobs need is imported before any fork, as RQ advises."""

from __future__ import annotations

import sys

import app_rq
import rq


def main() -> None:
    worker = getattr(rq, sys.argv[1])([app_rq.queue], connection=app_rq.connection)
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main()
