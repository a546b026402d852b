"""How a term of a filter goes on: the names of terms, and the values that are known for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shraga_models import Priority, TaskKind, TaskStatus

AGES = ("5m", "1h", "24h", "7d")
SOON = ("1h", "1d", "2d", "7d")
TERMS = (
    "status:",
    "owner:",
    "kind:",
    "priority:",
    "label:",
    "worker:",
    "capability:",
    "id:",
    "age>",
    "age<",
    "assignee:",
    "due:",
    "due<",
    "due>",
)
FIXED: Mapping[str, tuple[str, ...]] = {
    "status:": tuple(TaskStatus),
    "kind:": tuple(TaskKind),
    "priority:": tuple(Priority),
    "age>": AGES,
    "age<": AGES,
    "assignee:": ("me", "none"),
    "due:": ("today", "overdue", "none"),
    "due<": SOON,
    "due>": SOON,
}


def completions(line: str, known: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the whole lines that the last term of `line` may become; `known` has the values seen of a term."""
    begun = line.rpartition(" ")[2]
    before = line[: len(line) - len(begun)]
    if not begun or '"' in line or "'" in line:
        return []
    name = next((term for term in TERMS if begun.startswith(term)), "")
    if not name:
        return [before + term for term in TERMS if term.startswith(begun.lower())]
    done, _, part = begun[len(name) :].rpartition(",")
    lead = before + name + (f"{done}," if done else "")
    values = dict.fromkeys([*FIXED.get(name, ()), *known.get(name, ())])
    # A value with a space would need quotes, one with a comma would be two.
    fits = [
        value
        for value in values
        if value.startswith(part) and value != part and not set(value) & set(" ,\"'")
    ]
    return [lead + value for value in fits]


def choices(line: str, found: Iterable[str]) -> list[str]:
    """Return the completed terms of whole lines, as a hint shows them."""
    start = len(line) - len(line.rpartition(" ")[2])
    return [one[start:] for one in found]
