"""RQ's own tools see the truth about a task at every stage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rq
from rq.job import Job
from rq.registry import (
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)
from rq.serializers import JSONSerializer

from shraga_models import Limits, RunStatus, Task, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from tests.factories import Hand, bring_to, execute, hire, make_due, new_task

RQ = Path(sys.executable).with_name("rq")
STAGES = [
    (TaskStatus.QUEUED, "queued", None),
    (TaskStatus.SCHEDULED, "scheduled", ScheduledJobRegistry),
    (TaskStatus.RUNNING, "started", StartedJobRegistry),
    (TaskStatus.COMPLETED, "finished", FinishedJobRegistry),
    (TaskStatus.FAILED, "failed", FailedJobRegistry),
    (TaskStatus.CANCELED, "canceled", CanceledJobRegistry),
    (TaskStatus.SKIPPED, "canceled", CanceledJobRegistry),
]
REGISTRIES = [
    CanceledJobRegistry, DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry,
    StartedJobRegistry,
]  # fmt: skip


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def job_of(shraga: Shraga, task: Task) -> Job:
    return Job.fetch(task.id, connection=shraga.driver.connection, serializer=JSONSerializer)


def queue_of(shraga: Shraga, task: Task) -> rq.Queue:
    return rq.Queue(task.queue, connection=shraga.driver.connection, serializer=JSONSerializer)


def why(job: Job) -> str | None:
    """Return a job's error as dashboards read it."""
    with pytest.warns(DeprecationWarning, match="exc_info is deprecated"):
        return job.exc_info


def info(shraga: Shraga, *options: str) -> str:
    done = subprocess.run(
        [RQ, "info", "-u", shraga.driver.url, *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout


def line_of(report: str, queue: str) -> str:
    return next(line for line in report.splitlines() if queue in line)


@pytest.mark.parametrize(("status", "word", "registry"), STAGES)
def test_job_queue_and_registries_tell_the_task_s_stage(
    shraga: Shraga, hand: Hand, status: TaskStatus, word: str, registry: Any
) -> None:
    task = bring_to(shraga, hand, status)
    queue = queue_of(shraga, task)
    assert job_of(shraga, task).get_status() == word
    assert queue.count == (status is TaskStatus.QUEUED)
    assert queue.get_job_ids() == [task.id] * (status is TaskStatus.QUEUED)
    for one in REGISTRIES:
        found = one(queue=queue).get_job_ids(cleanup=False)
        assert found == ([task.id] if one is registry else []), one.__name__


def test_job_says_whose_it_is_when_it_was_made_and_what_it_calls(shraga: Shraga) -> None:
    task = shraga.submit_task(new_task("resize", limits=Limits(timeout=90)))
    job = job_of(shraga, task)
    assert (job.id, job.origin, job.description, job.timeout) == (task.id, task.queue, "resize", 90)
    assert (job.func_name, job.args) == ("shraga_queue.rq_job.perform", [task.id])
    assert job.created_at == task.created_at
    assert job.enqueued_at == task.created_at


def test_job_tells_times_worker_error_and_heartbeat_of_its_run(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    claim = hand.claim()
    hand.heartbeat(claim, 0.5)
    task = shraga.get(claim.task_id)
    job = job_of(shraga, task)
    assert job.worker_name == hand.name
    assert job.started_at == shraga.runs(task.id)[0].claimed_at
    assert job.last_heartbeat == task.last_worker_ping
    hand.commit(claim, RunStatus.FAILED, error="it broke")
    job = job_of(shraga, task)
    assert (job.ended_at, why(job)) == (shraga.get(task.id).completed_at, "it broke")


def test_job_that_runs_again_tells_nothing_of_the_run_before(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.FAILED)
    shraga.retry(task.id)
    job = job_of(shraga, task)
    assert (job.get_status(), job.ended_at, job.started_at, job.worker_name) == ("queued", None, None, None)
    assert not why(job)


def test_ended_job_is_forgotten_by_rq_after_its_time_and_a_task_that_runs_again_is_not(
    shraga: Shraga, hand: Hand
) -> None:
    task = bring_to(shraga, hand, TaskStatus.COMPLETED)
    key = shraga.driver.keys.make("rq_job", task=task.id)
    assert 0 < execute(shraga, "TTL", key) <= 86_400
    shraga.retry(task.id)
    assert execute(shraga, "TTL", key) == -1


def test_task_is_run_again_even_when_rq_has_forgotten_its_job(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.COMPLETED)
    execute(shraga, "DEL", shraga.driver.keys.make("rq_job", task=task.id))
    shraga.retry(task.id)
    job = job_of(shraga, task)
    assert (job.get_status(), job.origin, job.func_name) == (
        "queued",
        task.queue,
        "shraga_queue.rq_job.perform",
    )


def test_cleaning_registries_as_rq_does_takes_no_running_task(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.RUNNING)
    registry = StartedJobRegistry(queue=queue_of(shraga, task))
    registry.cleanup()
    assert registry.get_job_ids(cleanup=False) == [task.id]
    assert job_of(shraga, task).get_status() == "started"


def test_job_of_a_later_try_is_scheduled_and_then_queued(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(limits=Limits(retries=1, backoff=60)))
    hand.commit(hand.claim(), RunStatus.FAILED)
    assert job_of(shraga, task).get_status() == "scheduled"
    registry = ScheduledJobRegistry(queue=queue_of(shraga, task))
    assert abs(registry.get_scheduled_time(task.id) - shraga.get(task.id).next_run_at).total_seconds() <= 1  # type: ignore[operator]
    make_due(shraga, task.id)
    hand.engine.lead("t", 60_000)
    hand.engine.release_due("t")
    assert job_of(shraga, task).get_status() == "queued"


def test_rq_info_agrees(shraga: Shraga, hand: Hand) -> None:
    for status in (
        TaskStatus.COMPLETED,
        TaskStatus.FAILED,
        TaskStatus.RUNNING,
        TaskStatus.SCHEDULED,
        TaskStatus.QUEUED,
    ):
        task = bring_to(shraga, hand, status)
    line = line_of(info(shraga, "--only-queues"), task.queue)
    assert all(said in line for said in ("1 executing", "1 finished", "1 failed")), line
    assert " 1" in line.partition("|")[2].split(",")[0]
    assert shraga.counts().total == 5


def test_plain_rq_worker_is_told_what_to_do(shraga: Shraga) -> None:
    from shraga_queue.rq_job import perform

    with pytest.raises(RuntimeError, match="is run by `shraga worker`, which leases and fences it"):
        perform("t")


def test_a_job_of_another_program_on_our_queue_fails_where_its_tools_look_and_in_our_log(
    shraga: Shraga, hand: Hand, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = rq.Queue(shraga.driver.keys.queue_name("any", "normal"), connection=shraga.driver.connection)
    foreign = queue.enqueue("os.getcwd")
    task = shraga.submit_task(new_task())
    assert hand.claim().task_id == task.id
    job = Job.fetch(foreign.id, connection=shraga.driver.connection)
    assert (job.get_status(), job.is_failed, job.ended_at is not None) == ("failed", True, True)
    assert foreign.id in FailedJobRegistry(queue=queue).get_job_ids(cleanup=False)
    assert "Enqueue it on a queue of your own." in (why(job) or "")
    assert "refused a job that is no task: another program put it on our queue" in "".join(
        capsys.readouterr()
    )
