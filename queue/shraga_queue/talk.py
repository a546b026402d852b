"""Answering, approving, judging and talking: what people say to tasks, as flows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

import shraga_models as models
from shraga_models import TaskStatus

from . import codec, stream_codec
from .calls import Argument, Call, Flow, as_is
from .errors import InvalidInput, Refused, no_such_task
from .listing import Listing
from .submission import invalid

if TYPE_CHECKING:
    from shraga_models import Message, NewMessage, Question, Task


MOST_ANSWERED = 1_000
"""Tasks with the identical question that one call answers."""
Judgement = Literal["accept", "reject", "send_back"]
_PAST = {
    "accepted": "accepted",
    "rejected": "rejected",
    "sent_back": "sent back",
    "approved": "approved",
}


@dataclass(frozen=True, slots=True)
class ChatPage:
    """Messages of a chat, oldest first, and where to go on."""

    messages: tuple[Message, ...]
    last_id: str


class Talk(Listing):
    """The part of the operations in which people speak; `Operations` is the whole."""

    # Questions

    def questions(self, owner: str | None = None, limit: int = 1000) -> Flow[list[Question]]:
        """Return the open questions, the ones asked first first."""
        key = (self.keys.make("questions"),)
        found: list[Question] = yield Call(_read_questions, "questions", key, (limit, owner or ""))
        return found

    def answer(self, target: str, text: str, *, alike: bool = False) -> Flow[list[str]]:
        """Answer a question by its id, or the one a task has open; returns the tasks that were answered.

        With `alike` every task with the identical question is answered too. Raises NotFound, Refused where
        somebody was quicker (and says who) or nothing is asked, InvalidInput for an answer that is no option.
        """
        task_id, _, number = target.rpartition(".q")
        task = yield from self.get_task(task_id if number.isdigit() else target)
        question = task.question
        wanted = target if number.isdigit() else question.id if question else ""
        said = _fitting(question, text) if question and question.id == wanted else text.strip()
        if not said:
            raise InvalidInput("answer", "answer: it is empty: write what the task is to know.")
        signature = question.signature if question else ""
        args = (task.id, self.user, said, wanted, MOST_ANSWERED if alike else 0, signature)
        reply = yield Call(as_is, "answer", (self.keys.make("owners"),), args)
        outcome, *rest = [codec.text(cell) for cell in reply]
        if outcome == "taken":
            other = json.loads(rest[0])
            raise Refused(
                f"The question {other['question_id']} was answered by {other['by']} already: {other['text']!r}."
            )
        if outcome != "answered":
            status = rest[0] if rest else "gone"
            raise Refused(f"The task {task.id} ({status}) asks nothing; `shraga inbox` shows who does.")
        return rest

    # Leave and verdict

    def approve(self, task_id: str, note: str = "") -> Flow[Task]:
        """Let a task run that waits for it; raises NotFound or Refused."""
        reply = yield Call(as_is, "approve", (self.keys.make("owners"),), (task_id, self.user, note))
        answer, *rest = [codec.text(cell) for cell in reply]
        if answer == "missing":
            raise no_such_task(task_id)
        if answer == "refused":
            awaits = rest == [TaskStatus.AWAITING_APPROVAL, "completed"]
            hint = (
                "its result waits for a verdict: `shraga accept`, `reject` or `send-back`"
                if awaits
                else (f"it is {rest[0]}, and only a task that awaits approval can be approved")
            )
            raise Refused(f"The task {task_id} cannot be approved: {hint}.")
        return (yield from self.get_task(task_id))

    def review(
        self, task_id: str, judgement: Judgement, note: str = "", attempt: int | None = None
    ) -> Flow[Task]:
        """Accept or reject a result, or send the work back with a note; raises NotFound or Refused.

        `attempt` is the run the verdict was formed on, the current one where none is given.
        """
        if attempt is None:
            attempt = (yield from self.get_task(task_id)).attempt
        args = (task_id, self.user, judgement, note, attempt)
        reply = yield Call(as_is, "review", (self.keys.make("owners"),), args)
        answer, *rest = [codec.text(cell) for cell in reply]
        if answer == "missing":
            raise no_such_task(task_id)
        if answer == "refused":
            raise Refused(
                f"There is no verdict to give on the task {task_id}: {_why_no_verdict(rest, attempt)}."
            )
        return (yield from self.get_task(task_id))

    # Chat

    def say(self, task_id: str, new: NewMessage) -> Flow[Message]:
        """Add a message to a task's chat, or replace one's own; raises NotFound, InvalidInput or Refused."""
        args = (task_id, self.user, *message_cells(new))
        reply = yield Call(as_is, "say", (self.keys.make("owners"),), args)
        entry_id = read_said(reply, new)
        if entry_id is None:
            raise no_such_task(task_id)
        page = yield from self.chat(task_id, first_id=entry_id)
        return (
            page.messages[0]
            if page.messages
            else models.Message.model_validate(new.__dict__ | _stamp(task_id, entry_id, self.user))
        )

    def chat(self, task_id: str, tail: int | None = None, first_id: str = "-") -> Flow[ChatPage]:
        """Return a task's chat, oldest first, edits in the place of what they replace; raises NotFound."""
        task = yield from self.get_task(task_id)
        key = self.keys.make("chat", owner=task.owner, task=task_id)
        reply = yield Call(as_is, command=("XRANGE", key, first_id, "+"))
        messages = stream_codec.read_chat(task_id, reply)
        last_id = codec.text(reply[-1][0]) if reply else "0-0"
        return ChatPage(messages if tail is None else messages[-max(1, tail) :], last_id)

    def more_chat(self, task: Task, last_id: str, block_ms: int = 1_000) -> Flow[ChatPage]:
        """Return what was said after an entry, waiting up to `block_ms` for the first; edits as they come."""
        key = self.keys.make("chat", owner=task.owner, task=task.id)
        command: tuple[Argument, ...] = ("XREAD", "COUNT", 2000, "BLOCK", block_ms, "STREAMS", key, last_id)
        reply = yield Call(as_is, command=command)
        entries = next(iter(stream_codec.read_streams(reply).values()), [])
        messages = stream_codec.read_chat(task.id, entries, fold=False)
        return ChatPage(messages, messages[-1].id if messages else last_id)


