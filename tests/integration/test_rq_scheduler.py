"""rq-scheduler's entries, made by rq-scheduler itself: listed, taken away, adopted; and schedules carried by it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq_scheduler import Scheduler

from shraga_models import Schedule, SchedulerEntry, TaskStatus
from shraga_queue.adoption import Wishes
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.firing import fire_due
from shraga_queue.keys import Keys
from shraga_queue.trampoline import JOB_TIMEOUT, LOOK_EVERY, entry_id_of
from tests.factories import assert_agreement, bring_to, execute, hire, make_due, new_task
from tests.rq_jobs import add, work

DUE = datetime(2099, 1, 1, tzinfo=UTC)
ENTRIES = Keys().make("scheduler_entries")


class Bomb:
    """An object whose pickle creates a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def redis(shraga: Shraga) -> Iterator[Redis]:
    """The server without entries: rq-scheduler knows no prefix."""
    connection = shraga.driver.connection
    connection.delete(ENTRIES)
    yield connection
    connection.delete(ENTRIES)


@pytest.fixture
def scheduler(redis: Redis) -> Scheduler:
    return Scheduler(f"s{uuid.uuid4().hex[:8]}", connection=redis, interval=1)


def scheduled_task(shraga: Shraga) -> str:
    return shraga.submit_task(new_task(schedule=Schedule(at=DUE))).id


def shraga_entry(scheduler: Scheduler, task: str) -> Job:
    return Job.fetch(entry_id_of(task), connection=scheduler.connection)


def make_slot_due(shraga: Shraga, task: str) -> None:
    """Let the time of a task's next slot come."""
    found = shraga.get(task)
    key = shraga.driver.keys.make("task", owner=found.owner, task=task)
    now = int(shraga.driver.run(shraga.operations.now()).timestamp() * 1000)
    execute(shraga, "HSET", key, "next_slot", now - 10)
    execute(shraga, "ZADD", shraga.driver.keys.make("slots"), "XX", now - 10, task)


def repeats(entry: SchedulerEntry) -> tuple[Any, ...]:
    return entry.cron, entry.interval, entry.repeat, entry.is_readable


@pytest.mark.filterwarnings("ignore::FutureWarning:rq_scheduler")
def test_entries_tell_when_they_are_due_what_they_call_and_how_they_repeat(
    shraga: Shraga, scheduler: Scheduler
) -> None:
    once = scheduler.enqueue_at(DUE, add, 1, b=2)
    often = scheduler.schedule(DUE + timedelta(1), add, [1], interval=90, repeat=3)
    cron = scheduler.cron("5 4 * * *", add, kwargs={"a": 1})
    page = shraga.rq.entries()
    assert page.total == 3
    assert [entry.id for entry in page.entries] == [cron.id, once.id, often.id]
    assert [repeats(entry) for entry in page.entries] == [
        ("5 4 * * *", None, None, True),
        (None, None, None, True),
        (None, 90, 3, True),
    ]
    found = page.entries[1]
    assert (found.next_run_at, found.job.queue) == (DUE, scheduler.queue_name)
    assert (found.job.function, found.job.args, found.job.kwargs) == ("tests.rq_jobs.add", [1], {"b": 2})
    assert found.job.description == "tests.rq_jobs.add(1, b=2)"
    assert [entry.id for entry in shraga.rq.entries(first=1, count=1).entries] == [once.id]


def test_entry_is_read_without_loading_its_pickles(
    shraga: Shraga, scheduler: Scheduler, tmp_path: Path
) -> None:
    trap = tmp_path / "loaded"
    entry = scheduler.schedule(
        DUE, "nowhere.to.be.found", [Bomb(trap)], interval=5, meta={"more": Bomb(trap)}, description="a bomb"
    )
    found = shraga.rq.entry(entry.id)
    assert (found.job.function, found.job.args, found.interval) == ("nowhere.to.be.found", None, 5)
    with pytest.raises(Refused, match="has arguments that are no plain values"):
        shraga.rq.adopt(entry.id)
    assert not trap.exists()


def test_entry_without_its_job_is_listed_and_taken_away(
    shraga: Shraga, redis: Redis, scheduler: Scheduler
) -> None:
    entry = scheduler.enqueue_at(DUE, add, 1)
    entry.delete()
    (found,) = shraga.rq.entries().entries
    assert (found.id, found.job.status, found.is_readable) == (entry.id, "", False)
    shraga.rq.unschedule(entry.id)
    assert shraga.rq.entries().total == 0


