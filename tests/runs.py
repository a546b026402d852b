"""A run's context without a worker: what it says is kept, people's words and answers are put in by the test."""

from __future__ import annotations

import select
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from shraga_models import ExecutionDetails, Message, ModelCall, NewQuestion
from shraga_queue.briefing import Resume
from shraga_queue.context import RunContext
from shraga_queue.conversation import Conversation, HasFileno, Suspended

TASK = "019abcde-0000-7000-8000-0123456789ab"


@dataclass
class Talk:
    """Stands for the slot: an unanswered question suspends the run at once."""

    resumed: Resume | None = None
    messages: tuple[Message, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    asked: list[NewQuestion] = field(default_factory=list)
    chats: list[str] = field(default_factory=list)
    documents: tuple[tuple[str, str], ...] = ()
    calls: list[ModelCall] = field(default_factory=list)
    to_be_heard: list[Message] = field(default_factory=list)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    sayings: list[tuple[float | None, str]] = field(default_factory=list)
    places: list[ExecutionDetails] = field(default_factory=list)

    def ask(self, question: NewQuestion) -> str:
        """Return the answer, where the test has put one."""
        self.asked.append(question)
        if question.own_key not in self.answers:
            raise Suspended(question.text)
        return self.answers[question.own_key]

    def put(self, question: NewQuestion) -> None:
        """Keep a question of a command at the door."""
        self.asked.append(question)

    def is_settled(self, key: str) -> bool:
        """Whether the test has put an answer."""
        return key in self.answers

    def answer_to(self, question: NewQuestion) -> str:
        """Return the answer that the test has put."""
        return self.answers[question.own_key]

    def chat(self, sender_type: str, kind: str, text: str, parent: str, metadata: str) -> None:
        """Keep what the run says."""
        self.chats.append(text)

    def record(self, call: ModelCall) -> None:
        """Keep a model call."""
        self.calls.append(call)

    def goes_on_at(self, details: ExecutionDetails) -> None:
        """Keep where the run would go on."""
        self.places.append(details)

    def listen(
        self, files: Sequence[HasFileno], timeout: float | None
    ) -> tuple[list[HasFileno], list[Message]]:
        """Wait for files alone; what people say is here already."""
        heard, self.to_be_heard = self.to_be_heard, []
        ready, _, _ = select.select(files, [], [], 0 if heard else timeout)
        return ready, heard


def make_context(home: Path, task_id: str = TASK, attempt: int = 1, **talk: Any) -> RunContext:
    """Return a context; `folder_attempt` and `session` say where it goes on, the rest is `Talk`'s."""
    goes_on = {name: talk.pop(name) for name in ("folder_attempt", "session_id", "note") if name in talk}
    kept = Talk(resumed=Resume(**goes_on) if goes_on else None, **talk)

    def say(share: float | None, thought: str) -> None:
        kept.sayings.append((share, thought))

    def write(source: str, level: str, message: str, metadata: str) -> None:
        kept.lines.append((source, level, message))

    talking = cast(Conversation, kept)
    return RunContext(task_id, attempt, "alice", "a task", str(home), say, write, talking)


def talk_of(context: RunContext) -> Talk:
    """Return what the run has said and was told."""
    return cast(Talk, context.talk)


def written(context: RunContext, source: str) -> list[str]:
    """Return the log lines of a source."""
    return [message for kind, _, message in talk_of(context).lines if kind == source]


def message(text: str, sender: str = "alice", kind: str = "text") -> Message:
    """Return a message of a person, or of the worker `w1`."""
    kind_of = "worker" if sender == "w1" else "user"
    return Message.model_validate(
        {
            "id": "1-0", "at": datetime(2026, 1, 2, tzinfo=UTC), "task_id": TASK, "sender_type": kind_of,
            "sender": sender, "text": text, "type": kind,
        }
    )  # fmt: skip
