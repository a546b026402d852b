"""`shraga schedules`, `shraga schedule pause|resume|skip`, `shraga emit`: what repeats, and what starts it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_models.durations import format_duration
from shraga_queue.errors import InvalidInput
from shraga_tui.look import TASK_LOOKS

from .act import Receipt, settle_each
from .options import Invocation, Json, option, verb, verb_group
from .output import cell, data, iso, print_json, print_table, say, short_id, to_terminal
from .rq import carry

if TYPE_CHECKING:
    from datetime import datetime

    from shraga_models import Task
    from shraga_queue.scheduling import Emitted, ScheduleRow

app = verb_group()
schedule_app = verb_group("schedule", "Pause or resume a task that repeats, or skip its next slot.")
app.add_typer(schedule_app)
schedule_app.command("carry")(carry)

TaskIds = Annotated[
    list[str], typer.Argument(help="Ids, or at least 6 characters of their ends.", metavar="ID...")
]


@app.command()
@verb
def schedules(
    call: Invocation,
    owner: Annotated[str | None, option("--owner", "Only the tasks of one user.", "NAME")] = None,
    as_json: Json = False,
) -> None:
    """List the tasks that repeat, the next due first: when, how, and how the last run ended."""
    with call.connect() as shraga:
        found = shraga.schedules(owner=owner)
    if as_json:
        print_json([_object(row) for row in found.rows])
    elif not found.rows:
        say("nothing repeats; submit a task with --every, --cron or --on")
    else:
        head = ("STATE", "ID", "NAME", "WHEN", "NEXT", "LAST", "ENDED", "WAITING", "SKIPPED")
        print_table(head, [_cells(row, found.now) for row in found.rows])
    if found.total > len(found.rows) and owner is None:
        say(f"the first {len(found.rows):,} of {found.total:,} are shown")


def _object(row: ScheduleRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "owner": row.owner,
        "status": row.status.value,
        "words": row.words,
        "next_run_at": iso(row.next_run_at) or None,
        "last_run_at": iso(row.last_run_at) or None,
        "last_status": row.last_status,
        "last_error": row.last_error,
        "waiting": row.waiting,
        "schedule": row.schedule.model_dump(mode="json"),
    }


def _cells(row: ScheduleRow, now: datetime) -> tuple[str, ...]:
    look = TASK_LOOKS[row.status]
    paused = not row.schedule.is_active
    word = "paused" if paused else look.word
    state = f"{'‖' if paused else look.glyph} {word}" if to_terminal() else word
    return (
        state,
        short_id(row.id) if to_terminal() else row.id,
        cell(row.name),
        cell(row.words),
        _when(row.next_run_at, now),
        _when(row.last_run_at, now),
        row.last_status or "",
        str(row.waiting),
        str(row.schedule.skipped),
    )


def _when(at: datetime | None, now: datetime) -> str:
    if at is None or not to_terminal():
        return iso(at)
    seconds = (at - now).total_seconds()
    said = format_duration(abs(seconds))
    return f"in {said}" if seconds > 0 else f"{said} ago"


@schedule_app.callback()
@verb
def schedule(call: Invocation) -> None:
    """Pause or resume a task that repeats, or skip its next slot."""


def _done(task: Task) -> Receipt:
    paused = task.schedule is not None and not task.schedule.is_active
    return Receipt(task.id, task.status.value, task, word="paused" if paused else "")


@schedule_app.command()
@verb
def pause(call: Invocation, ids: TaskIds, as_json: Json = False) -> None:
    """Let nothing start the tasks until they are resumed; a run at hand goes on."""
    with call.connect() as shraga:
        settle_each(shraga, ids, lambda task_id: _done(shraga.pause_schedule(task_id)), as_json)


@schedule_app.command()
@verb
def resume(call: Invocation, ids: TaskIds, as_json: Json = False) -> None:
    """Let paused tasks repeat again, from their next slot on."""
    with call.connect() as shraga:
        settle_each(shraga, ids, lambda task_id: _done(shraga.resume_schedule(task_id)), as_json)


@schedule_app.command()
@verb
def skip(call: Invocation, ids: TaskIds, as_json: Json = False) -> None:
    """Leave the next slot of the tasks out."""
    with call.connect() as shraga:
        settle_each(shraga, ids, lambda task_id: _done(shraga.skip_slot(task_id)), as_json)


@app.command()
@verb
def emit(
    call: Invocation,
    event: Annotated[str, typer.Argument(help="What happened, as file_uploaded.", metavar="EVENT")],
    given: Annotated[str | None, option("--data", "The tasks' input: a JSON object.", "JSON")] = None,
    key: Annotated[str | None, option("--key", "The same key is heard once a day.", "KEY")] = None,
    as_json: Json = False,
) -> None:
    """Start every task that was submitted with --on EVENT; prints what became of each."""
    value = _read_data(given)
    with call.connect() as shraga:
        emitted = shraga.emit(event, value, key=key)
    if as_json:
        print_json(asdict(emitted))
        return
    for word in ("started", "waiting", "skipped"):
        for task_id in getattr(emitted, word):
            data(f"{word} {task_id}")
    _tell_nothing(emitted)


def _tell_nothing(emitted: Emitted) -> None:
    if emitted.repeated:
        say(f"the key {emitted.key!r} has been heard already; nothing was started")
    elif not (emitted.started or emitted.waiting or emitted.skipped):
        say(f"no task waits for {emitted.event!r}; submit one with --on {emitted.event}")


def _read_data(given: str | None) -> dict[str, Any] | None:
    if given is None:
        return None
    try:
        value = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "data", f'--data is no JSON: {error}; write it as \'{{"name": "value"}}\'.'
        ) from None
    if not isinstance(value, dict):
        raise InvalidInput("data", '--data is no JSON object: write it as \'{"name": "value"}\'.')
    return value
