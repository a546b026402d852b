"""The table of tasks: one line each, as many as there are, of which only pages are held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.timer import Timer

from shraga_models import TaskStatus
from shraga_models.durations import format_duration
from shraga_queue.codec import TaskRow
from shraga_tui.cards import PRIORITY_MARKS, age, bar, look_of
from shraga_tui.look import Look, due_mark
from shraga_tui.pager import TaskPager

from .bars import Bar
from .paint import Line, Span, fit, pad
from .virtual_list import VirtualList

GRACE = 0.04
"""Seconds a jump waits for its rows, so that one frame shows it instead of two."""
STOPPING = Look("◌", "stopping", "waiting")
PRIORITY_FROM = 100
LEAD = 3
"""Cells for the cursor's edge and the mark of a selected task."""
Columns = tuple[tuple[str, int, int], ...]
COLUMNS: Columns = (
    ("status", 12, 0),
    ("name", 0, 0),
    ("owner", 10, 60),
    ("kind", 13, 112),
    ("priority", 12, PRIORITY_FROM),
    ("moved", 8, 0),
    ("worker", 17, 72),
    ("last words", 0, 150),
    ("id", 9, 132),
)
"""Title, width (0: a share of the rest), and the least width of the table at which a column is shown."""
INBOX_COLUMNS: Columns = (
    ("status", 12, 0),
    ("name", 0, 0),
    ("owner", 10, PRIORITY_FROM),
    ("priority", 12, PRIORITY_FROM),
    ("moved", 8, 0),
    ("last words", 0, 0),
    ("id", 9, 132),
)
"""What waits on people has no worker, and its words are what it waits for."""


