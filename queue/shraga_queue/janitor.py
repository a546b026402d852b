"""The janitor: a small process that outlives a killed worker just long enough to end what it left running."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress

import psutil

from . import proctree

LOOK_EVERY = 0.5
LAST_LOOKS = 4
"""How often it looks for the mark once the worker is gone."""


def born(pid: int) -> float | None:
    """Return when a process began, which tells it from a later one of the same number; None when it is gone."""
    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return None


def watch(worker_id: str, worker: int) -> None:
    """Wait until standard input ends, which is when the worker does; then kill what it left.

    That is what carries its mark, and what was seen below it: a process may have scrubbed its environment.
    """
    seen: dict[int, float | None] = {}
    while True:
        ready, _, _ = select.select([0], [], [], LOOK_EVERY)
        if ready and not os.read(0, 4096):
            break
        below = set(proctree.descendants(worker)) - {os.getpid()}
        seen = {pid: seen.get(pid) or born(pid) for pid in below}
    proctree.send([pid for pid, at in seen.items() if at is not None and born(pid) == at], signal.SIGKILL)
    end_marked(worker_id)


def end_marked(worker_id: str) -> None:
    """Kill what carries a worker's mark, and look again: a process that is about to become a program shows it late."""
    for _ in range(LAST_LOOKS):
        proctree.kill_marked(proctree.WORKER_MARK, worker_id, patience=10.0)
        time.sleep(LOOK_EVERY)


def main() -> int:
    """Run as `python -m shraga_queue.janitor WORKER_ID PID`, in a session of its own."""
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)
    watch(sys.argv[1], int(sys.argv[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
