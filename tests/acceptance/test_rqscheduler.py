"""A schedule of Shraga's fires through a real rqscheduler and a plain RQ worker, without a controller."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shraga_models import Schedule
from shraga_queue.client import Shraga
from shraga_queue.trampoline import entry_id_of
from tests.factories import assert_agreement, new_task
from tests.processes import Processes
from tests.rq_jobs import Programs
from tests.waiting import wait_until


@pytest.fixture
def programs(server_url: str, tmp_path: Path) -> Iterator[Programs]:
    with Programs(server_url, tmp_path / "programs.log") as started:
        yield started


def test_start_time_comes_through_a_running_rqscheduler(
    shraga: Shraga, processes: Processes, programs: Programs
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    task = shraga.submit_task(new_task(schedule=Schedule(at=soon))).id
    queue = f"{shraga.settings.prefix}-trampoline"
    shraga.rq.carry(task, queue)
    assert entry_id_of(task) in [entry.id for entry in shraga.rq.entries().entries]
    programs.scheduler()
    programs.worker(queue)
    processes.worker(shraga)
    wait_until(lambda: shraga.get(task).status == "completed", 30, what=f"the task: {programs.log()}")
    (run,) = shraga.runs(task)
    assert run.started_at is not None and run.started_at >= soon
    assert shraga.rq.job(entry_id_of(task)).status in ("started", "finished")
    assert_agreement(shraga)


def test_each_slot_fires_once_through_two_rqschedulers_that_are_killed(
    shraga: Shraga, processes: Processes, programs: Programs
) -> None:
    queue = f"{shraga.settings.prefix}-trampoline"
    task = shraga.submit_task(new_task(schedule=Schedule(interval=2))).id
    shraga.rq.carry(task, queue)
    programs.scheduler()
    first = programs.scheduler()
    programs.worker(queue)
    programs.worker(queue)
    processes.worker(shraga)

    def done(count: int) -> bool:
        return sum(run.status == "completed" for run in shraga.runs(task)) >= count

    wait_until(lambda: done(2), 40, what=f"two runs: {programs.log()}")
    first.kill()
    wait_until(lambda: done(4), 40, what=f"four runs: {programs.log()}")
    slots = [run.occurrence for run in shraga.runs(task) if run.occurrence]
    assert len(slots) == len(set(slots))
    assert {run.triggered_by for run in shraga.runs(task) if run.occurrence} == {"schedule"}
    assert shraga.counts().has_leader is False
