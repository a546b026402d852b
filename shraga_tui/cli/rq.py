"""`shraga rq`: plain RQ and rq-scheduler on the same server, as other programs use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_models.foreign import JOB_STATES
from shraga_queue.errors import Forbidden, InvalidInput, ShragaError, Unreachable

from .errors import TaskFailed, UsageError, error_object
from .options import Invocation, Json, option, verb, verb_group
from .output import cell, clean_text, data, iso, print_json, print_table, say

if TYPE_CHECKING:
    from shraga_models import ForeignJob, ForeignWorker, SchedulerEntry
    from shraga_queue.foreign_client import PlainRq

app = verb_group()
rq_app = verb_group("rq", "See and handle what other programs keep in plain RQ and rq-scheduler.")
app.add_typer(rq_app)

TEXT_CELLS = 60

Queue = Annotated[str, typer.Argument(help="The queue, as `shraga rq queues` lists it.", metavar="QUEUE")]
JobId = Annotated[str, typer.Argument(help="The job's id.", metavar="ID")]
JobIds = Annotated[list[str], typer.Argument(help="Ids of jobs.", metavar="ID...")]
EntryIds = Annotated[list[str], typer.Argument(help="Ids of entries.", metavar="ID...")]
EntryId = Annotated[str, typer.Argument(help="The entry's id.", metavar="ID")]
TaskId = Annotated[str, typer.Argument(help="The task's id.", metavar="ID")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.", metavar="N")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="How many to leave out first.", metavar="N")]


@rq_app.callback()
@verb
def rq(call: Invocation, ctx: typer.Context) -> None:
    """See and handle what other programs keep in plain RQ and rq-scheduler."""
    if ctx.invoked_subcommand is None:
        raise UsageError("Say what about RQ: `shraga rq queues`, or `shraga rq --help` for all.")


@rq_app.command()
@verb
def queues(call: Invocation, as_json: Json = False) -> None:
    """List the queues of other programs, with how many jobs stand where."""
    with call.connect() as shraga:
        found = shraga.rq.queues()
    if as_json:
        print_json([queue.to_json_object() for queue in found])
    elif not found:
        say("no other program has a queue here")
    else:
        rows = ((cell(queue.name), *(str(getattr(queue, name)) for name in _COUNTS)) for queue in found)
        print_table(("QUEUE", *(name.upper() for name in _COUNTS)), rows)


_COUNTS = (*JOB_STATES, "workers")


@rq_app.command()
@verb
def jobs(
    call: Invocation,
    queue: Queue,
    state: Annotated[
        str | None, option("--state", f"Only in one of {', '.join(JOB_STATES)}.", "STATE")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: Json = False,
) -> None:
    """List the jobs of a queue, those that wait first; of one state with --state."""
    if offset and state is None:
        raise InvalidInput("offset", "--offset counts the jobs of one state: name it with --state.")
    with call.connect() as shraga:
        found: list[ForeignJob] = []
        for one in (state,) if state else JOB_STATES:
            if len(found) < limit:
                found += shraga.rq.jobs(queue, one, first=offset, count=limit - len(found)).jobs
    if as_json:
        print_json([job.to_json_object() for job in found])
    elif not found:
        say(f"no job of the queue {queue} is {state or 'there'}")
    else:
        print_table(("STATUS", "ID", "DESCRIPTION", "ENQUEUED", "ENDED", "ERROR"), map(_job_row, found))


def _job_row(job: ForeignJob) -> tuple[str, ...]:
    return (
        cell(job.status),
        cell(job.id),
        cell(job.description, TEXT_CELLS),
        iso(job.enqueued_at),
        iso(job.ended_at),
        cell(_last_line(job.error), TEXT_CELLS),
    )


def _last_line(error: str) -> str:
    return error.rstrip().rpartition("\n")[2]


@rq_app.command()
@verb
def job(call: Invocation, job_id: JobId, as_json: Json = False) -> None:
    """Show a job; its pickle is never loaded, what it says in plain values is shown."""
    with call.connect() as shraga:
        found = shraga.rq.job(job_id)
    if as_json:
        print_json(found.to_json_object())
        return
    facts = {name: value for name, value in found.to_json_object().items() if name != "error"}
    widest = max(map(len, facts))
    for name, value in facts.items():
        if value not in (None, "", [], {}):
            data(f"{name.ljust(widest)}  {cell(str(value))}")
    if found.error:
        data(f"\n{clean_text(found.error.rstrip())}")


@rq_app.command()
@verb
def workers(call: Invocation, as_json: Json = False) -> None:
    """List the plain RQ workers; `shraga workers` lists Shraga's."""
    with call.connect() as shraga:
        found = shraga.rq.workers()
    if as_json:
        print_json([worker.to_json_object() for worker in found])
    elif not found:
        say("no plain RQ worker is known here; one is started with: rq worker QUEUE")
    else:
        head = ("STATE", "NAME", "QUEUES", "HOST", "PID", "HEARTBEAT", "DONE", "FAILED", "JOB")
        print_table(head, map(_worker_row, found))


def _worker_row(worker: ForeignWorker) -> tuple[str, ...]:
    return (
        cell(worker.state),
        cell(worker.name),
        cell(" ".join(worker.queues)),
        cell(worker.hostname),
        str(worker.pid or ""),
        iso(worker.last_heartbeat),
        str(worker.completed),
        str(worker.failed),
        cell(worker.current_job),
    )


@rq_app.command()
@verb
def requeue(call: Invocation, ids: JobIds, as_json: Json = False) -> None:
    """Put jobs that failed, were stopped or canceled, or were left behind by a dead worker on their queue again."""
    _each(call, ids, lambda rq, one: _word(rq.requeue(one), "queued"), as_json)


