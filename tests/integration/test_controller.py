"""Controllers: one leads, another takes over, and nobody is given up before its lease was worth something."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from shraga_models import EventType, Limits, RunStatus, Schedule, Shell, TaskStatus
from shraga_queue import controller as module
from shraga_queue import engine as engine_module
from shraga_queue.client import Shraga
from shraga_queue.controller import Controller
from shraga_queue.engine import Engine
from shraga_queue.mending import Mender
from shraga_queue.retention import Retention
from tests.factories import assert_agreement, end_lease, execute, hire, lead_and_release, make_due, new_task
from tests.waiting import wait_until

LEASE_MS = 300


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases and turns short enough to be waited for."""
    for name, value in {
        "LEADER_LEASE_MS": 400, "RENEW_EVERY": 0.05, "REAP_EVERY": 0.02, "IDLE_TICK": 0.02, "LEASE_MS": LEASE_MS,
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, value)


@contextmanager
def running(controller: Controller) -> Iterator[Controller]:
    """Run a controller in a thread until the block ends."""
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        yield controller
    finally:
        controller.stopping.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def leader(engine: Engine) -> Iterator[Controller]:
    with running(Controller(engine)) as controller:
        wait_until(lambda: controller.leads, what="the lead")
        yield controller


def holder(shraga: Shraga) -> str:
    return (execute(shraga, "GET", shraga.driver.keys.make("leader")) or b"").decode()


# Leading


def test_lead_is_taken_once_kept_and_given_up(engine: Engine) -> None:
    answers = [engine.lead("a", 60_000), engine.lead("a", 60_000), engine.lead("b", 60_000)]
    assert answers == [2, 1, 0]
    assert engine.lead("b", 0) == 0
    assert engine.lead("a", 60_000) == 1
    engine.lead("a", 0)
    assert engine.lead("b", 60_000) == 2


def test_of_several_controllers_one_leads(shraga: Shraga, engine: Engine) -> None:
    controllers = [Controller(engine) for _ in range(3)]
    with ExitStack() as stack:
        for controller in controllers:
            stack.enter_context(running(controller))
        wait_until(lambda: any(one.leads for one in controllers), what="a leader")
        assert [one.token for one in controllers if one.leads] == [holder(shraga)]
        assert shraga.counts().has_leader


def test_leader_that_stops_hands_the_lead_over_at_once(
    shraga: Shraga, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEADER_LEASE_MS", 60_000)
    second = Controller(engine)
    with running(Controller(engine)) as first:
        wait_until(lambda: first.leads, what="the first lead")
        with running(second):
            first.stopping.set()
            wait_until(lambda: second.leads, what="the second lead")
            assert holder(shraga) == second.token


def test_leader_that_no_longer_renews_is_overtaken_and_what_it_writes_is_refused(
    shraga: Shraga, engine: Engine, leader: Controller
) -> None:
    leader._renew_at = float("inf")
    with running(Controller(engine)) as second:
        wait_until(lambda: second.leads, what="the takeover")
        wait_until(lambda: not leader.leads, what="the first one's notice")
        assert holder(shraga) == second.token
        assert engine.release_due(leader.token) is None
        assert Mender(engine, leader.token).mend(TaskStatus.QUEUED, 0, 10) is None


def test_stranger_releases_and_mends_nothing(shraga: Shraga, engine: Engine) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01")))
    make_due(shraga, task.id)
    assert engine.release_due("stranger") is None
    assert Mender(engine, "stranger").mend(TaskStatus.SCHEDULED, 0, 10) is None
    assert shraga.get(task.id).status is TaskStatus.SCHEDULED


def test_standing_by_a_controller_does_nothing(shraga: Shraga, engine: Engine) -> None:
    engine.lead("somebody else", 60_000)
    task = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01")))
    make_due(shraga, task.id)
    controller = Controller(engine)
    with running(controller):
        wait_until(lambda: controller._renew_at > 0, what="a look at the lead")
        assert not controller.leads
    assert shraga.get(task.id).status is TaskStatus.SCHEDULED
    assert holder(shraga) == "somebody else"


# What is due


def test_due_tasks_are_queued_in_the_order_of_their_times(shraga: Shraga, engine: Engine) -> None:
    due = shraga.driver.keys.make("due")
    for name, score in [("third", 30), ("first", 10), ("second", 20)]:
        task = shraga.submit_task(new_task(name, schedule=Schedule(at="2099-01-01")))
        execute(shraga, "ZADD", due, "XX", score, task.id)
    assert lead_and_release(engine) == (3, -1)
    hands = [hire(engine, f"w{i}") for i in range(3)]
    assert [hand.claim().spec.name for hand in hands] == ["first", "second", "third"]
    assert_agreement(shraga)


def test_release_is_bounded_and_says_when_the_next_is_due(shraga: Shraga, engine: Engine) -> None:
    tasks = [shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01"))) for _ in range(3)]
    for task in tasks[:2]:
        make_due(shraga, task.id)
    engine.lead("t", 60_000)
    assert engine.release_due("t", limit=1) == (1, 0)
    done, wait_ms = engine.release_due("t", limit=1) or (0, 0)
    assert done == 1
    assert wait_ms > 365 * 86_400_000


def test_due_entry_of_nothing_is_dropped(shraga: Shraga, engine: Engine) -> None:
    execute(shraga, "ZADD", shraga.driver.keys.make("due"), 1, "gone", 2, "expire:gone")
    assert lead_and_release(engine) == (2, -1)
    assert shraga.events() == []


def test_leader_queues_a_task_when_its_time_has_come(shraga: Shraga, leader: Controller) -> None:
    now = shraga.driver.run(shraga.operations.now()).timestamp()
    task = shraga.submit_task(new_task(schedule=Schedule(at=now + 0.2)))
    assert task.status is TaskStatus.SCHEDULED
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.QUEUED, what="the release")
    assert task.next_run_at is not None
    assert shraga.get(task.id).moved_at >= task.next_run_at


def test_leader_skips_what_has_expired(shraga: Shraga, leader: Controller) -> None:
    task = shraga.submit_task(new_task(limits=Limits(expires_in=0.1)))
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.SKIPPED, what="the skip")
    assert shraga.runs(task.id)[0].status is RunStatus.EXPIRED
    assert_agreement(shraga)


