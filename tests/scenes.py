"""Scenes of the fault tests: a task that holds a slot and notes each of its runs."""

from __future__ import annotations

import time
from pathlib import Path

from shraga_models import Python, RunStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from tests.waiting import wait_until


def submit_hold(shraga: Shraga, path: Path, seconds: float = 60, **limits: object) -> str:
    """Submit a task that notes its begin and end, and return its id."""
    action = Python("tests.jobs:hold", args={"path": str(path), "seconds": seconds})
    return shraga.submit("hold", action, limits=limits).id


def hold(shraga: Shraga, path: Path, seconds: float = 60, **limits: object) -> str:
    """Submit a task that notes its begin and end, and return its id once it runs."""
    task_id = submit_hold(shraga, path, seconds, **limits)
    wait_until(lambda: path.exists() and "begin" in path.read_text(), what="the task to begin")
    return task_id


def begun(path: Path) -> list[int]:
    """Return the processes that have begun the task, oldest first."""
    if not path.exists():
        return []
    return [int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith("begin")]


def second_run_within(shraga: Shraga, path: Path, task_id: str, seconds: float) -> float:
    """Wait for the second run and return how long it took; the first one's process must be gone by then."""
    started = time.monotonic()
    wait_until(lambda: len(begun(path)) >= 2, seconds + 5, what="the second run")
    took = time.monotonic() - started
    assert not proctree.is_alive(begun(path)[0])
    assert shraga.runs(task_id)[0].status is RunStatus.LOST
    return took
