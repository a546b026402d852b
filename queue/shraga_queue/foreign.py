"""Plain RQ and rq-scheduler beside Shraga on the same Redis: see what other programs have there, and act on it.

Looking writes nothing, other than RQ's own registries, and loads no pickle. Each deed is one script.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from shraga_models import ForeignJob, ForeignQueue, ForeignWorker, SchedulerEntry
from shraga_models.foreign import JOB_STATES

from . import codec, foreign_codec
from .calls import Batch, Call, Flow, as_is
from .errors import InvalidInput, NotFound, Refused
from .keys import Keys
from .submission import JOB_DATA

Deed = Literal["requeue", "cancel", "delete"]
URGENT = ("failed", "started", "queued", "scheduled", "deferred", "canceled", "finished")
"""The states of jobs, the ones that somebody looks for first."""
MOST_QUEUES = 50
MOST_JOBS = 10
TAKEN = "The job {job} was just taken by a worker; look again in a moment."
STOP_FIRST = (
    "The job {job} is running; stop it first with `shraga rq cancel {job}`, or wait until it has ended."
)
REFUSALS: dict[str, str] = {
    "task": "{job} is a task of Shraga, no plain job; use `shraga show`, `cancel` and `retry` for it.",
    "ours": "The job {job} stands on a queue of Shraga, whose workers run no other jobs; enqueue it on another queue.",
    "running": STOP_FIRST,
    "taken": TAKEN,
    "waiting": "The job {job} waits in its queue already.",
    "limited": "The job {job} has a rate limit, which only RQ itself keeps: requeue it with `rq requeue`.",
    "unheard": "The job {job} is running, but its worker does not listen; look again once RQ has noticed.",
    "twice": "The worker of the job {job} was asked to stop it less than a minute ago; give it that time.",
    "entry": "{job} is an entry of rq-scheduler; take it from there with `shraga rq unschedule {job}`.",
}


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs of a queue in one state from a rank on, and how many are listed; one whose hash is gone is left out."""

    total: int
    jobs: tuple[ForeignJob, ...]


