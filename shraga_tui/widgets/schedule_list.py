"""The tasks that repeat as a table with a title line: when, how, and how the last run ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shraga_models import RunStatus
from shraga_models.durations import format_duration
from shraga_queue.scheduling import ScheduleRow
from shraga_queue.timetable import Timetable
from shraga_tui.chrome import SPARKS
from shraga_tui.look import TASK_LOOKS

from .bars import Bar
from .paint import Line, Span, pad
from .virtual_list import VirtualList

_COLUMNS: tuple[tuple[str, int, int], ...] = (
    ("state", 12, 0),
    ("task", 22, 0),
    ("next", 9, 0),
    ("last", 9, 0),
    ("ended", 11, 0),
    ("waiting", 8, 110),
    ("skipped", 8, 110),
    ("owner", 12, 130),
)
"""Title, width, and the least width of the terminal at which a column is shown."""
HOURS = 24
HOUR_MS = 3_600_000
PER_HOUR = 12
"""Slots of an hour that are told apart in the timeline; more is full."""
_TONES = {RunStatus.COMPLETED: "done", RunStatus.FAILED: "failed", RunStatus.TIMEOUT: "failed"}


def schedule_cells(row: ScheduleRow, now_ms: int) -> dict[str, Span]:
    """Return the cells of a schedule, by column title."""
    look, paused = TASK_LOOKS[row.status], not row.schedule.is_active
    ended = row.last_status
    return {
        "state": ("‖ paused", "faint") if paused else (f"{look.glyph} {look.word}", look.tone),
        "task": (row.name, "strong"),
        "next": (_until(row, now_ms), "planned"),
        "last": (_since(row, now_ms), "text"),
        "ended": (ended or "–", _TONES.get(ended, "faint") if ended else "faint"),
        "waiting": (f"{row.waiting:,}", "waiting" if row.waiting else "faint"),
        "skipped": (f"{row.schedule.skipped:,}", "text" if row.schedule.skipped else "faint"),
        "owner": (row.owner, "faint"),
    }


def _until(row: ScheduleRow, now_ms: int) -> str:
    if row.next_run_at is None:
        return "–"
    return format_duration(max(0.0, row.next_run_at.timestamp() - now_ms / 1000))


def _since(row: ScheduleRow, now_ms: int) -> str:
    return "–" if row.last_run_at is None else format_duration(now_ms / 1000 - row.last_run_at.timestamp())


def timeline(row: ScheduleRow, now_ms: int) -> str:
    """Return the slots of the next 24 hours as a sparkline, an hour a cell; blanks where none comes."""
    slot = row.schedule.next_ms
    if slot is None or row.schedule.on or not row.schedule.is_active:
        return ""
    table = Timetable(row.schedule, slot)
    marks = []
    for hour in range(HOURS):
        first = max(now_ms + hour * HOUR_MS, slot - 1)
        count = len(table.between(first, now_ms + (hour + 1) * HOUR_MS, PER_HOUR))
        marks.append(SPARKS[(count - 1) * (len(SPARKS) - 1) // (PER_HOUR - 1)] if count else "·")
    return "".join(marks)


def _shown(width: int) -> list[tuple[str, int]]:
    return [(title, cells) for title, cells, least in _COLUMNS if width >= least]


class ScheduleTitles(Bar):
    """The titles over the schedules."""

    def _line(self) -> Line:
        titles = ((pad(title, cells), "faint") for title, cells in _shown(self.size.width))
        return ((" ", "text"), *titles, ("when", "faint"))


class ScheduleList(VirtualList[ScheduleRow]):
    """The tasks that repeat, one line each."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__(id="schedules")
        self.empty = "Reading…"
        self._now_ms = now_ms

    def show_schedules(self, rows: Sequence[ScheduleRow]) -> None:
        """Take the schedules, in the order they are shown in."""
        self.empty = (
            "Nothing repeats.\n\nSubmit a task with --every, --cron or --on:\n`shraga submit --help`."
        )
        self.show_rows(0, len(rows), rows)
        self.refresh()

    def key_of(self, row: ScheduleRow) -> str:
        return row.id

    def lines_of(self, row: ScheduleRow, width: int, selected: bool) -> list[Line]:
        cells = schedule_cells(row, self._now_ms())
        spans: list[Span] = [("▌" if selected else " ", "accent")]
        for title, room in _shown(width):
            text, tone = cells[title]
            spans.append((pad(text, room - 1) + " ", tone))
        return [(*spans, (row.words, "text"))]

    def moment(self) -> int:
        return self._now_ms() // 1000
