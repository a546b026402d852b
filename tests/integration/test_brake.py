"""The brake: what it holds is not claimed, is not lost, holds up nobody else, and goes on in its order."""

from __future__ import annotations

import json

import pytest

from shraga_models import RunStatus, Schedule, TaskStatus, new_id
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.mending import Mender
from shraga_queue.retention import Retention
from tests.factories import (
    Hand,
    Ledger,
    assert_agreement,
    bring_to,
    execute,
    hire,
    lead_and_release,
    make_due,
    new_task,
)


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def submit(shraga: Shraga, count: int, owner: str = "alice") -> list[str]:
    tasks = shraga.submit_many([new_task(f"{owner} {n}") for n in range(count)], owner=owner)
    return [task.id for task in tasks]


def claimed(hand: Hand) -> list[str]:
    """Claim and complete until nothing is there; returns the tasks in their order."""
    found = []
    while claim := hand.try_claim():
        found.append(claim.task_id)
        hand.commit(claim)
    return found


def test_an_owner_s_tasks_step_aside_and_the_others_go_on(shraga: Shraga, hand: Hand) -> None:
    mine, hers = submit(shraga, 3), submit(shraga, 2, "bob")
    assert shraga.set_brake(True, owner="alice", reason="runaway agent")
    assert claimed(hand) == hers
    assert [(brake.owner, brake.parked, brake.reason) for brake in shraga.brakes()] == [
        ("alice", 3, "runaway agent")
    ]
    assert_agreement(shraga)
    late = submit(shraga, 1)
    assert shraga.set_brake(False, owner="alice")
    assert shraga.brakes() == []
    assert_agreement(shraga)
    assert claimed(hand) == [*mine, *late]
    assert_agreement(shraga)


def test_a_brake_on_all_leaves_the_queues_as_they_are(shraga: Shraga, hand: Hand) -> None:
    tasks = submit(shraga, 2)
    shraga.set_brake(True)
    assert claimed(hand) == []
    assert Ledger(shraga.driver).parked == {shraga.get(tasks[0]).queue: {}}
    shraga.set_brake(False)
    assert claimed(hand) == tasks


def test_a_task_under_two_brakes_waits_for_both(shraga: Shraga, hand: Hand) -> None:
    one, other = submit(shraga, 2)
    shraga.set_brake(True, task_id=one)
    shraga.set_brake(True, owner="alice")
    assert claimed(hand) == []
    shraga.set_brake(False, owner="alice")
    assert claimed(hand) == [other]
    shraga.set_brake(False, task_id=one)
    assert claimed(hand) == [one]
    assert_agreement(shraga)


def test_more_braked_tasks_than_one_turn_looks_at_do_not_hold_up_the_one_behind(
    shraga: Shraga, hand: Hand
) -> None:
    submit(shraga, 1100)
    (behind,) = submit(shraga, 1, "bob")
    shraga.set_brake(True, owner="alice")
    bell = shraga.driver.keys.make("bell", capability="any")
    execute(shraga, "DEL", bell)
    assert hand.try_claim() is None
    assert execute(shraga, "LLEN", bell) == 1
    assert claimed(hand) == [behind]
    assert shraga.set_brake(False, owner="alice")
    assert Ledger(shraga.driver).disagreements() == []


@pytest.mark.parametrize("where", ["queue", "parking"])
def test_a_held_task_can_be_canceled_and_run_again(shraga: Shraga, hand: Hand, where: str) -> None:
    (task,) = submit(shraga, 1)
    shraga.set_brake(True, owner="alice")
    if where == "parking":
        hand.try_claim()
    assert shraga.cancel(task).status is TaskStatus.CANCELED
    assert_agreement(shraga)
    assert execute(shraga, "EXISTS", shraga.driver.keys.make("parkings")) == 0
    shraga.retry(task)
    assert hand.try_claim() is None
    shraga.set_brake(False, owner="alice")
    assert claimed(hand) == [task]


def test_a_held_task_expires(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(limits={"expires_in": 3600}))
    shraga.set_brake(True, task_id=task.id)
    hand.try_claim()
    make_due(shraga, f"expire:{task.id}")
    lead_and_release(hand.engine)
    assert shraga.get(task.id).status is TaskStatus.SKIPPED
    assert_agreement(shraga)


