"""What is asked of Redis, as values: a call says what to send and how to read the answer.

Operations yield calls and are sent the answers, so that the sync and the async client run the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Argument = str | bytes | int | float


def as_is(reply: Any) -> Any:
    """Return the reply unread."""
    return reply


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One script run or one plain command; exactly one of `script` and `command` is set."""

    read: Callable[[Any], T]
    script: str = ""
    keys: tuple[str, ...] = ()
    args: tuple[Argument, ...] = ()
    command: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls sent in one round trip; the answer is the list of theirs, in order."""

    calls: tuple[Call[Any], ...]


Flow = Generator[Call[Any] | Batch, Any, T]
"""An operation: yields what to send, is sent what came back, returns its result."""
