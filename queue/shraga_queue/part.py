"""A part of the house as a process of its own: `python -m shraga_queue.part controller | worker | sweep [options]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from redis.exceptions import RedisError

from . import proctree
from .config import load_settings
from .connect import explain
from .controller import run_controller
from .errors import ShragaError, Unreachable
from .logs import configure_logs
from .pool import WorkerOptions, run_worker
from .retention import run_sweep


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the part; it ends when the process that started it does."""
    parser = argparse.ArgumentParser(prog="shraga-part")
    parser.add_argument("kind", choices=("controller", "worker", "sweep"))
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--name")
    parser.add_argument("--capability", action="append", default=[])
    parser.add_argument("--allow-module", action="append", default=[])
    given = parser.parse_args(arguments)
    if parent := os.environ.pop(proctree.PARENT_MARK, ""):
        proctree.die_with_parent(int(parent))
    configure_logs()
    try:
        settings = load_settings()
        if given.kind == "controller":
            return run_controller(settings)
        if given.kind == "sweep":
            return run_sweep(settings)
        options = WorkerOptions(
            name=given.name,
            slots=given.slots,
            capabilities=tuple(given.capability),
            allow_modules=tuple(given.allow_module),
        )
        return run_worker(settings, options)
    except (RedisError, OSError) as error:
        sys.stderr.write(f"shraga: {explain(error, load_settings().redis_url or '')}\n")
        return Unreachable.exit_code
    except ShragaError as error:
        sys.stderr.write(f"shraga: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
