"""`shraga workflow`: submit one, watch its tree, pause, resume, cancel, retry, skip, add, say, chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_models.text import usd
from shraga_queue.errors import InvalidInput
from shraga_tui.look import look_of_step, look_of_workflow, where_it_went

from .errors import UsageError
from .options import Invocation, Json, option, verb, verb_group, verb_with
from .output import cell, data, iso, print_json, print_table, say, to_terminal
from .talk import Attach, Edit, ReplyTo, Said, Tail, attachments, print_chat, print_said

if TYPE_CHECKING:
    from shraga_models import Workflow
    from shraga_queue.client import Shraga
    from shraga_queue.workflow_codec import StepRow

app = verb_group()
workflow_app = verb_group("workflow", "Work items carried out in steps: submit, list, show and steer them.")
app.add_typer(workflow_app)

Id = Annotated[str, typer.Argument(help="The workflow's id.", metavar="ID")]
Text = str | None
Many = list[str] | None

OPTIONS: dict[str, Any] = {
    "title": Annotated[Text, option("--title", "What it is called.")],
    "description": Annotated[Text, option("--description", "What is wanted, in words.")],
    "item_id": Annotated[Text, option("--item", "The work item's id, as github:owner/repo#12.", "ID")],
    "url": Annotated[Text, option("--item-url", "The work item's address.", "URL")],
    "repository_url": Annotated[Text, option("--repository", "The repository of its steps.", "URL")],
    "branch": Annotated[Text, option("--branch", "The branch its steps share.", "NAME")],
    "workspace": Annotated[Text, option("--workspace", "The folder its shell steps run in.", "FOLDER")],
}
STEP: dict[str, Any] = {
    "shell": Annotated[Text, option("--shell", "Run this command line.", "CMD")],
    "http": Annotated[Text, option("--http", "Request this address.", "URL")],
    "python": Annotated[Text, option("--python", "Call this function.", "MODULE:FUNCTION")],
    "file": Annotated[Text, option("--file", "Read the step from this YAML file.", "FILE")],
    "arg": Annotated[Many, option("--arg", "An argument: JSON where it parses, else text.", "K=V")],
    "capability": Annotated[Text, option("--capability", "What a worker must be able to do.", "NAME")],
    "description": Annotated[Text, option("--description", "What is wanted, in words.")],
    "timeout": Annotated[Text, option("--timeout", "How long a run may take, as 90s or 5m.", "TIME")],
    "retries": Annotated[int | None, option("--retries", "How often a failure is tried again.", "N")],
}


@workflow_app.callback()
@verb
def workflow(call: Invocation, ctx: typer.Context) -> None:
    """Work items carried out in steps: submit, list, show and steer them."""
    if ctx.invoked_subcommand is None:
        data(ctx.get_help())


@workflow_app.command()
@verb_with(OPTIONS)
def submit(
    call: Invocation,
    options: dict[str, Any],
    file: Annotated[
        Text, typer.Argument(help="A YAML file with its fields; options override it.", metavar="FILE")
    ] = None,
    step: Annotated[
        Many, option("--step", "A step in the shell, after the one before; may be repeated.", "NAME=CMD")
    ] = None,
    plan: Annotated[Text, option("--plan", "A command that prints the steps as JSON.", "CMD")] = None,
    owner: Annotated[Text, option("--owner", "Whose workflow it is.", "USER")] = None,
    as_json: Json = False,
) -> None:
    """Submit a workflow; prints its id."""
    from shraga_queue.workflow_codec import check_workflow

    fields = _fields(file, options, step, plan)
    title = check_workflow(fields).title
    with call.connect() as shraga:
        made = shraga.submit_workflow(**(fields | {"title": title}), owner=owner)
    _tell(made, as_json)


def _fields(file: Text, options: dict[str, Any], steps: Many, plan: Text) -> dict[str, Any]:
    from shraga_queue.taskfile import read_task_file

    from .submit import pairs

    fields = (read_task_file(file) if file else {}) | options
    if steps:
        names = [one.partition("=")[0] for one in steps]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise UsageError(f"--step {twice!r} is given twice: a step's name is its own.")
        fields["steps"] = [
            {"name": name, "action": {"type": "shell", "command": command}}
            for name, command in pairs("step", steps).items()
        ]
    if plan:
        fields["plan"] = {"action": {"type": "shell", "command": plan}}
    if "title" not in fields:
        raise UsageError('A workflow needs a title: shraga workflow submit --title "..." --step name=command')
    return fields


@workflow_app.command("list")
@verb
def list_workflows(
    call: Invocation,
    phase: Annotated[Many, option("--phase", "Only those in this phase; may be repeated.", "PHASE")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List the workflows, the one that moved last first."""
    from shraga_models import Phase

    for one in phase or ():
        if one not in set(Phase):
            raise InvalidInput("phase", f"--phase {one!r} is unknown: use one of {', '.join(Phase)}.")
    with call.connect() as shraga:
        found = shraga.workflows([Phase(one) for one in phase] if phase else Phase, limit=limit)
    if as_json:
        print_json([one.to_json_object() for one in found])
    elif not found:
        say("there is no workflow; submit one with: shraga workflow submit --title ... --step name=command")
    else:
        print_table(("ID", "PHASE", "TITLE", "OWNER", "MOVED", "ERROR"), [_row(one) for one in found])


def _row(one: Workflow) -> tuple[str, ...]:
    return (
        one.id,
        _phase(one),
        cell(one.title, 60),
        cell(one.owner),
        iso(one.moved_at),
        cell(one.error, 120),
    )


