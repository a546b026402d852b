"""`shraga list`, `show`, `counts`: what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

import shraga_models as models
from shraga_models import Permission, TaskStatus
from shraga_models.durations import format_duration
from shraga_tui.evidence import claim_lines, evidence_lines, review_text
from shraga_tui.look import TASK_LOOKS, UNKNOWN, due_mark

from .find import full_id
from .options import Invocation, Json, option, verb, verb_group
from .output import (
    cell,
    data,
    iso,
    print_json,
    print_json_array,
    print_table,
    say,
    short_id,
    title,
    to_terminal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shraga_models import Run, Task
    from shraga_queue.board import Counts
    from shraga_queue.client import Shraga
    from shraga_queue.codec import TaskRow, TaskWithRuns
    from shraga_queue.depending import Neighbour

app = verb_group()

TaskId = Annotated[
    str, typer.Argument(help="The task's id, or at least 6 characters of its end.", metavar="ID")
]
NAME_CELLS = 40
FACT_CELLS = 12
ERROR_CELLS = 60
CHUNK = 500


@app.command("list")
@verb
def list_tasks(
    call: Invocation,
    words: Annotated[
        list[str] | None,
        typer.Argument(help="As status:running owner:alice 'age>1h' due:today words.", metavar="FILTER"),
    ] = None,
    view: Annotated[
        str | None, option("--view", "Those of a saved view, as `shraga view` lists them.", "NAME")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.", metavar="N")] = 50,
    as_json: Json = False,
) -> None:
    """List tasks, the ones that moved last first."""
    wanted = " ".join((*_filter_of(call, view), *(words or ())))
    with call.connect() as shraga:
        rows = shraga.find_rows(wanted, limit=limit)
        if as_json:
            print_json_array(_records(shraga, rows))
            return
        now = shraga.driver.run(shraga.operations.now()).timestamp() * 1000 if rows else 0
    if not rows:
        say(
            "no task matches"
            if wanted
            else 'there is no task yet; try: shraga submit hello --shell "echo hello"'
        )
    elif to_terminal():
        due = any(row.due for row in rows)
        head = ("STATUS", "ID", "NAME", "OWNER", "AGE", *(("DUE",) if due else ()), "WORKER", "ERROR")
        print_table(head, [_row_for_people(row, now, with_due=due) for row in rows])
    else:
        print_table((), [_row_for_programs(row) for row in rows])


def _filter_of(call: Invocation, view: str | None) -> tuple[str, ...]:
    if view is None:
        return ()
    from shraga_tui.views import ViewStore

    settings = call.settings()
    return (ViewStore.of(settings).find(view, settings.user).text,)


def _records(shraga: Shraga, rows: list[TaskRow]) -> Iterator[list[dict[str, Any]]]:
    """The whole records of rows, some hundred at a time: a list may be as long as the store."""
    for start in range(0, len(rows), CHUNK):
        ids = [row.id for row in rows[start : start + CHUNK]]
        found = shraga.driver.run(shraga.operations.read_many(ids))
        for one in found:
            if not isinstance(one, models.Task):
                say(f"left out: {one}")
        yield [one.to_json_object() for one in found if isinstance(one, models.Task)]


def _row_for_people(row: TaskRow, now: float, *, with_due: bool) -> tuple[str, ...]:
    look = TASK_LOOKS.get(row.status, UNKNOWN)
    age = format_duration((now - row.moved_at) / 1000)
    due = (due_mark(row, now),) if with_due else ()
    names = (cell(row.name, NAME_CELLS), cell(row.owner), age, *due, cell(row.worker))
    return (f"{look.glyph} {look.word}", short_id(row.id), *names, cell(row.error, ERROR_CELLS))


def _row_for_programs(row: TaskRow) -> tuple[str, ...]:
    from shraga_queue.codec import moment

    return (
        row.id,
        row.status,
        cell(row.name),
        cell(row.owner),
        iso(moment(row.moved_at)),
        cell(row.worker),
        cell(row.error),
    )


@app.command()
@verb
def show(call: Invocation, task_id: TaskId, as_json: Json = False) -> None:
    """Show a task and its runs."""
    with call.connect() as shraga:
        found = shraga.get_with_runs(full_id(shraga, task_id))
        around = shraga.dependencies(found.task.id)
    if as_json:
        runs = [run.model_dump(mode="json") for run in found.runs]
        print_json(found.task.to_json_object() | {"runs": runs, "dependencies": around.to_json_object()})
    else:
        _print_task(found)
        _print_edges("DEPENDS ON", around.prerequisites, around.prerequisites_total)
        _print_edges("NEEDED BY", around.dependents, around.dependents_total)


def _print_edges(head: str, shown: Sequence[Neighbour], total: int) -> None:
    if not shown:
        return
    data("")
    rows = [
        (one.id, one.kind, "waits" if one.is_unmet else "", one.status or "gone", cell(one.name, NAME_CELLS))
        for one in shown
    ]
    print_table((head, "KIND", "", "STATUS", "NAME"), rows)
    if total > len(shown):
        say(f"and {total - len(shown):,} more")


def _print_task(found: TaskWithRuns) -> None:
    task = found.task
    facts = {**_what(task), **_where(task), **_outcome(task)}
    widest = max(FACT_CELLS, *map(len, facts))
    data(
        "\n".join(f"{name.ljust(widest)}  {cell(str(value))}" for name, value in facts.items() if value != "")
    )
    data("")
    head = ("RUN", "STATUS", "TRIGGER", "WORKER", "STARTED", "TOOK", "EXIT", "ERROR")
    print_table(head, [_run_row(run) for run in found.runs])


def _what(task: Task) -> dict[str, Any]:
    look = TASK_LOOKS.get(task.status, UNKNOWN)
    action = task.action.model_dump(mode="json", exclude_defaults=True, exclude={"type"})
    return {
        "id": task.id,
        "name": title(task.name),
        "status": f"{look.glyph} {task.status}",
        "owner": task.owner,
        "action": " ".join(f"{value}" for value in (task.action.type, *action.values())),
        "permission": "" if task.permission is Permission.AUTONOMOUS else task.permission,
        "repeats": _repeats(task),
        "kind": task.kind,
        "priority": task.priority,
        "capability": task.capability,
        "labels": ", ".join(task.labels),
        "assignee": task.assignee or "",
        "deadline": iso(task.due_at),
        "description": task.description,
    }


def _repeats(task: Task) -> str:
    if task.schedule is None or not task.schedule.is_recurring:
        return ""
    from shraga_queue.timetable import words

    return f"{words(task.schedule)}{'' if task.schedule.is_active else ', paused'}"


def _asks(task: Task) -> str:
    if task.question is None:
        return ""
    options = " | ".join(task.question.options)
    return f"{task.question.text}{f' [{options}]' if options else ''}"


def _where(task: Task) -> dict[str, Any]:
    return {
        "submitted": f"{iso(task.created_at)} by {task.created_by}",
        "due": iso(task.next_run_at),
        "started": iso(task.started_at),
        "ended": iso(task.completed_at),
        "worker": task.assigned_worker or "",
        "folder": task.execution_details.execution_folder or "",
        "progress": "" if task.progress is None else f"{task.progress:.0%}",
        "thought": "" if task.question else task.thought,
        "asks": _asks(task),
    }


def _outcome(task: Task) -> dict[str, Any]:
    result = task.output.result if task.output else None
    lines = (*claim_lines(task.output), *evidence_lines(task.output.evidence)) if task.output else ()
    return {
        "error": task.error,
        "canceled by": " ".join(part for part in (task.cancel_requested_by, task.cancel_reason) if part),
        **{label: text.replace("\n", ", ") for label, text, _ in lines},
        "result": "" if result is None else result,
        "review": review_text(task.review, iso(task.review.at)) if task.review else "",
    }


def _run_row(run: Run) -> tuple[str, ...]:
    return (
        str(run.attempt),
        run.status,
        cell(run.triggered_by),
        short_id(run.worker or "") if to_terminal() else run.worker or "",
        iso(run.started_at),
        format_duration(run.duration) if run.duration is not None else "",
        "" if run.exit_code is None else str(run.exit_code),
        cell(run.error, ERROR_CELLS),
    )


@app.command()
@verb
def counts(
    call: Invocation,
    owner: Annotated[str | None, option("--owner", "Only this user's tasks.", "USER")] = None,
    as_json: Json = False,
) -> None:
    """Count the tasks by status."""
    with call.connect() as shraga:
        found = shraga.counts(owner)
    if as_json:
        print_json(_counts_object(found))
        return
    rows = [(_status_word(status), str(found.by_status[status])) for status in TaskStatus]
    print_table(("STATUS", "TASKS"), [*rows, ("total", str(found.total))])
    if found.standstill:
        say(cell(found.standstill))


def _status_word(status: TaskStatus) -> str:
    return f"{TASK_LOOKS[status].glyph} {status}" if to_terminal() else status.value


def _counts_object(found: Counts) -> dict[str, Any]:
    from shraga_queue.codec import moment

    return {
        "at": iso(moment(found.now)),
        "total": found.total,
        "by_status": {status.value: found.by_status[status] for status in TaskStatus},
        "completed_per_minute": list(found.completed_per_minute),
        "failed_per_minute": list(found.failed_per_minute),
        "running_leases": found.leases,
        "due": found.due,
        "controller_leads": found.has_leader,
        "brakes": [brake.model_dump(mode="json") for brake in found.brakes],
        "suspended": found.suspended,
    }