@rq_app.command()
@verb
def cancel(call: Invocation, ids: JobIds, as_json: Json = False) -> None:
    """Cancel waiting jobs; for a running one its worker is asked to stop it, which `asked` says."""
    _each(call, ids, lambda rq, one: _word(rq.cancel(one), "canceled"), as_json)


@rq_app.command()
@verb
def delete(call: Invocation, ids: JobIds, as_json: Json = False) -> None:
    """Delete jobs that do not run, with their results."""
    _each(call, ids, lambda rq, one: _word(rq.delete(one), "deleted"), as_json)


@rq_app.command()
@verb
def schedules(call: Invocation, limit: Limit = 50, offset: Offset = 0, as_json: Json = False) -> None:
    """List the entries of rq-scheduler, the ones due first at the head."""
    with call.connect() as shraga:
        found = shraga.rq.entries(first=offset, count=limit).entries
    if as_json:
        print_json([entry.to_json_object() for entry in found])
    elif not found:
        say("rq-scheduler has no entry here")
    else:
        print_table(("NEXT", "ID", "REPEATS", "QUEUE", "DESCRIPTION"), map(_entry_row, found))


def _entry_row(entry: SchedulerEntry) -> tuple[str, ...]:
    job = entry.job
    return (
        iso(entry.next_run_at),
        cell(entry.id),
        cell(how_it_repeats(entry)),
        cell(job.queue),
        cell(job.description if job.status else "its job is gone", TEXT_CELLS),
    )


def how_it_repeats(entry: SchedulerEntry) -> str:
    """Return in a few words how an entry repeats."""
    if not entry.is_readable:
        return "unreadable"
    often = f", {entry.repeat} more" if entry.repeat is not None else ""
    if entry.cron:
        return f"cron {entry.cron}{often}"
    return f"every {entry.interval:g} s{often}" if entry.interval else "once"


@rq_app.command()
@verb
def unschedule(call: Invocation, ids: EntryIds, as_json: Json = False) -> None:
    """Take entries from rq-scheduler, so that they fire no more; what they started goes on."""

    def act(rq: PlainRq, one: str) -> str:
        rq.unschedule(one)
        return "unscheduled"

    _each(call, ids, act, as_json)


@rq_app.command()
@verb
def adopt(
    call: Invocation,
    entry_id: EntryId,
    parameters: Annotated[
        list[str] | None,
        option("--parameter", "The name of its next positional argument; may be repeated.", "NAME"),
    ] = None,
    time_zone: Annotated[
        str | None, option("--time-zone", "The zone that its cron expression is read in.", "ZONE")
    ] = None,
    owner: Annotated[str | None, option("--owner", "Whose task it becomes; yours otherwise.", "USER")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the task it would be.", show_default=False)
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn an entry of rq-scheduler into a task with its schedule; the entry goes in the same step."""
    from shraga_queue.adoption import Wishes, task_of

    wishes = Wishes(tuple(parameters or ()), time_zone, owner)
    with call.connect() as shraga:
        if dry_run:
            would = task_of(shraga.rq.entry(entry_id), wishes)
            print_json(would.model_dump(mode="json", exclude_defaults=True))
            return
        task = shraga.rq.adopt(entry_id, wishes)
    if as_json:
        print_json(task.to_json_object())
    else:
        data(task.id)


@rq_app.command()
@verb
def carry(
    call: Invocation,
    task_id: TaskId,
    queue: Annotated[
        str | None, option("--queue", "The queue of the plain RQ worker that lets it start.", "QUEUE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a running rqscheduler start a task's schedule; `unschedule` with the printed entry ends that."""
    from shraga_queue.trampoline import QUEUE, entry_id_of

    from .find import full_id

    with call.connect() as shraga:
        task = full_id(shraga, task_id)
        due = shraga.rq.carry(task, queue or QUEUE)
    entry = entry_id_of(task)
    if as_json:
        print_json({"entry": entry, "task_id": task, "queue": queue or QUEUE, "next_run_at": iso(due)})
    else:
        data(entry)
        say(f"due {iso(due)}; needs `rqscheduler` and a worker: rq worker {queue or QUEUE}")


def _word(answer: str, done: str) -> str:
    return done if answer == "done" else answer


def _each(call: Invocation, ids: list[str], act: Callable[[PlainRq, str], str], as_json: bool) -> None:
    """Act on each id, with a receipt; raises the error of a single one, or TaskFailed where any failed."""
    receipts: list[tuple[str, str | ShragaError]] = []
    with call.connect() as shraga:
        for one in dict.fromkeys(ids):
            try:
                receipts.append((one, act(shraga.rq, one)))
            except (Unreachable, Forbidden):
                raise
            except ShragaError as error:
                receipts.append((one, error))
    failed = [error for _, error in receipts if isinstance(error, ShragaError)]
    if as_json:
        print_json([_receipt(one, answer) for one, answer in receipts])
    for one, answer in receipts:
        if isinstance(answer, str) and not as_json:
            data(f"{answer} {cell(one)}")
        elif len(receipts) > 1 and not as_json:
            say(str(answer))
    if failed and len(receipts) == 1:
        raise failed[0]
    if failed:
        raise TaskFailed(f"{len(failed)} of {len(receipts)} were refused.")


def _receipt(one: str, answer: str | ShragaError) -> dict[str, Any]:
    if isinstance(answer, ShragaError):
        return {"id": one, "ok": False, "error": error_object(answer)}
    return {"id": one, "ok": True, "status": answer}
