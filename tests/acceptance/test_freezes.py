"""What stands still for longer than its lease and then goes on: a worker, a whole host, a leader, a run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from shraga_models import EventType, Liveness, RunStatus, Shell, TaskStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from tests.acceptance.conftest import Timed
from tests.processes import Processes
from tests.scenes import begun, hold, second_run_within, submit_hold
from tests.waiting import wait_until

DETECTED_WITHIN = 10.0


def lost_once(shraga: Shraga, task_id: str) -> bool:
    """Whether the first run is lost and the second one is on."""
    first, second = shraga.runs(task_id)
    return first.status is RunStatus.LOST and second.status in (RunStatus.CLAIMED, RunStatus.RUNNING)


def liveness(processes: Processes, shraga: Shraga, name: str) -> Liveness | None:
    record = processes.worker_record(shraga, name)
    return record.liveness if record else None


def test_a_frozen_supervisor_is_called_lost_but_its_run_goes_on(
    processes: Processes, shraga: Shraga, tmp_path: Path, timed: Timed
) -> None:
    processes.controller()
    worker = processes.worker(shraga)
    task_id = hold(shraga, tmp_path / "note", seconds=11)
    os.kill(worker.pid, signal.SIGSTOP)
    started = time.monotonic()
    wait_until(lambda: liveness(processes, shraga, "w1") is Liveness.OFFLINE, 15, what="it to be noticed")
    timed("freeze supervisor", time.monotonic() - started)
    # Its slots keep the leases of what they run, so nothing is taken from them.
    assert shraga.wait(task_id, 20).status is TaskStatus.COMPLETED
    assert len(begun(tmp_path / "note")) == 1
    os.kill(worker.pid, signal.SIGCONT)
    wait_until(lambda: liveness(processes, shraga, "w1") is Liveness.IDLE, 10, what="it to be back")
    assert shraga.wait(shraga.submit("next", Shell("true")).id, 10).status is TaskStatus.COMPLETED


def freeze_all(worker: subprocess.Popen[bytes]) -> list[int]:
    """Freeze a worker with all that is below it, as the pause of a virtual machine does."""
    everything = [worker.pid, *proctree.descendants(worker.pid)]
    proctree.send(everything, signal.SIGSTOP)
    return everything


def test_a_paused_host_ends_its_run_as_soon_as_it_goes_on(
    processes: Processes, shraga: Shraga, tmp_path: Path, timed: Timed
) -> None:
    processes.controller()
    first = processes.worker(shraga, "first")
    note = tmp_path / "note"
    task_id = hold(shraga, note)
    processes.worker(shraga, "second")
    frozen = freeze_all(first)
    started = time.monotonic()
    wait_until(lambda: len(begun(note)) == 2, 15, what="the second run")
    assert time.monotonic() - started < DETECTED_WITHIN
    timed("pause host", time.monotonic() - started)
    thawed = time.monotonic()
    proctree.send(frozen, signal.SIGCONT)
    wait_until(lambda: not proctree.is_alive(begun(note)[0]), 5, 0.002, what="the first run to end itself")
    timed("pause host, old run after the thaw", time.monotonic() - thawed)
    assert time.monotonic() - thawed < 1.5
    assert lost_once(shraga, task_id)
    shraga.cancel(task_id, timeout=30)
    wait_until(lambda: liveness(processes, shraga, "first") is Liveness.IDLE, 10, what="it to be back")


def claimed_but_not_begun(
    processes: Processes, shraga: Shraga, worker: subprocess.Popen[bytes], note: Path
) -> str:
    """Return a task whose claim is made and whose action has not begun: its horse does not read."""
    (horse,) = processes.horse_pids(worker)
    os.kill(horse, signal.SIGSTOP)
    task_id = submit_hold(shraga, note, grace=0.5)
    wait_until(lambda: shraga.get(task_id).status is TaskStatus.RUNNING, what="the claim")
    assert begun(note) == []
    return task_id


@pytest.mark.parametrize("victim", ["slot", "worker"])
def test_death_between_the_claim_and_the_start_loses_nothing(
    processes: Processes, shraga: Shraga, tmp_path: Path, timed: Timed, victim: str
) -> None:
    processes.controller()
    first = processes.worker(shraga, "first")
    note = tmp_path / "note"
    task_id = claimed_but_not_begun(processes, shraga, first, note)
    if victim == "worker":
        processes.worker(shraga, "second")
    pid = first.pid if victim == "worker" else processes.slot_pids(first)[0]
    os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    wait_until(lambda: begun(note), DETECTED_WITHIN, what="the run")
    timed(f"kill {victim} between claim and start", time.monotonic() - started)
    assert lost_once(shraga, task_id)
    shraga.cancel(task_id, timeout=30)
    assert len(begun(note)) == 1


def test_what_is_canceled_between_the_claim_and_the_start_never_starts(
    processes: Processes, shraga: Shraga, tmp_path: Path, timed: Timed
) -> None:
    worker = processes.worker(shraga)
    task_id = claimed_but_not_begun(processes, shraga, worker, tmp_path / "note")
    started = time.monotonic()
    assert shraga.cancel(task_id, timeout=30).status is TaskStatus.CANCELED
    timed("cancel between claim and start, grace 0.5 s", time.monotonic() - started)
    assert shraga.wait(shraga.submit("next", Shell("true")).id, 10).status is TaskStatus.COMPLETED
    assert begun(tmp_path / "note") == []


def test_a_leader_that_froze_does_nothing_when_it_goes_on(
    processes: Processes, shraga: Shraga, timed: Timed
) -> None:
    first = processes.controller()
    wait_until(lambda: shraga.counts().has_leader, what="a leader")
    processes.controller()
    processes.worker(shraga)
    os.kill(first.pid, signal.SIGSTOP)
    started = time.monotonic()
    limits = {"retries": 3, "backoff": "10ms"}
    tasks = [shraga.submit("again", Shell("exit 1"), limits=limits) for _ in range(5)]
    assert shraga.wait(tasks[0].id, 20).attempt == 4
    timed("freeze leading controller", time.monotonic() - started)
    os.kill(first.pid, signal.SIGCONT)
    late = [shraga.submit("later", Shell("exit 1"), limits=limits) for _ in range(5)]
    assert [shraga.wait(task.id, 30).attempt for task in [*tasks, *late]] == [4] * 10
    queued = [event for event in shraga.events(tail=1000) if event.type == EventType.TASK_QUEUED]
    # Each retry was released once, whoever did it.
    assert len(queued) == len({(event.task_id, event.attempt) for event in queued}) == 30


def test_a_second_controller_changes_nothing(processes: Processes, shraga: Shraga, tmp_path: Path) -> None:
    for _ in range(3):
        processes.controller()
    first = processes.worker(shraga, "first")
    note = tmp_path / "note"
    task_id = hold(shraga, note)
    processes.worker(shraga, "second")
    first.kill()
    assert second_run_within(shraga, note, task_id, DETECTED_WITHIN) < DETECTED_WITHIN
    lost = [event for event in shraga.events(tail=100) if event.type == EventType.TASK_LOST]
    assert [(event.task_id, event.attempt) for event in lost] == [(task_id, 1)]
    shraga.cancel(task_id, timeout=30)
