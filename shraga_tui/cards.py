"""What a task's card says: three lines of spans, from a row whose text is harmless already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from shraga_models import RunStatus, TaskStatus
from shraga_models.durations import format_duration
from shraga_queue.codec import TaskRow
from shraga_tui.look import TASK_LOOKS, UNKNOWN, VERDICT, Look, due_mark
from shraga_tui.widgets.paint import Line, Span, ends, fit, width_of

PRIORITY_MARKS: dict[str, Span] = {
    "critical": ("▲▲ ", "failed"),
    "high": ("▲ ", "waiting"),
    "low": ("▽ ", "faint"),
}
SEPARATOR = " · "
TIMED_OUT = "timed out"
ROOMY = 26
"""Cells of a card from which it says more than the least."""


def age(now_ms: int, then_ms: int) -> str:
    """Return how long ago a time was, as short as a card needs it."""
    return format_duration((now_ms - then_ms) / 1000) if then_ms else ""


def took(seconds: float) -> str:
    """Return how long a run took; short ones with a tenth of a second."""
    return f"{max(0.0, seconds):.1f}s" if seconds < 10 else format_duration(seconds)


def clock(ms: int, now_ms: int) -> str:
    """Return a time of day in the local zone, with its date where that is not today's."""
    at, today = (datetime.fromtimestamp(value / 1000, UTC).astimezone() for value in (ms, now_ms))
    return at.strftime("%H:%M" if at.date() == today.date() else "%d %b %H:%M")


def bar(share: float, width: int) -> str:
    """Return a progress bar of `width` cells."""
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "░" * (width - full)


def look_of(status: str, run: str = "") -> Look:
    """Return how a status looks; `run` is the status of the latest run, where it is known."""
    if status == TaskStatus.AWAITING_APPROVAL and run == RunStatus.COMPLETED:
        return VERDICT
    return TASK_LOOKS.get(status, UNKNOWN)


def card_lines(row: TaskRow, width: int, now_ms: int) -> tuple[Line, Line, Line]:
    """Return the title, the state and the last words of a task."""
    mark = PRIORITY_MARKS.get(row.priority, ("", "text"))
    title: Line = (mark, (fit(row.name.strip() or "(no name)", width - len(mark[0])), "strong"))
    return title, _state(row, width, now_ms), ((fit(_words(row, now_ms), width), "faint"),)


def _state(row: TaskRow, width: int, now_ms: int) -> Line:
    if row.status == TaskStatus.RUNNING:
        return _running(row, width, now_ms)
    look, point, parts, when = look_of(row.status, row.run), "", list[str](), _ago(row, width, now_ms)
    word = look.word
    if row.status in (TaskStatus.SCHEDULED, TaskStatus.QUEUED, TaskStatus.BLOCKED):
        parts, when = _queued(row, now_ms)
    elif row.status in (TaskStatus.WAITING_FOR_INPUT, TaskStatus.AWAITING_APPROVAL):
        parts, when = [row.owner], age(now_ms, row.moved_at)
    elif row.status == TaskStatus.COMPLETED:
        point = _took(row, "in " if width >= ROOMY else "")
    elif row.status == TaskStatus.FAILED and row.run == RunStatus.TIMEOUT:
        word, parts = TIMED_OUT, [_attempt(row)]
    elif row.status == TaskStatus.FAILED:
        point, parts = f"exit {row.exit_code}" if row.exit_code not in ("", "0") else "", [_attempt(row)]
    tries = [
        (word, [point, *parts], when), (word, [point], when), (word, [point], ""), ("", [point], when),
        ("", [point], ""),
    ]  # fmt: skip
    return _first_that_fits(look, tries if point else [*tries[:2], ("", [], when)], width)


def _first_that_fits(look: Look, tries: Sequence[tuple[str, list[str], str]], width: int) -> Line:
    """The fullest of some ways to say a state, each a word, facts and a time; the last is cut where none fits."""
    for word, facts, when in tries:
        said = SEPARATOR.join(part for part in (word, *facts) if part)
        if width_of(f"{look.glyph} {said} {when}".rstrip()) <= width:
            break
    head, rest = (said[: len(word)], said[len(word) :]) if word else (said, "")
    return ends(((f"{look.glyph} {head}", look.tone), (rest, "faint")), ((when, "faint"),), width)


def _ago(row: TaskRow, width: int, now_ms: int) -> str:
    since = age(now_ms, row.moved_at)
    return f"{since} ago" if width >= ROOMY else since


def _running(row: TaskRow, width: int, now_ms: int) -> Line:
    since = age(now_ms, row.started_at or row.moved_at)
    if row.canceling:
        return ends((("◌ asked to stop, waiting for the worker…", "waiting"),), ((since, "faint"),), width)
    if row.progress is None:
        where = SEPARATOR.join(part for part in ("▶ running", _attempt(row)) if part)
        return ends(((where, "running"),), ((since, "faint"),), width)
    percent = f" {row.progress:.0%}"
    room = max(4, min(24, width - len(percent) - len(since) - 2))
    return ends(((bar(row.progress, room), "running"), (percent, "strong")), ((since, "faint"),), width)


def _queued(row: TaskRow, now_ms: int) -> tuple[list[str], str]:
    wants = f"needs {row.capability}" if row.capability != "any" else ""
    if row.status == TaskStatus.SCHEDULED and row.scheduled_at:
        left = (row.scheduled_at - now_ms) / 1000
        due = f"in {format_duration(left).partition(' ')[0]}" if left > 0 else "due"
        return [clock(row.scheduled_at, now_ms), _attempt(row), wants], due
    return [_attempt(row), wants], age(now_ms, row.moved_at)


def _attempt(row: TaskRow) -> str:
    return f"try {row.try_number}" if row.try_number > 1 else ""


def _took(row: TaskRow, lead: str) -> str:
    return f"{lead}{took((row.moved_at - row.started_at) / 1000)}" if row.started_at else ""


def _words(row: TaskRow, now_ms: int) -> str:
    if row.error and row.status != TaskStatus.COMPLETED:
        return row.error.replace("␊", " ").strip()
    if row.thought:
        return f"“{row.thought}”"
    said = (due_mark(row, now_ms), row.owner, *(f"#{label}" for label in row.labels))
    return SEPARATOR.join(part for part in said if part)
