"""Tasks that repeat: each slot and each event starts its run once, and in between the task rests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shraga_models import Limits, Overlap, RunStatus, Schedule, Task, TaskOutput, TaskStatus
from shraga_queue import scheduling
from shraga_queue.calls import Call
from shraga_queue.client import Shraga
from shraga_queue.codec import moment
from shraga_queue.engine import Claim, Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.firing import fire_due, planned
from shraga_queue.mending import Mender
from tests.factories import Hand, assert_agreement, execute, hire, lead_and_release, make_due, new_task

HOUR = 3_600_000


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def repeating(shraga: Shraga, limits: Limits | None = None, **schedule: Any) -> Task:
    """Submit a task that repeats, every hour where nothing else is said."""
    if not {"cron", "on"} & set(schedule):
        schedule = {"interval": 3600} | schedule
    return shraga.submit_task(new_task(schedule=Schedule(**schedule), limits=limits or Limits()))


def key_of(shraga: Shraga, task: Task) -> str:
    return shraga.driver.keys.make("task", owner=task.owner, task=task.id)


def let_slot_come(shraga: Shraga, task: Task, late_ms: int = 0) -> int:
    """Move a task's next slot to now, or some time ago; returns it."""
    now = int(shraga.driver.run(shraga.operations.now()).timestamp() * 1000)
    execute(shraga, "HSET", key_of(shraga, task), "next_slot", now - late_ms)
    execute(shraga, "ZADD", shraga.driver.keys.make("slots"), "XX", now - late_ms, task.id)
    return now - late_ms


def fire(engine: Engine) -> int:
    """Do, as the leader, what is due; returns how many slots were."""
    assert engine.lead("test", 60_000) > 0
    answer = fire_due(engine, "test")
    assert answer is not None
    return answer[0]


def run_once(hand: Hand, status: RunStatus = RunStatus.COMPLETED, **fields: Any) -> Claim:
    claim = hand.claim()
    hand.commit(claim, status, **fields)
    return claim


def next_ms(task: Task) -> int:
    assert task.next_run_at is not None
    return round(task.next_run_at.timestamp() * 1000)


def skips_of(shraga: Shraga, task: Task) -> int:
    schedule = shraga.get(task.id).schedule
    assert schedule is not None
    return schedule.skipped


def events_of(shraga: Shraga) -> list[str]:
    return [event.type for event in shraga.events()]


# A slot and its run


def test_a_task_that_repeats_rests_until_its_slot_and_again_after_its_run(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga)
    assert task.status is TaskStatus.SCHEDULED
    assert abs(next_ms(task) - HOUR - task.created_at.timestamp() * 1000) < 1000
    assert shraga.get(task.id).next_run_at == task.next_run_at
    assert fire(engine) == 0
    assert hand.try_claim() is None
    slot = let_slot_come(shraga, task)
    assert fire(engine) == 1
    claim = run_once(hand, output=TaskOutput(summary="done"))
    assert claim.fields["occurrence"].startswith(f"{task.id}@20")
    found = shraga.get_with_runs(task.id)
    assert (found.task.status, found.task.attempt, next_ms(found.task)) == (
        TaskStatus.SCHEDULED, 1, slot + HOUR,
    )  # fmt: skip
    assert found.task.output == TaskOutput(summary="done")
    assert [(run.triggered_by, run.status, run.occurrence) for run in found.runs] == [
        ("schedule", RunStatus.COMPLETED, claim.fields["occurrence"])
    ]
    assert events_of(shraga)[-2:] == ["task.completed", "task.scheduled"]
    assert_agreement(shraga)


