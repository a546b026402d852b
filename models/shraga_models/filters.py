"""The filter grammar: `status:running owner:alice kind:bugfix age>1h due<2d label:nightly words`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace

from .durations import parse_duration
from .status import Priority, TaskKind, TaskStatus

_TERM = re.compile(r"^(?P<key>[a-z]+)(?P<sign>[:<>])(?P<value>.*)$")
_CHOICES: dict[str, tuple[str, ...]] = {
    "status": tuple(TaskStatus),
    "kind": tuple(TaskKind),
    "priority": tuple(Priority),
    "due": ("today", "overdue", "none"),
}
_FREE = ("owner", "label", "worker", "capability", "id", "assignee")
_SPANS = {
    "age>": "older_than",
    "age<": "younger_than",
    "due>": "due_after",
    "due<": "due_within",
}
ME = "me"
"""The owner or assignee that stands for who asks."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """A parsed filter; an empty tuple or None means "any".

    Ages are in seconds since the last move, `due_within` and `due_after` in seconds from now; today is a day of UTC.
    """

    status: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    worker: tuple[str, ...] = ()
    capability: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    assignee: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    due_within: float | None = None
    due_after: float | None = None
    older_than: float | None = None
    younger_than: float | None = None
    words: tuple[str, ...] = ()

    @property
    def needs_scan(self) -> bool:
        """Whether anything narrows the list that no index knows: all but status, owner and age."""
        told = (self.kind, self.priority, self.label, self.worker, self.capability, self.id, self.words)
        spans = (self.due_within, self.due_after)
        return any((*told, self.assignee, self.due)) or any(span is not None for span in spans)

    def asked_by(self, user: str) -> TaskFilter:
        """Return the filter as one user means it: `me` is that user, and what is overdue has not ended."""
        if not (ME in self.owner or ME in self.assignee or "overdue" in self.due):
            return self
        owner, assignee = (
            tuple(user if name == ME else name for name in names) for names in (self.owner, self.assignee)
        )
        still = tuple(one for one in TaskStatus if not one.is_final) if "overdue" in self.due else ()
        return replace(self, owner=owner, assignee=assignee, status=self.status or still)


def parse_filter(text: str) -> TaskFilter:
    """Return the filter of a line; raises ValueError naming the term and what it may be."""
    try:
        terms = shlex.split(text)
    except ValueError:
        raise ValueError(f"filter: a quote is not closed in {text!r}") from None
    found: dict[str, list[str]] = {}
    spans: dict[str, float] = {}
    for term in terms:
        match = _TERM.match(term)
        if match is None:
            found.setdefault("words", []).append(term.lower())
        elif match["key"] == "age" or (match["key"] == "due" and match["sign"] != ":"):
            field, seconds = _span(term, match)
            spans[field] = seconds
        else:
            found.setdefault(match["key"], []).extend(_values(term, match))
    return TaskFilter(**{key: tuple(dict.fromkeys(values)) for key, values in found.items()}, **spans)  # type: ignore[arg-type]


def _span(term: str, match: re.Match[str]) -> tuple[str, float]:
    field = _SPANS.get(match["key"] + match["sign"])
    if field is None:
        raise ValueError(f"filter: {term!r} has no direction: write age>1h or age<5m")
    try:
        return field, parse_duration(match["value"])
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
            more = ", or write due<2d" if key == "due" else ""
            raise ValueError(f"filter: {value!r} is no {key}: use one of {', '.join(_CHOICES[key])}{more}")
    return values