def build_message(text: str, **fields: Any) -> NewMessage:
    """Return a checked message; raises InvalidInput naming the first bad field and the fix."""
    try:
        return models.NewMessage.model_validate({"text": text} | fields)
    except ValidationError as error:
        raise invalid(error) from None


def message_cells(new: NewMessage) -> tuple[str, ...]:
    """Return a message as the scripts take it: type, text, parent, what it edits, attachments, metadata."""
    attachments = json.dumps([one.model_dump(mode="json") for one in new.attachments])
    return (
        new.type.value, new.text, new.parent_id or "", new.edits or "",
        attachments if new.attachments else "", json.dumps(new.metadata) if new.metadata else "",
    )  # fmt: skip


def read_said(reply: Any, new: NewMessage) -> str | None:
    """Return the id under which something was said, None where nobody is there; raises InvalidInput or Refused."""
    answer, *rest = [codec.text(cell) for cell in reply]
    if answer == "unknown":
        field = "edits" if rest[0] == new.edits else "parent_id"
        raise InvalidInput(field, f"{field}: the chat has no such message {rest[0]!r}: take an id it shows.")
    if answer == "foreign":
        raise Refused(f"The message is {rest[0]}'s; only who wrote it can edit it.")
    return rest[0] if answer == "said" else None


def _stamp(task_id: str, entry_id: str, user: str) -> dict[str, Any]:
    at = stream_codec.stream_at(entry_id)
    return {"id": entry_id, "at": at, "task_id": task_id, "sender_type": "user", "sender": user}


def _read_questions(reply: Any) -> list[Question]:
    found = [
        codec.read_question(codec.text(task), codec.text(owner), codec.text(name), codec.text(asked))
        for task, owner, name, asked in reply[1:]
    ]
    return [one for one in found if one is not None]


def _fitting(question: Question, text: str) -> str:
    """Return the answer as one of the question's options, which may be given by its number or in any case."""
    said, options = text.strip(), question.options
    if not options:
        return said
    if said.isdigit() and said not in options and 1 <= int(said) <= len(options):
        return options[int(said) - 1]
    for option in options:
        if option.casefold() == said.casefold():
            return option
    if question.takes_any_words:
        return said
    raise InvalidInput("answer", f"answer: {said[:80]!r} is none of the options: {' | '.join(options)}.")


def _why_no_verdict(refusal: list[str], attempt: int) -> str:
    status, run, now, review = refusal
    if review and json.loads(review)["attempt"] == attempt and status != TaskStatus.AWAITING_APPROVAL:
        said = json.loads(review)
        return f"it was {_PAST[said['decision']]} by {said['by']} already"
    if status == TaskStatus.AWAITING_APPROVAL and run == "pending":
        return "it has not run yet and waits for leave to: `shraga approve`"
    if status == TaskStatus.AWAITING_APPROVAL:
        return f"work went on since run {attempt}, and the result is that of run {now}: look at it anew"
    return f"it is {status}, and only the result of a supervised task waits for one"
