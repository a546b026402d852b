"""The options of `shraga submit` that say when a task runs, and by when it has to be done."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_models.durations import parse_duration
from shraga_queue.errors import InvalidInput

from .options import option

if TYPE_CHECKING:
    from shraga_queue.client import Shraga

Text = str | None

_TIMES = {"at": "at", "until": "ends_at"}
"""Options that are times, and their fields of `Schedule`."""
_DUE = "due"
_FIELDS = {
    "cron": "cron",
    "every": "interval",
    "on": "on",
    "tz": "time_zone",
    "missed": "missed",
    "overlap": "overlap",
    "jitter": "jitter",
}

OPTIONS: dict[str, Any] = {
    "at": Annotated[Text, option("--at", "When: ISO 8601 (UTC unless it says), or +10m.", "TIME")],
    "cron": Annotated[Text, option("--cron", "Repeat by a cron expression: '0 2 * * mon-fri'.", "EXPR")],
    "every": Annotated[Text, option("--every", "Repeat at an interval, as 5m or 1h.", "TIME")],
    "on": Annotated[Text, option("--on", "Run when this event is emitted.", "EVENT")],
    "tz": Annotated[Text, option("--tz", "The zone of --cron, as Europe/Berlin; else UTC.", "ZONE")],
    "missed": Annotated[Text, option("--missed", "Slots without a controller: skip, one or all.")],
    "overlap": Annotated[
        Text, option("--overlap", "While the run before goes on: skip, queue or cancel_old.")
    ],
    "jitter": Annotated[Text, option("--jitter", "Start up to this much later than the slot.", "TIME")],
    "until": Annotated[Text, option("--until", "Repeat no longer than until then.", "TIME")],
    _DUE: Annotated[Text, option("--due", "When it has to be done: a time as for --at, or +2d.", "TIME")],
    "paused": Annotated[
        bool | None, typer.Option("--paused", help="Repeat only once it is resumed.", show_default=False)
    ],
}


def timed(fields: dict[str, Any], options: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return a task's fields with the schedule and the due time that the options say; raises InvalidInput naming the
    option."""
    given = {field: options[flag] for flag, field in _FIELDS.items() if flag in options}
    given |= {field: moment(flag, options[flag], now) for flag, field in _TIMES.items() if flag in options}
    if options.get("paused"):
        given["is_active"] = False
    if _DUE in options:
        fields = fields | {"due_at": moment(_DUE, options[_DUE], now)}
    return fields | {"schedule": (fields.get("schedule") or {}) | given} if given else fields


def clock(shraga: Shraga, options: dict[str, Any]) -> datetime:
    """Return the time that `+10m` counts from: the server's, since its clock decides what is due."""
    if any(options.get(flag, "").startswith("+") for flag in (*_TIMES, _DUE)):
        return shraga.driver.run(shraga.operations.now())
    return datetime.now(UTC)


def duration(flag: str, value: str) -> float:
    """Return seconds; raises InvalidInput naming the option."""
    try:
        return parse_duration(value)
    except ValueError as error:
        raise InvalidInput(flag, f"--{flag}: {error}.") from None


def moment(flag: str, value: str, now: datetime) -> datetime:
    """Return a time as it is given, or as far from now; raises InvalidInput."""
    try:
        if value.startswith("+"):
            return now + timedelta(seconds=duration(flag, value[1:]))
        return datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value))
    except OverflowError:
        raise InvalidInput(
            flag, f"--{flag} {value[:80]} is beyond the year 9999: give an earlier time."
        ) from None
    except ValueError:
        raise InvalidInput(
            flag, f"--{flag} {value!r} is no time: write 2030-01-31T08:00, 2030-01-31T08:00+02:00 or +10m."
        ) from None