def test_each_slot_has_a_run_of_its_own(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    task = repeating(shraga, cron="0 2 * * *", time_zone="Europe/Berlin")
    for _ in range(3):
        let_slot_come(shraga, task)
        assert fire(engine) == 1
        run_once(hand)
        assert_agreement(shraga)
    runs = shraga.runs(task.id)
    assert [run.attempt for run in runs] == [1, 2, 3]
    assert len({run.occurrence for run in runs}) == 3


def test_slot_fires_once_however_many_controllers_saw_it(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    task = repeating(shraga)
    slot = let_slot_come(shraga, task)
    engine.lead("test", 60_000)
    keys = (shraga.driver.keys.make("slots"),)
    seen = planned(task.id, str(slot), shraga_spec(shraga, task), slot)
    call = Call(lambda reply: reply, "fire", keys, ("test", *seen))
    assert [engine.driver.call(call) for _ in range(3)] == [b"started", b"stale", b"stale"]
    assert engine.driver.call(Call(lambda reply: reply, "fire", keys, ("stranger", *seen))) is None
    run_once(hand)
    assert hand.try_claim() is None


def shraga_spec(shraga: Shraga, task: Task) -> str:
    spec: bytes = execute(shraga, "HGET", key_of(shraga, task), "spec")
    return spec.decode()


def test_tries_of_a_run_keep_its_occurrence_and_its_backoff_is_no_slot(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga, Limits(retries=1, backoff=60))
    slot = let_slot_come(shraga, task)
    fire(engine)
    first = run_once(hand, RunStatus.FAILED, error="why")
    assert shraga.get(task.id).status is TaskStatus.SCHEDULED
    assert_agreement(shraga)
    make_due(shraga, task.id)
    assert lead_and_release(engine) == (1, -1)
    second = run_once(hand, RunStatus.FAILED, error="why")
    assert second.fields["occurrence"] == first.fields["occurrence"]
    found = shraga.get_with_runs(task.id)
    assert [run.occurrence for run in found.runs] == [first.fields["occurrence"]] * 2
    assert (found.task.status, found.task.failures) == (TaskStatus.SCHEDULED, 2)
    assert round(next_ms(found.task)) == slot + HOUR
    let_slot_come(shraga, task)
    fire(engine)
    assert hand.claim().failures == 0
    assert_agreement(shraga)


def test_tries_of_a_run_are_counted_anew_for_each_slot(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    task = repeating(shraga, Limits(retries=1, backoff=0))

    def tries() -> tuple[int, int, int]:
        (row,) = shraga.find_rows("")
        return row.attempt, row.try_number, shraga.get(task.id).try_number

    let_slot_come(shraga, task)
    fire(engine)
    hand.lose(hand.claim())
    assert tries() == (2, 2, 2)
    run_once(hand, RunStatus.FAILED, error="why")
    assert tries() == (3, 3, 3)
    run_once(hand, RunStatus.COMPLETED)
    assert shraga.find_rows("")[0].try_number == 1
    let_slot_come(shraga, task)
    fire(engine)
    assert tries() == (4, 1, 1)


def test_lost_run_of_a_task_that_repeats_is_tried_again_and_then_rests(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga, Limits(lost_retries=1))
    let_slot_come(shraga, task)
    fire(engine)
    assert [hand.lose(hand.claim()) for _ in range(2)] == ["queued", "failed"]
    assert shraga.get(task.id).status is TaskStatus.SCHEDULED
    assert_agreement(shraga)


def test_run_that_is_not_begun_in_time_expires_and_the_task_rests(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga, Limits(expires_in=60))
    let_slot_come(shraga, task)
    fire(engine)
    make_due(shraga, f"expire:{task.id}")
    lead_and_release(engine)
    found = shraga.get_with_runs(task.id)
    assert (found.task.status, found.runs[0].status) == (TaskStatus.SCHEDULED, RunStatus.EXPIRED)
    assert_agreement(shraga)
    let_slot_come(shraga, task)
    fire(engine)
    make_due(shraga, f"expire:{task.id}")
    assert hand.try_claim() is None
    assert shraga.get(task.id).status is TaskStatus.SCHEDULED
    assert_agreement(shraga)


def test_run_that_follows_an_expired_one_may_expire_too(shraga: Shraga, engine: Engine) -> None:
    task = shraga.submit_task(
        new_task(schedule=Schedule(on="rain", overlap=Overlap.QUEUE), limits=Limits(expires_in=60))
    )
    shraga.emit("rain")
    shraga.emit("rain")
    make_due(shraga, f"expire:{task.id}")
    lead_and_release(engine)
    assert (shraga.get(task.id).status, shraga.get(task.id).attempt) == (TaskStatus.QUEUED, 2)
    assert_agreement(shraga)


# Overlaps


@pytest.mark.parametrize("waits", ["queued", "running"])
def test_overlapping_slot_is_skipped_counted_and_told(
    shraga: Shraga, engine: Engine, hand: Hand, waits: str
) -> None:
    task = repeating(shraga)
    let_slot_come(shraga, task)
    fire(engine)
    claim = hand.claim() if waits == "running" else None
    let_slot_come(shraga, task)
    fire(engine)
    assert skips_of(shraga, task) == 1
    assert "schedule.skipped" in events_of(shraga)
    hand.commit(claim or hand.claim())
    assert hand.try_claim() is None
    assert len(shraga.runs(task.id)) == 1


def test_overlapping_slots_queue_and_run_one_after_the_other(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga, overlap="queue")
    slots = []
    for late in (30, 20, 10):
        slots.append(let_slot_come(shraga, task, late_ms=late))
        fire(engine)
    assert shraga.schedules().rows[0].waiting == 2
    claims = [run_once(hand) for _ in range(3)]
    assert hand.try_claim() is None
    assert [run.scheduled_at for run in shraga.runs(task.id)] == [moment(slot) for slot in slots]
    assert len({claim.fields["occurrence"] for claim in claims}) == 3
    assert_agreement(shraga)


def test_newer_slot_takes_the_place_of_a_queued_run(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    task = repeating(shraga, overlap="cancel_old")
    for _ in range(3):
        let_slot_come(shraga, task)
        fire(engine)
        assert_agreement(shraga)
    run_once(hand)
    assert hand.try_claim() is None
    assert [run.status for run in shraga.runs(task.id)] == [
        RunStatus.CANCELED, RunStatus.CANCELED, RunStatus.COMPLETED,
    ]  # fmt: skip


def test_newer_slot_stops_the_running_one_and_follows_it(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    task = repeating(shraga, overlap="cancel_old")
    let_slot_come(shraga, task)
    fire(engine)
    claim = hand.claim()
    let_slot_come(shraga, task)
    fire(engine)
    assert hand.heartbeat(claim) == "cancel"
    assert hand.commit(claim, RunStatus.CANCELED) == "canceled"
    assert_agreement(shraga)
    assert hand.claim().attempt == 2
    assert shraga.get(task.id).cancel_requested_by is None


def test_person_who_cancels_while_a_newer_slot_waits_ends_it_all(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga, overlap="cancel_old")
    let_slot_come(shraga, task)
    fire(engine)
    claim = hand.claim()
    let_slot_come(shraga, task)
    fire(engine)
    assert shraga.ask_cancel(task.id)[0] == "asked"
    hand.commit(claim, RunStatus.CANCELED)
    assert shraga.get(task.id).status is TaskStatus.CANCELED
    assert hand.try_claim() is None
    assert_agreement(shraga)


# The end of it


def test_cancel_of_a_task_that_rests_ends_it_for_good(shraga: Shraga, engine: Engine) -> None:
    task = repeating(shraga)
    assert shraga.cancel(task.id).status is TaskStatus.CANCELED
    assert shraga.schedules().rows == ()
    assert execute(shraga, "ZCARD", shraga.driver.keys.make("slots")) == 0
    assert_agreement(shraga)


def test_cancel_of_a_running_one_stops_the_run_and_the_schedule(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga, overlap="queue")
    for _ in range(2):
        let_slot_come(shraga, task)
        fire(engine)
    claim = hand.claim()
    shraga.ask_cancel(task.id)
    assert hand.commit(claim, RunStatus.CANCELED) == "canceled"
    assert shraga.get(task.id).status is TaskStatus.CANCELED
    assert hand.try_claim() is None
    assert_agreement(shraga)


def test_retry_of_one_that_was_canceled_runs_it_and_takes_the_timetable_up(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = repeating(shraga)
    shraga.cancel(task.id)
    assert shraga.retry(task.id).status is TaskStatus.QUEUED
    run_once(hand)
    found = shraga.get(task.id)
    assert found.status is TaskStatus.SCHEDULED
    assert found.next_run_at is not None
    assert found.next_run_at > found.updated_at
    assert_agreement(shraga)


@pytest.mark.parametrize(("status", "ended"), [("completed", "completed"), ("failed", "failed")])
def test_after_the_last_slot_the_task_ends_as_its_last_run(
    shraga: Shraga, engine: Engine, hand: Hand, status: str, ended: str
) -> None:
    task = repeating(shraga, ends_at=shraga.driver.run(shraga.operations.now()) + timedelta(hours=1.5))
    let_slot_come(shraga, task)
    execute(shraga, "HSET", key_of(shraga, task), "next_slot", next_ms(task))
    fire(engine)
    run_once(hand, RunStatus(status), error="why")
    assert shraga.get(task.id).status is TaskStatus(ended)
    assert shraga.schedules().rows == ()
    assert_agreement(shraga)


def test_task_that_rests_is_completed_when_its_last_slot_is_skipped(shraga: Shraga) -> None:
    task = repeating(shraga, ends_at=shraga.driver.run(shraga.operations.now()) + timedelta(hours=1.5))
    assert shraga.skip_slot(task.id).status is TaskStatus.COMPLETED
    assert_agreement(shraga)


# Missed slots


@pytest.mark.parametrize(
    ("policy", "runs", "skipped"),
    [({"missed": "skip"}, 0, 6), ({"missed": "one"}, 1, 5), ({"missed": "all"}, 6, 0),
     ({"missed": "all", "missed_max": 2}, 2, 4)],
)  # fmt: skip
def test_slots_missed_while_no_controller_was_there(
    shraga: Shraga, engine: Engine, hand: Hand, policy: dict[str, Any], runs: int, skipped: int
) -> None:
    task = repeating(shraga, **policy)
    slot = let_slot_come(shraga, task, late_ms=5 * HOUR + HOUR // 2)
    while fire(engine):
        pass
    claims = []
    while claim := hand.try_claim():
        claims.append(claim.fields["occurrence"])
        hand.commit(claim)
    found = shraga.get(task.id)
    assert (len(claims), len(set(claims)), skips_of(shraga, task)) == (runs, runs, skipped)
    assert next_ms(found) == slot + 6 * HOUR
    assert_agreement(shraga)


# Pause, resume, skip, run now


def test_paused_task_rests_until_it_is_resumed(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    task = repeating(shraga)
    paused = shraga.pause_schedule(task.id)
    assert (paused.schedule and paused.schedule.is_active, paused.next_run_at) == (False, None)
    assert fire(engine) == 0
    with pytest.raises(Refused, match="is paused already"):
        shraga.pause_schedule(task.id)
    resumed = shraga.resume_schedule(task.id)
    assert resumed.next_run_at == task.next_run_at
    with pytest.raises(Refused, match="is not paused"):
        shraga.resume_schedule(task.id)
    assert [entry.action for entry in shraga.audit()][-2:] == ["schedule_pause", "schedule_resume"]
    assert_agreement(shraga)


def test_slots_that_pass_while_a_task_is_paused_are_not_made_up_for(shraga: Shraga, engine: Engine) -> None:
    task = repeating(shraga, missed="all")
    shraga.pause_schedule(task.id)
    now = shraga.driver.run(shraga.operations.now())
    ago = int(now.timestamp() * 1000) - 10 * HOUR + 1000
    execute(shraga, "HSET", key_of(shraga, task), "next_slot", ago)
    resumed = shraga.resume_schedule(task.id)
    assert next_ms(resumed) == ago + 10 * HOUR
    assert fire(engine) == 0


def test_task_may_be_submitted_paused(shraga: Shraga, engine: Engine) -> None:
    task = repeating(shraga, is_active=False)
    assert (task.status, task.next_run_at) == (TaskStatus.SCHEDULED, None)
    assert execute(shraga, "ZCARD", shraga.driver.keys.make("slots")) == 0
    assert shraga.resume_schedule(task.id).next_run_at is not None


def test_skipped_slot_is_left_out(shraga: Shraga) -> None:
    task = repeating(shraga)
    found = shraga.skip_slot(task.id)
    assert next_ms(found) == next_ms(task) + HOUR
    assert skips_of(shraga, task) == 1


def test_run_now_counts_as_a_run_and_keeps_the_timetable(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    task = repeating(shraga)
    for attempt in (1, 2):
        assert shraga.retry(task.id).attempt == attempt
        claim = run_once(hand)
        assert claim.fields["occurrence"].startswith(task.id + "@")
        found = shraga.get(task.id)
        assert (found.status, found.next_run_at) == (TaskStatus.SCHEDULED, task.next_run_at)
        assert_agreement(shraga)
    runs = shraga.runs(task.id)
    assert [run.triggered_by for run in runs] == ["manual", "manual"]
    assert len({run.occurrence for run in runs}) == 2


@pytest.mark.parametrize("verb", ["pause_schedule", "resume_schedule", "skip_slot"])
def test_only_what_repeats_has_a_schedule_to_change(shraga: Shraga, verb: str) -> None:
    task = shraga.submit_task(new_task())
    with pytest.raises(Refused, match=r"does not repeat; `shraga schedules` shows those that do\."):
        getattr(shraga, verb)(task.id)
    with pytest.raises(NotFound):
        getattr(shraga, verb)("nothing")
    ended = repeating(shraga)
    shraga.cancel(ended.id)
    with pytest.raises(Refused, match="has ended"):
        getattr(shraga, verb)(ended.id)


# Events


def test_event_starts_each_bound_task_with_its_data(shraga: Shraga, engine: Engine, hand: Hand) -> None:
    bound = [repeating(shraga, on="file_uploaded") for _ in range(2)]
    other = repeating(shraga, on="another")
    emitted = shraga.emit("file_uploaded", {"name": "a.csv"}, key="a")
    assert sorted(emitted.started) == sorted(task.id for task in bound)
    claims = [run_once(hand) for _ in bound]
    assert [claim.fields["event_data"] for claim in claims] == ['{"name": "a.csv"}'] * 2
    assert shraga.runs(bound[0].id)[0].triggered_by == "event:file_uploaded"
    assert shraga.runs(bound[0].id)[0].occurrence == f"{bound[0].id}@a"
    assert {shraga.get(task.id).status for task in (*bound, other)} == {TaskStatus.SCHEDULED}
    assert shraga.audit()[-1].action == "emit"
    assert "event.emitted" in events_of(shraga)
    assert_agreement(shraga)


def test_same_key_is_heard_once(shraga: Shraga, hand: Hand) -> None:
    repeating(shraga, on="file_uploaded")
    assert len(shraga.emit("file_uploaded", key="a").started) == 1
    again = shraga.emit("file_uploaded", key="a")
    assert (again.repeated, again.started) == (True, ())
    assert len(shraga.emit("file_uploaded", key="b").waiting) == 1
    assert len(shraga.emit("file_uploaded").waiting) == 1
    assert len([run_once(hand) for _ in range(3)]) == 3
    assert hand.try_claim() is None


def test_emit_that_broke_off_goes_on_where_it_was(
    shraga: Shraga, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "EMIT_BATCH", 2)
    tasks = [repeating(shraga, on="go") for _ in range(5)]
    flow = shraga.operations.emit("go", key="k")
    call = next(flow)
    assert isinstance(call, Call)
    first = shraga.driver.call(call)
    assert len(first) == 6
    flow.close()
    rest = shraga.emit("go", key="k")
    assert len(rest.started) == 3
    assert sorted(run_once(hand).task_id for _ in tasks) == sorted(task.id for task in tasks)
    assert hand.try_claim() is None


def test_paused_task_hears_nothing(shraga: Shraga) -> None:
    task = repeating(shraga, on="go")
    shraga.pause_schedule(task.id)
    assert shraga.emit("go").skipped == (task.id,)
    shraga.resume_schedule(task.id)
    assert shraga.emit("go").started == (task.id,)


def test_ended_task_hears_nothing(shraga: Shraga) -> None:
    task = repeating(shraga, on="go")
    shraga.cancel(task.id)
    emitted = shraga.emit("go")
    assert (emitted.started, emitted.skipped, emitted.repeated) == ((), (), False)


def test_trigger_ends_at_its_time(shraga: Shraga, engine: Engine) -> None:
    task = repeating(shraga, on="go", ends_at=shraga.driver.run(shraga.operations.now()) + timedelta(hours=1))
    execute(shraga, "ZADD", shraga.driver.keys.make("slots"), "XX", 1, task.id)
    fire(engine)
    assert shraga.get(task.id).status is TaskStatus.COMPLETED
    assert shraga.emit("go").started == ()
    assert_agreement(shraga)


@pytest.mark.parametrize(
    ("event", "data", "said"),
    [("two words", None, "event: use 1 to 64 letters"), ("go", {"x": "y" * 100_001}, "data has 100,0")],
)
def test_emit_of_what_is_no_event_names_the_field(
    shraga: Shraga, event: str, data: dict[str, Any] | None, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        shraga.emit(event, data)


# Other hands


def test_slot_and_event_that_other_hands_removed_are_mended(shraga: Shraga, engine: Engine) -> None:
    timed, bound, paused = repeating(shraga), repeating(shraga, on="go"), repeating(shraga, is_active=False)
    assert paused.status is TaskStatus.SCHEDULED
    engine.lead("test", 60_000)
    assert Mender(engine, "test").mend(TaskStatus.SCHEDULED, 0, 10) == (0, 3)
    execute(shraga, "ZREM", shraga.driver.keys.make("slots"), timed.id)
    execute(shraga, "ZREM", shraga.driver.keys.make("on", event="go"), bound.id)
    assert Mender(engine, "test").mend(TaskStatus.SCHEDULED, 0, 10) == (2, 3)
    assert shraga.emit("go").started == (bound.id,)
    assert execute(shraga, "ZCARD", shraga.driver.keys.make("slots")) == 1
    assert_agreement(shraga)


def test_slot_of_a_task_that_is_gone_is_cleared_away(shraga: Shraga, engine: Engine) -> None:
    execute(shraga, "ZADD", shraga.driver.keys.make("slots"), 1, "nothing")
    assert fire(engine) == 1
    assert fire(engine) == 0


def test_schedule_that_cannot_be_read_does_not_hold_up_the_others(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    broken, sound = repeating(shraga), repeating(shraga)
    let_slot_come(shraga, broken)
    execute(shraga, "HSET", key_of(shraga, broken), "spec", '{"schedule": {"moon": "full"}}')
    let_slot_come(shraga, sound)
    fire(engine)
    assert hand.claim().task_id == sound.id
    assert fire(engine) == 0


def test_list_of_schedules_says_when_how_and_how_the_last_run_ended(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    daily = repeating(shraga, cron="0 2 * * mon-fri", time_zone="Europe/Berlin")
    hourly, bound = repeating(shraga), repeating(shraga, on="go")
    let_slot_come(shraga, hourly)
    fire(engine)
    run_once(hand, RunStatus.FAILED, error="why")
    rows = {row.id: row for row in shraga.schedules().rows}
    assert rows[daily.id].words == "every weekday at 02:00 Europe/Berlin"
    assert (rows[hourly.id].words, rows[hourly.id].last_status, rows[hourly.id].last_error) == (
        "every hour", RunStatus.FAILED, "why",
    )  # fmt: skip
    assert (rows[bound.id].words, rows[bound.id].next_run_at, rows[bound.id].last_status) == (
        "on go",
        None,
        None,
    )
    assert shraga.schedules(owner="nobody").rows == ()
    shraga.emit("go")
    hand.claim()
    assert shraga.schedules().rows[-1].status is TaskStatus.RUNNING


def test_leave_to_run_lets_a_task_that_repeats_rest_until_its_slot(
    shraga: Shraga, engine: Engine, hand: Hand
) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(on="go"), permission="human_required"))
    assert shraga.emit("go").waiting == (task.id,)
    assert shraga.approve(task.id).status is TaskStatus.SCHEDULED
    assert hand.try_claim() is None
    assert_agreement(shraga)
    assert shraga.emit("go").started == (task.id,)
    assert [run_once(hand).task_id for _ in range(2)] == [task.id] * 2
    assert shraga.get(task.id).status is TaskStatus.SCHEDULED
    assert_agreement(shraga)
