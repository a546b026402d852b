"""What the soak runs as Python tasks, and the same as shell commands."""

from __future__ import annotations

import fcntl
import os
import shlex
import time


def hold(path: str, seconds: float, fail_first: bool = False) -> None:
    """Note begin and end in a file that is locked meanwhile; with `fail_first` the first run fails.

    The kernel lets go of the lock when the process is gone, however it went. So a run that finds the file
    locked has met another live run of its task, and notes `beside`; a killed run needs no end to be seen.
    """
    mark = f"{os.getpid()}.{time.monotonic_ns()}"
    with open(path, "a", buffering=1) as file:
        file.write(f"{'begin' if _locked(file.fileno()) else 'beside'} {mark}\n")
        time.sleep(seconds)
        with open(path) as notes:
            first = notes.read().count("begin") <= 1
        if fail_first and first:
            raise RuntimeError("the first run fails by intent")
        file.write(f"end {mark}\n")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: str) -> bool:
    """Return whether no process of the task lives that could still write to its file."""
    with open(path, "a") as file:
        return _locked(file.fileno())


def hold_command(path: str, seconds: float, *, fail_first: bool = False) -> str:
    """Return `hold` as a shell command; the processes it starts inherit the lock, so it tells of the whole tree."""
    note = shlex.quote(path)
    fails = f"[ $(grep -c begin {note}) -gt 1 ] || exit 1; " if fail_first else ""
    return (
        f"exec 9>>{note}; if flock -n 9; then echo begin $$ >&9; else echo beside $$ >&9; fi; "
        f"sleep {seconds}; {fails}echo end $$ >&9"
    )
