"""A schedule carried by rq-scheduler: an entry there whose job, on a plain RQ worker, lets what is due start here.

The job does no work of the task's. It runs in milliseconds, so that rq-scheduler's one job id for all runs of an entry
does no harm, and asks for nothing but its worker's own connection.
"""

from __future__ import annotations

import pickle
import zlib
from datetime import datetime
from typing import TYPE_CHECKING

from . import codec
from .calls import Argument, Call, Flow, as_is
from .errors import InvalidInput, NotFound, Refused, Unreadable
from .firing import planned
from .keys import Keys

if TYPE_CHECKING:
    from .operations import Operations

ACTOR = "rq-scheduler"
QUEUE = "shraga-trampoline"
LOOK_EVERY = 60
"""Seconds after which rq-scheduler fires an entry again whose job was lost before it could name the next slot."""
JOB_TIMEOUT = 60
MOST_SLOTS = 500
"""Slots that one job sees to; the next one goes on."""


def entry_id_of(task_id: str) -> str:
    """Return the id of the entry that carries a task's schedule."""
    return f"trampoline-{task_id}"


def fire(task_id: str, prefix: str) -> str:
    """Start what is due of a task; called by a plain RQ worker. Returns `fired`, `early` or `gone`."""
    from rq import get_current_job

    from .client import SyncDriver

    job = get_current_job()
    if job is None:
        raise RuntimeError("This is called by an RQ worker; `shraga retry` runs a task by hand.")
    keys = Keys(prefix)
    said = SyncDriver(job.connection, keys).run(let_fire(keys, task_id))
    if said == "gone":
        # Kept for ever until now, for rq-scheduler; nobody needs the job any more.
        job.result_ttl = JOB_TIMEOUT
    return said


def let_fire(keys: Keys, task_id: str) -> Flow[str]:
    """Start what is due of a task, once for each slot, whoever asks; raises Unreadable for a damaged schedule."""
    entries, slots = (keys.make("scheduler_entries"),), (keys.make("slots"),)
    look = Call(as_is, "trampoline", entries, (task_id, ACTOR, entry_id_of(task_id)))
    fired = False
    for _ in range(MOST_SLOTS):
        said, *due = map(codec.text, (yield look))
        if said != "slot":
            return "fired" if fired else said
        now, slot, spec = due
        try:
            firing = planned(task_id, slot, spec, int(now))
        except ValueError as error:
            raise Unreadable(f"The schedule of the task {task_id} cannot be read: {error}.") from error
        yield Call(as_is, "fire", slots, ("", *firing))
        fired = True
    return "fired"


def carry(operations: Operations, task_id: str, queue: str = QUEUE) -> Flow[datetime]:
    """Give a task's schedule to rq-scheduler; returns when it is due. Raises NotFound, Refused or InvalidInput."""
    keys = operations.keys
    if not queue or queue.startswith(keys.queue_name_prefix):
        raise InvalidInput("queue", f"queue: {queue!r} is none that a plain RQ worker serves: name another.")
    args = (task_id, operations.user, entry_id_of(task_id), queue, *_job_fields(task_id, keys.prefix, queue))
    reply = yield Call(as_is, "carry", (keys.make("scheduler_entries"),), args)
    answer, status = codec.text(reply[0]), codec.text(reply[1])
    if answer == "missing":
        raise NotFound(f"There is no task {task_id!r}; `shraga list` shows the ones there are.")
    if answer == "refused":
        raise Refused(
            f"The task {task_id} is {status} and has no time to start at; only one with a start time or an "
            "active schedule can be carried."
        )
    return codec.sure_moment(codec.text(reply[2]))


def _job_fields(task_id: str, prefix: str, queue: str) -> list[Argument]:
    # rq-scheduler reads nothing but pickles; these hold texts and numbers alone.
    call = pickle.dumps((f"{__name__}.fire", None, (task_id, prefix), {}))
    fields: dict[str, Argument] = {
        "data": zlib.compress(call),
        "meta": pickle.dumps({"interval": LOOK_EVERY}),
        "description": f"trampoline of the Shraga task {task_id}",
        "origin": queue,
        "status": "scheduled",
        "timeout": JOB_TIMEOUT,
        # Any finite time would delete the entry's job after its first run.
        "result_ttl": -1,
    }
    return [cell for field in fields.items() for cell in field]
