"""Plain RQ and rq-scheduler for scripts: `shraga.rq.jobs("default")`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from shraga_models import ForeignJob, ForeignQueue, ForeignWorker, SchedulerEntry, Task

from .adoption import Wishes, adopt
from .foreign import EntryPage, JobPage
from .trampoline import QUEUE, carry

if TYPE_CHECKING:
    from .client import SyncDriver
    from .operations import Operations


class PlainRq:
    """What other programs keep on the same server; errors are those of `Foreign`."""

    def __init__(self, driver: SyncDriver, operations: Operations) -> None:
        self._run = driver.run
        self._operations = operations
        self._flows = operations.foreign

    def queues(self) -> list[ForeignQueue]:
        """Return the queues of other programs by name."""
        return self._run(self._flows.queues())

    def jobs(self, queue: str, state: str = "queued", *, first: int = 0, count: int = 100) -> JobPage:
        """Return jobs of a queue in one state, from a rank on."""
        return self._run(self._flows.jobs(queue, state, first, count))

    def job(self, job_id: str) -> ForeignJob:
        """Return one job."""
        return self._run(self._flows.job(job_id))

    def workers(self) -> list[ForeignWorker]:
        """Return RQ's workers besides our own by name."""
        return self._run(self._flows.workers())

    def entries(self, *, first: int = 0, count: int = 100) -> EntryPage:
        """Return entries of rq-scheduler, the ones due first at the head."""
        return self._run(self._flows.entries(first, count))

    def entry(self, entry_id: str) -> SchedulerEntry:
        """Return one entry of rq-scheduler."""
        return self._run(self._flows.entry(entry_id))

    def requeue(self, job_id: str) -> str:
        """Put a job that ended badly, or was left behind, on its queue again."""
        return self._run(self._flows.requeue(job_id))

    def cancel(self, job_id: str) -> str:
        """Cancel a waiting job, `done`, or ask the worker of a running one to stop it, `asked`."""
        return self._run(self._flows.cancel(job_id))

    def delete(self, job_id: str) -> str:
        """Delete a job that does not run, with its results."""
        return self._run(self._flows.delete(job_id))

    def unschedule(self, entry_id: str) -> None:
        """Take an entry from rq-scheduler, so that it fires no more."""
        self._run(self._flows.unschedule(entry_id))

    def adopt(self, entry_id: str, wishes: Wishes = Wishes()) -> Task:
        """Turn an entry of rq-scheduler into a task with its schedule, in one step."""
        return self._run(adopt(self._operations, entry_id, wishes))

    def carry(self, task_id: str, queue: str = QUEUE) -> datetime:
        """Give a task's schedule to rq-scheduler too; returns when it is due."""
        return self._run(carry(self._operations, task_id, queue))
