"""Other programs' queues, each with its jobs under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shraga_models import ForeignJob, ForeignQueue
from shraga_models.foreign import JOB_STATES
from shraga_queue.foreign import QueueJobs
from shraga_tui.look import UNKNOWN, Look

from .paint import Line, Span, fit, pad
from .virtual_list import VirtualList

LOOKS: dict[str, Look] = {
    "queued": Look("…", "queued", "queued"),
    "started": Look("▶", "started", "running"),
    "finished": Look("✓", "finished", "done"),
    "failed": Look("✗", "failed", "failed"),
    "stopped": Look("✗", "stopped", "failed"),
    "deferred": Look("‖", "deferred", "queued"),
    "scheduled": Look("◷", "scheduled", "planned"),
    "canceled": Look("⊘", "canceled", "quiet"),
    "rate_limited": Look("‖", "rate limited", "queued"),
}


@dataclass(frozen=True)
class RqRow:
    """A queue's own line, or one of its jobs."""

    key: str
    queue: ForeignQueue
    job: ForeignJob | None = None


def rows_of(found: Sequence[QueueJobs]) -> list[RqRow]:
    """Return a line for each queue and its jobs; a job that stands twice has one."""
    rows: dict[str, RqRow] = {}
    for one in found:
        rows[f"queue {one.queue.name}"] = RqRow(f"queue {one.queue.name}", one.queue)
        rows |= {f"job {job.id}": RqRow(f"job {job.id}", one.queue, job) for job in one.jobs}
    return list(rows.values())


class RqList(VirtualList[RqRow]):
    """Queues and jobs, one line each."""

    def __init__(self) -> None:
        super().__init__(id="rq")
        self.empty = "Reading…"

    def show_found(self, found: Sequence[QueueJobs]) -> None:
        """Take the queues with their jobs."""
        self.empty = "No other program has a queue here."
        rows = rows_of(found)
        self.show_rows(0, len(rows), rows)
        if not rows:
            self.refresh()

    def key_of(self, row: RqRow) -> str:
        return row.key

    def lines_of(self, row: RqRow, width: int, selected: bool) -> list[Line]:
        mark: Span = ("▌" if selected else " ", "accent")
        if row.job is None:
            counts = ((name, getattr(row.queue, name)) for name in (*JOB_STATES, "workers"))
            said = "  ".join(f"{count:,} {name}" for name, count in counts if count)
            name = fit(row.queue.name, max(12, width // 3))
            return [(mark, (f"{name}  ", "strong"), (said or "empty", "faint"))]
        job, look = row.job, LOOKS.get(row.job.status, UNKNOWN)
        error = job.error.rstrip().rpartition("\n")[2]
        return [
            (
                mark,
                (f"  {look.glyph} {pad(look.word, 13)}", look.tone),
                (pad(job.id[-8:], 10), "faint"),
                (f"{job.description}  ", "text"),
                (error, "failed"),
            )
        ]
