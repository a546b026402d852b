"""What is asked of Redis, as values: a call says what to send and how to read the answer.

Operations yield calls and are sent the answers, so that the sync and the async client run the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Argument = str | bytes | int | float


def as_texts(arguments: Iterable[Argument]) -> list[str | bytes]:
    """Return arguments as texts: where a signal raises while hiredis writes a number, the process would crash."""
    return [one if isinstance(one, str | bytes) else str(one) for one in arguments]


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


@dataclass(frozen=True, slots=True)
class Stream:
    """Calls that are built while those before them are under way; the answer is the list of theirs, in order.

    Each is by itself, and harmless when it is made again: after a lost connection the unanswered ones are.
    """

    calls: Iterator[Call[Any]]


UNDER_WAY = 16
"""Calls of a stream that are sent and not answered: enough for a slow line, few enough to bound what they take."""


class Passage:
    """How far a stream has come: what is under way, and the answers so far."""

    def __init__(self, stream: Stream) -> None:
        self.answers: list[Any] = []
        self._calls = stream.calls
        self._under_way: list[Call[Any]] = []
        self._sent = 0

    def next_to_send(self) -> Call[Any] | None:
        """Return the call to send next, None where an answer has to be read first, or nothing is left."""
        if self._sent == len(self._under_way) < UNDER_WAY:
            self._under_way += islice(self._calls, 1)
        if self._sent == len(self._under_way):
            return None
        self._sent += 1
        return self._under_way[self._sent - 1]

    @property
    def oldest(self) -> Call[Any] | None:
        """The call whose answer comes next, None where all are answered."""
        return self._under_way[0] if self._under_way else None

    def take(self, answer: Any) -> None:
        """Keep the answer of the oldest call."""
        del self._under_way[0]
        self._sent -= 1
        self.answers.append(answer)

    def restart(self) -> None:
        """Send what is not answered again: the connection was lost."""
        self._sent = 0


Flow = Generator[Call[Any] | Batch | Stream, Any, T]
"""An operation: yields what to send, is sent what came back, returns its result."""