# What is overdue


def told_overdue(shraga: Shraga) -> list[tuple[str | None, str]]:
    return [(one.task_id, one.content) for one in shraga.events() if one.type == EventType.TASK_OVERDUE]


def test_task_that_has_not_ended_by_its_due_date_is_told_once(shraga: Shraga, engine: Engine) -> None:
    late = shraga.submit("late", Shell("true"), due_at="2020-01-01T00:00:00Z", assignee="bob", owner="alice")
    shraga.submit("in time", Shell("true"), due_at="2999-01-01T00:00:00Z")
    done, wait_ms = lead_and_release(engine)
    assert (done, wait_ms > 365 * 86_400_000) == (1, True)
    assert lead_and_release(engine)[0] == 0
    (event,) = [one for one in shraga.events(owner="alice") if one.type == EventType.TASK_OVERDUE]
    assert (event.task_id, event.name, event.recipient, event.task_status) == (
        late.id,
        "late",
        "alice",
        "queued",
    )
    assert event.content == "it was due 2020-01-01T00:00:00Z, bob is to see to it"
    assert (shraga.get(late.id).status, shraga.get(late.id).version) == (TaskStatus.QUEUED, 1)
    assert_agreement(shraga)


def test_ended_and_forgotten_tasks_are_not_overdue(shraga: Shraga, engine: Engine) -> None:
    ended = shraga.submit("ended", Shell("true"), due_at="2020-01-01T00:00:00Z")
    gone = shraga.submit("gone", Shell("true"), due_at="2999-01-01T00:00:00Z")
    for task in (gone, ended):
        shraga.cancel(task.id)
    assert lead_and_release(engine)[0] == 1
    assert Retention(count=1).forget(engine, "test") == [gone.id]
    assert execute(shraga, "ZCARD", shraga.driver.keys.make("due")) == 0
    assert told_overdue(shraga) == []
    assert_agreement(shraga)


def test_who_does_not_lead_tells_nothing(shraga: Shraga, engine: Engine) -> None:
    task = shraga.submit("late", Shell("true"), due_at="2020-01-01T00:00:00Z")
    engine.lead("another", 60_000)
    assert engine.release_due("t") is None
    assert told_overdue(shraga) == []
    engine.lead("another", 0)
    lead_and_release(engine)
    assert [one for one, _ in told_overdue(shraga)] == [task.id]


def test_of_several_controllers_one_tells_what_is_overdue(shraga: Shraga, engine: Engine) -> None:
    now = shraga.driver.run(shraga.operations.now())
    tasks = [
        shraga.submit(f"t{number}", Shell("true"), due_at=now + timedelta(milliseconds=50 * number)).id
        for number in range(6)
    ]
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(running(Controller(Engine(shraga.driver))))
        wait_until(lambda: len(told_overdue(shraga)) >= len(tasks), what="all to be told")
    assert sorted(one or "" for one, _ in told_overdue(shraga)) == sorted(tasks)


# What is lost


def test_lost_run_is_reaped_only_once_the_leader_trusts_the_leases(
    shraga: Shraga, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "LEASE_MS", 1)
    task = shraga.submit_task(new_task())
    hire(engine).claim()
    began = time.monotonic()
    with running(Controller(engine)):
        wait_until(lambda: shraga.get(task.id).attempt == 2, what="the second attempt")
    assert time.monotonic() - began >= LEASE_MS / 1000
    assert shraga.runs(task.id)[0].status is RunStatus.LOST
    assert "task.lost" in [event.type for event in shraga.events()]
    assert_agreement(shraga)


