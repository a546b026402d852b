"""Whatever dies or freezes: nothing is lost, nothing runs twice at once, and it is noticed in time."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from shraga_models import Liveness, NewTask, Python, RunStatus, Shell, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.embedded import Embedded
from shraga_queue.engine import Claim, Engine
from tests.acceptance.conftest import Timed
from tests.processes import Processes, alive_with
from tests.scenes import begun, hold, second_run_within
from tests.waiting import wait_until

DETECTED_WITHIN = 10.0


def test_a_killed_horse_loses_the_run_at_once_and_it_runs_again(
    processes: Processes, shraga: Shraga, tmp_path: Path, timed: Timed
) -> None:
    worker = processes.worker(shraga)
    note = tmp_path / "note"
    task_id = hold(shraga, note)
    os.kill(processes.horse_pids(worker)[0], signal.SIGKILL)
    took = second_run_within(shraga, note, task_id, 3)
    assert took < 3
    timed("kill horse", took)
    assert "SIGKILL" in shraga.runs(task_id)[0].error
    shraga.cancel(task_id, timeout=30)


def test_a_horse_that_somebody_else_told_to_stop_loses_its_run(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    worker = processes.worker(shraga)
    note = tmp_path / "note"
    task_id = hold(shraga, note)
    os.kill(processes.horse_pids(worker)[0], signal.SIGTERM)
    assert second_run_within(shraga, note, task_id, 3) < 3
    assert "told to stop" in shraga.runs(task_id)[0].error
    shraga.cancel(task_id, timeout=30)


def test_a_killed_slot_loses_the_run_at_once_and_is_replaced(
    processes: Processes, shraga: Shraga, tmp_path: Path, timed: Timed
) -> None:
    worker = processes.worker(shraga)
    note = tmp_path / "note"
    task_id = hold(shraga, note)
    (slot,) = processes.slot_pids(worker)
    os.kill(slot, signal.SIGKILL)
    took = second_run_within(shraga, note, task_id, 6)
    assert took < 6
    timed("kill slot", took)
    assert processes.slot_pids(worker) != [slot]
    shraga.cancel(task_id, timeout=30)


def test_a_killed_worker_is_noticed_and_its_task_runs_elsewhere(
    processes: Processes, shraga: Shraga, engine: Engine, tmp_path: Path, timed: Timed
) -> None:
    processes.controller()
    first = processes.worker(shraga, "first")
    note = tmp_path / "note"
    task_id = hold(shraga, note)
    processes.worker(shraga, "second")
    old = shraga.runs(task_id)[-1]
    first.kill()
    took = second_run_within(shraga, note, task_id, DETECTED_WITHIN)
    assert took < DETECTED_WITHIN
    timed("kill worker", took)

    def is_called_lost() -> bool:
        record = processes.worker_record(shraga, "first")
        return record is not None and (record.liveness, record.lost) == (Liveness.OFFLINE, True)

    # The worker itself was heard of a moment later than its run.
    wait_until(is_called_lost, 3, what="the loss of the worker")
    # The late first run can write nothing: its fence is stale.
    claim = Claim(task_id, "tester", old.attempt, old.fence, {})
    assert engine.append_log(claim, []) == "stale"
    assert engine.heartbeat(claim, "late", 0, None, "", tell=False) == "stale"
    shraga.cancel(task_id, timeout=30)


def test_a_killed_worker_leaves_no_process_of_its_tasks(processes: Processes, shraga: Shraga) -> None:
    worker = processes.worker(shraga)
    shraga.submit("tree", Shell("sleep 3331 & (setsid sleep 3332 &); sleep 3333"))
    wait_until(lambda: len(alive_with("sleep 333")) >= 3, what="the tree to grow")
    worker.kill()
    wait_until(lambda: not alive_with("sleep 333"), 10, what="the tree to be gone")
    assert processes.slot_pids(worker) == []


def test_a_lost_run_fails_where_the_policy_says_so(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    worker = processes.worker(shraga)
    task_id = hold(shraga, tmp_path / "note", on_lost="fail")
    os.kill(processes.horse_pids(worker)[0], signal.SIGKILL)
    ended = shraga.wait(task_id, 10)
    assert ended.status is TaskStatus.FAILED
    assert "Lost" in ended.error


def test_a_task_that_kills_its_worker_fails_after_its_last_try(processes: Processes, shraga: Shraga) -> None:
    processes.controller()
    processes.worker(shraga)
    task = shraga.submit("poison", Shell("kill -9 $PPID"), limits={"lost_retries": 1, "backoff": "10ms"})
    ended = shraga.wait(task.id, 20)
    assert ended.status is TaskStatus.FAILED
    assert [run.status for run in shraga.runs(task.id)] == [RunStatus.LOST, RunStatus.LOST]


def test_a_frozen_worker_cannot_run_its_task_beside_the_next(
    processes: Processes, shraga: Shraga, tmp_path: Path, timed: Timed
) -> None:
    processes.controller()
    first = processes.worker(shraga, "first")
    note = tmp_path / "note"
    task_id = hold(shraga, note)
    processes.worker(shraga, "second")
    (slot,) = processes.slot_pids(first)
    os.kill(slot, signal.SIGSTOP)
    took = second_run_within(shraga, note, task_id, DETECTED_WITHIN)
    assert took < DETECTED_WITHIN
    timed("freeze slot", took)
    os.kill(slot, signal.SIGCONT)
    other = shraga.wait(shraga.submit("after", Shell("true")).id, 15)
    assert other.status is TaskStatus.COMPLETED
    assert len(begun(note)) == 2
    assert shraga.get(task_id).status is TaskStatus.RUNNING
    shraga.cancel(task_id, timeout=30)


def test_a_frozen_horse_keeps_its_lease_and_ends_at_its_time_limit(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    worker = processes.worker(shraga)
    note = tmp_path / "note"
    task_id = hold(shraga, note, timeout=2, grace=0.3)
    os.kill(processes.horse_pids(worker)[0], signal.SIGSTOP)
    ended = shraga.wait(task_id, 15)
    assert (ended.status, shraga.runs(task_id)[-1].status) == (TaskStatus.FAILED, RunStatus.TIMEOUT)
    assert len(begun(note)) == 1


def test_the_lead_passes_on_when_the_leading_controller_dies(
    processes: Processes, shraga: Shraga, timed: Timed
) -> None:
    first = processes.controller()
    wait_until(lambda: shraga.counts().has_leader, what="a leader")
    processes.controller()
    processes.worker(shraga)
    first.kill()
    started = time.monotonic()
    task = shraga.submit("soon", Shell("exit 1"), limits={"retries": 1, "backoff": "10ms"})
    assert shraga.wait(task.id, 20).attempt == 2
    took = time.monotonic() - started
    assert took < DETECTED_WITHIN
    timed("kill controller", took)


@pytest.fixture
def own_server(tmp_path: Path) -> Settings:
    """Settings of an embedded server that the test may kill."""
    return Settings(home=tmp_path / "own", user="tester")


def server_pid(settings: Settings) -> int:
    info = Shraga.connect(settings=settings).driver.connection.info("server")
    return int(info["process_id"])


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_server_outage_loses_nothing_and_ends_no_run(
    own_server: Settings, tmp_path: Path, fault: str
) -> None:
    with Shraga.connect(settings=own_server) as shraga, Processes(own_server) as processes:
        processes.controller()
        worker = processes.worker(shraga)
        slots = processes.slot_pids(worker)
        note = tmp_path / "note"
        task_id = hold(shraga, note, seconds=3)
        waiting = shraga.submit_many([NewTask(name="w", action=Python("shraga_queue.demo:noop"))] * 50)
        pid = server_pid(own_server)
        if fault == "kill":
            os.kill(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: "end" in note.read_text(), 10, what="the task to finish meanwhile")
            os.kill(pid, signal.SIGCONT)
        assert shraga.wait(task_id, 30).status is TaskStatus.COMPLETED
        for task in waiting:
            assert shraga.wait(task.id, 30).status is TaskStatus.COMPLETED
        assert len(begun(note)) == 1
        assert processes.slot_pids(worker) == slots
    Embedded.release(own_server)
    Embedded.stop(own_server)
