"""Why a task is not running, asked of a real server: in two round trips, and nothing is written."""

from __future__ import annotations

import pytest

from shraga_models import Limits, RunStatus, TaskStatus, WorkerMode
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.errors import NotFound
from tests.factories import Hand, bring_to, execute, hire, new_task

STATUSES = [
    TaskStatus.QUEUED, TaskStatus.SCHEDULED, TaskStatus.BLOCKED, TaskStatus.RUNNING, TaskStatus.COMPLETED,
    TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.SKIPPED,
]  # fmt: skip


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def codes(shraga: Shraga, task_id: str) -> list[str]:
    return [reason.code for reason in shraga.why(task_id).reasons]


@pytest.mark.parametrize("status", STATUSES)
def test_every_task_has_a_reason_and_asking_writes_nothing(
    shraga: Shraga, hand: Hand, status: TaskStatus
) -> None:
    task = bring_to(shraga, hand, status)
    before = execute(shraga, "INFO", "persistence")["rdb_changes_since_last_save"]
    why = shraga.why(task.id)
    assert execute(shraga, "INFO", "persistence")["rdb_changes_since_last_save"] == before
    assert (why.task.id, why.task.status) == (task.id, status)
    assert len(why.reasons) >= 1


def test_unknown_task_has_no_reason(shraga: Shraga) -> None:
    with pytest.raises(NotFound, match="There is no task 'nope'"):
        shraga.why("nope")


def test_place_in_the_queue_counts_the_more_urgent(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_many([new_task(priority="high"), new_task(), new_task(), new_task(priority="low")])
    task = shraga.submit_task(new_task())
    (reason,) = shraga.why(task.id).reasons
    assert (reason.code, reason.facts["before"], reason.facts["more_urgent"]) == ("turn", 2, 1)


def test_worker_s_states_are_told_one_after_the_other(shraga: Shraga, engine: Engine) -> None:
    task = shraga.submit_task(new_task(capability="gpu"))
    assert codes(shraga, task.id) == ["no_worker"]
    hire(engine)
    assert codes(shraga, task.id) == ["no_capability"]


def test_busy_draining_and_suspended_are_told(shraga: Shraga, hand: Hand) -> None:
    bring_to(shraga, hand, TaskStatus.RUNNING)
    task = shraga.submit_task(new_task())
    assert codes(shraga, task.id) == ["busy"]
    shraga.set_worker_mode("w1", WorkerMode.DRAINING)
    assert codes(shraga, task.id) == ["draining"]
    suspended = shraga.driver.keys.make("rq_suspended")
    execute(shraga, "SET", suspended, 1)
    try:
        assert codes(shraga, task.id) == ["suspended", "draining"]
    finally:
        execute(shraga, "DEL", suspended)


def test_failed_try_and_missing_controller_are_told(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(limits=Limits(retries=1, backoff=60)))
    hand.commit(hand.claim(), RunStatus.FAILED, error="exit 3")
    first, second = shraga.why(task.id).reasons
    assert (first.code, first.facts["error"], second.code) == ("retry_delay", "exit 3", "controller")


def test_chain_of_reasons_leads_to_the_first(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    second = shraga.submit_task(new_task("second", depends_on=[first.id], on_prerequisite_failure="block"))
    third = shraga.submit_task(new_task("third", depends_on=[f"{second.id}:finished"]))
    hand.commit(hand.claim(), RunStatus.FAILED)
    assert shraga.why(third.id).reasons[0].facts["task_id"] == second.id
    (reason,) = shraga.why(second.id).reasons
    assert f"shraga retry {first.id}" in reason.do
    assert codes(shraga, first.id) == ["ended"]
