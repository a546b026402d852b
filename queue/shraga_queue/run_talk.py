"""What a run asks and says, and what it is told: the half of the engine that speaks with people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shraga_models import Message, NewQuestion

from .calls import Argument, Batch, Call, as_is
from .client import SyncDriver
from .codec import pairs, text
from .stream_codec import read_chat

if TYPE_CHECKING:
    from .engine import Claim


MOST_COMMON = 500
"""Entries of its workflow's chat that a run is given at its start, the latest."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What there is for a run to read: how much was ever said to the task, up to which entry this is, and it."""

    count: int
    last_id: str
    messages: tuple[Message, ...]
    answers: dict[str, str]


def in_order(own: tuple[Message, ...], common: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the messages of a step's task and those of its workflow that it has not been brought, oldest first."""
    brought = {message.origin for message in own}
    found = [*own, *(message for message in common if message.id not in brought)]
    return tuple(sorted(found, key=lambda message: tuple(map(int, message.id.split("-")))))


class RunTalk:
    """The moves of a run that speaks; `Engine` is the whole."""

    def __init__(self, driver: SyncDriver) -> None:
        self.driver = driver
        self.keys = driver.keys

    def _leases(self) -> tuple[str]:
        return (self.keys.make("leases"),)

    def ask(self, claim: Claim, question: NewQuestion) -> tuple[str, str]:
        """Put a run's question; returns `asked` or `busy` with its id, `answered` with the answer, or `stale`."""
        known = question.default is not None
        due_ms = int((question.deadline or 0) * 1000)
        args = (
            claim.task_id, claim.fence, claim.holder, question.own_key, question.kind.value, question.text,
            question.signature, json.dumps(question.options), "1" if known else "0", question.default or "", due_ms,
        )  # fmt: skip
        reply = self.driver.call(Call(as_is, "ask", self._leases(), args))
        return text(reply[0]), text(reply[1]) if len(reply) > 1 else ""

    def append_chat(self, claim: Claim, messages: Iterable[tuple[str, str, str, str, str]]) -> str:
        """Add what a run says: sender type, type, text, parent, metadata of each; returns `ok` or `stale`."""
        cells = [cell for message in messages for cell in message]
        args: tuple[Argument, ...] = (claim.task_id, claim.fence, claim.holder, *cells)
        return text(self.driver.call(Call(as_is, "chat", self._leases(), args)))

    def read_mail(self, claim: Claim, after: str = "-", workflow: str = "") -> Mail:
        """Return what was said and answered; the chat from after an entry on, all that is kept for `-`.

        With the id of a workflow also the latest of that one's chat, as far as it has not come into the task's own.
        """
        whose = {"owner": claim.owner, "task": claim.task_id}
        chat = self.keys.make("chat", **whose)
        common = self.keys.make("workflow_chat", owner=claim.owner, workflow=workflow)
        # The workflow's first: what is said to it after that has come to the claimed task, whose chat is read then.
        around = (
            (Call(as_is, command=("XREVRANGE", common, "+", "-", "COUNT", MOST_COMMON)),) if workflow else ()
        )
        # The count first: what is said between the two is read now and looked for once more.
        counted = Call(as_is, command=("HGET", self.keys.make("task", **whose), "mail"))
        said = Call(as_is, command=("XRANGE", chat, after if after == "-" else f"({after}", "+"))
        answered = Call(pairs, command=("HGETALL", self.keys.make("answers", **whose)))
        *heard, count, entries, answers = self.driver.batch(Batch((*around, counted, said, answered)))
        messages = read_chat(claim.task_id, entries, fold=after == "-")
        if heard and heard[0]:
            messages = in_order(messages, read_chat(None, reversed(heard[0]), workflow_id=workflow))
        told = {key: str(json.loads(answer)["text"]) for key, answer in answers.items()}
        last_id = text(entries[-1][0]) if entries else after
        return Mail(int(count or 0), last_id, messages, told)
