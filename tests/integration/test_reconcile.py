"""Mending: what other hands take away from the engine's keys is put back, and what is right is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import rq
from rq.serializers import JSONSerializer

from shraga_models import Schedule, TaskStatus, new_id
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.mending import Mender
from tests.factories import (
    Hand,
    Ledger,
    Planted,
    assert_agreement,
    bring_to,
    execute,
    hire,
    make_due,
    new_task,
    plant,
)

MENDED = [TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.SCHEDULED]


@pytest.fixture
def hand(engine: Engine) -> Hand:
    assert engine.lead("test", 60_000)
    return hire(engine)


def mend(engine: Engine) -> int:
    """Look at everything once; return how many were mended."""
    answers = [Mender(engine, "test").mend(status, 0, 1000) for status in MENDED]
    return sum(answer[0] for answer in answers if answer)


def take(shraga: Shraga, status: TaskStatus, task_id: str, queue: str) -> None:
    """Take from the engine's keys what a task of a status needs."""
    keys = shraga.driver.keys
    if status is TaskStatus.QUEUED:
        execute(shraga, "LREM", keys.make("rq_queue", queue=queue), 1, task_id)
    elif status is TaskStatus.RUNNING:
        execute(shraga, "ZREM", keys.make("leases"), task_id)
    else:
        execute(shraga, "ZREM", keys.make("due"), task_id)


