"""The board's columns and counts, as asked and as answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shraga_models import TaskStatus

from .codec import TaskRow, pairs, read_brake, read_row

if TYPE_CHECKING:
    from shraga_models import Brake

MINUTES = 60
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Column:
    """A page of one column: the tasks of some statuses, `count` rows from rank `first`."""

    statuses: tuple[str, ...]
    first: int = 0
    count: int = 50


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """Pages of several columns; one user's tasks where `owner` is given."""

    columns: tuple[Column, ...]
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnPage:
    """How many tasks a column has, and the rows asked for."""

    total: int
    rows: tuple[TaskRow, ...]


@dataclass(frozen=True, slots=True)
class BoardSnapshot:
    """The answer to a board query, with Redis's time in milliseconds."""

    now: int
    columns: tuple[ColumnPage, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Tasks per status, ends per minute (oldest first, the last is the running minute), and the engine's queues.

    `brakes` are those on everything and on the owner whose tasks are counted; `suspended` tells of RQ's workers.
    """

    now: int
    by_status: dict[TaskStatus, int]
    completed_per_minute: tuple[int, ...]
    failed_per_minute: tuple[int, ...]
    leases: int
    due: int
    has_leader: bool
    brakes: tuple[Brake, ...] = ()
    suspended: bool = False

    @property
    def total(self) -> int:
        """All tasks there are."""
        return sum(self.by_status.values())

    @property
    def done_per_minute(self) -> int:
        """About how many tasks were completed in the last sixty seconds: the share of the minute before counts too."""
        before, running = self.completed_per_minute[-2:]
        return round(before * (1 - self.now % MINUTE_MS / MINUTE_MS) + running)

    @property
    def standstill(self) -> str:
        """Why none of these tasks starts and what ends that, in a sentence; empty where nothing holds them all."""
        if self.suspended:
            return "All workers are suspended: no task starts until `rq resume`."
        for brake in self.brakes:
            whose, of = (f" of {brake.owner}", f" --owner {brake.owner}") if brake.owner else ("", "")
            # What to do comes before the reason, which may be long and is cut where the room ends.
            said = f"Braked by {brake.by}: no task{whose} starts until `shraga brake off{of}`"
            return f"{said}: {brake.reason}" if brake.reason else f"{said}."
        return ""


def read_board(reply: Any) -> BoardSnapshot:
    """Return the answer of the script `board`."""
    columns = tuple(
        ColumnPage(int(column[0]), tuple(read_row(cells) for cells in column[1:])) for column in reply[1:]
    )
    return BoardSnapshot(int(reply[0]), columns)


def read_counts(reply: Any) -> Counts:
    """Return the answer of the script `counts`."""
    now = int(reply[0])
    minute = now // MINUTE_MS % MINUTES
    this_hour, last_hour = pairs(reply[2]), pairs(reply[3])

    def series(what: str) -> tuple[int, ...]:
        earlier = [int(last_hour.get(f"{m}:{what}", 0)) for m in range(minute + 1, MINUTES)]
        return (*earlier, *(int(this_hour.get(f"{m}:{what}", 0)) for m in range(minute + 1)))

    return Counts(
        now=now,
        by_status=dict(zip(TaskStatus, (int(count) for count in reply[1]), strict=True)),
        completed_per_minute=series("completed"),
        failed_per_minute=series("failed"),
        leases=int(reply[4]),
        due=int(reply[5]),
        has_leader=bool(reply[6]),
        brakes=tuple(read_brake(brake, stored) for brake, stored in pairs(reply[7]).items()),
        suspended=bool(reply[8]),
    )
