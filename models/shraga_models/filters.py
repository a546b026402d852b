"""The filter grammar: `status:running owner:alice kind:bugfix age>1h label:nightly words`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from .durations import parse_duration
from .status import Priority, TaskKind, TaskStatus

_TERM = re.compile(r"^(?P<key>[a-z]+)(?P<sign>[:<>])(?P<value>.*)$")
_CHOICES: dict[str, tuple[str, ...]] = {
    "status": tuple(TaskStatus),
    "kind": tuple(TaskKind),
    "priority": tuple(Priority),
}
_FREE = ("owner", "label", "worker", "capability", "id")


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """A parsed filter; an empty tuple or None means "any". Ages are in seconds since the last move."""

    status: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    worker: tuple[str, ...] = ()
    capability: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    older_than: float | None = None
    younger_than: float | None = None
    words: tuple[str, ...] = ()

    @property
    def needs_scan(self) -> bool:
        """Whether anything narrows the list that no index knows: all but status, owner and age."""
        return any((self.kind, self.priority, self.label, self.worker, self.capability, self.id, self.words))


def parse_filter(text: str) -> TaskFilter:
    """Return the filter of a line; raises ValueError naming the term and what it may be."""
    try:
        terms = shlex.split(text)
    except ValueError:
        raise ValueError(f"filter: a quote is not closed in {text!r}") from None
    found: dict[str, list[str]] = {}
    ages: dict[str, float] = {}
    for term in terms:
        match = _TERM.match(term)
        if match is None:
            found.setdefault("words", []).append(term.lower())
        elif match["key"] == "age":
            ages["older_than" if match["sign"] == ">" else "younger_than"] = _age(term, match)
        else:
            found.setdefault(match["key"], []).extend(_values(term, match))
    return TaskFilter(**{key: tuple(dict.fromkeys(values)) for key, values in found.items()}, **ages)  # type: ignore[arg-type]


def _age(term: str, match: re.Match[str]) -> float:
    if match["sign"] == ":":
        raise ValueError(f"filter: {term!r} has no direction: write age>1h or age<5m")
    try:
        return parse_duration(match["value"])
    except ValueError as error:
        raise ValueError(f"filter: {error}") from None


def _values(term: str, match: re.Match[str]) -> list[str]:
    key, values = match["key"], match["value"].split(",")
    if key not in _CHOICES and key not in _FREE:
        known = ", ".join((*_CHOICES, *_FREE, "age"))
        raise ValueError(f"filter: {key!r} in {term!r} is unknown: use one of {known}, or plain words")
    if match["sign"] != ":" or not all(values):
        raise ValueError(f"filter: {term!r} has no value: write {key}:value")
    for value in values:
        if key in _CHOICES and value not in _CHOICES[key]:
            raise ValueError(f"filter: {value!r} is no {key}: use one of {', '.join(_CHOICES[key])}")
    return values
