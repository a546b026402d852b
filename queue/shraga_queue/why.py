"""Why a task is not running: every reason there is, each with a sentence for a person and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shraga_models import (
    ANY_CAPABILITY,
    Brake,
    Liveness,
    Phase,
    Priority,
    Run,
    RunStatus,
    Task,
    TaskStatus,
    Worker,
    WorkerMode,
)
from shraga_models.durations import format_duration

from .calls import Argument, Batch, Call, Flow
from .codec import sure_moment
from .depending import PAUSED, Neighbour, Neighbourhood
from .operations import Operations

if TYPE_CHECKING:
    from .board import Counts
    from .workflow_codec import WorkflowTree

SEARCHED = 10_000
"""Places of a queue that are looked at to tell how many stand before a task."""
NAMED = 5
"""Prerequisites named one by one."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable code, one sentence, what to do (empty for nothing), and the facts as JSON values."""

    code: str
    says: str
    do: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"code": self.code, "says": self.says, "do": self.do, "facts": self.facts}


@dataclass(frozen=True, slots=True)
class Why:
    """All reasons why a task is not running, the weightiest first."""

    task: Task
    now: datetime
    reasons: tuple[Reason, ...]

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "id": self.task.id,
            "name": self.task.name,
            "status": self.task.status.value,
            "reasons": [one.to_json_object() for one in self.reasons],
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How the queues stand for a task; `before` is None where that is not known."""

    before: int | None
    queue_length: int
    first: int
    """Tasks in the queues of the same capability that are more urgent."""
    suspended: bool
    has_leader: bool


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that the reasons are found in."""

    task: Task
    runs: tuple[Run, ...]
    now: datetime
    neighbours: Neighbourhood
    standing: Standing
    workers: tuple[Worker, ...]
    brakes: tuple[Brake, ...] = ()

    @property
    def brake(self) -> Brake | None:
        """The brake that holds the task, or None."""
        mine = ((self.task.id, None), (None, self.task.owner), (None, None))
        return next((one for one in self.brakes if (one.task_id, one.owner) in mine), None)

    def ago(self, then: datetime | None) -> str:
        """Return how long ago something was, in words."""
        return format_duration((self.now - then).total_seconds()) if then else "some time"


Finder = Callable[[Circumstances], Iterator[Reason]]
"""Yields the reasons of one kind; a new kind is one more function in `FINDERS`."""


def explain(operations: Operations, task_id: str) -> Flow[Why]:
    """Return why a task is not running."""
    found = yield from operations.get(task_id)
    task = found.task
    neighbours, standing, workers, brakes = yield Batch(
        (
            operations.dependencies_call(task_id, NAMED),
            _standing_call(operations, task),
            operations.workers_call(),
            operations.brakes_call(),
        )
    )
    around = neighbours or Neighbourhood((), (), 0, 0, 0)
    seen = Circumstances(task, found.runs, found.now, around, standing, tuple(workers), tuple(brakes))
    return Why(task, found.now, tuple(reason for find in FINDERS for reason in find(seen)))


def _standing_call(operations: Operations, task: Task) -> Call[Standing]:
    order = list(Priority)
    first = [operations.keys.queue_name(task.capability, one) for one in order[: order.index(task.priority)]]

    def read(reply: Any) -> Standing:
        before, length, ahead, suspended, leads = map(int, reply)
        return Standing(None if before < 0 else before, length, ahead, bool(suspended), bool(leads))

    args: tuple[Argument, ...] = (task.id, SEARCHED, task.queue, *first)
    return Call(read, "standing", (operations.keys.make("owners"),), args)


def why_workflow(tree: WorkflowTree, counts: Counts) -> tuple[Reason, ...]:
    """Return why a workflow does not go on, as far as its steps at hand do not say it themselves."""
    shown, show = tree.workflow, f"`shraga workflow show {tree.workflow.id}`"
    if shown.phase.is_final:
        was = _was(shown.phase, sure_moment(counts.now) - shown.moved_at)
        said = f"{was}{f': {_first_line(shown.error)}' if shown.error else ''}."
        do = f"See its steps with {show}, or go on with `shraga workflow retry {shown.id}`."
        return (Reason("ended", said, "" if shown.phase is Phase.COMPLETED else do),)
    if shown.paused:
        do = f"Let it go on with `shraga workflow resume {shown.id}`."
        return (Reason("pause", "It is paused: no further step begins.", do),)
    if not counts.has_leader:
        said = "No controller is running, so nothing that is due is started."
        return (Reason("controller", said, "Start one with `shraga controller`."),)
    if not tree.at_hand:
        return (Reason("turn", "It goes on at any moment.", f"See its steps with {show}."),)
    return ()


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else ""


# The reasons


