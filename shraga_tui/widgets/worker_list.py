"""The workers as a table with a title line: state, slots, load, what each runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shraga_models import Liveness, Worker, WorkerMode
from shraga_models.durations import format_duration
from shraga_tui.cards import bar
from shraga_tui.look import LOST, UNKNOWN, WORKER_LOOKS, Look

from .bars import Bar
from .paint import Line, Span, pad
from .virtual_list import VirtualList

_COLUMNS: tuple[tuple[str, int, int], ...] = (
    ("worker", 20, 0),
    ("state", 12, 0),
    ("slots", 12, 0),
    ("seen", 6, 0),
    ("done", 7, 0),
    ("failed", 7, 0),
    ("load", 6, 100),
    ("memory", 9, 100),
    ("type", 14, 130),
    ("can do", 22, 110),
)
"""Title, width, and the least width of the terminal at which a column is shown."""


def look_of_worker(worker: Worker) -> Look:
    """Return how a worker looks: its liveness, unless it is there and on its way out."""
    if worker.lost:
        return LOST
    there = worker.liveness in (Liveness.IDLE, Liveness.BUSY)
    key = worker.mode if there and worker.mode is not WorkerMode.ACCEPTING else worker.liveness
    return WORKER_LOOKS.get(key, UNKNOWN)


def worker_cells(worker: Worker, now_ms: int) -> dict[str, Span]:
    """Return the cells of a worker, by column title."""
    look = look_of_worker(worker)
    busy, slots = len(worker.current_tasks), worker.max_concurrent_tasks
    skills = ", ".join(capability.name for capability in worker.capabilities)
    return {
        "worker": (worker.name, "strong"),
        "state": (f"{look.glyph} {look.word}", look.tone),
        "slots": (f"{bar(busy / slots, 5)} {busy}/{slots}", "running" if busy else "faint"),
        "seen": (format_duration(now_ms / 1000 - worker.last_seen.timestamp()), "text"),
        "done": (f"{worker.completed:,}", "done" if worker.completed else "faint"),
        "failed": (f"{worker.failed:,}", "failed" if worker.failed else "faint"),
        "load": ("–" if worker.load is None else f"{worker.load:.2f}", "text"),
        "memory": ("–" if worker.memory_mb is None else f"{worker.memory_mb:,.0f} MB", "text"),
        "type": (worker.type.replace("_", " "), "faint"),
        "can do": (skills or "anything", "text" if skills else "faint"),
    }


def _shown(width: int) -> list[tuple[str, int]]:
    return [(title, cells) for title, cells, least in _COLUMNS if width >= least]


def title_line(width: int) -> Line:
    """Return the titles of the columns that fit."""
    return (
        (" ", "text"),
        *((pad(title, cells), "faint") for title, cells in _shown(width)),
        ("runs", "faint"),
    )


class WorkerTitles(Bar):
    """The titles over the workers."""

    def _line(self) -> Line:
        return title_line(self.size.width)


class WorkerList(VirtualList[Worker]):
    """The workers, one line each."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__(id="workers")
        self.empty = "Reading…"
        self.names: dict[str, str] = {}
        self._now_ms = now_ms

    def show_workers(self, workers: Sequence[Worker], names: dict[str, str]) -> None:
        """Take the workers, and the names of what they run, by task id."""
        self.empty = "No worker is here.\n\nStart one with `shraga worker`,\nor everything with `shraga up`."
        self.names = names
        self.show_rows(0, len(workers), workers)
        self.refresh()

    def key_of(self, row: Worker) -> str:
        return row.id

    def lines_of(self, row: Worker, width: int, selected: bool) -> list[Line]:
        cells = worker_cells(row, self._now_ms())
        spans: list[Span] = [("▌" if selected else " ", "accent")]
        for title, room in _shown(width):
            text, tone = cells[title]
            spans.append((pad(text, room - 1) + " ", tone))
        now = self._now_ms() / 1000
        runs = "  ".join(
            f"{self.names.get(task.task_id, task.task_id[-8:])} {format_duration(now - task.since.timestamp())}"
            for task in row.current_tasks
        )
        return [(*spans, (runs, "running"))]

    def moment(self) -> int:
        return self._now_ms() // 1000