def columns(width: int, known: Columns = COLUMNS) -> list[tuple[str, int]]:
    """Return the columns that fit, each with its width; they share what is left of `width`."""
    shown = [(title, cells) for title, cells, least in known if width >= least]
    rest = width - LEAD - sum(cells for _, cells in shown)
    shares = sum(cells == 0 for _, cells in shown)
    return [(title, cells or max(8, rest // shares)) for title, cells in shown]


def task_cells(row: TaskRow, now_ms: int, *, marked_priority: bool) -> dict[str, Span]:
    """Return the cells of a task, by column title."""
    look = STOPPING if row.canceling else look_of(row.status, row.run)
    mark, tone = PRIORITY_MARKS.get(row.priority, ("", "faint"))
    name = row.name.strip() or "(no name)"
    return {
        "status": (f"{look.glyph} {look.word}", look.tone),
        "name": (f"{mark if marked_priority else ''}{name}", "strong"),
        "owner": (row.owner, "text"),
        "kind": (row.kind.replace("_", " "), "faint"),
        "priority": (f"{mark}{row.priority}", tone),
        "moved": (_when(row, now_ms), "text"),
        "worker": _work(row),
        "last words": (_words(row, now_ms), "failed" if _failed(row) else "faint"),
        "id": (row.id[-8:], "faint"),
    }


def _when(row: TaskRow, now_ms: int) -> str:
    if row.status == TaskStatus.SCHEDULED and row.scheduled_at:
        left = (row.scheduled_at - now_ms) / 1000
        return f"in {format_duration(left).partition(' ')[0]}" if left > 0 else "due"
    return age(now_ms, row.moved_at)


def _work(row: TaskRow) -> Span:
    if row.status == TaskStatus.RUNNING and row.progress is not None:
        return f"{bar(row.progress, 6)} {row.progress:.0%}", "running"
    if row.status == TaskStatus.FAILED and row.exit_code not in ("", "0"):
        return f"exit {row.exit_code}", "failed"
    wants = f"needs {row.capability}" if row.capability != "any" and not row.worker else ""
    return row.worker or wants or (f"try {row.try_number}" if row.try_number > 1 else ""), "faint"


def _failed(row: TaskRow) -> bool:
    return bool(row.error) and row.status == TaskStatus.FAILED


def _words(row: TaskRow, now_ms: int) -> str:
    if _failed(row):
        return row.error.replace("␊", " ").strip()
    return row.thought or " ".join(
        part for part in (due_mark(row, now_ms), *(f"#{one}" for one in row.labels)) if part
    )


class TaskTitles(Bar):
    """The titles over the tasks; the one that sorts carries an arrow."""

    oldest_first = False
    shown = COLUMNS

    def _line(self) -> Line:
        arrow = "moved ▲" if self.oldest_first else "moved ▼"
        titles = (
            (pad(arrow if title == "moved" else title, cells), "accent" if title == "moved" else "faint")
            for title, cells in columns(self.size.width, self.shown)
        )
        return ((" " * LEAD, "text"), *titles)


class TaskTable(VirtualList[TaskRow]):
    """Tasks by rank; the cursor stays on its task, except at the top, where it shows what comes in."""

    def __init__(self, pager: TaskPager, now_ms: Callable[[], int], shown: Columns = COLUMNS) -> None:
        super().__init__(id="tasks")
        self.pager = pager
        self.shown = shown
        self.empty = "Reading…"
        self.marked: dict[str, str] = {}
        self._now_ms = now_ms
        self._target: int | None = None
        self._grace: Timer | None = None
        self._seen: tuple[int, ...] = ()

    # Rows

    def row_at(self, index: int) -> TaskRow | None:
        return self.pager.row(index)

    def index_of(self, key: str) -> int | None:
        return self.pager.rank_of(key)

    def key_of(self, row: TaskRow) -> str:
        return row.id

    @property
    def window(self) -> tuple[int, int]:
        return self.scroll_offset.y, self._height

    def _ask_window(self) -> None:
        if self._target is None:
            self.pager.look(*self.window)
            if self.cursor or self.scroll_offset.y:
                self.pager.pin_now()
            elif self.pager.pin is not None:
                self.pager.go_live()

    def take(self) -> None:
        """Show what the pager has now."""
        self.set_total(self.pager.total)
        if self._target is not None:
            if self.pager.has(*self._range_at(self._target)):
                self._arrive()
        elif self.cursor or self.pager.pin is not None:
            self._keep_cursor()
        self._redraw()
        self._tell()

    def set_total(self, total: int) -> None:
        if total != self.total:
            super().set_total(total)
            self.cursor = max(0, min(self.cursor, total - 1))
            self.refresh()

    def _redraw(self) -> None:
        seen = self._visible()
        if seen != self._seen:
            self._seen = seen
            self.refresh()

    def _visible(self) -> tuple[int, ...]:
        first, count = self.window
        return tuple(id(self.row_at(rank)) for rank in range(first, first + count))

    # Moving

    def move_to(self, index: int) -> None:
        self._target = max(0, min(index, self.total - 1))
        if self.pager.has(*self._range_at(self._target)):
            self._arrive()
        else:
            self.pager.look(*self._range_at(self._target))
            if self._grace is None:
                self._grace = self.set_timer(GRACE, self._arrive)

    def move_by(self, rows: int) -> None:
        self.move_to((self.cursor if self._target is None else self._target) + rows)

    def _range_at(self, target: int) -> tuple[int, int]:
        top, height = self.scroll_offset.y, self._height
        if target >= top + height:
            top = target - height + 1
        return min(top, target), height

    def _arrive(self) -> None:
        if self._grace is not None:
            self._grace.stop()
            self._grace = None
        if self._target is None:
            return
        target, self._target = self._target, None
        # What is under the cursor from now on is what it follows.
        self._cursor_key = ""
        super().move_to(target)
        self._seen = self._visible()
        self._ask_window()

    # Marks

    def toggle_mark(self) -> None:
        """Select the task under the cursor, or no longer, and go on to the next."""
        if row := self.row:
            if self.marked.pop(row.id, None) is None:
                self.marked[row.id] = row.name
            self.refresh()
            self.move_by(1)

    def mark(self, named: dict[str, str]) -> None:
        """Select exactly these tasks."""
        self.marked = named
        self.refresh()

    # Drawing

    def state_of(self, row: TaskRow) -> Any:
        return row.id in self.marked

    def lines_of(self, row: TaskRow, width: int, selected: bool) -> Sequence[Line]:
        cells = task_cells(row, self._now_ms(), marked_priority=width < PRIORITY_FROM)
        edge = "▌" if selected else " "
        mark: Span = ("✔ ", "accent") if row.id in self.marked else ("  ", "text")
        spans: list[Span] = [(edge, look_of(row.status).tone), mark]
        for title, room in columns(width, self.shown):
            text, tone = cells[title]
            spans.append((pad(fit(text, room - 1), room), tone))
        return [tuple(spans)]

    def moment(self) -> int:
        return self._now_ms() // 1000
