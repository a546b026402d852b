"""When a schedule's slots are: the next one, those between two times, and what to do about the ones that passed.

Times are milliseconds since 1970. Of a cron expression with fixed hours each local slot comes once: one that the clocks
jump over comes when they have jumped, one that comes twice counts the first time. One with every hour follows the hours
that pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import shraga_models as models

if TYPE_CHECKING:
    from shraga_models import Overlap, Schedule


LATE_MS = 60_000
"""A slot that comes later than this was missed; one that is a little late just runs."""
COUNTED = 1_000
"""Missed slots that are looked at, the latest ones."""
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule with a slot of its own to count from: that of an interval lies whole intervals from any other."""

    schedule: Schedule
    anchor: int

    def following(self, after: int) -> int | None:
        """Return the first slot after a time, or None where there is none; a trigger's is its end."""
        schedule = self.schedule
        if schedule.on is not None:
            return schedule.ends_ms
        if schedule.interval is not None:
            step = round(schedule.interval * 1000)
            slot = self.anchor + ((after - self.anchor) // step + 1) * step
        else:
            assert schedule.cron is not None
            found = _cron_after(schedule.cron, ZoneInfo(schedule.time_zone), _moment(after))
            if found is None:
                return None
            slot = round(found.timestamp() * 1000)
        return None if schedule.ends_ms is not None and slot > schedule.ends_ms else slot

    def between(self, after: int, until: int, most: int) -> list[int]:
        """Return the slots after a time up to another, the latest `most` of them."""
        if self.schedule.on is not None or until <= after:
            return []
        # From ever further back, so that a year of minutes costs no more than what is asked for.
        window = most * round((self.schedule.interval or 60) * 1000)
        while True:
            start = max(after, until - window)
            found = self._all(start, until)
            if len(found) >= most or start == after:
                return found[-most:]
            window *= 4

    def _all(self, after: int, until: int) -> list[int]:
        found: list[int] = []
        slot = self.following(after)
        while slot is not None and slot <= until:
            found.append(slot)
            slot = self.following(slot)
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of slots that are due: one runs or none, some are skipped, and the next one is known."""

    run: int | None
    skipped: int
    following: int | None
    overlap: Overlap


def plan(schedule: Schedule, slot: int, now: int) -> Plan:
    """Return what to do at `now` about the slot that is due, and any that followed it unseen."""
    if schedule.on is not None:
        return Plan(None, 0, None, schedule.overlap)
    table, overlap = Timetable(schedule, slot), schedule.overlap
    missed = table.between(slot - 1, now - LATE_MS - round(schedule.jitter * 1000), COUNTED)
    if not missed:
        return Plan(slot, 0, table.following(slot), overlap)
    if schedule.missed is models.Missed.ALL:
        kept = missed[-schedule.missed_max :]
        # Each of them is to run, so that they wait for each other whatever the policy.
        overlap = models.Overlap.QUEUE
    else:
        kept = missed[-1:]
    run = None if schedule.missed is models.Missed.SKIP else kept[0]
    return Plan(run, len(missed) - len(kept) + (run is None), table.following(kept[0]), overlap)


def due_at(task_id: str, schedule: Schedule, slot: int) -> int:
    """Return when a slot is due: its time and the task's own part of the jitter."""
    if not schedule.jitter:
        return slot
    share = int.from_bytes(sha256(f"{task_id}@{slot}".encode()).digest()[:6]) / (1 << 48)
    return slot + int(share * schedule.jitter * 1000)


def slot_name(slot: int) -> str:
    """Return a slot as it stands in an occurrence's id."""
    return (
        _moment(slot).isoformat(timespec="milliseconds" if slot % 1000 else "seconds").replace("+00:00", "Z")
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


# Cron in a zone


def _cron_after(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Walk from one change of the clocks to the next: between two of them local time is plain arithmetic."""
    from croniter import CroniterBadDateError

    hourly = _every_hour(cron)
    local = after.astimezone(zone)
    offset, wall = _offset(after, zone), local.replace(tzinfo=None)
    if local.fold and not hourly:
        change = _change(after - timedelta(days=1), after, zone)
        wall = max(wall, change.replace(tzinfo=None) + _offset(change - _MOMENT, zone) - _MOMENT)
    try:
        while True:
            candidate = _wall_after(cron, wall)
            at = (candidate - offset).replace(tzinfo=UTC)
            if _offset(at, zone) == offset:
                return at
            change = _change(after, at, zone)
            new = _offset(change, zone)
            leaves, enters = (change.replace(tzinfo=None) + part for part in (offset, new))
            if not hourly and candidate < enters:
                return change
            # Where the clocks went back, a fixed hour goes on only where it has not been.
            wall = (enters if hourly else max(leaves, enters)) - _MOMENT
            offset, after = new, change
    except (CroniterBadDateError, OverflowError):
        return None


def _every_hour(cron: str) -> bool:
    from croniter import croniter

    return bool(croniter.expand(cron)[0][1] == ["*"])


def _wall_after(cron: str, wall: datetime) -> datetime:
    from croniter import croniter

    found: datetime = croniter(cron, wall).get_next(datetime)
    return found


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change(after: datetime, until: datetime, zone: ZoneInfo) -> datetime:
    """Return a time in between at which the zone's offset changes; that at its ends differs."""
    low, high, before = after, until, _offset(after, zone)
    while high - low > _MOMENT:
        middle = low + (high - low) / 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


# Words

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def words(schedule: Schedule) -> str:
    """Return a schedule as a person says it: `every weekday at 02:00 Europe/Berlin`, `every 5 minutes`."""
    if schedule.on is not None:
        return f"on {schedule.on}"
    if schedule.interval is not None:
        return _every(schedule.interval)
    if schedule.at is not None:
        return f"once at {schedule.at:%Y-%m-%d %H:%M} UTC"
    return _cron_words(_ALIASES.get(schedule.cron or "", schedule.cron or ""), schedule.time_zone)


def _every(seconds: float) -> str:
    for size, unit in ((604800, "week"), (86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            count = int(seconds // size)
            return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    return "every second" if seconds == 1 else f"every {seconds:g} seconds"


def _cron_words(cron: str, zone: str) -> str:
    minute, hour, *days = cron.split(" ")
    said, time = _days(*days), _time(minute, hour)
    if said is None or time is None:
        return f"cron {cron} {zone}"
    if hour != "*":
        return f"{said} at {time} {zone}"
    return time if said == "every day" else f"{time}, {said} {zone}"


def _time(minute: str, hour: str) -> str | None:
    if hour == "*" and minute.removeprefix("*/").isdecimal():
        step = int(minute.removeprefix("*/"))
        if not minute.startswith("*"):
            return f"every hour at :{step:02d}"
        return _every(60 * step) if step and 60 % step == 0 else None
    if hour == "*":
        return "every minute" if minute == "*" else None
    hours = hour.split(",")
    if minute.isdecimal() and all(one.isdecimal() for one in hours):
        return ", ".join(f"{int(one):02d}:{int(minute):02d}" for one in hours)
    return None


def _days(day: str, month: str, weekday: str) -> str | None:
    if month != "*" and not (month.isdecimal() and day.isdecimal()):
        return None
    if weekday == "*":
        if day == "*":
            return "every day"
        if not day.isdecimal():
            return None
        return (
            f"every month on day {day}" if month == "*" else f"every year on {_MONTHS[int(month) - 1]} {day}"
        )
    if day != "*" or month != "*":
        return None
    if weekday in ("1-5", "mon-fri"):
        return "every weekday"
    names = [_weekday(one) for one in weekday.split(",")]
    return None if None in names else f"every {', '.join(str(name) for name in names)}"


def _weekday(word: str) -> str | None:
    if word.isdecimal():
        return _DAYS[int(word) % 7]
    return next((day for day in _DAYS if day[:3].lower() == word), None)