def _ended(seen: Circumstances) -> Iterator[Reason]:
    task = seen.task
    if not task.status.is_final:
        return
    why = _first_line(task.error or task.cancel_reason)
    if seen.runs and seen.runs[-1].status is RunStatus.EXPIRED:
        why = why or "it expired before it started"
        why += f"; its limit was {format_duration(task.limits.expires_in)}" if task.limits.expires_in else ""
    by = (task.cancel_requested_by or "") if task.status is TaskStatus.CANCELED else ""
    said = f"{_was(task.status, seen.now - task.moved_at, by)}{f': {why}' if why else ''}."
    yield Reason("ended", said, f"Run it again with `shraga retry {task.id}`.", {"status": task.status.value})


def _was(ended: str, since: timedelta, by: str = "") -> str:
    """Return how and how long ago something ended, in words."""
    seconds = since.total_seconds()
    when = f"{format_duration(seconds)} ago" if seconds >= 1 else "just now"
    return f"It {'' if ended == 'failed' else 'was '}{ended}{f' by {by}' if by else ''} {when}"


def _running(seen: Circumstances) -> Iterator[Reason]:
    task = seen.task
    if task.status is not TaskStatus.RUNNING:
        return
    if task.cancel_requested_by:
        said = f"It was asked to stop by {task.cancel_requested_by}; its worker has not confirmed that yet."
        yield Reason("canceling", said)
        return
    heard = seen.ago(task.last_worker_ping)
    said = f"It runs on {task.assigned_worker or 'a worker'} for {seen.ago(task.moved_at)}; last heard of {heard} ago."
    yield Reason("running", said, f"See what it does with `shraga logs -f {task.id}`.")


def _approval(seen: Circumstances) -> Iterator[Reason]:
    task = seen.task
    if task.status is not TaskStatus.AWAITING_APPROVAL:
        return
    since = seen.ago(task.moved_at)
    if task.awaits_verdict:
        ways = f"`shraga accept {task.id}`, `shraga reject {task.id}` or `shraga send-back {task.id} --note TEXT`"
        yield Reason(
            "verdict", f"Its result waits for a person's verdict for {since}.", f"Judge it with {ways}."
        )
    else:
        do = f"Let it run with `shraga approve {task.id}`, or not with `shraga reject {task.id}`."
        yield Reason("approval", f"It waits for a person's approval for {since}.", do)


def _answer(seen: Circumstances) -> Iterator[Reason]:
    task, asked = seen.task, seen.task.question
    if task.status is not TaskStatus.WAITING_FOR_INPUT:
        return
    what = _first_line(asked.text if asked else task.thought)
    said = f"It waits for an answer for {seen.ago(task.moved_at)}{f': {what}' if what else '.'}"
    choice = f", one of: {' | '.join(asked.options)}" if asked and asked.options else ""
    if choice and asked and asked.takes_any_words:
        choice += ", or in your own words"
    facts = {"question_id": asked.id, "question": asked.text, "options": list(asked.options)} if asked else {}
    yield Reason("answer", said, f"Answer it with `shraga answer {task.id} TEXT`{choice}.", facts)


def _dependency(seen: Circumstances) -> Iterator[Reason]:
    if seen.task.status is not TaskStatus.BLOCKED:
        return
    unmet = [one for one in seen.neighbours.prerequisites if one.is_unmet]
    for one in unmet:
        if one.id == PAUSED:
            do = f"Let it go on with `shraga workflow resume {seen.task.workflow_id}`."
            yield Reason("pause", "Its workflow is paused.", do, {"workflow_id": seen.task.workflow_id})
            continue
        facts = {"task_id": one.id, "name": one.name, "status": one.status, "kind": one.kind}
        yield Reason("dependency", _waits_for(one), _about(seen.task, one), facts)
    if more := seen.neighbours.unmet_total - len(unmet):
        said = f"It waits for {more:,} more task{'' if more == 1 else 's'}."
        yield Reason("dependency", said, f"List them with `shraga show {seen.task.id}`.", {"more": more})


def _waits_for(one: Neighbour) -> str:
    what = "success" if one.kind == "success" else "end"
    if not one.status:
        return f"It waits for the {what} of {one.id}, which is gone."
    return f"It waits for the {what} of “{one.name}” ({one.id}), which is {one.status}."


def _about(task: Task, one: Neighbour) -> str:
    leave = f"go on without it with `shraga undepend {task.id} --on {one.id}`."
    if not one.status:
        return f"G{leave[1:]}"
    if TaskStatus(one.status).is_final:
        return f"Run it again with `shraga retry {one.id}`, or {leave}"
    return f"See why that is not done with `shraga why {one.id}`."


def _repeats(seen: Circumstances) -> Iterator[Reason]:
    """A task that repeats and rests without a time: it is paused, or an event starts it."""
    task, plan = seen.task, seen.task.schedule
    if task.status is not TaskStatus.SCHEDULED or task.next_run_at is not None or plan is None:
        return
    now = f"run it now with `shraga retry {task.id}`."
    if not plan.is_active:
        do = f"Let it repeat with `shraga schedule resume {task.id}`, or {now}"
        yield Reason("pause", "Its schedule is paused.", do)
    elif plan.on:
        do = f"Tell of it with `shraga emit {plan.on}`, or {now}"
        yield Reason("event", f"It waits for the event {plan.on}.", do, {"event": plan.on})


