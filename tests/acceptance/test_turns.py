"""Short tasks in handfuls: what a slot has in hand is neither held up, nor run twice, nor forgotten."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from shraga_models import NewTask, Python, TaskStatus, WorkerMode
from shraga_queue.client import Shraga
from tests.jobs import hold
from tests.processes import Processes
from tests.waiting import wait_until

NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))


def held(path: Path, seconds: float) -> NewTask:
    """Return a task that notes its begin and end."""
    return NewTask(
        name="long",
        action=Python(f"tests.jobs:{hold.__name__}", args={"path": str(path), "seconds": seconds}),
    )


def done(shraga: Shraga, count: int) -> bool:
    return shraga.counts().by_status[TaskStatus.COMPLETED] == count


def warm(shraga: Shraga, count: int = 100) -> int:
    """Let the slots learn that tasks are short."""
    shraga.submit_many([NOOP] * count)
    wait_until(lambda: done(shraga, count), 20, what="the short tasks")
    return count


def test_what_a_long_run_holds_up_goes_to_another_slot(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    processes.worker(shraga, "w1", 2)
    before = warm(shraga)
    note = tmp_path / "note"
    tasks = shraga.submit_many([*[NOOP] * 40, held(note, 4.0), *[NOOP] * 80])
    wait_until(lambda: done(shraga, before + 120), 10, what="all short tasks while the long one runs")
    assert note.read_text().count("begin") == 1 and "end" not in note.read_text()
    # Given back unbegun, a task keeps its attempt.
    assert {shraga.get(task.id).attempt for task in tasks} == {1}
    assert shraga.wait(tasks[40].id, 30).status is TaskStatus.COMPLETED


def test_a_killed_slot_loses_none_of_what_it_had_in_hand(processes: Processes, shraga: Shraga) -> None:
    worker = processes.worker(shraga, "w1", 1)
    before = warm(shraga)
    tasks = shraga.submit_many([NOOP] * 1500)
    wait_until(lambda: not done(shraga, before), what="the first of them")
    os.kill(processes.slot_pids(worker)[0], signal.SIGKILL)
    wait_until(lambda: done(shraga, before + len(tasks)), 30, what="all of them")
    assert {shraga.get(task.id).losses for task in tasks} <= {0, 1}


def test_a_worker_that_drains_gives_back_what_it_has_not_begun(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    worker = processes.worker(shraga, "w1", 1)
    warm(shraga)
    tasks = shraga.submit_many([NOOP] * 2000)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0
    counts = shraga.counts()
    assert counts.by_status[TaskStatus.RUNNING] == counts.leases == 0
    assert sum(counts.by_status.values()) == 100 + len(tasks)


def test_short_tasks_share_round_trips(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga, "w1", 1)
    before = warm(shraga)
    shraga.set_worker_mode("w1", WorkerMode.DRAINING)
    shraga.submit_many([NOOP] * 800)
    calls = script_calls(shraga)
    shraga.set_worker_mode("w1", WorkerMode.ACCEPTING)
    deadline = time.monotonic() + 20
    wait_until(lambda: done(shraga, before + 800), deadline - time.monotonic(), 0.5, "the tasks")
    assert script_calls(shraga) - calls <= 0.3 * 800


def script_calls(shraga: Shraga) -> int:
    return int(shraga.driver.connection.info("commandstats")["cmdstat_evalsha"]["calls"])