@dataclass(frozen=True, slots=True)
class QueueJobs:
    """A queue of another program with some jobs of every state."""

    queue: ForeignQueue
    jobs: tuple[ForeignJob, ...]


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries of rq-scheduler from a rank on, and how many there are."""

    total: int
    entries: tuple[SchedulerEntry, ...]


class Foreign:
    """What can be asked of plain RQ and of rq-scheduler by one user; flows, as `Operations` has them."""

    def __init__(self, keys: Keys, user: str) -> None:
        self.keys = keys
        self.user = user

    # Looking

    def queues(self) -> Flow[list[ForeignQueue]]:
        """Return the queues of other programs by name."""

        def read(reply: Any) -> list[ForeignQueue]:
            return sorted(map(foreign_codec.read_queue, reply), key=lambda queue: queue.name)

        found: list[ForeignQueue] = yield self._call(read, "foreign_queues", self.keys.queue_name_prefix)
        return found

    def jobs(self, queue: str, state: str = "queued", first: int = 0, count: int = 100) -> Flow[JobPage]:
        """Return jobs of a queue in one of `JOB_STATES` from a rank on; raises InvalidInput or Refused."""
        if state not in JOB_STATES:
            raise InvalidInput("state", f"state: {state!r} is unknown: use one of {', '.join(JOB_STATES)}.")
        if queue.startswith(self.keys.queue_name_prefix):
            raise Refused(f"The queue {queue} holds tasks of Shraga; `shraga list` shows them.")
        page: JobPage = yield self._jobs_call(queue, state, first, count)
        return page

    def _jobs_call(self, queue: str, state: str, first: int, count: int) -> Call[JobPage]:
        read_one = partial(foreign_codec.read_job, queue=queue, is_due=state == "scheduled")

        def read(reply: Any) -> JobPage:
            return JobPage(int(reply[0]), tuple(read_one(cells) for cells in reply[1:] if cells))

        return self._call(read, "foreign_jobs", queue, state, first, max(1, count))

    def overview(self) -> Flow[list[QueueJobs]]:
        """Return the first queues by name, each with some jobs of every state, in two round trips."""
        queues = (yield from self.queues())[:MOST_QUEUES]
        wanted = [(queue, state) for queue in queues for state in URGENT if getattr(queue, state)]
        calls = tuple(self._jobs_call(queue.name, state, 0, MOST_JOBS) for queue, state in wanted)
        pages = (yield Batch(calls)) if calls else []
        jobs: dict[str, list[ForeignJob]] = {queue.name: [] for queue in queues}
        for (queue, _), page in zip(wanted, pages, strict=True):
            jobs[queue.name] += page.jobs
        return [QueueJobs(queue, tuple(jobs[queue.name])) for queue in queues]

    def job(self, job_id: str) -> Flow[ForeignJob]:
        """Return one job; raises NotFound."""
        cells = yield self._call(as_is, "foreign_job", job_id)
        if not cells:
            raise _no_job(job_id)
        return foreign_codec.read_job(cells)

    def workers(self) -> Flow[list[ForeignWorker]]:
        """Return RQ's workers besides our own by name."""

        def read(reply: Any) -> list[ForeignWorker]:
            return sorted(map(foreign_codec.read_worker, reply[1:]), key=lambda worker: worker.name)

        found: list[ForeignWorker] = yield self._call(read, "foreign_workers", self.keys.queue_name_prefix)
        return found

    def entries(self, first: int = 0, count: int = 100) -> Flow[EntryPage]:
        """Return entries of rq-scheduler from a rank on, the ones due first at the head."""
        keys = (self.keys.make("scheduler_entries"),)
        reply = yield Call(as_is, "scheduler_entries", keys, (first, max(1, count)))
        return EntryPage(int(reply[0]), tuple(map(foreign_codec.read_entry, reply[1:])))

    def entry(self, entry_id: str) -> Flow[SchedulerEntry]:
        """Return one entry of rq-scheduler; raises NotFound."""
        keys = (self.keys.make("scheduler_entries"),)
        cells = yield Call(as_is, "scheduler_entry", keys, (entry_id,))
        if not cells:
            raise _no_entry(entry_id)
        return foreign_codec.read_entry(cells)

    def _call(self, read: Callable[[Any], Any], script: str, *args: str | int) -> Call[Any]:
        return Call(read, script, (self.keys.make("rq_queues"),), args)

    # Acting

    def requeue(self, job_id: str) -> Flow[str]:
        """Put a job that ended badly, or was left behind, on its queue again; raises NotFound or Refused."""
        return (yield from self._act("foreign_requeue", job_id, "only a failed, stopped or canceled one can"))

    def cancel(self, job_id: str) -> Flow[str]:
        """Cancel a waiting job, `done`, or ask the worker of a running one, `asked`; raises NotFound or Refused."""
        return (yield from self._act("foreign_cancel", job_id, "there is nothing to cancel"))

    def delete(self, job_id: str) -> Flow[str]:
        """Delete a job that does not run, with its results; raises NotFound or Refused."""
        return (yield from self._act("foreign_delete", job_id, ""))

    def _act(self, script: str, job_id: str, fix: str) -> Flow[str]:
        reply = yield self._call(as_is, script, job_id, self.user, self.keys.queue_name_prefix, JOB_DATA[0])
        answer, status = codec.text(reply[0]), codec.text(reply[1])
        if answer == "missing":
            raise _no_job(job_id)
        if answer == "refused":
            raise Refused(f"The job {job_id} is {status} already; {fix}.")
        if answer in REFUSALS:
            raise Refused(REFUSALS[answer].format(job=job_id))
        return answer

    def unschedule(self, entry_id: str) -> Flow[None]:
        """Take an entry from rq-scheduler, so that it fires no more; raises NotFound."""
        keys = (self.keys.make("scheduler_entries"),)
        if not (yield Call(as_is, "scheduler_remove", keys, (entry_id, self.user))):
            raise _no_entry(entry_id)


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"There is no job {job_id!r} in RQ; `shraga rq jobs QUEUE` shows the ones of a queue.")


def _no_entry(entry_id: str) -> NotFound:
    return NotFound(
        f"rq-scheduler has no entry {entry_id!r}; `shraga rq schedules` shows the ones there are."
    )
