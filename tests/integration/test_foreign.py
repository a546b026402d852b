"""Plain RQ's queues, jobs and workers, made by RQ itself: seen without a write or a pickle loaded, and acted on."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rq
from redis import Redis
from rq.job import Job
from rq.registry import CanceledJobRegistry, FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from shraga_models import TaskStatus
from shraga_queue.aclient import AsyncShraga
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.keys import Keys
from tests.factories import bring_to, execute, hire, new_task
from tests.rq_jobs import Programs, add, fail, wait_for, work
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)


class Bomb:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.fixture
def redis(shraga: Shraga) -> Redis:
    return shraga.driver.connection


@pytest.fixture
def queue(redis: Redis) -> rq.Queue:
    """A queue that no other test knows."""
    return rq.Queue(f"q{uuid.uuid4().hex[:8]}", connection=redis)


@pytest.fixture
def programs(server_url: str, tmp_path: Path) -> Iterator[Programs]:
    with Programs(server_url, tmp_path / "programs.log") as started:
        yield started


def ids(shraga: Shraga, queue: rq.Queue, state: str) -> list[str]:
    return [job.id for job in shraga.rq.jobs(queue.name, state).jobs]


def fetch(redis: Redis, job_id: str) -> Job:
    return Job.fetch(job_id, connection=redis)


def failed_job(redis: Redis, queue: rq.Queue) -> Job:
    job = queue.enqueue(fail, "on purpose")
    work(redis, queue.name)
    return job


def abandon(redis: Redis, job: Job) -> None:
    """Leave a job as a worker does that died a while ago: started, with a run that is heard of no more."""
    keys, run = Keys(), f"{job.id}:{uuid.uuid4().hex}"
    redis.hset(keys.make("rq_job", task=job.id), "status", "started")
    redis.lrem(keys.make("rq_queue", queue=job.origin), 0, job.id)
    redis.zadd(keys.make("rq_executions", task=job.id), {run: 1})
    redis.zadd(keys.make("rq_started", queue=job.origin), {run: 1})


def snapshot(redis: Redis) -> dict[bytes, Any]:
    found: Any = redis.keys()
    return {key: redis.dump(key) for key in found}


# Looking


def test_queues_tell_how_many_jobs_stand_where(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    queue.enqueue(add, 1)
    work(redis, queue.name)
    failed_job(redis, queue)
    queue.enqueue(add, 2).cancel()
    waiting = queue.enqueue(add, 3)
    queue.enqueue(add, 4, depends_on=waiting)
    queue.enqueue_in(timedelta(hours=1), add, 5)
    found = next(one for one in shraga.rq.queues() if one.name == queue.name)
    counts = found.model_dump(exclude={"name", "workers", "started"})
    assert counts == dict.fromkeys(("queued", "finished", "failed", "deferred", "scheduled", "canceled"), 1)
    assert (found.started, found.workers) == (0, 0)


def test_our_own_queues_workers_and_tasks_are_not_among_them(shraga: Shraga, engine: Engine) -> None:
    task = bring_to(shraga, hire(engine), TaskStatus.COMPLETED)
    assert task.queue not in [one.name for one in shraga.rq.queues()]
    with pytest.raises(Refused, match=f"The queue {task.queue} holds tasks of Shraga; `shraga list`"):
        shraga.rq.jobs(task.queue)
    for act in (shraga.rq.requeue, shraga.rq.cancel, shraga.rq.delete):
        with pytest.raises(Refused, match=f"{task.id} is a task of Shraga, no plain job"):
            act(task.id)


def test_job_is_shown_as_rq_stored_it(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    job = queue.enqueue(add, 1, b=2, job_timeout=90)
    found = shraga.rq.job(job.id)
    assert (found.queue, found.status, found.serializer, found.timeout) == (
        queue.name,
        "queued",
        "pickle",
        90,
    )
    assert found.description == "tests.rq_jobs.add(1, b=2)"
    assert (found.function, found.args, found.kwargs) == ("tests.rq_jobs.add", [1], {"b": 2})
    assert (found.enqueued_at, found.created_at) == (job.enqueued_at, job.created_at)
    work(redis, queue.name)
    done, known = shraga.rq.job(job.id), fetch(redis, job.id)
    assert (done.status, done.started_at, done.ended_at, done.error) == (
        "finished",
        known.started_at,
        known.ended_at,
        "",
    )


def test_job_of_the_json_serializer_is_read_too(shraga: Shraga, redis: Redis) -> None:
    queue = rq.Queue(f"j{uuid.uuid4().hex[:8]}", connection=redis, serializer=JSONSerializer)
    found = shraga.rq.job(queue.enqueue(add, 1, b=[2]).id)
    assert (found.serializer, found.function, found.args, found.kwargs) == (
        "json",
        "tests.rq_jobs.add",
        [1],
        {"b": [2]},
    )


def test_no_pickle_is_loaded(shraga: Shraga, redis: Redis, queue: rq.Queue, tmp_path: Path) -> None:
    trap = tmp_path / "loaded"
    job = queue.enqueue("nowhere.to.be.found", Bomb(str(trap)), n=1, description="a bomb")
    found = shraga.rq.job(job.id)
    assert (found.description, found.function, found.args, found.kwargs) == (
        "a bomb",
        "nowhere.to.be.found",
        None,
        {"n": 1},
    )
    assert ids(shraga, queue, "queued") == [job.id]
    assert not trap.exists()


@pytest.mark.parametrize("data", [b"", b"\x80\x05", b"\xff\x00", b"[1", b"[" * 5000, b"(((((("])
def test_job_whose_data_nobody_can_read_is_shown_all_the_same(
    shraga: Shraga, redis: Redis, queue: rq.Queue, data: bytes
) -> None:
    job = queue.enqueue(add, 1)
    redis.hset(Keys().make("rq_job", task=job.id), "data", data)
    found = shraga.rq.job(job.id)
    assert (found.status, found.function, found.args) == ("queued", None, None)


def test_failed_job_tells_its_error(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    job = failed_job(redis, queue)
    (found,) = shraga.rq.jobs(queue.name, "failed").jobs
    assert (found.id, found.status) == (job.id, "failed")
    assert found.error.rstrip().endswith("ValueError: on purpose")


def test_jobs_come_in_pages(shraga: Shraga, queue: rq.Queue) -> None:
    made = [queue.enqueue(add, number).id for number in range(5)]
    page = shraga.rq.jobs(queue.name, first=1, count=2)
    assert (page.total, [job.id for job in page.jobs]) == (5, made[1:3])
    assert shraga.rq.jobs(queue.name, first=5).jobs == ()


def test_scheduled_jobs_tell_when_they_are_due(shraga: Shraga, queue: rq.Queue) -> None:
    due = datetime(2099, 1, 1, tzinfo=UTC)
    later, sooner = queue.enqueue_at(due + SECOND, add, 1), queue.enqueue_at(due, add, 2)
    page = shraga.rq.jobs(queue.name, "scheduled")
    assert [(job.id, job.due_at) for job in page.jobs] == [(sooner.id, due), (later.id, due + SECOND)]


async def test_overview_has_the_jobs_of_each_queue_and_deeds_reach_them(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    bad, waiting = failed_job(redis, queue), queue.enqueue(add, 1)
    async with AsyncShraga.connect(settings=shraga.settings) as client:
        found = next(one for one in await client.plain_rq() if one.queue.name == queue.name)
        assert [(job.id, job.status) for job in found.jobs] == [(bad.id, "failed"), (waiting.id, "queued")]
        assert await client.act_on_job("requeue", bad.id) == "done"
    assert ids(shraga, queue, "queued") == [waiting.id, bad.id]


def test_unknown_state_and_job_are_named(shraga: Shraga, queue: rq.Queue) -> None:
    with pytest.raises(InvalidInput, match="state: 'dead' is unknown: use one of queued, started"):
        shraga.rq.jobs(queue.name, "dead")
    for ask in (shraga.rq.job, shraga.rq.requeue, shraga.rq.cancel, shraga.rq.delete):
        with pytest.raises(NotFound, match="There is no job 'nobody' in RQ; `shraga rq jobs QUEUE`"):
            ask("nobody")


def test_looking_changes_nothing_even_where_rq_s_own_look_cleans_up(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    failed_job(redis, queue)
    left = queue.enqueue(add, 1)
    abandon(redis, left)
    before = snapshot(redis)
    shraga.rq.queues()
    for state in ("queued", "started", "failed"):
        shraga.rq.jobs(queue.name, state)
    shraga.rq.job(left.id)
    shraga.rq.workers()
    shraga.rq.entries()
    assert snapshot(redis) == before
    assert ids(shraga, queue, "started") == [left.id]
    assert StartedJobRegistry(queue=queue).count == 0


def test_workers_tell_state_queues_job_and_heartbeat(
    shraga: Shraga, queue: rq.Queue, programs: Programs, tmp_path: Path
) -> None:
    go_on = tmp_path / "go_on"
    job = queue.enqueue(wait_for, str(go_on))
    process = programs.worker(queue.name)

    def busy() -> Any:
        known = (one for one in shraga.rq.workers() if queue.name in one.queues)
        return next((one for one in known if one.state == "busy" and one.current_job == job.id), None)

    worker = wait_until(busy, 20, what=f"the worker: {programs.log()}")
    assert worker.pid == process.pid
    assert worker.last_heartbeat is not None and datetime.now(UTC) - worker.last_heartbeat < 60 * SECOND
    assert [one.is_running for one in shraga.rq.jobs(queue.name, "started").jobs] == [True]
    go_on.touch()
    wait_until(lambda: shraga.rq.job(job.id).status == "finished", what="the job")


# Acting


def test_failed_job_is_requeued_and_runs(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    job = failed_job(redis, queue)
    assert shraga.rq.requeue(job.id) == "done"
    again = fetch(redis, job.id)
    assert (again.get_status(), again.started_at, again.ended_at) == ("queued", None, None)
    assert again.enqueued_at is not None
    assert job.enqueued_at is not None
    assert again.enqueued_at > job.enqueued_at
    assert (queue.get_job_ids(), FailedJobRegistry(queue=queue).get_job_ids(cleanup=False)) == ([job.id], [])
    assert redis.ttl(again.key) == -1
    work(redis, queue.name)
    assert fetch(redis, job.id).get_status() == "failed"


def test_canceled_job_is_requeued(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    job = queue.enqueue(add, 1)
    job.cancel()
    shraga.rq.requeue(job.id)
    work(redis, queue.name)
    assert fetch(redis, job.id).return_value() == 1


def test_job_that_a_dead_worker_left_is_requeued_and_no_run_of_it_stays(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    job = queue.enqueue(add, 1)
    abandon(redis, job)
    shraga.rq.requeue(job.id)
    assert ids(shraga, queue, "started") == []
    assert not redis.exists(Keys().make("rq_executions", task=job.id))
    work(redis, queue.name)
    assert fetch(redis, job.id).get_status() == "finished"


def test_job_that_stands_nowhere_any_more_is_requeued(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    job = queue.enqueue(add, 1)
    redis.delete(queue.key)
    shraga.rq.requeue(job.id)
    assert queue.get_job_ids() == [job.id]
    with pytest.raises(Refused, match="waits in its queue already"):
        shraga.rq.requeue(job.id)


@pytest.mark.parametrize("deed", ["requeue", "cancel", "delete"])
def test_job_that_a_worker_is_about_to_begin_is_left_alone(
    shraga: Shraga, redis: Redis, queue: rq.Queue, deed: str
) -> None:
    job = queue.enqueue(add, 1)
    redis.lmove(queue.key, queue.intermediate_queue_key)
    with pytest.raises(Refused, match="was just taken by a worker"):
        getattr(shraga.rq, deed)(job.id)
    assert fetch(redis, job.id).get_status() == "queued"


def test_job_that_runs_on_after_rq_s_own_cancel_is_not_started_twice(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    job = queue.enqueue(add, 1)
    redis.zadd(Keys().make("rq_executions", task=job.id), {f"{job.id}:x": 9e9})
    with pytest.raises(Refused, match="was just taken by a worker"):
        shraga.rq.cancel(job.id)
    job.cancel()
    with pytest.raises(Refused, match="is running; stop it first"):
        shraga.rq.requeue(job.id)
    assert queue.count == 0


def test_finished_job_is_not_requeued_and_one_with_a_rate_limit_is_rq_s_own(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    done = queue.enqueue(add, 1)
    work(redis, queue.name)
    with pytest.raises(Refused, match="is finished already; only a failed, stopped or canceled one can"):
        shraga.rq.requeue(done.id)
    limited = queue.enqueue(add, 1, rate_limit=rq.RateLimit(queue.name, 1))
    with pytest.raises(Refused, match="has a rate limit, which only RQ itself keeps"):
        shraga.rq.requeue(limited.id)


def test_foreign_job_refused_on_our_queue_can_be_deleted_not_requeued(shraga: Shraga, engine: Engine) -> None:
    ours = rq.Queue(shraga.driver.keys.queue_name("any", "normal"), connection=shraga.driver.connection)
    job = ours.enqueue(add, 1)
    shraga.submit_task(new_task())
    hire(engine).claim()
    with pytest.raises(Refused, match="stands on a queue of Shraga, whose workers run no other jobs"):
        shraga.rq.requeue(job.id)
    assert shraga.rq.delete(job.id) == "done"


def test_waiting_scheduled_and_deferred_jobs_are_canceled(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    first = queue.enqueue(add, 1)
    jobs = [queue.enqueue(add, 2, depends_on=first), queue.enqueue_in(SECOND * 900, add, 3), first]
    for job in jobs:
        assert shraga.rq.cancel(job.id) == "done"
        assert fetch(redis, job.id).get_status() == "canceled"
    assert set(CanceledJobRegistry(queue=queue).get_job_ids()) == {job.id for job in jobs}
    found = next(one for one in shraga.rq.queues() if one.name == queue.name)
    assert (found.queued, found.deferred, found.scheduled, found.canceled) == (0, 0, 0, 3)
    with pytest.raises(Refused, match="is canceled already; there is nothing to cancel"):
        shraga.rq.cancel(first.id)


def test_job_that_waits_for_its_rate_limit_is_canceled_and_never_let_through(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    limit = rq.RateLimit(queue.name, 1)
    first, second = (queue.enqueue(add, number, rate_limit=limit) for number in (1, 2))
    assert shraga.rq.job(second.id).status == "rate_limited"
    shraga.rq.cancel(second.id)
    work(redis, queue.name)
    assert fetch(redis, first.id).get_status() == "finished"
    assert (fetch(redis, second.id).get_status(), queue.count) == ("canceled", 0)


def test_running_job_is_stopped_by_its_worker_asked_once_and_not_deleted_before(
    shraga: Shraga, redis: Redis, queue: rq.Queue, programs: Programs, tmp_path: Path
) -> None:
    job = queue.enqueue(wait_for, str(tmp_path / "never"))
    programs.worker(queue.name)
    wait_until(lambda: shraga.rq.job(job.id).status == "started", 20, what=f"the job: {programs.log()}")
    for refused in (shraga.rq.delete, shraga.rq.requeue):
        with pytest.raises(Refused, match="is running; stop it first with `shraga rq cancel"):
            refused(job.id)
    assert shraga.rq.cancel(job.id) == "asked"
    wait_until(lambda: shraga.rq.job(job.id).status == "stopped", 20, what=f"the stop: {programs.log()}")
    assert ids(shraga, queue, "failed") == [job.id]
    assert shraga.rq.delete(job.id) == "done"


def test_second_stop_within_a_minute_is_kept_from_the_worker(
    shraga: Shraga, redis: Redis, queue: rq.Queue
) -> None:
    job, keys = queue.enqueue(add, 1), shraga.driver.keys
    abandon(redis, job)
    redis.zadd(keys.make("rq_executions", task=job.id), {f"{job.id}:x": 9e9})
    redis.hset(job.key, "worker_name", queue.name)
    with pytest.raises(Refused, match="is running, but its worker does not listen"):
        shraga.rq.cancel(job.id)
    listener = redis.pubsub()
    listener.subscribe(keys.make("rq_commands", rq_worker=queue.name))
    wait_until(lambda: listener.get_message(timeout=1), what="the subscription")
    assert shraga.rq.cancel(job.id) == "asked"
    with pytest.raises(Refused, match="was asked to stop it less than a minute ago"):
        shraga.rq.cancel(job.id)
    assert job.id.encode() in wait_until(lambda: listener.get_message(timeout=1), what="the hint")["data"]
    assert listener.get_message(timeout=0.05) is None
    listener.close()


def test_deleted_job_leaves_nothing(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    before = set(redis.keys(f"{Keys().rq}:*"))
    group = rq.group.Group.create(redis)
    (job,) = group.enqueue_many(queue, [rq.Queue.prepare_data(fail)])
    work(redis, queue.name)
    shraga.rq.delete(job.id)
    left = set(redis.keys(f"{Keys().rq}:*")) - before
    assert not [key for key in left if job.id.encode() in key]
    assert job.id.encode() not in set(redis.smembers(group.key))
    assert ids(shraga, queue, "failed") == []


def test_each_deed_is_told_and_audited(shraga: Shraga, redis: Redis, queue: rq.Queue) -> None:
    job = failed_job(redis, queue)
    shraga.rq.requeue(job.id)
    shraga.rq.cancel(job.id)
    shraga.rq.delete(job.id)
    told = [(event.type, event.created_by, event.content) for event in shraga.events()]
    content = f"job {job.id} on {queue.name}"
    assert told == [(kind, "tester", content) for kind in ("rq.requeued", "rq.canceled", "rq.deleted")]
    audited = [(one.action, one.entity, one.entity_id, one.before, one.after) for one in shraga.audit()]
    assert audited == [
        ("requeue", "rq_job", job.id, "failed", "queued"),
        ("cancel", "rq_job", job.id, "queued", "canceled"),
        ("delete", "rq_job", job.id, "canceled", ""),
    ]


def test_task_of_another_prefix_is_no_plain_job_either(shraga: Shraga) -> None:
    theirs = Shraga.connect(
        settings=shraga.settings.model_copy(update={"prefix": f"o{uuid.uuid4().hex[:8]}"})
    )
    with theirs:
        task = theirs.submit_task(new_task())
        with pytest.raises(Refused, match="is a task of Shraga, no plain job"):
            shraga.rq.delete(task.id)
        assert execute(theirs, "EXISTS", theirs.driver.keys.make("rq_job", task=task.id)) == 1
