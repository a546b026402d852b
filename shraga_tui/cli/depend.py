"""`shraga depend`, `undepend`, `why`: which tasks wait for which, and why one does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shraga_tui.look import TASK_LOOKS, UNKNOWN

from .find import edges, full_id
from .options import Invocation, Json, verb, verb_group
from .output import cell, data, print_json
from .read import TaskId

if TYPE_CHECKING:
    from shraga_models import Task
    from shraga_queue.why import Why

app = verb_group()

On = Annotated[
    list[str],
    typer.Option(
        "--on",
        help="The other task; :finished waits for its end, :related and :duplicate only link. May be repeated.",
        metavar="ID[:KIND]",
    ),
]
Other = Annotated[list[str], typer.Option("--on", help="The other task; may be repeated.", metavar="ID")]


@app.command()
@verb
def depend(call: Invocation, task_id: TaskId, on: On, as_json: Json = False) -> None:
    """Let a task that has not begun wait for others, or link any task to others; a cycle is refused."""
    with call.connect() as shraga:
        _receipt(shraga.depend(full_id(shraga, task_id), *edges(shraga, on)), as_json)


@app.command()
@verb
def undepend(call: Invocation, task_id: TaskId, on: Other, as_json: Json = False) -> None:
    """Let a task wait for others no more, or unlink it from them."""
    with call.connect() as shraga:
        _receipt(shraga.undepend(full_id(shraga, task_id), *edges(shraga, on)), as_json)


def _receipt(task: Task, as_json: bool) -> None:
    if as_json:
        print_json(task.to_json_object())
    else:
        data(f"{task.status} {task.id}")


@app.command()
@verb
def why(call: Invocation, task_id: TaskId, as_json: Json = False) -> None:
    """Say why a task is not running, and what to do about it."""
    with call.connect() as shraga:
        found = shraga.why(full_id(shraga, task_id))
    if as_json:
        print_json(found.to_json_object())
    else:
        _print_why(found)


def _print_why(found: Why) -> None:
    look = TASK_LOOKS.get(found.task.status, UNKNOWN)
    data(f"{look.glyph} {found.task.status}  {cell(found.task.name)}  {found.task.id}")
    for reason in found.reasons:
        data(f"- {cell(reason.says)}")
        if reason.do:
            data(f"  {cell(reason.do)}")
