"""`shraga logs`, `events`, `audit`: what was written and what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shraga_models import AuditEntry, Event
from shraga_tui.look import EVENT_LOOKS, UNKNOWN

from .find import full_id
from .options import Invocation, Json, option, verb, verb_group
from .output import (
    cell,
    iso,
    leave_with_reader,
    print_json,
    print_json_line,
    print_table,
    short_id,
    to_terminal,
)
from .read import TaskId
from .tail import follow_task, write_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shraga_models import LogEntry

app = verb_group()
NAME_WIDTH = 40
WHY_CELLS = 60

Follow = Annotated[bool, typer.Option("-f", "--follow", help="Go on with what comes.", show_default=False)]
Last = Annotated[int, typer.Option("--tail", min=1, help="How many of the last.", metavar="N")]


@app.command()
@verb
def logs(
    call: Invocation,
    task_id: TaskId,
    follow: Follow = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="Which run; the latest otherwise.", metavar="N")
    ] = None,
    tail: Annotated[
        int | None, typer.Option("--tail", min=1, help="Only the last lines.", metavar="N")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what a task's run wrote; with -f until the task has ended."""
    with call.connect() as shraga:
        wanted = full_id(shraga, task_id)
        if follow:
            leave_with_reader()
            _write(follow_task(shraga, wanted, attempt=attempt, tail=tail), as_json)
        elif as_json:
            entries = shraga.logs(wanted, attempt=attempt, tail=tail)
            print_json([entry.model_dump(mode="json") for entry in entries])
        else:
            _write(shraga.logs(wanted, attempt=attempt, tail=tail), as_json=False)


def _write(entries: Iterable[LogEntry], as_json: bool) -> None:
    for entry in entries:
        if as_json:
            print_json_line(entry.model_dump(mode="json"))
        else:
            write_entry(entry)


@app.command()
@verb
def events(
    call: Invocation,
    follow: Follow = False,
    tail: Last = 50,
    owner: Annotated[str | None, option("--owner", "What this user may see.", "USER")] = None,
    ack: Annotated[list[str] | None, option("--ack", "Mark an event as read instead.", "ID")] = None,
    as_json: Json = False,
) -> None:
    """Print what happened; with -f go on until Ctrl-C, with --json a line each."""
    if ack:
        _mark_read(call, ack, as_json)
        return
    if follow:
        leave_with_reader()
    with call.connect() as shraga:
        if not follow and as_json:
            found = shraga.events(owner=owner, tail=tail)
            print_json([event.model_dump(mode="json") for event in found])
        elif not follow:
            print_table(
                ("TIME", "WHAT", "TASK", "NAME", "OWNER", "MORE"),
                [_event_row(event) for event in shraga.events(owner=owner, tail=tail)],
            )
        else:
            for event in shraga.follow_events(owner=owner, tail=tail):
                _write_event(event, as_json)


def _mark_read(call: Invocation, ids: list[str], as_json: bool) -> None:
    with call.connect() as shraga:
        for event_id in ids:
            shraga.mark_read(event_id)
    if as_json:
        print_json([{"id": event_id, "status": "read"} for event_id in ids])
    else:
        print_table(("EVENT", "STATUS"), [(cell(event_id), "read") for event_id in ids])


def _write_event(event: Event, as_json: bool) -> None:
    if as_json:
        print_json_line(event.model_dump(mode="json"))
    else:
        print_table(("",) * 6, [_event_row(event)]) if not to_terminal() else _event_line(event)


def _event_line(event: Event) -> None:
    from .output import data

    data("  ".join(part for part in _event_row(event) if part))


def _event_row(event: Event) -> tuple[str, ...]:
    task = event.task_id or ""
    name = event.name if len(event.name) <= NAME_WIDTH else f"{event.name[: NAME_WIDTH - 1]}…"
    rest = (cell(name), cell(event.recipient or ""), cell(event.content))
    if not to_terminal():
        return (iso(event.at), cell(event.type), task, *rest)
    look = EVENT_LOOKS.get(event.type, UNKNOWN)
    word = look.word if look is not UNKNOWN else cell(event.type)
    return (f"{event.at.astimezone():%H:%M:%S}", f"{look.glyph} {word}", short_id(task), *rest)


@app.command()
@verb
def audit(call: Invocation, tail: Last = 50, as_json: Json = False) -> None:
    """Print who did what to which record."""
    with call.connect() as shraga:
        entries = shraga.audit(tail=tail)
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in entries])
    else:
        print_table(
            ("TIME", "WHO", "DID", "TO", "ID", "BEFORE", "AFTER", "WHY"),
            [_audit_row(entry) for entry in entries],
        )


def _audit_row(entry: AuditEntry) -> tuple[str, ...]:
    when = f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}" if to_terminal() else iso(entry.at)
    record = short_id(entry.entity_id) if to_terminal() else entry.entity_id
    words = (entry.actor, entry.action, entry.entity, record, entry.before, entry.after)
    return (when, *map(cell, words), cell(str(entry.details.get("content", "")), WHY_CELLS))