def test_who_stood_by_and_saw_no_trouble_reaps_as_soon_as_it_leads(shraga: Shraga, engine: Engine) -> None:
    first, second = Controller(engine), Controller(engine)
    task = shraga.submit_task(new_task())
    hire(engine).claim()
    with running(first), running(second):
        wait_until(lambda: first.leads or second.leads, what="a leader")
        leader, other = (first, second) if first.leads else (second, first)
        leader._trust_at = float("inf")
        wait_until(lambda: other._clock_offset is not None, what="a look at the clock by who stands by")
        # As if it had stood by for a lease.
        other._trust_at = 0.0
        end_lease(shraga, task.id)
        leader.stopping.set()
        began = time.monotonic()
        wait_until(lambda: shraga.get(task.id).attempt == 2, what="the reaping")
        assert time.monotonic() - began < LEASE_MS / 2000
    assert [entry.action for entry in shraga.audit()][-1] == "lose"


def test_distrust_begins_anew_after_an_outage(shraga: Shraga, engine: Engine, leader: Controller) -> None:
    leader._trust_at = time.monotonic() + 3600
    task = shraga.submit_task(new_task())
    hand = hire(engine)
    hand.claim()
    end_lease(shraga, task.id)
    submitted = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01")))
    make_due(shraga, submitted.id)
    wait_until(lambda: shraga.get(submitted.id).status is TaskStatus.QUEUED, what="a turn of the leader")
    assert shraga.get(task.id).status is TaskStatus.RUNNING
    leader._trust_at = 0.0
    wait_until(lambda: shraga.get(task.id).attempt == 2, what="the reaping")


@pytest.mark.parametrize(
    ("limits", "status"),
    [(Limits(), "queued"), (Limits(on_lost="fail"), "failed"), (Limits(lost_retries=0), "failed")],
)
def test_lost_run_goes_on_by_the_policy_of_its_task(
    shraga: Shraga, engine: Engine, leader: Controller, limits: Limits, status: str
) -> None:
    task = shraga.submit_task(new_task(limits=limits))
    hire(engine).claim()
    end_lease(shraga, task.id)
    wait_until(lambda: shraga.get(task.id).status == status, what="the reaping")
    assert shraga.runs(task.id)[0].error == "Lost: the worker fell silent."


def test_run_with_a_live_lease_is_left_alone(shraga: Shraga, engine: Engine, leader: Controller) -> None:
    live, lost = (shraga.submit_task(new_task()) for _ in range(2))
    hand, other = hire(engine), hire(engine, "w2")
    assert (hand.claim().task_id, other.claim().task_id) == (live.id, lost.id)
    end_lease(shraga, lost.id)
    wait_until(lambda: shraga.get(lost.id).attempt == 2, what="the reaping")
    assert (shraga.get(live.id).status, shraga.get(live.id).attempt) == (TaskStatus.RUNNING, 1)


def test_silent_worker_is_declared_lost(shraga: Shraga, engine: Engine, leader: Controller) -> None:
    hand = hire(engine)
    # Not so long ago that the housekeeping would forget the worker first.
    seen = int(time.time() * 1000) - 60_000
    execute(shraga, "ZADD", shraga.driver.keys.make("workers"), "XX", seen, hand.worker_id)
    wait_until(lambda: "worker.lost" in [event.type for event in shraga.events()], what="the loss")
    assert [(entry.action, entry.actor) for entry in shraga.audit()][-1] == ("lose", "controller")


def test_leader_outlives_an_error_of_redis(
    shraga: Shraga, engine: Engine, leader: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError as RedisConnectionError

    failed = threading.Event()
    release = engine.release_due

    def once(token: str, limit: int = 500) -> tuple[int, int] | None:
        if not failed.is_set():
            failed.set()
            raise RedisConnectionError("gone for a moment")
        return release(token, limit)

    monkeypatch.setattr(engine, "release_due", once)
    wait_until(failed.is_set, what="the error")
    task = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01")))
    make_due(shraga, task.id)
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.QUEUED, what="the release after the error")
    assert leader._trust_at > 0


def test_while_redis_is_away_it_is_asked_in_measure(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as RedisConnectionError

    asked: list[float] = []

    def lead(token: str, lease_ms: int) -> int:
        asked.append(time.monotonic())
        raise RedisConnectionError("away")

    monkeypatch.setattr(engine, "lead", lead)
    monkeypatch.setattr(module, "AWAY_PAUSE", 0.1)
    with running(Controller(engine)):
        wait_until(lambda: len(asked) >= 3, what="a few tries")
    assert asked[2] - asked[0] >= 0.2
