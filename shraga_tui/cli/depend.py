"""`shraga depend`, `undepend`, `why`: which tasks wait for which, and why one does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shraga_queue.errors import NotFound
from shraga_tui.look import TASK_LOOKS, UNKNOWN, look_of_workflow

from .find import edges, full_id
from .options import Invocation, Json, verb, verb_group
from .output import cell, data, print_json, say, title
from .read import TaskId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shraga_models import Task
    from shraga_queue.client import Shraga
    from shraga_queue.why import Reason, Why

app = verb_group()

NAMED = 5
"""Steps of a workflow whose reasons are told."""

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
    """Say why a task is not running, or a workflow does not go on, and what to do about it."""
    with call.connect() as shraga:
        try:
            found = shraga.why(full_id(shraga, task_id))
        except NotFound as missing:
            _why_workflow(shraga, task_id, missing, as_json)
            return
    if as_json:
        print_json(found.to_json_object())
    else:
        _print_why(found)


def _print_why(found: Why) -> None:
    look = TASK_LOOKS.get(found.task.status, UNKNOWN)
    data(f"{look.glyph} {found.task.status}  {title(found.task.name)}  {found.task.id}")
    _print_reasons(found.reasons)


def _print_reasons(reasons: Sequence[Reason]) -> None:
    for reason in reasons:
        data(f"- {cell(reason.says)}")
        if reason.do:
            data(f"  {cell(reason.do)}")


def _why_workflow(shraga: Shraga, workflow_id: str, missing: NotFound, as_json: bool) -> None:
    """Say why a workflow does not go on: by itself, then by each step at hand; raises `missing` for none."""
    from shraga_queue.why import why_workflow

    try:
        tree = shraga.workflow(workflow_id)
    except NotFound:
        raise missing from None
    reasons, shown = why_workflow(tree, shraga.counts()), tree.workflow
    steps = [shraga.why(step.task_id) for step in tree.at_hand[:NAMED]]
    if as_json:
        found = {"id": shown.id, "name": shown.title, "status": shown.phase.value}
        told = {"reasons": [one.to_json_object() for one in reasons]}
        print_json(found | told | {"steps": [step.to_json_object() for step in steps]})
        return
    look = look_of_workflow(shown.phase, shown.paused)
    data(f"{look.glyph} {look.word}  {title(shown.title)}  {shown.id}")
    _print_reasons(reasons)
    for step in steps:
        _print_why(step)
    if more := len(tree.at_hand) - len(steps):
        say(f"and {more} more steps; `shraga workflow show {shown.id}` lists them")
