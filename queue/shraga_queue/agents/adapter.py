"""What every adapter does: build a command line, put what is told into its input, read its lines as steps."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shraga_models import AgentConfig

from .steps import Finished, Step

MOST_TOOL_TEXT = 4_000
"""Characters of a tool's input or output that the log shows."""


@dataclass(frozen=True, slots=True)
class Start:
    """What one process of an agent is started with.

    `session` is that of the process before, if the agent named one; `question` is what it had asked and `message` what
    it was told since. Without a session the prompt holds all.
    """

    prompt: str
    session: str | None = None
    question: str = ""
    message: str = ""
    model: str | None = None
    max_turns: int | None = None
    budget: float | None = None


class Adapter(ABC):
    """Speaks with one process of an agent; it keeps what it has seen of it, and does no I/O."""

    hears = True
    """Whether the agent can be told something while it runs."""
    ask_hint = (
        'When you cannot go on without a person, run `shraga ask "QUESTION"`, with `--option TEXT` for each answer '
        "to choose from, and wait for it: it prints the answer. The wait may end this process; you are then started "
        "again with the answer."
    )
    """What the prompt says about asking a person; empty where the agent has a way of its own."""

    @abstractmethod
    def command(self, config: AgentConfig, start: Start) -> list[str]:
        """Return the command line; raises InvalidInput for what the agent cannot be given."""

    @abstractmethod
    def opening(self, start: Start) -> bytes:
        """Return what is written to its input at the start."""

    def told(self, text: str, sender: str) -> bytes:
        """Return a person's message as it is written to its input."""
        return b""

    def answered(self, key: str, text: str) -> bytes:
        """Return the answer to a question as it is written to its input."""
        return b""

    @abstractmethod
    def read(self, line: str) -> Iterator[Step]:
        """Yield the steps of one line of its output."""

    def ended(self, exit_code: int) -> Finished | None:
        """Return how it went where the process ended without a word on that, or None where its exit code says all."""
        return None


def json_line(message: dict[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def read_object(line: str) -> dict[str, Any] | None:
    """Return the JSON object of a line, or None where it is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def brief(value: object) -> str:
    """Return a tool's input or output as text, shortened for the log."""
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return said if len(said) <= MOST_TOOL_TEXT else f"{said[:MOST_TOOL_TEXT]}… ({len(said):,} characters)"