def test_unscheduled_entry_is_gone_with_its_job_told_and_audited(
    shraga: Shraga, redis: Redis, scheduler: Scheduler
) -> None:
    entry = scheduler.enqueue_at(DUE, add, 1)
    with pytest.raises(
        Refused, match=rf"is an entry of rq-scheduler; take it .* `shraga rq unschedule {entry.id}`"
    ):
        shraga.rq.delete(entry.id)
    shraga.rq.unschedule(entry.id)
    assert entry not in scheduler
    assert not Job.exists(entry.id, connection=redis)
    assert [(event.type, event.created_by) for event in shraga.events()] == [("rq.unscheduled", "tester")]
    assert [(one.action, one.entity_id) for one in shraga.audit()] == [("unschedule", entry.id)]
    with pytest.raises(NotFound, match=r"rq-scheduler has no entry .*`shraga rq schedules`"):
        shraga.rq.unschedule(entry.id)


def test_job_that_an_entry_started_goes_on_without_it(
    shraga: Shraga, redis: Redis, scheduler: Scheduler
) -> None:
    entry = scheduler.schedule(datetime.now(UTC), add, [1], interval=60)
    scheduler.enqueue_jobs()
    scheduler.enqueue_job(entry)
    shraga.rq.unschedule(entry.id)
    work(redis, scheduler.queue_name)
    assert Job.fetch(entry.id, connection=redis).return_value() == 1


def test_adopted_entry_is_a_task_at_its_time_and_no_entry_any_more(
    shraga: Shraga, redis: Redis, scheduler: Scheduler
) -> None:
    entry = scheduler.enqueue_at(DUE, add, 1, b=2)
    with pytest.raises(InvalidInput, match="has 1 positional argument"):
        shraga.rq.adopt(entry.id)
    assert entry in scheduler
    task = shraga.rq.adopt(entry.id, Wishes(parameters=("a",), owner="ann"))
    assert (task.status, task.owner, task.next_run_at) == ("scheduled", "ann", DUE)
    assert task.action.model_dump() == {
        "type": "python",
        "callable": "tests.rq_jobs:add",
        "args": {"a": 1, "b": 2},
    }
    assert entry not in scheduler
    assert not Job.exists(entry.id, connection=redis)
    assert [(one.action, one.entity_id) for one in shraga.audit()] == [
        ("adopt", entry.id),
        ("submit", task.id),
    ]
    assert_agreement(shraga)


