"""The run: one attempt of a task."""

from __future__ import annotations

from typing import Any

from .base import Model, Moment
from .status import RunStatus


class Run(Model):
    """One attempt (seeds: scheduler task_runs; AgentVine executions, work_orders, worker_assignments).

    The id is `<task id>.<attempt>`: stable, sortable, and derived, so that two writers cannot disagree on it.
    """

    id: str
    task_id: str
    attempt: int
    triggered_by: str = "manual"
    """`manual`, `schedule`, `event:<name>`, `dependency`, `retry`, `lost` or `resume`."""
    occurrence: str | None = None
    """What it runs for: `<task id>@<slot>` or `<task id>@<key of the emit>`, the same for every try of it."""
    queue: str = ""
    status: RunStatus
    fence: int
    """The number a write must carry to be accepted; each claim of the task has the next one."""
    worker: str | None = None
    """The name of the worker's slot, as RQ's tools show it too."""
    worker_id: str | None = None
    slot: int | None = None
    scheduled_at: Moment | None = None
    enqueued_at: Moment | None = None
    claimed_at: Moment | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
    exit_code: int | None = None
    error: str = ""
    metrics: dict[str, Any] = {}
    result: Any = None

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, or None while it has not ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def run_id(task_id: str, attempt: int) -> str:
    """Return the id of a task's attempt."""
    return f"{task_id}.{attempt}"
