"""What workers ask of the store: who gets which task, whose word counts, and how a run ends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from shraga_models import Limits, Liveness, RunStatus, Task, TaskStatus, WorkerMode, new_id
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.engine import STALE, Bell, Claim, EndedRun, Engine, LogLine, Outcome
from shraga_queue.errors import NotFound, Refused
from tests.factories import (
    DETAILS,
    Hand,
    assert_agreement,
    bring_to,
    end_lease,
    execute,
    hire,
    lead_and_release,
    make_due,
    new_task,
)
from tests.waiting import PATIENCE, wait_until

RETRY = Limits(retries=1, backoff=0)
LATER = Limits(retries=1, backoff=60)


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def submit(shraga: Shraga, name: str = "n", **fields: Any) -> Task:
    return shraga.submit_task(new_task(name, **fields))


def state(shraga: Shraga, task_id: str) -> tuple[dict[bytes, bytes], int, int]:
    """Return a task's hash and how much was ever told and audited."""
    keys = shraga.driver.keys
    return (
        execute(shraga, "HGETALL", keys.make("task", owner="tester", task=task_id)),
        execute(shraga, "XLEN", keys.make("events")),
        execute(shraga, "XLEN", keys.make("audit")),
    )


# Claiming


def test_higher_priority_is_claimed_first_then_the_first_come(shraga: Shraga, hand: Hand) -> None:
    for name, priority in [
        ("l", "low"),
        ("n1", "normal"),
        ("n2", "normal"),
        ("c", "critical"),
        ("h", "high"),
    ]:
        submit(shraga, name, priority=priority)
    assert [hand.claim().spec.name for _ in range(5)] == ["c", "h", "n1", "n2", "l"]
    assert hand.try_claim() is None


def test_within_a_priority_a_worker_s_own_capabilities_come_first(shraga: Shraga, engine: Engine) -> None:
    for capability, priority in [
        ("any", "high"),
        ("disk", "high"),
        ("gpu", "high"),
        ("gpu", "low"),
        ("any", "critical"),
    ]:
        submit(shraga, f"{capability} {priority}", capability=capability, priority=priority)
    hand = hire(engine, capabilities=("gpu", "disk"))
    assert [hand.claim().spec.name for _ in range(5)] == [
        "any critical", "gpu high", "disk high", "any high", "gpu low",
    ]  # fmt: skip