def _time(seen: Circumstances) -> Iterator[Reason]:
    task, now = seen.task, seen.now
    if task.status is not TaskStatus.SCHEDULED or task.next_run_at is None:
        return
    left = (task.next_run_at - now).total_seconds()
    due = f"due in {format_duration(left)}" if left > 0 else f"due for {format_duration(-left)}"
    facts: dict[str, Any] = {"due": task.next_run_at.isoformat()}
    do = f"Run it now with `shraga retry {task.id}`."
    # A task that repeats rests with its last run ended; only the next try of one waits beside its time.
    if len(seen.runs) > 1 and seen.runs[-1].status is RunStatus.PENDING:
        failed = seen.runs[-2]
        facts |= {"attempt": failed.attempt, "error": failed.error}
        what = _first_line(failed.error) or f"it was {failed.status}"
        yield Reason(
            "retry_delay", f"Try {task.try_number - 1} failed ({what}); the next one is {due}.", do, facts
        )
    else:
        yield Reason("schedule", f"It is {due}, at {task.next_run_at:%Y-%m-%d %H:%M:%S} UTC.", do, facts)


def _controller(seen: Circumstances) -> Iterator[Reason]:
    if seen.task.status is TaskStatus.SCHEDULED and not seen.standing.has_leader:
        said = "No controller is running, so nothing that is due is started."
        yield Reason("controller", said, "Start one with `shraga controller`.")


def _suspended(seen: Circumstances) -> Iterator[Reason]:
    if seen.task.status is TaskStatus.QUEUED and seen.standing.suspended:
        yield Reason(
            "suspended", "All workers of this Redis are suspended.", "Let them go on with `rq resume`."
        )


def _brake(seen: Circumstances) -> Iterator[Reason]:
    brake = seen.brake
    if brake is None or seen.task.status.is_final or seen.task.status is TaskStatus.RUNNING:
        return
    held = "the task" if brake.task_id else f"{brake.owner}'s tasks" if brake.owner else "everything"
    why = f": {brake.reason}" if brake.reason else ""
    of = f" --task {brake.task_id}" if brake.task_id else f" --owner {brake.owner}" if brake.owner else ""
    said = f"A brake that {brake.by} set {seen.ago(brake.at)} ago holds {held}{why}."
    yield Reason(
        "brake", said, f"Let go with `shraga brake off{of}`.", {"by": brake.by, "reason": brake.reason}
    )


def _worker(seen: Circumstances) -> Iterator[Reason]:
    """Who could take a queued task, and why nobody has; what a brake holds is for nobody to take."""
    if seen.task.status is not TaskStatus.QUEUED or seen.brake is not None:
        return
    need = seen.task.capability
    there = [one for one in seen.workers if one.liveness in (Liveness.IDLE, Liveness.BUSY)]
    able = [one for one in there if need == ANY_CAPABILITY or need in {c.name for c in one.capabilities}]
    taking = [one for one in able if one.mode is WorkerMode.ACCEPTING]
    with_it = "" if need == ANY_CAPABILITY else f" --capability {need}"
    start = f"tart one with `shraga worker{with_it}`."
    if not there:
        yield Reason("no_worker", "No worker is running.", f"S{start}")
    elif not able:
        said = f"None of the {len(there)} running workers can do {need!r}."
        yield Reason("no_capability", said, f"S{start}", {"capability": need})
    elif not taking:
        names = ", ".join(one.name for one in able[:NAMED])
        do = f"Let one take tasks again with `shraga worker resume {able[0].name}`, or s{start}"
        yield Reason("draining", f"Every worker that could take it is draining: {names}.", do)
    else:
        yield from _turn(seen, taking)


def _turn(seen: Circumstances, taking: list[Worker]) -> Iterator[Reason]:
    standing = seen.standing
    slots = sum(one.max_concurrent_tasks for one in taking)
    free = sum(max(0, one.max_concurrent_tasks - len(one.current_tasks)) for one in taking)
    before = f"more than {SEARCHED:,}" if standing.before is None else f"{standing.before + standing.first:,}"
    facts = {"slots": slots, "free": free, "before": standing.before, "more_urgent": standing.first}
    where = f"{before} task{'' if before == '1' else 's'} stand{'s' if before == '1' else ''} before it"
    if standing.first:
        where += f", {standing.first:,} of them of a higher priority"
    if free:
        yield Reason("turn", f"A worker takes it at any moment; {where}.", "", facts)
    else:
        said = f"All {slots} slot{'' if slots == 1 else 's'} that could run it are busy; {where}."
        yield Reason("busy", said, "Wait, or start another worker with `shraga worker`.", facts)


FINDERS: tuple[Finder, ...] = (
    _ended,
    _running,
    _approval,
    _answer,
    _dependency,
    _repeats,
    _time,
    _controller,
    _suspended,
    _brake,
    _worker,
)
"""All kinds of reasons, in the order in which they are told."""
