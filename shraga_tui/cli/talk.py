"""`shraga inbox`, `answer`, `approve`, `accept`, `reject`, `send-back`, `say`, `chat`: what waits on people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shraga_models import TaskStatus
from shraga_models.text import clean_block
from shraga_tui.look import way_of

from .act import done, settle_each
from .find import full_id
from .options import Invocation, Json, option, verb, verb_group
from .output import cell, data, iso, print_json, print_table, short_id
from .output import say as tell
from .read import TaskId

if TYPE_CHECKING:
    from shraga_models import Message, Question, Task
    from shraga_queue.client import Shraga
    from shraga_queue.talk import Judgement

app = verb_group()

TaskIds = Annotated[
    list[str], typer.Argument(help="Ids, or at least 6 characters of their ends.", metavar="ID...")
]
Note = Annotated[str, option("--note", "What to say about it, for the record and the task.")]
Said = Annotated[str, typer.Argument(help="What to say.", metavar="TEXT")]
ReplyTo = Annotated[str | None, option("--reply-to", "The message it answers.", "MESSAGE")]
Edit = Annotated[str | None, option("--edit", "Your message that it replaces.", "MESSAGE")]
Attach = Annotated[
    list[str] | None, option("--attach", "The address of a file it names; may be repeated.", "ADDRESS")
]
Tail = Annotated[int | None, typer.Option("--tail", min=1, help="Only the last N.", metavar="N")]
QUESTION_CELLS = 60


@app.command()
@verb
def inbox(
    call: Invocation,
    owner: Annotated[str | None, option("--owner", "Only the tasks of one user.", "NAME")] = None,
    as_json: Json = False,
) -> None:
    """What waits on a person: questions to answer, tasks to approve, results to judge."""
    with call.connect() as shraga:
        asked = shraga.questions(owner=owner)
        wanted = f"status:{TaskStatus.AWAITING_APPROVAL}" + (f" owner:{owner}" if owner else "")
        waiting = shraga.find(wanted, limit=1000)
    if as_json:
        print_json(
            {
                "questions": [one.model_dump(mode="json") for one in asked],
                "approvals": [task.to_json_object() for task in waiting if not task.awaits_verdict],
                "verdicts": [task.to_json_object() for task in waiting if task.awaits_verdict],
            }
        )
        return
    rows = [_question_row(one) for one in asked] + [_waiting_row(task) for task in waiting]
    if rows:
        print_table(("WAITS FOR", "ID", "NAME", "OWNER", "WHAT"), rows)
    else:
        tell("nothing waits on a person")


def _question_row(one: Question) -> tuple[str, ...]:
    ways = (*one.options, "your own words") if one.options and one.takes_any_words else one.options
    said = cell(one.text, QUESTION_CELLS) + (f" [{cell(' | '.join(ways))}]" if ways else "")
    return ("answer", short_id(one.task_id), cell(one.task_name), cell(one.owner), said)


def _waiting_row(task: Task) -> tuple[str, ...]:
    said = task.output.summary if task.awaits_verdict and task.output else task.description
    kind = "verdict" if task.awaits_verdict else "approval"
    return (kind, short_id(task.id), cell(task.name), cell(task.owner), cell(said, QUESTION_CELLS))


@app.command()
@verb
def answer(
    call: Invocation,
    question: Annotated[str, typer.Argument(help="The task's id, or the question's.", metavar="ID")],
    text: Annotated[str, typer.Argument(help="The answer, or the number of an option.", metavar="TEXT")],
    alike: Annotated[
        bool, typer.Option("--alike", help="Answer every task that asks the same.", show_default=False)
    ] = False,
    as_json: Json = False,
) -> None:
    """Answer what a task asks; of several answers the first one counts."""
    with call.connect() as shraga:
        answered = shraga.answer(full_id(shraga, question), text, alike=alike)
    if as_json:
        print_json([{"id": task_id, "ok": True} for task_id in answered])
    else:
        for task_id in answered:
            data(f"answered {task_id}")


@app.command()
@verb
def approve(call: Invocation, ids: TaskIds, note: Note = "", as_json: Json = False) -> None:
    """Let tasks run that wait for a person's leave."""
    with call.connect() as shraga:
        settle_each(shraga, ids, lambda task_id: done(shraga.approve(task_id, note)), as_json)


