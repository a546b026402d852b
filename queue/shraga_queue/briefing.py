"""What a run is told at its start: where it left off, what was said, what was answered."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Self

from shraga_models import Message


@dataclass(frozen=True, slots=True)
class Resume:
    """Where the run goes on: the session of its agent, the attempt whose folder it has, and what it is told."""

    folder_attempt: int
    session_id: str | None = None
    note: str = ""

    @classmethod
    def read(cls, stored: str) -> Self | None:
        """Return what the task's record has of it, or None for a run that begins anew."""
        if not stored:
            return None
        kept = json.loads(stored)
        return cls(int(kept["attempt"]), kept.get("session"), kept.get("note") or "")


@dataclass(frozen=True, slots=True)
class Briefing:
    """The chat so far, oldest first, and the answers there are, by the key of their question."""

    resumed: Resume | None = None
    conversation: tuple[Message, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    documents: tuple[tuple[str, str], ...] = ()
    """Titles and Markdown of the context documents that the task asks for."""

    def plain(self, resume: str) -> dict[str, Any]:
        """Return it as JSON values, for the channel; `resume` is the record's own text."""
        said = [message.model_dump(mode="json") for message in self.conversation]
        return {"resume": resume, "chat": said, "answers": self.answers, "documents": self.documents}

    @classmethod
    def read(cls, plain: dict[str, Any] | None) -> Self:
        """Return what the channel carried; an empty one for none."""
        if plain is None:
            return cls()
        said = tuple(Message.model_validate(message) for message in plain["chat"])
        documents = tuple((title, content) for title, content in plain["documents"])
        return cls(Resume.read(plain["resume"]), said, plain["answers"], documents)
