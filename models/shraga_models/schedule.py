"""When a task runs: at a time, at intervals, by a cron expression, or when an event is emitted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from .base import Model, Moment, Slug
from .durations import Seconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS = ("cron", "interval", "at", "on")
_CRON = "write five fields, minute hour day month weekday, such as '0 2 * * mon-fri', or @daily"
_ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")


class Missed(StrEnum):
    """What follows slots that passed while no controller was there (seed: scheduler tasks)."""

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


class Overlap(StrEnum):
    """What follows a slot or an event that comes while the run before has not ended."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_OLD = "cancel_old"


class Schedule(Model):
    """The schedule fields of a task (seed: scheduler tasks, task_event_triggers).

    Exactly one of cron, interval, at and on; all but `at` make a task that rests between its runs.
    """

    cron: str | None = None
    interval: Annotated[Seconds, Field(ge=1, le=3650 * 86400)] | None = None
    """Seconds between two slots; the first is one interval after the submission."""
    at: Moment | None = None
    on: Slug | None = None
    """The name of the event that starts the task: a trigger."""
    time_zone: str = "UTC"
    """The IANA zone a cron expression is read in."""
    missed: Missed = Missed.ONE
    missed_max: Annotated[int, Field(ge=1, le=1000)] = 100
    """How many missed slots `all` makes up for at most, the latest ones."""
    overlap: Overlap = Overlap.SKIP
    """A trigger's is `queue` where nothing is said: each event is heard."""
    jitter: Annotated[Seconds, Field(ge=0, le=86400)] = 0.0
    """Seconds by which a run may come after its slot, the same for the same slot of the same task."""
    ends_at: Moment | None = None
    """No slot and no event counts after it; the task is completed."""
    is_active: bool = True
    next_run_at: Moment | None = None
    """The next slot, as the store has it."""
    last_run_at: Moment | None = None
    skipped: int = 0
    """How many slots and events started no run."""

    @model_validator(mode="before")
    @classmethod
    def _hear_each_event(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("on") and "overlap" not in given:
            return given | {"overlap": Overlap.QUEUE}
        return given

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no IANA time zone: write one such as Europe/Berlin") from None
        return zone

    @field_validator("cron")
    @classmethod
    def _known_cron(cls, cron: str | None) -> str | None:
        return None if cron is None else _checked_cron(" ".join(cron.lower().split()))

    @model_validator(mode="after")
    def _one_form(self) -> Schedule:
        if sum(getattr(self, form) is not None for form in _FORMS) != 1:
            raise ValueError("give exactly one of cron, interval, at and on")
        if self.interval is not None and self.jitter > self.interval:
            raise ValueError("jitter is longer than the interval: give less")
        return self

    @property
    def is_recurring(self) -> bool:
        """Whether the task returns to scheduled after a run."""
        return self.at is None

    @property
    def at_ms(self) -> int | None:
        """The start time as milliseconds since 1970, or None where the schedule recurs."""
        return _ms(self.at)

    @property
    def next_ms(self) -> int | None:
        """The next slot as milliseconds since 1970, or None for none."""
        return _ms(self.next_run_at)

    @property
    def ends_ms(self) -> int | None:
        """The end as milliseconds since 1970, or None for none."""
        return _ms(self.ends_at)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else (at.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def _checked_cron(cron: str) -> str:
    # croniter also knows seconds, years, hashed and random fields, which no other cron reads the same way.
    if cron not in _ALIASES and (len(cron.split(" ")) != 5 or re.search(r"\b[hr]\b|\b[hr]\(", cron)):
        raise ValueError(f"{cron!r} is no cron expression: {_CRON}")
    from croniter import CroniterBadDateError, CroniterError, croniter

    try:
        croniter(cron, datetime(2000, 1, 1)).get_next(datetime)
    except CroniterBadDateError:
        raise ValueError(f"{cron!r} never comes: name a day that its month has") from None
    except (CroniterError, ValueError, KeyError, AttributeError):
        raise ValueError(f"{cron!r} is no cron expression: {_CRON}") from None
    return cron
