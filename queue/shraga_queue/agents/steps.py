"""What an agent does, step by step, whichever way its command line says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shraga_models import LogLevel, ModelCall, NewQuestion, Verdict


@dataclass(frozen=True, slots=True)
class Thought:
    """What it thinks or is about to do."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """Its words for people."""

    text: str


@dataclass(frozen=True, slots=True)
class Printed:
    """A line without a meaning of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """The share it has done, 0 to 1."""

    share: float


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool it uses, and on what."""

    name: str
    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back."""

    text: str
    failed: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that it waits for the answer of."""

    question: NewQuestion


@dataclass(frozen=True, slots=True)
class Usage:
    """A call of its model."""

    call: ModelCall


@dataclass(frozen=True, slots=True)
class Session:
    """What it has to be given to go on from here in another process."""

    id: str


@dataclass(frozen=True, slots=True)
class Deliverable:
    """A file of its folder, or an address, that it hands over."""

    name: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something about the agent itself; an agent that only tells of trouble is not alive for it."""

    text: str
    level: LogLevel = LogLevel.INFO


@dataclass(frozen=True, slots=True)
class Finished:
    """Its own word on how it went; `result` is a JSON value."""

    ok: bool
    summary: str = ""
    error: str = ""
    verdict: Verdict | None = None
    result: Any = None


Step = (
    Thought
    | Said
    | Printed
    | Progressed
    | ToolCall
    | ToolResult
    | Asked
    | Usage
    | Session
    | Deliverable
    | Noticed
    | Finished
)
