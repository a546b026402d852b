"""When slots are: each local slot once whatever the clocks do, bounded looks back, and the words for it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from shraga_models import Missed, Overlap, Schedule
from shraga_queue.timetable import LATE_MS, Plan, Timetable, due_at, plan, slot_name, words

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo",
         "America/Sao_Paulo", "Antarctica/Troll"]  # fmt: skip
MINUTE, HOUR = 60_000, 3_600_000
minutes = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1)).map(
    lambda at: int(at.replace(second=0, microsecond=0, tzinfo=UTC).timestamp() * 1000)
)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def local(slot: int, zone: str) -> datetime:
    return datetime.fromtimestamp(slot / 1000, ZoneInfo(zone))


def slots(cron: str, after: str, until: str) -> list[str]:
    table = Timetable(Schedule(cron=cron, time_zone="Europe/Berlin"), 0)
    found = table.between(ms(after), ms(until), 1000)
    return [local(slot, "Europe/Berlin").isoformat(timespec="minutes") for slot in found]


# The clocks


def test_slot_that_the_clocks_jump_over_comes_when_they_have_jumped() -> None:
    assert slots("30 2 * * *", "2026-03-28T00:00+01:00", "2026-03-31T00:00+02:00") == [
        "2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00",
    ]  # fmt: skip


def test_slot_that_comes_twice_counts_the_first_time() -> None:
    assert slots("30 2 * * *", "2026-10-24T00:00+02:00", "2026-10-27T00:00+01:00") == [
        "2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00",
    ]  # fmt: skip


def test_asked_in_the_second_pass_of_an_hour_a_fixed_slot_has_been() -> None:
    table = Timetable(Schedule(cron="30 2,3 * * *", time_zone="Europe/Berlin"), 0)
    assert table.following(ms("2026-10-25T02:10+01:00")) == ms("2026-10-25T03:30+01:00")


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_every_hour_follows_the_hours_that_pass(day: str, hours: int) -> None:
    first = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    last = first + timedelta(days=1)
    found = slots(
        "0 * * * *", (first - timedelta(minutes=1)).isoformat(), (last - timedelta(minutes=1)).isoformat()
    )
    assert len(found) == hours
    passed = [later - earlier for earlier, later in pairwise(map(datetime.fromisoformat, found))]
    assert set(passed) == {timedelta(hours=1)}


def exists(day: date, hour: int, minute: int, zone: str) -> bool:
    """Whether the clocks of a zone show a time on a day."""
    wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))
    return wall.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall.replace(tzinfo=None)


@profile(max_examples=30)
@given(start=minutes, zone=st.sampled_from(ZONES), hour=st.integers(0, 4), minute=st.integers(0, 59))
def test_a_daily_slot_comes_once_a_local_day(start: int, zone: str, hour: int, minute: int) -> None:
    table, slot, days = (
        Timetable(Schedule(cron=f"{minute} {hour} * * *", time_zone=zone), 0),
        start,
        list[date](),
    )
    for _ in range(370):
        slot = table.following(slot) or 0
        at = local(slot, zone)
        days.append(at.date())
        if exists(at.date(), hour, minute, zone):
            assert (at.hour, at.minute, at.fold) == (hour, minute, 0)
    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=1)}


@given(
    start=minutes,
    zone=st.sampled_from(ZONES),
    cron=st.sampled_from(
        ["*/15 * * * *", "7 * * * *", "30 2 * * *", "*/20 1-3 * * *", "0 0 1 * *", "15 3 * * sun"]
    ),
    steps=st.lists(st.integers(1, 2_000), min_size=1, max_size=8),
)
def test_what_follows_does_not_depend_on_when_it_was_asked(
    start: int, zone: str, cron: str, steps: list[int]
) -> None:
    table, walked = Timetable(Schedule(cron=cron, time_zone=zone), 0), [start]
    for _ in range(20):
        walked.append(table.following(walked[-1]) or 0)
    assert all(earlier < later for earlier, later in pairwise(walked))
    for step in steps:
        at = start + step * MINUTE
        expected = [slot for slot in walked[1:] if slot > at]
        assert not expected or table.following(at) == expected[0]


# Looking back


@given(
    most=st.integers(1, 50),
    hours=st.integers(0, 400),
    schedule=st.sampled_from([{"interval": 3600}, {"cron": "0 * * * *"}, {"cron": "*/7 5 * * *"}]),
)
def test_the_latest_slots_of_a_time_are_found(most: int, hours: int, schedule: dict[str, Any]) -> None:
    table = Timetable(Schedule(**schedule), ms("2026-01-01T00:00Z"))
    after = ms("2026-01-05T00:00Z")
    until, every, slot = after + hours * HOUR, list[int](), table.following(after)
    while slot is not None and slot <= until:
        every.append(slot)
        slot = table.following(slot)
    assert table.between(after, until, most) == every[-most:]


def test_slots_of_an_interval_lie_whole_intervals_apart_and_do_not_drift() -> None:
    table = Timetable(Schedule(interval=7), 1000)
    assert [table.following(at) for at in (0, 999, 1000, 1001, 8000)] == [1000, 1000, 8000, 8000, 15000]


def test_after_the_end_there_is_no_slot() -> None:
    table = Timetable(Schedule(interval=60, ends_at="2026-01-01T00:02Z"), ms("2026-01-01T00:00Z"))
    assert table.between(ms("2026-01-01T00:00Z"), ms("2027-01-01T00:00Z"), 9) == [
        ms("2026-01-01T00:01Z"), ms("2026-01-01T00:02Z"),
    ]  # fmt: skip
    assert table.following(ms("2026-01-01T00:02Z")) is None


@pytest.mark.parametrize(
    ("on", "slot"), [({}, None), ({"ends_at": "2026-01-01T00:00Z"}, ms("2026-01-01T00:00Z"))]
)
def test_a_trigger_has_no_slot_but_its_end(on: dict[str, Any], slot: int | None) -> None:
    schedule = Schedule(on="go", **on)
    table = Timetable(schedule, 0)
    assert table.following(0) == slot
    assert table.between(0, 1 << 50, 5) == []
    assert plan(schedule, 0, 1) == Plan(None, 0, None, Overlap.QUEUE)


# What to do about slots


def test_slot_that_is_a_little_late_just_runs() -> None:
    assert plan(Schedule(interval=3600), HOUR, HOUR + LATE_MS - 1) == Plan(HOUR, 0, 2 * HOUR, Overlap.SKIP)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"missed": Missed.SKIP}, Plan(None, 5, 6 * HOUR, Overlap.SKIP)),
        ({"missed": Missed.ONE}, Plan(5 * HOUR, 4, 6 * HOUR, Overlap.SKIP)),
        ({"missed": Missed.ALL}, Plan(HOUR, 0, 2 * HOUR, Overlap.QUEUE)),
        ({"missed": Missed.ALL, "missed_max": 2}, Plan(4 * HOUR, 3, 5 * HOUR, Overlap.QUEUE)),
    ],
)
def test_missed_slots_follow_the_policy(policy: dict[str, Any], expected: Plan) -> None:
    assert plan(Schedule(interval=3600, **policy), HOUR, 5 * HOUR + HOUR // 2) == expected


@given(seconds=st.integers(1, 86_400), slot=st.integers(0, 1 << 42))
def test_jitter_is_the_same_for_the_same_slot_and_within_its_bound(seconds: int, slot: int) -> None:
    schedule = Schedule(cron="0 0 * * *", jitter=seconds)
    due = due_at("a", schedule, slot)
    assert due == due_at("a", schedule, slot)
    assert slot <= due < slot + seconds * 1000


def test_jitter_differs_between_tasks_and_slots() -> None:
    schedule = Schedule(cron="0 0 * * *", jitter=3600)
    assert len({due_at(task, schedule, slot) - slot for task in "abc" for slot in (0, HOUR)}) == 6
    assert due_at("a", Schedule(cron="0 0 * * *"), 5) == 5


def test_slot_is_named_by_its_time() -> None:
    assert slot_name(ms("2026-01-01T02:00Z")) == "2026-01-01T02:00:00Z"
    assert slot_name(1) == "1970-01-01T00:00:00.001Z"


# Words


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"cron": "0 2 * * mon-fri", "time_zone": "Europe/Berlin"}, "every weekday at 02:00 Europe/Berlin"),
        ({"cron": "@daily"}, "every day at 00:00 UTC"),
        ({"cron": "*/5 * * * *"}, "every 5 minutes"),
        ({"cron": "* * * * *"}, "every minute"),
        ({"cron": "*/7 * * * *"}, "cron */7 * * * * UTC"),
        ({"cron": "15 * * * *"}, "every hour at :15"),
        ({"cron": "*/10 * * * 1-5"}, "every 10 minutes, every weekday UTC"),
        ({"cron": "0 9,17 * * 1,wed"}, "every Monday, Wednesday at 09:00, 17:00 UTC"),
        ({"cron": "30 6 1 * *"}, "every month on day 1 at 06:30 UTC"),
        ({"cron": "@yearly"}, "every year on January 1 at 00:00 UTC"),
        ({"cron": "0 0 1-7 * *"}, "cron 0 0 1-7 * * UTC"),
        ({"cron": "0 0 1 * mon"}, "cron 0 0 1 * mon UTC"),
        ({"cron": "0 0 * 1-3 *"}, "cron 0 0 * 1-3 * UTC"),
        ({"cron": "0 0 * * mon-wed"}, "cron 0 0 * * mon-wed UTC"),
        ({"cron": "*/5 9-17 * * *"}, "cron */5 9-17 * * * UTC"),
        ({"interval": 1}, "every second"),
        ({"interval": 90}, "every 90 seconds"),
        ({"interval": 300}, "every 5 minutes"),
        ({"interval": "1d"}, "every day"),
        ({"on": "file_uploaded"}, "on file_uploaded"),
        ({"at": "2030-01-01T08:00Z"}, "once at 2030-01-01 08:00 UTC"),
    ],
)
def test_schedule_is_said_as_a_person_says_it(schedule: dict[str, Any], said: str) -> None:
    assert words(Schedule(**schedule)) == said