def _phase(one: Workflow) -> str:
    look = look_of_workflow(one.phase, one.paused)
    return f"{look.glyph} {look.word}" if to_terminal() else look.word


@workflow_app.command()
@verb
def show(call: Invocation, workflow_id: Id, as_json: Json = False) -> None:
    """Show a workflow and the tree of its steps."""
    with call.connect() as shraga:
        tree = shraga.workflow(workflow_id)
    if as_json:
        print_json(tree.to_json_object())
        return
    shown = tree.workflow
    data(f"{cell(shown.title)}\n{_phase(shown)}{f': {cell(shown.error)}' if shown.error else ''}")
    for label, value in (
        ("item", shown.item_id or shown.url),
        ("repository", shown.repository_url),
        ("branch", shown.branch),
        ("workspace", shown.workspace),
        ("spent", _spent(shown)),
    ):
        if value:
            data(f"{label:<11}{cell(value)}")
    head = ("STEP", "STATE", "AFTER", "TASK", "ATTEMPT", "SAYS")
    print_table(head, [_step(one, tree.depths[one.name]) for one in tree.steps])


def _spent(one: Workflow) -> str:
    tokens = f"{one.prompt_tokens} prompt and {one.response_tokens} response tokens"
    return f"{usd(one.cost)} USD, {tokens}" if one.cost or one.prompt_tokens or one.response_tokens else ""


def _step(one: StepRow, depth: int) -> tuple[str, ...]:
    look = look_of_step(one.status)
    said = (one.row.error or one.row.thought) if one.row else ""
    return (
        "  " * depth + cell(one.name) if to_terminal() else cell(one.name),
        f"{look.glyph} {look.word}" if to_terminal() else look.word,
        ",".join(one.after),
        one.task_id,
        str(one.row.attempt) if one.row else "0",
        cell(said, 120),
    )


def _do(call: Invocation, as_json: bool, act: Callable[[Shraga], Workflow]) -> None:
    with call.connect() as shraga:
        _tell(act(shraga), as_json)


def _tell(made: Workflow, as_json: bool) -> None:
    if as_json:
        print_json(made.to_json_object())
    else:
        data(made.id)
        say(f"it is {'paused' if made.paused and not made.phase.is_final else made.phase}")


@workflow_app.command()
@verb
def pause(call: Invocation, workflow_id: Id, as_json: Json = False) -> None:
    """Let no further step begin; those that run go on."""
    _do(call, as_json, lambda shraga: shraga.pause_workflow(workflow_id))


@workflow_app.command()
@verb
def resume(call: Invocation, workflow_id: Id, as_json: Json = False) -> None:
    """Let a paused workflow go on."""
    _do(call, as_json, lambda shraga: shraga.resume_workflow(workflow_id))


@workflow_app.command()
@verb
def cancel(
    call: Invocation,
    workflow_id: Id,
    reason: Annotated[str, option("--reason", "Why, for those who ask later.")] = "",
    as_json: Json = False,
) -> None:
    """Cancel a workflow and ask its running steps to stop."""
    _do(call, as_json, lambda shraga: shraga.cancel_workflow(workflow_id, reason))


@workflow_app.command()
@verb
def retry(
    call: Invocation,
    workflow_id: Id,
    step: Annotated[Text, option("--from", "The step; what has failed first otherwise.", "STEP")] = None,
    as_json: Json = False,
) -> None:
    """Run a step and all that come after it again."""
    _do(call, as_json, lambda shraga: shraga.retry_workflow(workflow_id, step))


Step = Annotated[str, typer.Argument(help="The step's name.", metavar="STEP")]


@workflow_app.command()
@verb
def skip(call: Invocation, workflow_id: Id, step: Step, as_json: Json = False) -> None:
    """Leave a step out; what comes after it goes on."""
    _do(call, as_json, lambda shraga: shraga.skip_step(workflow_id, step))


@workflow_app.command()
@verb_with(STEP)
def add(
    call: Invocation,
    options: dict[str, Any],
    workflow_id: Id,
    step: Step,
    after: Annotated[
        Many, option("--after", "A step it waits for; the last one where none is named.", "STEP")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a step to a workflow under way."""
    from pydantic import ValidationError

    from shraga_models import WorkflowStep
    from shraga_queue.submission import invalid

    from .submit import task_fields

    fields = task_fields(options | {"name": step}) | ({"after": after} if after else {})
    try:
        new = WorkflowStep.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None
    _do(call, as_json, lambda shraga: shraga.add_step(workflow_id, new))


@workflow_app.command("say")
@verb
def say_to(
    call: Invocation,
    workflow_id: Id,
    text: Said,
    reply_to: ReplyTo = None,
    edit: Edit = None,
    attach: Attach = None,
    as_json: Json = False,
) -> None:
    """Say something about a workflow: its steps that run and listen hear it, later ones are told at their start."""
    fields = {"parent_id": reply_to, "edits": edit, "attachments": attachments(attach)}
    with call.connect() as shraga:
        said = shraga.workflow_say(workflow_id, text, **fields)
    print_said(said, as_json)
    if not as_json:
        say(where_it_went(said))


@workflow_app.command()
@verb
def chat(call: Invocation, workflow_id: Id, tail: Tail = None, as_json: Json = False) -> None:
    """Print what people have said about a workflow and which steps were told, oldest first."""
    with call.connect() as shraga:
        print_chat(shraga.workflow_chat(workflow_id, tail=tail), as_json)
