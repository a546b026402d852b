"""What other programs keep on the same Redis: plain RQ's queues, jobs and workers, and rq-scheduler's entries."""

from __future__ import annotations

from typing import Any

from .base import Model, Moment

JOB_STATES = ("queued", "started", "finished", "failed", "deferred", "scheduled", "canceled")
"""Where a job of RQ can be found: its queue, or one of the registries of that."""


class _Shown(Model):
    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values, the shape of every `--json`."""
        return self.model_dump(mode="json")


class ForeignQueue(_Shown):
    """A queue of another program, with how many jobs stand in each state."""

    name: str
    queued: int = 0
    started: int = 0
    finished: int = 0
    failed: int = 0
    deferred: int = 0
    scheduled: int = 0
    canceled: int = 0
    workers: int = 0


class ForeignJob(_Shown):
    """A job of another program; `args` and `kwargs` are there where they are plain values, for no pickle is loaded."""

    id: str
    queue: str = ""
    status: str = ""
    """RQ's word for it; empty where the job is listed and its hash is gone."""
    description: str = ""
    function: str | None = None
    """The dotted name of what is called, where it can be read."""
    serializer: str = ""
    """`pickle`, `json`, or empty where it is neither."""
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    created_at: Moment | None = None
    enqueued_at: Moment | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    due_at: Moment | None = None
    """When a scheduled job is due."""
    worker: str = ""
    timeout: float | None = None
    """Seconds; None where there is no limit."""
    is_running: bool = False
    """Whether a worker holds it and was heard of lately."""
    dependents: int = 0
    error: str = ""


class ForeignWorker(_Shown):
    """A plain RQ worker; `state` is its own word, or `gone` where RQ has forgotten it."""

    name: str
    state: str
    queues: tuple[str, ...] = ()
    hostname: str = ""
    pid: int | None = None
    version: str = ""
    started_at: Moment | None = None
    last_heartbeat: Moment | None = None
    current_job: str = ""
    completed: int = 0
    failed: int = 0


class SchedulerEntry(_Shown):
    """An entry of rq-scheduler: its job, when it is due, and how it repeats; `cron` is in its server's local time."""

    id: str
    """The entry's id, which is its job's."""
    job: ForeignJob
    next_run_at: Moment
    cron: str | None = None
    interval: float | None = None
    """Seconds between two runs."""
    repeat: int | None = None
    """How many runs are left, where they are counted."""
    is_readable: bool = True
    """Whether what says how it repeats could be read; a custom serializer's cannot."""