def test_entry_that_fired_meanwhile_is_not_adopted(
    shraga: Shraga, redis: Redis, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = scheduler.enqueue_at(DUE, add, b=2)
    stale = shraga.rq.entry(entry.id)
    redis.zadd(ENTRIES, {entry.id: DUE.timestamp() + 60})

    def read(_: Any) -> Any:
        yield from ()
        return stale

    monkeypatch.setattr(shraga.operations.foreign, "entry", read)
    with pytest.raises(Refused, match="fired or was changed just now"):
        shraga.rq.adopt(entry.id)
    assert entry in scheduler
    assert shraga.find_ids() == []


def test_adopted_interval_goes_on_from_rq_scheduler_s_next_time(shraga: Shraga, scheduler: Scheduler) -> None:
    entry = scheduler.schedule(DUE, add, kwargs={"a": 1}, interval=90, repeat=3)
    task = shraga.rq.adopt(entry.id)
    (row,) = shraga.schedules().rows
    assert (row.id, row.next_run_at) == (task.id, DUE)
    assert (row.schedule.interval, row.schedule.ends_at) == (90, DUE + timedelta(seconds=180))
    assert entry not in scheduler


@pytest.mark.filterwarnings("ignore::FutureWarning:rq_scheduler")
def test_adopted_cron_expression_is_read_in_the_zone_that_was_named(
    shraga: Shraga, scheduler: Scheduler
) -> None:
    entry = scheduler.cron("0 2 * * *", add, kwargs={"a": 1})
    with pytest.raises(InvalidInput, match="local time of its server"):
        shraga.rq.adopt(entry.id)
    shraga.rq.adopt(entry.id, Wishes(time_zone="Asia/Kolkata"))
    (row,) = shraga.schedules().rows
    assert row.next_run_at is not None
    assert (row.next_run_at.hour, row.next_run_at.minute) == (20, 30)


# Carrying


def test_carried_schedule_is_an_entry_that_rq_scheduler_can_read(
    shraga: Shraga, redis: Redis, scheduler: Scheduler
) -> None:
    task = scheduled_task(shraga)
    assert shraga.rq.carry(task, scheduler.queue_name) == DUE
    assert shraga.rq.carry(task, scheduler.queue_name) == DUE
    ((job, due),) = scheduler.get_jobs(with_times=True)
    assert (job.id, due.replace(tzinfo=UTC)) == (entry_id_of(task), DUE)
    assert (job.func_name, job.args) == ("shraga_queue.trampoline.fire", (task, shraga.settings.prefix))
    assert (job.meta, job.result_ttl, job.origin) == ({"interval": LOOK_EVERY}, -1, scheduler.queue_name)


def test_carried_schedule_starts_once_however_often_the_trampoline_runs(
    shraga: Shraga, redis: Redis, scheduler: Scheduler
) -> None:
    task = scheduled_task(shraga)
    shraga.rq.carry(task, scheduler.queue_name)
    make_due(shraga, task)
    redis.zadd(ENTRIES, {entry_id_of(task): 1})
    for _ in range(3):
        scheduler.enqueue_job(next(scheduler.get_jobs()))
    work(redis, scheduler.queue_name)
    found = shraga.get_with_runs(task)
    assert (found.task.status, len(found.runs)) == ("queued", 1)
    assert [event.type for event in shraga.events() if event.type == "task.queued"] == ["task.queued"]
    assert_agreement(shraga)


def test_trampoline_that_comes_early_names_the_time_and_starts_nothing(
    shraga: Shraga, redis: Redis, scheduler: Scheduler
) -> None:
    task = scheduled_task(shraga)
    shraga.rq.carry(task, scheduler.queue_name)
    redis.zadd(ENTRIES, {entry_id_of(task): 1})
    scheduler.enqueue_jobs()
    for entry in scheduler.get_jobs_to_queue():
        scheduler.enqueue_job(entry)
    work(redis, scheduler.queue_name)
    assert shraga.get(task).status == "scheduled"
    assert shraga.rq.entry(entry_id_of(task)).next_run_at == DUE


def test_slots_of_a_carried_schedule_start_one_run_each_and_the_entry_names_the_next(
    shraga: Shraga, redis: Redis, scheduler: Scheduler, engine: Engine
) -> None:
    hand = hire(engine)
    task = shraga.submit_task(new_task(schedule=Schedule(interval=3600))).id
    shraga.rq.carry(task, scheduler.queue_name)
    for count in (1, 2):
        make_slot_due(shraga, task)
        for _ in range(2):
            scheduler.enqueue_job(shraga_entry(scheduler, task))
        work(redis, scheduler.queue_name)
        found = shraga.get_with_runs(task)
        assert (found.task.status, len(found.runs)) == ("queued", count)
        hand.commit(hand.claim())
        assert shraga.get(task).status == "scheduled"
    upcoming = shraga.get(task).next_run_at
    assert upcoming is not None
    assert 0 <= (shraga.rq.entry(entry_id_of(task)).next_run_at - upcoming).total_seconds() <= 1
    runs = [run.occurrence for run in shraga.runs(task)]
    assert len(set(runs)) == len(runs) == 2
    assert [job.get_status() for job in scheduler.get_jobs()] == ["finished"]


def test_trampoline_and_leader_together_start_a_slot_once(
    shraga: Shraga, redis: Redis, scheduler: Scheduler, engine: Engine
) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(interval=3600))).id
    shraga.rq.carry(task, scheduler.queue_name)
    make_slot_due(shraga, task)
    engine.lead("t", 60_000)
    assert fire_due(engine, "t") is not None
    scheduler.enqueue_job(shraga_entry(scheduler, task))
    work(redis, scheduler.queue_name)
    assert len(shraga.runs(task)) == 1
    assert [event.type for event in shraga.events()].count("task.queued") == 1
    assert [event.type for event in shraga.events()].count("schedule.skipped") == 0


def test_entry_goes_with_its_task(shraga: Shraga, redis: Redis, scheduler: Scheduler) -> None:
    task = scheduled_task(shraga)
    shraga.rq.carry(task, scheduler.queue_name)
    shraga.cancel(task)
    scheduler.enqueue_job(next(scheduler.get_jobs()))
    work(redis, scheduler.queue_name)
    assert shraga.rq.entries().total == 0
    assert 0 < execute(shraga, "TTL", Keys().make("rq_job", task=entry_id_of(task))) <= JOB_TIMEOUT


def test_what_cannot_be_carried_is_refused(shraga: Shraga, engine: Engine, redis: Redis) -> None:
    with pytest.raises(NotFound, match="There is no task 'nobody'"):
        shraga.rq.carry("nobody")
    done = bring_to(shraga, hire(engine), TaskStatus.COMPLETED)
    with pytest.raises(Refused, match="is completed and has no time to start at"):
        shraga.rq.carry(done.id)
    with pytest.raises(InvalidInput, match="is none that a plain RQ worker serves"):
        shraga.rq.carry(scheduled_task(shraga), shraga.driver.keys.queue_name("any", "normal"))
    assert shraga.rq.entries().total == 0


def test_trampoline_outside_a_worker_says_what_to_do_instead() -> None:
    from shraga_queue.trampoline import fire

    with pytest.raises(RuntimeError, match="called by an RQ worker; `shraga retry`"):
        fire("t", "p")
