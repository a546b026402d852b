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


def test_schedule_fires_through_a_running_rqscheduler(
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