def test_what_a_schedule_releases_is_held_too(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01")))
    shraga.set_brake(True, task_id=task.id)
    make_due(shraga, task.id)
    lead_and_release(hand.engine)
    assert hand.try_claim() is None
    assert shraga.get(task.id).status is TaskStatus.QUEUED
    shraga.set_brake(False, task_id=task.id)
    assert hand.claim().task_id == task.id


def test_a_run_that_is_lost_under_a_brake_waits_for_its_release(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.RUNNING)
    claim = hand.engine.runs_of(hand.worker_id, hand.slot)
    shraga.set_brake(True, owner="tester")
    limits, losses = hand.engine.limits_of(task.id) or (task.limits, 0)
    assert hand.engine.lose(task.id, claim[0][1], limits, losses, "gone", hand.name) == "queued"
    assert hand.try_claim() is None
    assert_agreement(shraga)
    shraga.set_brake(False, owner="tester")
    assert hand.claim().attempt == 2


def test_what_runs_goes_on_under_a_brake(shraga: Shraga, hand: Hand) -> None:
    (task,) = submit(shraga, 1)
    claim = hand.claim()
    shraga.set_brake(True)
    assert hand.heartbeat(claim) == "ok"
    assert hand.commit(claim, RunStatus.COMPLETED) == "completed"
    assert shraga.get(task).status is TaskStatus.COMPLETED


def test_what_a_release_left_parked_is_brought_back_by_the_leader(shraga: Shraga, hand: Hand) -> None:
    tasks = submit(shraga, 5)
    shraga.set_brake(True, owner="alice")
    hand.try_claim()
    # The brake is off, but who released it was killed before anything was back.
    execute(shraga, "DEL", shraga.driver.keys.make("brakes"))
    assert hand.engine.lead("test", 60_000)
    assert Mender(hand.engine, "test").mend(TaskStatus.QUEUED, 0, 100) == (0, 5)
    assert hand.engine.to_reconcile() == []
    hand.engine.unpark("another")
    assert claimed(hand) == []
    hand.engine.unpark("test")
    assert_agreement(shraga)
    assert claimed(hand) == tasks


def test_a_release_goes_on_until_all_is_back(
    shraga: Shraga, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shraga_queue.spend.UNPARK_CHUNK", 2)
    tasks = submit(shraga, 5)
    shraga.set_brake(True, owner="alice")
    hand.try_claim()
    shraga.set_brake(False, owner="alice")
    assert_agreement(shraga)
    assert claimed(hand) == tasks


def test_a_brake_is_audited_and_told(shraga: Shraga, hand: Hand) -> None:
    (task,) = submit(shraga, 1)
    assert shraga.set_brake(True, task_id=task, reason="too dear")
    assert not shraga.set_brake(True, task_id=task, reason="still")
    assert shraga.set_brake(False, task_id=task)
    assert not shraga.set_brake(False, task_id=task)
    entries = [(one.actor, one.action, one.entity_id, one.before, one.after) for one in shraga.audit()[-3:]]
    assert entries == [
        ("tester", "brake", task, "", "braked"),
        ("tester", "brake", task, "braked", "braked"),
        ("tester", "release_brake", task, "braked", ""),
    ]
    told = [(one.type, one.content) for one in shraga.events(owner="alice")[-3:]]
    assert told == [
        ("brake.changed", "on: too dear"), ("brake.changed", "on: still"), ("brake.changed", "off"),
    ]  # fmt: skip


def test_a_brake_that_cannot_be_is_refused(shraga: Shraga, hand: Hand) -> None:
    done = bring_to(shraga, hand, TaskStatus.COMPLETED)
    with pytest.raises(Refused, match="has ended; there is nothing to hold back"):
        shraga.set_brake(True, task_id=done.id)
    with pytest.raises(NotFound, match="There is no task"):
        shraga.set_brake(True, task_id=new_id())
    with pytest.raises(InvalidInput, match="not both"):
        shraga.set_brake(True, task_id=done.id, owner="alice")
    with pytest.raises(InvalidInput, match="is no user name"):
        shraga.set_brake(True, owner="a b")
    assert shraga.brakes() == []


def test_a_brake_goes_with_its_task(shraga: Shraga, hand: Hand) -> None:
    (task,) = submit(shraga, 1)
    shraga.set_brake(True, task_id=task)
    shraga.cancel(task)
    assert hand.engine.lead("test", 60_000)
    assert Retention(count=1).forget(hand.engine, "test") == []
    bring_to(shraga, hand, TaskStatus.COMPLETED)
    assert Retention(count=1).forget(hand.engine, "test") == [task]
    assert execute(shraga, "EXISTS", shraga.driver.keys.make("brakes")) == 0


def test_without_a_brake_a_turn_asks_once(shraga: Shraga, hand: Hand) -> None:
    """The counters of the server say what a turn costs: one EXISTS more, and no look at any task."""
    submit(shraga, 1)
    hand.claim()
    submit(shraga, 1)
    before = calls_of(shraga, "exists"), calls_of(shraga, "hmget")
    hand.claim()
    after = calls_of(shraga, "exists"), calls_of(shraga, "hmget")
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1)


def calls_of(shraga: Shraga, command: str) -> int:
    found = execute(shraga, "INFO", "commandstats").get(f"cmdstat_{command}", {"calls": 0})
    return int(found["calls"] if isinstance(found, dict) else json.loads(found)["calls"])