@pytest.mark.parametrize("status", MENDED)
def test_what_was_taken_away_is_put_back_and_audited(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    task = bring_to(shraga, hand, status)
    take(shraga, status, task.id, task.queue)
    assert Ledger(shraga.driver).disagreements()
    assert mend(hand.engine) == 1
    assert_agreement(shraga)
    entry = shraga.audit()[-1]
    assert (entry.action, entry.actor, entry.entity_id) == ("reconcile", "controller", task.id)
    assert mend(hand.engine) == 0


@pytest.mark.parametrize("status", [*MENDED, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED])
def test_what_is_where_it_belongs_is_not_touched(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    bring_to(shraga, hand, status)
    before = execute(shraga, "INFO", "persistence")["rdb_changes_since_last_save"]
    assert mend(hand.engine) == 0
    assert execute(shraga, "INFO", "persistence")["rdb_changes_since_last_save"] == before


def test_mended_task_is_claimed(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task())
    take(shraga, TaskStatus.QUEUED, task.id, task.queue)
    assert hand.try_claim() is None
    mend(hand.engine)
    assert hand.claim().task_id == task.id


def test_mended_schedule_is_due_when_it_was_meant_to_be(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01T00:00:00Z")))
    take(shraga, TaskStatus.SCHEDULED, task.id, task.queue)
    mend(hand.engine)
    assert Ledger(shraga.driver).due == {task.id: 4070908800000}


def test_mended_lease_lets_the_worker_beat_first(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.RUNNING)
    take(shraga, TaskStatus.RUNNING, task.id, task.queue)
    mend(hand.engine)
    assert hand.engine.expired_leases() == []


def test_task_that_a_plain_rq_worker_took_is_put_back(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task())
    queue = rq.Queue(task.queue, connection=shraga.driver.connection, serializer=JSONSerializer)
    rq.SimpleWorker([queue], connection=shraga.driver.connection, serializer=JSONSerializer).work(
        burst=True, logging_level="CRITICAL"
    )
    assert shraga.get(task.id).status is TaskStatus.QUEUED
    assert hand.try_claim() is None
    assert mend(hand.engine) == 1
    assert_agreement(shraga)
    assert hand.commit(hand.claim()) == "completed"
    assert_agreement(shraga)


def test_index_entry_of_nothing_is_dropped(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    execute(shraga, "ZADD", shraga.driver.keys.make("index", status="queued"), 1, new_id())
    assert mend(hand.engine) == 1
    assert shraga.counts().by_status[TaskStatus.QUEUED] == 1
    assert_agreement(shraga)


def test_slices_see_everything(shraga: Shraga, hand: Hand) -> None:
    tasks = [shraga.submit_task(new_task()) for _ in range(7)]
    for task in tasks:
        take(shraga, TaskStatus.QUEUED, task.id, task.queue)
    mender = Mender(hand.engine, "test")
    answers = [mender.mend(TaskStatus.QUEUED, first, 3) for first in (0, 3, 6)]
    assert answers == [(3, 3), (3, 3), (1, 1)]
    assert_agreement(shraga)


def test_controller_mends_all_slices(
    shraga: Shraga, hand: Hand, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    from shraga_queue import controller as module

    monkeypatch.setattr(module, "RECONCILE_SLICE", 2)
    tasks = [shraga.submit_task(new_task()) for _ in range(5)]
    for task in tasks:
        take(shraga, TaskStatus.QUEUED, task.id, task.queue)
    controller = module.Controller(engine)
    controller.token = "test"
    controller._reconcile()
    assert_agreement(shraga)
    assert {task.status for task in shraga.find()} == {TaskStatus.QUEUED}


FOREIGN: dict[str, Callable[[Shraga, str], object]] = {
    "a queue of the same task twice": lambda shraga, task: execute(
        shraga, "RPUSH", shraga.driver.keys.make("rq_queue", queue=shraga.get(task).queue), task
    ),
    "a due entry of a queued task": lambda shraga, task: execute(
        shraga, "ZADD", shraga.driver.keys.make("due"), 1, task
    ),
}


@pytest.mark.parametrize("harm", FOREIGN)
def test_entry_too_many_never_runs_a_task_twice(shraga: Shraga, hand: Hand, harm: str) -> None:
    task = shraga.submit_task(new_task())
    FOREIGN[harm](shraga, task.id)
    hand.engine.release_due("test")
    assert hand.claim().task_id == task.id
    assert hire(hand.engine, "w2").try_claim() is None
    assert shraga.get(task.id).attempt == 1


def test_planted_rows_without_a_home_are_dropped_not_run(shraga: Shraga, hand: Hand) -> None:
    plant(shraga.driver, [Planted("moved", "failed", 1)])
    execute(shraga, "ZADD", shraga.driver.keys.make("index", status="running"), 1, "moved")
    assert mend(hand.engine) == 1
    assert shraga.counts().by_status[TaskStatus.RUNNING] == 0


def test_released_after_mending_a_task_runs_once(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01")))
    take(shraga, TaskStatus.SCHEDULED, task.id, task.queue)
    mend(hand.engine)
    make_due(shraga, task.id)
    hand.engine.release_due("test")
    assert hand.claim().task_id == task.id
    assert hand.try_claim() is None


@pytest.mark.parametrize("page", [1, 3, 10])
def test_a_queue_is_read_in_pages_and_none_is_passed_over(
    shraga: Shraga, hand: Hand, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shraga_queue.mending.PAGE", page)
    tasks = [
        shraga.submit_task(new_task(priority=one)) for one in ("low", "normal", "high") for _ in range(7)
    ]
    for task in tasks[::5]:
        take(shraga, TaskStatus.QUEUED, task.id, task.queue)
    assert mend(hand.engine) == len(tasks[::5])
    assert_agreement(shraga)


def test_what_is_queued_while_the_queues_are_read_is_left_alone(shraga: Shraga, hand: Hand) -> None:
    mender = Mender(hand.engine, "test")
    shraga.submit_task(new_task())
    assert mender.mend(TaskStatus.QUEUED, 0, 100) == (0, 1)
    late = shraga.submit_task(new_task())
    hand.claim()
    assert mender.mend(TaskStatus.QUEUED, 0, 100) == (0, 1)
    assert shraga.find_rows("status:queued")[0].id == late.id
    assert_agreement(shraga)


def test_a_task_is_found_from_either_end_of_a_long_queue(shraga: Shraga, hand: Hand) -> None:
    tasks = shraga.submit_many([new_task() for _ in range(1200)])
    for place in (0, 1, 600, 1198, 1199):
        shraga.cancel(tasks[place].id)
    # Queued anew, it stands last although its id is old.
    shraga.retry(tasks[0].id)
    shraga.cancel(tasks[0].id)
    assert shraga.counts().by_status[TaskStatus.QUEUED] == 1195
    assert_agreement(shraga)
