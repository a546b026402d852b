"""An entry of rq-scheduler as a task of Shraga: what can be taken over, and what says clearly why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shraga_models import ForeignJob, NewTask, SchedulerEntry, Task, new_id
from shraga_models.actions import CALLABLE

from . import codec
from .calls import Flow, as_is
from .errors import InvalidInput, Refused
from .submission import check_owner, check_task

if TYPE_CHECKING:
    from .operations import Operations

DAYS = 5
"""Fields of a cron expression that both sides read alike."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an entry does not say: names for its positional arguments, the zone of its cron expression, an owner."""

    parameters: Sequence[str] = ()
    time_zone: str | None = None
    owner: str | None = None


def task_of(entry: SchedulerEntry, wishes: Wishes = Wishes()) -> NewTask:
    """Return the task that does what an entry does; raises Refused or InvalidInput naming what to do instead."""
    job = entry.job
    if not job.status:
        raise Refused(
            f"The job of the entry {entry.id} is gone; `shraga rq unschedule {entry.id}` removes it."
        )
    limits = {"timeout": job.timeout} if job.timeout else {}
    return check_task(
        {
            "name": (job.description or job.function or entry.id)[:120],
            "action": {"type": "python", "callable": _callable(job), "args": _arguments(job, wishes)},
            "schedule": _schedule(entry, wishes),
            "limits": limits,
            "labels": ("rq-scheduler",),
            "metadata": {"rq_scheduler": {"entry": entry.id, "queue": job.queue}},
        }
    )


def _callable(job: ForeignJob) -> str:
    """The function's dotted name as `module:path`; a name with a capital before the last is a class of the module."""
    if job.function is None:
        raise Refused(
            f"What the entry {job.id} calls cannot be read without loading its pickle, which Shraga never does; "
            "submit the task by hand and take the entry away with `shraga rq unschedule`."
        )
    module, _, path = job.function.rpartition(".")
    head, _, last = module.rpartition(".")
    if head and last[:1].isupper():
        module, path = head, f"{last}.{path}"
    found = f"{module}:{path}"
    if module == "__main__" or not re.fullmatch(CALLABLE, found):
        raise Refused(
            f"The entry {job.id} calls {job.function!r}, which no worker can import; "
            "put the function into a module and submit the task by hand."
        )
    return found


def _arguments(job: ForeignJob, wishes: Wishes) -> dict[str, Any]:
    if job.args is None or job.kwargs is None:
        raise Refused(
            f"The entry {job.id} has arguments that are no plain values; submit the task by hand with ones "
            "that JSON has."
        )
    if len(job.args) != len(wishes.parameters):
        raise InvalidInput(
            "parameters",
            f"parameters: the entry {job.id} has {len(job.args)} positional argument(s), which a task gives by "
            f"name: name {'each' if job.args else 'none'} with --parameter.",
        )
    named = dict(zip(wishes.parameters, job.args, strict=True))
    if twice := sorted(named.keys() & job.kwargs.keys()):
        raise InvalidInput(
            "parameters", f"parameters: {twice[0]!r} is given by name already: use another name."
        )
    return named | job.kwargs


def _schedule(entry: SchedulerEntry, wishes: Wishes) -> dict[str, Any]:
    if not entry.is_readable:
        raise Refused(
            f"How the entry {entry.id} repeats cannot be read without loading its pickle; submit the task by hand."
        )
    if entry.interval and entry.cron is None:
        # rq-scheduler counts the runs that are left; the last one's time says the same.
        left = None if entry.repeat is None else (max(1, entry.repeat) - 1) * entry.interval
        last = None if left is None else (entry.next_run_at + timedelta(seconds=left)).isoformat()
        return {"interval": entry.interval, "ends_at": last}
    if entry.cron is None:
        return {"at": entry.next_run_at.isoformat()}
    if entry.repeat is not None:
        raise Refused(
            f"The entry {entry.id} runs {entry.repeat} more time(s), and a cron expression of Shraga counts none; "
            "submit the task by hand with an end date."
        )
    if len(entry.cron.split()) != DAYS:
        raise Refused(
            f"The entry {entry.id} has the cron expression {entry.cron!r}; submit the task by hand with one of "
            "five fields."
        )
    if wishes.time_zone is None:
        raise InvalidInput(
            "time_zone",
            "time_zone: rq-scheduler reads a cron expression in the local time of its server: name that zone with "
            "--time-zone, as Europe/Berlin or UTC.",
        )
    return {"cron": entry.cron, "time_zone": wishes.time_zone}


def adopt(operations: Operations, entry_id: str, wishes: Wishes = Wishes()) -> Flow[Task]:
    """Turn an entry of rq-scheduler into a task, in one script; raises NotFound, Refused or InvalidInput."""
    entry = yield from operations.foreign.entry(entry_id)
    new, task_id = task_of(entry, wishes), new_id()
    now = yield from operations.now()
    if entry.interval and entry.cron is None:
        # As if it had been submitted one interval before the time that rq-scheduler has for the next run.
        now = entry.next_run_at - timedelta(seconds=entry.interval)
    call = operations._submit_call([(new, task_id)], check_owner(wishes.owner or operations.user), now)
    due = int(entry.next_run_at.timestamp())
    reply = yield replace(call, read=as_is, script="adopt", args=(entry_id, due, task_id, *call.args))
    if codec.text(reply[0]) == "moved":
        raise Refused(f"The entry {entry_id} fired or was changed just now; look at it and adopt it again.")
    return (yield from operations.get_task(task_id))