@app.command()
@verb
def accept(call: Invocation, ids: TaskIds, note: Note = "", as_json: Json = False) -> None:
    """Accept the results of supervised tasks: they are completed."""
    _judge(call, ids, "accept", note, as_json)


@app.command()
@verb
def reject(call: Invocation, ids: TaskIds, note: Note = "", as_json: Json = False) -> None:
    """Reject results, which fails their tasks; or tasks that wait for leave to run, which cancels them."""
    _judge(call, ids, "reject", note, as_json)


@app.command("send-back")
@verb
def send_back(call: Invocation, ids: TaskIds, note: Note = "", as_json: Json = False) -> None:
    """Send work back with a note: it goes on where it was."""
    _judge(call, ids, "send_back", note, as_json)


def _judge(call: Invocation, ids: list[str], judgement: Judgement, note: str, as_json: bool) -> None:
    def act(shraga: Shraga, task_id: str) -> Task:
        task = shraga.get(task_id)
        if judgement == "reject" and task.status is TaskStatus.AWAITING_APPROVAL and not task.awaits_verdict:
            return shraga.cancel(task_id, note or "not approved")
        return shraga.review(task_id, judgement, note, attempt=task.attempt)

    with call.connect() as shraga:
        settle_each(shraga, ids, lambda task_id: done(act(shraga, task_id)), as_json)


@app.command("say")
@verb
def say_to(
    call: Invocation,
    task_id: TaskId,
    text: Said,
    reply_to: ReplyTo = None,
    edit: Edit = None,
    attach: Attach = None,
    as_json: Json = False,
) -> None:
    """Say something to a task; a run that listens hears it at once, a later one is told at its start."""
    with call.connect() as shraga:
        found = full_id(shraga, task_id)
        fields = {"parent_id": reply_to, "edits": edit, "attachments": attachments(attach)}
        print_said(shraga.say(found, text, **fields), as_json)


def attachments(addresses: list[str] | None) -> list[dict[str, str]]:
    """Return what a message names, by its addresses."""
    return [{"name": one.rstrip("/").rpartition("/")[2] or one, "address": one} for one in addresses or ()]


def print_said(message: Message, as_json: bool) -> None:
    """Print the id of what was said."""
    if as_json:
        print_json(message.model_dump(mode="json"))
    else:
        data(message.id)


@app.command()
@verb
def chat(
    call: Invocation,
    task_id: TaskId,
    tail: Tail = None,
    as_json: Json = False,
) -> None:
    """Print what people, the task and the system have said, oldest first."""
    with call.connect() as shraga:
        print_chat(shraga.chat(full_id(shraga, task_id), tail=tail), as_json)


def print_chat(messages: tuple[Message, ...], as_json: bool) -> None:
    """Print the messages of a chat, oldest first."""
    if as_json:
        print_json([message.model_dump(mode="json") for message in messages])
        return
    if not messages:
        tell("nothing has been said")
    for message in messages:
        data(_spoken(message))


def _spoken(message: Message) -> str:
    whose = cell(message.sender if message.sender_type == "user" else message.sender_type)
    kind = "" if message.type == "text" else f" ({message.type})"
    marks = [
        kind,
        " (edited)" if message.edited else "",
        *(f" [{cell(one.address)}]" for one in message.attachments),
        f" ({way})" if (way := way_of(message)) else "",
    ]
    head = f"{iso(message.at)} {message.id} {whose}{''.join(marks)}: "
    return head + clean_block(message.text).replace("\n", "\n    ")