def test_task_that_needs_a_capability_waits_for_a_worker_that_has_it(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = submit(shraga, capability="gpu")
    assert hand.try_claim() is None
    assert hire(engine, "w2", capabilities=("gpu",)).claim().task_id == task.id


def test_claim_carries_what_the_run_needs(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga, limits=RETRY, context={"a": 1})
    claim = hand.claim()
    assert (claim.task_id, claim.owner, claim.attempt, claim.failures, claim.losses) == (
        task.id,
        "tester",
        1,
        0,
        0,
    )
    assert (claim.spec.limits, claim.spec.context, claim.spec.action) == (RETRY, {"a": 1}, task.action)
    (run,) = shraga.runs(task.id)
    assert (run.status, run.worker_id, run.slot, run.fence) == (RunStatus.CLAIMED, hand.worker_id, 1, 1)
    (worker,) = shraga.workers()
    assert (worker.liveness, [one.task_id for one in worker.current_tasks]) == (Liveness.BUSY, [task.id])


@pytest.mark.parametrize("mode", [WorkerMode.DRAINING, WorkerMode.STOPPING])
def test_worker_that_drains_or_stops_claims_nothing(shraga: Shraga, hand: Hand, mode: WorkerMode) -> None:
    submit(shraga)
    shraga.set_worker_mode("w1", mode)
    assert hand.try_claim() is None
    assert shraga.counts().by_status[TaskStatus.QUEUED] == 1


def test_worker_that_accepts_again_claims_again(shraga: Shraga, hand: Hand) -> None:
    submit(shraga)
    shraga.set_worker_mode("w1", WorkerMode.DRAINING)
    assert shraga.set_worker_mode(hand.worker_id, WorkerMode.ACCEPTING) == hand.worker_id
    assert hand.claim()


def test_unknown_worker_claims_nothing(shraga: Shraga, engine: Engine) -> None:
    submit(shraga)
    assert Hand(engine, new_id(), "stranger").try_claim() is None
    assert_agreement(shraga)


def test_rq_suspend_is_honoured(shraga: Shraga, hand: Hand) -> None:
    from rq.suspension import resume, suspend

    submit(shraga)
    suspend(shraga.driver.connection)
    try:
        assert hand.try_claim() is None
    finally:
        resume(shraga.driver.connection)
    assert hand.claim()


def test_two_claimers_never_get_the_same_task(shraga: Shraga, engine: Engine) -> None:
    shraga.submit_many([new_task(f"n{i}") for i in range(200)])
    taken: list[str] = []

    def serve(hand: Hand) -> None:
        while claim := hand.try_claim():
            taken.append(claim.task_id)
            hand.commit(claim)

    threads = [threading.Thread(target=serve, args=(hire(engine, f"w{i}"),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 200
    assert Counter(taken).most_common(1)[0][1] == 1
    assert shraga.counts().by_status[TaskStatus.COMPLETED] == 200


def test_expired_task_is_skipped_by_the_claim(shraga: Shraga, hand: Hand) -> None:
    late, fine = submit(shraga, limits=Limits(expires_in=60)), submit(shraga)
    execute(shraga, "HSET", shraga.driver.keys.make("task", owner="tester", task=late.id), "expires_at", 1)
    assert hand.claim().task_id == fine.id
    assert (shraga.get(late.id).status, shraga.runs(late.id)[0].status) == (
        TaskStatus.SKIPPED,
        RunStatus.EXPIRED,
    )
    assert_agreement(shraga)


def test_what_expired_is_not_looked_for_in_the_queue_it_was_taken_from(shraga: Shraga, hand: Hand) -> None:
    for _ in range(3):
        late = submit(shraga, limits=Limits(expires_in=60))
        execute(
            shraga, "HSET", shraga.driver.keys.make("task", owner="tester", task=late.id), "expires_at", 1
        )
    fine = submit(shraga)
    before = searches(shraga)
    assert hand.claim().task_id == fine.id
    assert searches(shraga) == before
    assert shraga.counts().by_status[TaskStatus.SKIPPED] == 3
    assert_agreement(shraga)


def searches(shraga: Shraga) -> int:
    """How often a list was searched, which takes as long as the list is."""
    stats: dict[str, Any] = execute(shraga, "INFO", "commandstats").get("cmdstat_lrem", {"calls": 0})
    return int(stats["calls"])


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.SCHEDULED])
def test_expired_task_is_skipped_by_release(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    task = bring_to(shraga, hand, status, limits=Limits(expires_in=60))
    make_due(shraga, f"expire:{task.id}")
    assert lead_and_release(hand.engine)[0] == 1
    assert shraga.get(task.id).status is TaskStatus.SKIPPED
    assert hand.try_claim() is None
    assert_agreement(shraga)


@pytest.mark.parametrize("limits", [Limits(expires_in=60, retries=1, backoff=0), Limits(expires_in=60)])
def test_what_has_started_in_time_no_longer_expires(shraga: Shraga, hand: Hand, limits: Limits) -> None:
    task = submit(shraga, limits=limits)
    claim = hand.claim()
    assert execute(shraga, "ZCARD", shraga.driver.keys.make("due")) == 0
    assert hand.commit(claim, RunStatus.FAILED) == ("queued" if limits.retries else "failed")
    shraga.retry(task.id) if not limits.retries else None
    assert hand.claim().attempt == 2


def test_task_with_a_new_attempt_is_read_with_its_failures(shraga: Shraga, hand: Hand) -> None:
    submit(shraga, limits=Limits(retries=5, backoff=0))
    for failures in range(3):
        claim = hand.claim()
        assert claim.failures == failures
        hand.commit(claim, RunStatus.FAILED)
    assert hand.claim().attempt == 4


# The fence

WRITES: dict[str, Callable[[Hand, Claim], str]] = {
    "heartbeat": lambda hand, claim: hand.heartbeat(claim, 0.5, "thinking", tell=True),
    "log": lambda hand, claim: hand.engine.append_log(claim, [LogLine("stdout", "late")]),
    "completed": lambda hand, claim: hand.commit(claim),
    "failed": lambda hand, claim: hand.commit(claim, RunStatus.FAILED),
    "canceled": lambda hand, claim: hand.commit(claim, RunStatus.CANCELED),
    "lose": lambda hand, claim: hand.lose(claim),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("now", ["running again", "queued again", "completed", "canceled"])
def test_late_run_can_neither_commit_nor_stream(shraga: Shraga, hand: Hand, write: str, now: str) -> None:
    task = submit(shraga)
    late = hand.claim()
    if now in ("completed", "canceled"):
        hand.commit(late, RunStatus(now))
    else:
        assert hand.lose(late) == "queued"
    if now == "running again":
        assert hand.claim().attempt == 2
    before = state(shraga, task.id)
    assert WRITES[write](hand, late) == STALE
    assert state(shraga, task.id) == before
    assert shraga.logs(task.id, attempt=1) == []
    assert_agreement(shraga)


def rewind(engine: Engine, then: dict[bytes, bytes]) -> None:
    """Make the server forget what it was told since a snapshot, as a promoted replica that was behind has."""
    connection = engine.driver.connection
    for key in set(snapshot(engine)) - set(then):
        connection.delete(key)
    for key, value in then.items():
        connection.restore(key, 0, value, replace=True)


def snapshot(engine: Engine) -> dict[bytes, bytes]:
    """Return all that is known of the test's prefix and its jobs."""
    connection = engine.driver.connection
    keys = [*connection.scan_iter(f"*{engine.keys.prefix}*"), *connection.scan_iter("rq:job:*")]
    return {key: connection.dump(key) or b"" for key in keys if not key.startswith(b"rq:worker:")}


@pytest.mark.parametrize("write", WRITES)
def test_a_run_that_the_server_forgot_cannot_write_for_the_one_that_took_its_place(
    shraga: Shraga, engine: Engine, hand: Hand, write: str
) -> None:
    task = submit(shraga)
    other = hire(engine, "w2")
    then = snapshot(engine)
    late = hand.claim()
    rewind(engine, then)
    assert WRITES[write](hand, late) == STALE
    claim = other.claim()
    assert claim.attempt == late.attempt
    before = state(shraga, task.id)
    assert WRITES[write](hand, late) == STALE
    assert state(shraga, task.id) == before
    assert WRITES["heartbeat"](other, claim) == "ok"
    assert WRITES[write](other, claim) != STALE


@pytest.mark.parametrize("write", WRITES)
def test_run_of_an_unknown_task_is_stale(hand: Hand, write: str) -> None:
    claim = Claim(new_id(), "tester", 1, 1, {})
    assert WRITES[write](hand, claim) == STALE


# Heartbeats


def test_heartbeat_keeps_the_lease_and_says_how_it_goes(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga)
    claim = hand.claim()
    end_lease(shraga, task.id)
    assert [lease.task_id for lease in hand.engine.expired_leases()] == [task.id]
    assert hand.heartbeat(claim, 0.25, "reading") == "ok"
    assert hand.engine.expired_leases() == []
    found = shraga.get(task.id)
    assert (found.progress, found.thought, found.worker_status) == (0.25, "reading", "executing")
    assert found.started_at is not None


def test_a_heartbeat_that_was_long_on_its_way_does_not_move_the_start(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga)
    claim = hand.claim()
    hand.heartbeat(claim)
    started = shraga.get(task.id).started_at
    assert hand.engine.heartbeat(claim, hand.name, 0, None, "", tell=False, mail=0) == "ok"
    assert shraga.get(task.id).started_at == started


@pytest.mark.parametrize(("tell", "thought", "told"), [
    (False, "x", []), (True, "", ["task.progress"]), (True, "x", ["task.progress", "agent.message"]),
])  # fmt: skip
def test_heartbeat_tells_only_when_asked_to(
    shraga: Shraga, hand: Hand, tell: bool, thought: str, told: list[str]
) -> None:
    submit(shraga)
    claim = hand.claim()
    last = shraga.events()[-1].id
    hand.heartbeat(claim, 0.5, thought, tell=tell)
    events = shraga.driver.run(shraga.operations.events_after(last)).events
    assert [event.type for event in events] == told


def test_heartbeat_learns_that_the_task_is_to_stop(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga)
    claim = hand.claim()
    shraga.driver.run(shraga.operations.ask_cancel(task.id))
    assert hand.heartbeat(claim) == "cancel"


# How a run ends

COMPLETED, FAILED, TIMEOUT, CANCELED = (
    RunStatus.COMPLETED,
    RunStatus.FAILED,
    RunStatus.TIMEOUT,
    RunStatus.CANCELED,
)


@pytest.mark.parametrize(
    ("outcome", "limits", "asked", "status", "run"),
    [
        (COMPLETED, Limits(), False, "completed", COMPLETED),
        (COMPLETED, RETRY, False, "completed", COMPLETED),
        (COMPLETED, Limits(), True, "completed", COMPLETED),
        (FAILED, Limits(), False, "failed", FAILED),
        (FAILED, RETRY, False, "queued", FAILED),
        (FAILED, LATER, False, "scheduled", FAILED),
        (FAILED, Limits(), True, "canceled", CANCELED),
        (FAILED, RETRY, True, "canceled", CANCELED),
        (FAILED, LATER, True, "canceled", CANCELED),
        (TIMEOUT, Limits(), False, "failed", TIMEOUT),
        (TIMEOUT, RETRY, False, "queued", TIMEOUT),
        (TIMEOUT, LATER, True, "canceled", CANCELED),
        (CANCELED, RETRY, True, "canceled", CANCELED),
        (CANCELED, RETRY, False, "failed", CANCELED),
    ],
)
def test_outcome_decides_what_follows(
    shraga: Shraga, hand: Hand, outcome: RunStatus, limits: Limits, asked: bool, status: str, run: RunStatus
) -> None:
    task = submit(shraga, limits=limits)
    claim = hand.claim()
    if asked:
        shraga.driver.run(shraga.operations.ask_cancel(task.id))
    assert hand.commit(claim, outcome, error="why", exit_code=3) == status
    first = shraga.runs(task.id)[0]
    assert (shraga.get(task.id).status, first.status, first.exit_code) == (status, run, 3)
    assert (first.error, first.worker_id) == ("why", hand.worker_id)
    assert_agreement(shraga)


def test_run_that_cannot_be_helped_is_not_tried_again(shraga: Shraga, hand: Hand) -> None:
    submit(shraga, limits=RETRY)
    assert hand.commit(hand.claim(), FAILED, retry=False) == "failed"


def test_retries_end(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga, limits=Limits(retries=2, backoff=0))
    assert [hand.commit(hand.claim(), FAILED) for _ in range(3)] == ["queued", "queued", "failed"]
    assert [run.triggered_by for run in shraga.runs(task.id)] == ["manual", "retry", "retry"]
    assert shraga.get(task.id).failures == 3


def test_later_try_is_due_after_its_wait(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga, limits=Limits(retries=1, backoff=60, jitter=0))
    hand.commit(hand.claim(), FAILED)
    found = shraga.get(task.id)
    assert found.next_run_at is not None
    assert (found.next_run_at - found.moved_at).total_seconds() == 60
    make_due(shraga, task.id)
    assert lead_and_release(hand.engine)[0] == 1
    assert hand.claim().attempt == 2


def test_worker_s_record_counts_how_its_runs_ended(shraga: Shraga, hand: Hand) -> None:
    for outcome in (COMPLETED, COMPLETED, FAILED):
        submit(shraga)
        hand.commit(hand.claim(), outcome)
    (worker,) = shraga.workers()
    assert (worker.completed, worker.failed, worker.current_tasks, worker.liveness) == (
        2,
        1,
        (),
        Liveness.IDLE,
    )


def test_counts_say_what_ended_in_this_minute(shraga: Shraga, hand: Hand) -> None:
    for outcome in (COMPLETED, FAILED, COMPLETED):
        submit(shraga)
        hand.commit(hand.claim(), outcome)
    counts = shraga.counts()
    assert (len(counts.completed_per_minute), len(counts.failed_per_minute)) == (60, 60)
    assert (sum(counts.completed_per_minute[-2:]), sum(counts.failed_per_minute[-2:])) == (2, 1)


# Lost runs


@pytest.mark.parametrize(
    ("limits", "asked", "status", "run"),
    [
        (Limits(), False, "queued", RunStatus.LOST),
        (Limits(on_lost="fail"), False, "failed", RunStatus.LOST),
        (Limits(lost_retries=0), False, "failed", RunStatus.LOST),
        (Limits(), True, "canceled", CANCELED),
        (Limits(on_lost="fail"), True, "canceled", CANCELED),
    ],
)
def test_policy_decides_what_follows_a_loss(
    shraga: Shraga, hand: Hand, limits: Limits, asked: bool, status: str, run: RunStatus
) -> None:
    task = submit(shraga, limits=limits)
    claim = hand.claim()
    if asked:
        shraga.driver.run(shraga.operations.ask_cancel(task.id))
    assert hand.lose(claim) == status
    first = shraga.runs(task.id)[0]
    assert (shraga.get(task.id).status, first.status, first.error) == (status, run, "gone")
    assert_agreement(shraga)


def test_losses_end_in_failure_and_each_later_one_waits(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga, limits=Limits(lost_retries=2, backoff=60))
    followed = []
    for _ in range(3):
        followed.append(hand.lose(hand.claim()))
        if followed[-1] == "scheduled":
            make_due(shraga, task.id)
            lead_and_release(hand.engine)
    assert followed == ["queued", "scheduled", "failed"]
    assert [run.triggered_by for run in shraga.runs(task.id)] == ["manual", "lost", "lost"]
    assert shraga.get(task.id).losses == 3


def test_live_lease_is_not_taken_even_by_the_leader(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga)
    claim = hand.claim()
    assert hand.engine.lead("token", 60_000)
    assert hand.lose(claim, "token") == STALE
    end_lease(shraga, task.id)
    assert hand.lose(claim, "another") == STALE
    assert hand.lose(claim, "token") == "queued"


def test_expired_lease_carries_what_the_reaper_needs(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga, limits=Limits(on_lost="fail"))
    hand.claim()
    end_lease(shraga, task.id)
    (lease,) = hand.engine.expired_leases()
    assert (lease.task_id, lease.attempt, lease.fence, lease.losses) == (task.id, 1, 1, 0)
    assert lease.limits.on_lost == "fail"


def test_slot_says_which_run_it_has(shraga: Shraga, hand: Hand) -> None:
    assert hand.engine.runs_of(hand.worker_id, 1) == []
    claim = bring_to(shraga, hand, TaskStatus.RUNNING)
    assert hand.engine.runs_of(hand.worker_id, 1) == [(claim.id, 1)]
    assert hand.engine.runs_of(hand.worker_id, 2) == []
    assert hand.engine.limits_of(claim.id) == (Limits(), 0)
    assert hand.engine.limits_of("nope") is None


# Workers


def test_name_of_a_live_worker_is_taken(engine: Engine, hand: Hand) -> None:
    other = new_id()
    assert engine.beat(other, "w1", "tester", {"details": DETAILS}) == "taken"
    assert engine.worker_gone(hand.worker_id, "w1")
    assert engine.beat(other, "w1", "tester", {"details": DETAILS}) == "accepting"


@pytest.mark.parametrize("gone", [True, False])
def test_who_takes_a_name_takes_the_place_of_the_last_one_that_had_it(
    shraga: Shraga, engine: Engine, hand: Hand, gone: bool
) -> None:
    execute(shraga, "ZADD", shraga.driver.keys.make("workers"), "XX", 1000, hand.worker_id)
    assert engine.worker_gone(hand.worker_id, "controller", 1) if gone else True
    assert engine.beat("successor", "w1", "tester", {"details": DETAILS}) == "accepting"
    assert [(worker.id, worker.lost) for worker in shraga.workers()] == [("successor", False)]
    told = [event.type for event in shraga.events() if event.type.startswith("worker.")]
    assert told == ["worker.started", "worker.lost", "worker.started"]


def test_name_of_a_silent_worker_is_free(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    execute(shraga, "ZADD", shraga.driver.keys.make("workers"), "XX", 1, hand.worker_id)
    assert engine.beat(new_id(), "w1", "tester", {"details": DETAILS}) == "accepting"


def test_beat_carries_the_mode_an_operator_chose(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    shraga.set_worker_mode("w1", WorkerMode.DRAINING)
    assert engine.beat(hand.worker_id, "w1", "tester", {"load": "0.5"}) == "draining"
    (worker,) = shraga.workers()
    assert (worker.mode, worker.load, worker.name) == (WorkerMode.DRAINING, 0.5, "w1")


def test_mode_is_told_and_audited_once(shraga: Shraga, hand: Hand) -> None:
    for _ in range(2):
        shraga.set_worker_mode("w1", WorkerMode.DRAINING)
    assert [event.type for event in shraga.events()] == ["worker.started", "worker.changed"]
    assert [(entry.action, entry.before, entry.after) for entry in shraga.audit()] == [
        ("register", "", "accepting"), ("draining", "accepting", "draining"),
    ]  # fmt: skip


def test_mode_of_a_worker_that_is_not_there_cannot_be_set(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    with pytest.raises(NotFound, match="There is no worker 'nope'"):
        shraga.set_worker_mode("nope", WorkerMode.DRAINING)
    shraga.set_worker_mode("w1", WorkerMode.STOPPING)
    with pytest.raises(Refused, match="is stopping already"):
        shraga.set_worker_mode("w1", WorkerMode.ACCEPTING)
    engine.worker_gone(hand.worker_id, "w1")
    with pytest.raises(Refused, match="is not running"):
        shraga.set_worker_mode("w1", WorkerMode.DRAINING)


def test_worker_that_beats_is_not_declared_lost(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    assert engine.worker_gone(hand.worker_id, "controller", 60_000) is False
    execute(shraga, "ZADD", shraga.driver.keys.make("workers"), "XX", 1, hand.worker_id)
    assert list(engine.silent_workers(60_000)) == [hand.worker_id]
    assert engine.worker_gone(hand.worker_id, "controller", 60_000) is True
    assert engine.worker_gone(hand.worker_id, "controller", 60_000) is False
    assert (shraga.workers()[0].lost, shraga.events()[-1].type) == (True, "worker.lost")


def test_worker_that_leaves_is_offline(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    engine.worker_gone(hand.worker_id, "w1")
    assert (shraga.workers()[0].liveness, shraga.events()[-1].type) == (Liveness.OFFLINE, "worker.stopped")


def test_long_gone_worker_is_forgotten_by_trim(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    assert engine.trim(60_000) == 0
    execute(shraga, "ZADD", shraga.driver.keys.make("workers"), "XX", 1, hand.worker_id)
    assert engine.trim(60_000) == 1
    assert shraga.workers() == []


def test_trim_takes_only_what_is_past_its_time_and_ours(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.COMPLETED)
    keys, foreign = shraga.driver.keys, shraga.driver.keys.make("rq_finished", queue="foreign")
    own = keys.make("rq_finished", queue=task.queue)
    execute(shraga, "SADD", keys.make("rq_queues"), keys.make("rq_queue", queue="foreign"))
    execute(shraga, "ZADD", foreign, 1, "job")
    execute(shraga, "ZADD", own, 1, "old")
    assert hand.engine.trim(60_000) == 1
    assert execute(shraga, "ZRANGE", own, 0, -1) == [task.id.encode()]
    assert execute(shraga, "ZCARD", foreign) == 1
    execute(shraga, "DEL", foreign)


def test_killed_slots_are_dropped_from_rq_s_lists_and_live_ones_stay(shraga: Shraga, hand: Hand) -> None:
    keys = shraga.driver.keys
    live, dead = (f"{keys.make('rq_worker', rq_worker=f'{name}.{keys.prefix}')}" for name in ("live", "dead"))
    lists = [keys.make("rq_workers"), keys.make("rq_workers_of", queue=keys.queue_name("any", "low"))]
    execute(shraga, "HSET", live, "state", "idle")
    for one in lists:
        execute(shraga, "SADD", one, live, dead)
    hand.engine.trim(60_000)
    for one in lists:
        assert execute(shraga, "SISMEMBER", one, live) == 1
        assert execute(shraga, "SISMEMBER", one, dead) == 0
    execute(shraga, "DEL", live)


def test_trim_takes_a_bounded_number_at_a_time(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.COMPLETED)
    own = shraga.driver.keys.make("rq_finished", queue=task.queue)
    for number in range(7):
        execute(shraga, "ZADD", own, 1, f"old{number}")
    assert [hand.engine.trim(60_000, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert execute(shraga, "ZRANGE", own, 0, -1) == [task.id.encode()]


def test_idle_worker_is_rung_for_when_a_task_is_queued(shraga: Shraga, hand: Hand) -> None:
    submit(shraga, capability="gpu")
    bells = [shraga.driver.keys.make("bell", capability=one) for one in ("gpu", "any")]
    assert [execute(shraga, "LLEN", bell) for bell in bells] == [1, 0]


def test_bells_do_not_pile_up(shraga: Shraga) -> None:
    shraga.submit_many([new_task() for _ in range(100)])
    assert execute(shraga, "LLEN", shraga.driver.keys.make("bell", capability="any")) == 64


def test_engines_of_two_prefixes_do_not_see_each_other(shraga: Shraga, hand: Hand) -> None:
    from shraga_queue.keys import Keys

    submit(shraga)
    other = hire(Engine(SyncDriver(shraga.driver.connection, Keys(shraga.driver.keys.prefix + "x"))))
    assert other.try_claim() is None
    assert hand.claim()


# Turns


def test_turn_takes_at_most_a_quarter_of_what_waits_beyond_the_first(shraga: Shraga, hand: Hand) -> None:
    tasks = [submit(shraga, str(number)) for number in range(10)]
    _, claims = hand.engine.turn(hand.slot_name, wanted=8)
    assert [claim.task_id for claim in claims] == [task.id for task in tasks[:3]]
    assert len(hand.engine.turn(hand.slot_name, wanted=2)[1]) == 2
    assert_agreement(shraga)


def test_turn_ends_gives_back_and_takes_in_one_call(shraga: Shraga, hand: Hand) -> None:
    tasks = [submit(shraga, str(number)) for number in range(9)]
    first, second, third = hand.engine.turn(hand.slot_name, wanted=3)[1]
    now = time.monotonic()
    ended = [EndedRun(first, Outcome(RunStatus.COMPLETED).sealed(), now - 2, now - 1)]
    back = [(second.task_id, second.fence)]
    answers, claims = hand.engine.turn(hand.slot_name, 1, ended, back)
    assert answers == ["completed", "queued"]
    # What was given back is the next in its queue, as the same attempt under a new fence.
    assert [(claim.task_id, claim.attempt, claim.fence) for claim in claims] == [(tasks[1].id, 1, 2)]
    assert hand.heartbeat(second) == STALE
    assert hand.heartbeat(third) == hand.heartbeat(claims[0]) == "ok"
    (run,) = shraga.runs(first.task_id)
    assert run.finished_at is not None and run.started_at is not None
    assert 0.9 < (run.finished_at - run.started_at).total_seconds() < 1.1
    assert_agreement(shraga)


def test_what_is_given_back_stands_at_the_head_of_its_queue_in_its_old_order(
    shraga: Shraga, hand: Hand
) -> None:
    tasks = [submit(shraga, str(number)) for number in range(20)]
    _, claims = hand.engine.turn(hand.slot_name, wanted=4)
    stranger = (new_id(), 1)
    back = [*((claim.task_id, claim.fence) for claim in claims), stranger]
    answers, again = hand.engine.turn(hand.slot_name, wanted=4, given_back=back)
    assert answers == ["queued"] * 4 + [STALE]
    assert [claim.task_id for claim in again] == [task.id for task in tasks[:4]]
    assert_agreement(shraga)


def test_what_was_asked_to_stop_is_canceled_when_it_is_given_back(shraga: Shraga, hand: Hand) -> None:
    task = submit(shraga)
    claim = hand.claim()
    shraga.driver.run(shraga.operations.ask_cancel(task.id, "why"))
    assert hand.engine.turn(hand.slot_name, given_back=[(task.id, claim.fence)])[0] == ["canceled"]
    assert_agreement(shraga)


def test_another_slot_s_run_cannot_be_given_back(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    submit(shraga)
    claim = hand.claim()
    other = hire(engine, "w2")
    assert engine.turn(other.slot_name, given_back=[(claim.task_id, claim.fence)])[0] == [STALE]
    assert hand.commit(claim) == "completed"


def test_a_turn_behind_a_bell_waits_for_it_and_brings_what_rang(shraga: Shraga, hand: Hand) -> None:
    bell = Bell((shraga.driver.keys.make("bell", capability="any"),), 20)
    claims: list[Claim] = []
    submit(shraga)
    hand.commit(hand.claim())
    execute(shraga, "DEL", *bell.keys)
    idle = threading.Thread(target=lambda: claims.extend(hand.engine.turn(hand.slot_name, 1, bell=bell)[1]))
    idle.start()

    def waits_with_its_turn() -> bool:
        clients = shraga.driver.connection.client_list()
        return any("b" in client["flags"] and int(client["qbuf"]) > 0 for client in clients)

    # What is with the server already does not have to be asked once the bell has rung.
    wait_until(waits_with_its_turn, what="the turn behind the bell")
    task = submit(shraga)
    idle.join(PATIENCE)
    assert [claim.task_id for claim in claims] == [task.id]
    assert_agreement(shraga)


def test_a_turn_behind_a_bell_that_does_not_ring_finds_nothing(shraga: Shraga, hand: Hand) -> None:
    bell = Bell((shraga.driver.keys.make("bell", capability="any"),), 0.05)
    assert hand.engine.turn(hand.slot_name, 1, bell=bell) == ([], [])


def test_a_turn_behind_a_bell_is_taken_where_the_server_has_lost_its_scripts(
    shraga: Shraga, hand: Hand
) -> None:
    task = submit(shraga)
    execute(shraga, "SCRIPT", "FLUSH")
    bell = Bell((shraga.driver.keys.make("bell", capability="any"),), 5)
    assert [claim.task_id for claim in hand.engine.turn(hand.slot_name, 1, bell=bell)[1]] == [task.id]


def test_turn_costs_one_round_trip_however_much_it_does(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_many([new_task() for _ in range(40)])
    claims = hand.engine.turn(hand.slot_name, wanted=8)[1]
    now = time.monotonic()
    ended = [EndedRun(claim, Outcome(RunStatus.COMPLETED).sealed(), now, now) for claim in claims]
    before = shraga.driver.connection.info("stats")["total_reads_processed"]
    assert len(hand.engine.turn(hand.slot_name, 8, ended)[1]) == 8
    # One for the turn, one for asking.
    assert shraga.driver.connection.info("stats")["total_reads_processed"] - before <= 2
