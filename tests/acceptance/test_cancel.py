"""Stop means stopped, at every stage."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from rq.command import send_stop_job_command
from rq.serializers import JSONSerializer

from shraga_models import Python, RunStatus, Shell, TaskStatus
from shraga_queue import Refused
from shraga_queue.client import Shraga
from tests.acceptance.conftest import Timed
from tests.processes import Processes, alive_with
from tests.waiting import wait_until


def running(shraga: Shraga, task_id: str) -> None:
    wait_until(lambda: shraga.get(task_id).status is TaskStatus.RUNNING, what="the task to run")


def test_canceling_a_running_command_ends_its_whole_tree(
    processes: Processes, shraga: Shraga, timed: Timed
) -> None:
    processes.worker(shraga)
    task = shraga.submit("tree", Shell("sleep 5551 & (setsid sleep 5552 &) ; sh -c 'sleep 5553; true'"))
    wait_until(lambda: len(alive_with("sleep 555")) >= 3, what="the tree to grow")
    started = time.monotonic()
    canceled = shraga.cancel(task.id, "wrong branch", timeout=30)
    timed("cancel a running tree", time.monotonic() - started)
    assert (canceled.status, canceled.cancel_reason) == (TaskStatus.CANCELED, "wrong branch")
    assert alive_with("sleep 555") == []
    assert shraga.runs(task.id)[-1].status is RunStatus.CANCELED


def test_a_task_that_ignores_the_request_is_ended_by_force(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    processes.worker(shraga)
    note = tmp_path / "pid"
    python = shraga.submit(
        "deaf", Python("tests.jobs:stubborn", args={"path": str(note)}), limits={"grace": "300ms"}
    )
    wait_until(lambda: note.exists() and note.read_text(), what="the task to begin")
    assert shraga.cancel(python.id, timeout=30).status is TaskStatus.CANCELED
    assert not Path(f"/proc/{note.read_text()}").exists()
    shell = shraga.submit(
        "deaf", Shell("trap '' TERM; echo on; sleep 4441; sleep 4441"), limits={"grace": "300ms"}
    )
    wait_until(lambda: shraga.logs(shell.id), what="the command to begin")
    assert shraga.cancel(shell.id, timeout=30).status is TaskStatus.CANCELED
    assert alive_with("sleep 4441") == []
    assert shraga.wait(shraga.submit("next", Shell("true")).id, 10).status is TaskStatus.COMPLETED


def test_a_task_that_waits_is_canceled_at_once_and_never_runs(processes: Processes, shraga: Shraga) -> None:
    queued = shraga.submit("never", Shell("echo ran"))
    later = shraga.submit("never", Shell("echo ran"), schedule={"at": "2099-01-01T00:00:00Z"})
    for task in (queued, later):
        assert shraga.cancel(task.id).status is TaskStatus.CANCELED
    processes.worker(shraga)
    assert shraga.wait(shraga.submit("marker", Shell("true")).id, 10).status is TaskStatus.COMPLETED
    assert shraga.logs(queued.id) == []
    assert shraga.get(queued.id).status is TaskStatus.CANCELED


def test_canceling_right_after_submitting_never_ends_in_between(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga, slots=2)
    for _ in range(25):
        task = shraga.submit("race", Shell("sleep 20"))
        assert shraga.cancel(task.id, timeout=30).status is TaskStatus.CANCELED
    assert shraga.counts().leases == 0


def test_canceling_twice_is_refused_the_second_time_with_the_reason(
    processes: Processes, shraga: Shraga
) -> None:
    processes.worker(shraga)
    task = shraga.submit("once", Shell("sleep 30"))
    running(shraga, task.id)
    shraga.cancel(task.id, timeout=30)
    with pytest.raises(Refused, match="canceled already"):
        shraga.cancel(task.id)


def test_stopping_twice_while_it_still_ends_is_one_stop(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga)
    task = shraga.submit(
        "deaf", Shell("trap '' TERM; echo on; sleep 4442; sleep 4442"), limits={"grace": "1s"}
    )
    wait_until(lambda: shraga.logs(task.id), what="the command to begin")
    asks = [shraga.driver.run(shraga.operations.ask_cancel(task.id, f"reason {n}"))[0] for n in range(3)]
    assert asks == ["asked"] * 3
    ended = shraga.wait(task.id, 30)
    assert (ended.status, ended.cancel_reason) == (TaskStatus.CANCELED, "reason 0")
    assert [entry.action for entry in shraga.audit() if entry.entity_id == task.id] == [
        "submit",
        "ask_cancel",
    ]
    assert [event.type for event in shraga.events()].count("task.canceled") == 1
    assert alive_with("sleep 4442") == []
    assert shraga.wait(shraga.submit("next", Shell("true")).id, 10).status is TaskStatus.COMPLETED


def test_canceling_while_it_waits_for_its_next_try_is_done_at_once(
    processes: Processes, shraga: Shraga, timed: Timed
) -> None:
    processes.controller()
    processes.worker(shraga)
    limits = {"retries": 5, "backoff": "1s", "jitter": 0}
    task = shraga.submit("again", Shell("exit 1"), limits=limits)
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.SCHEDULED, what="the wait for the next try")
    started = time.monotonic()
    canceled = shraga.cancel(task.id)
    timed("cancel during the wait for a retry", time.monotonic() - started)
    assert canceled.status is TaskStatus.CANCELED
    # Another task of the same wait comes and goes, and this one stays as it is.
    other = shraga.submit("other", Shell("exit 1"), limits={"retries": 1, "backoff": "1s", "jitter": 0})
    assert shraga.wait(other.id, 30).attempt == 2
    assert (shraga.get(task.id).status, shraga.get(task.id).attempt) == (
        TaskStatus.CANCELED,
        canceled.attempt,
    )


def test_what_was_asked_to_stop_on_a_worker_that_died_is_canceled_and_not_run_again(
    processes: Processes, shraga: Shraga, timed: Timed
) -> None:
    processes.controller()
    worker = processes.worker(shraga)
    task = shraga.submit("deaf", Shell("trap '' TERM; sleep 4443; sleep 4443"), limits={"grace": "60s"})
    running(shraga, task.id)
    assert shraga.driver.run(shraga.operations.ask_cancel(task.id, "why"))[0] == "asked"
    worker.kill()
    started = time.monotonic()
    assert shraga.wait(task.id, 30).status is TaskStatus.CANCELED
    timed("cancel, and the worker dies before it obeys", time.monotonic() - started)
    assert shraga.get(task.id).attempt == 1
    wait_until(lambda: not alive_with("sleep 4443"), 10, what="its processes to be gone")


def test_rq_s_own_stop_command_stops_the_task_and_is_audited(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga)
    task = shraga.submit("hold", Shell("sleep 30"))
    running(shraga, task.id)
    send_stop_job_command(shraga.driver.connection, task.id, serializer=JSONSerializer)
    ended = shraga.wait(task.id, 30)
    assert (ended.status, ended.cancel_requested_by) == (TaskStatus.CANCELED, "rq")
    assert [entry.action for entry in shraga.audit() if entry.actor == "rq"] == ["ask_cancel"]
