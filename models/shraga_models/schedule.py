"""When a task runs: at a time, at intervals, or by a cron expression."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from .base import Model, Moment
from .durations import Seconds


class Schedule(Model):
    """The schedule fields of a task (seed: scheduler tasks); exactly one of cron, interval and at."""

    cron: str | None = None
    interval: Annotated[Seconds, Field(gt=0)] | None = None
    """Seconds between two runs."""
    at: Moment | None = None
    time_zone: str = "UTC"
    """The IANA zone a cron expression is read in."""
    next_run_at: Moment | None = None
    last_run_at: Moment | None = None
    is_active: bool = True

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no IANA time zone: write one such as Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _one_form(self) -> Schedule:
        if sum(form is not None for form in (self.cron, self.interval, self.at)) != 1:
            raise ValueError("give exactly one of cron, interval and at")
        return self

    @property
    def is_recurring(self) -> bool:
        """Whether the task returns to scheduled after a run."""
        return self.at is None

    @property
    def at_ms(self) -> int | None:
        """The start time as milliseconds since 1970, or None where the schedule recurs."""
        return None if self.at is None else int(self.at.astimezone(UTC).timestamp() * 1000)
