"""Which tasks wait for which: asked, changed, and looked at; flows without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

import shraga_models as models
from shraga_models import TaskStatus
from shraga_models.faults import plain

from . import codec
from .calls import Argument, Call, Flow, as_is
from .errors import InvalidInput, NotFound, Refused, no_such_task
from .listing import Listing

if TYPE_CHECKING:
    from shraga_models import Dependency, NewTask


WALKED = 50_000
"""Edges looked at, at most, to make sure that a new one closes no cycle."""
PAUSED = "(paused)"
"""The prerequisite, which nothing meets, of tasks whose workflow is paused."""
ASKED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A task at the other end of an edge; name, status and owner are empty where it is gone."""

    id: str
    kind: str
    name: str
    status: str
    owner: str
    is_unmet: bool
    """Whether the one that depends on the other still waits for it."""

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What a task depends on (unmet first) and what depends on it (oldest edge first), up to a limit, and how many."""

    prerequisites: tuple[Neighbour, ...]
    dependents: tuple[Neighbour, ...]
    prerequisites_total: int
    unmet_total: int
    dependents_total: int

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def _no_prerequisite(task_id: str) -> NotFound:
    return NotFound(
        f"depends_on: there is no task {task_id!r} to wait for; give the id of one that is there, "
        "or what an earlier task of the same call is called."
    )


def raise_refused(reply: Any) -> None:
    """Raise what the script `submit` refused, if it did: NotFound for a prerequisite, Refused for an id."""
    answer = codec.text(reply[0])
    if answer == "missing":
        raise _no_prerequisite(codec.text(reply[2]))
    if answer == "taken":
        raise Refused(f"id: {codec.text(reply[1])} is another task's id already: give a new one, or none.")


def _edge(given: Dependency | str) -> Dependency:
    """Return an edge that may be written as `ID:finished`; raises InvalidInput."""
    try:
        return models.Dependency.model_validate(given)
    except ValidationError as error:
        said = plain(error.errors(include_url=False, include_input=False)[0]["msg"])
        raise InvalidInput("depends_on", f"depends_on: {str(given)!r}: {said.rstrip('.')}.") from None


def read_neighbourhood(reply: Any) -> Neighbourhood | None:
    """Return the answer of the script `dependencies`; None where the task is gone."""
    if reply is None:
        return None
    _, total, unmet, prerequisites, dependents_total, dependents = reply

    def read(rows: Sequence[Sequence[Any]]) -> tuple[Neighbour, ...]:
        cells = ((*map(codec.text, row[:5]), bool(row[5])) for row in rows)
        return tuple(Neighbour(*cell) for cell in cells)  # type: ignore[arg-type]

    return Neighbourhood(read(prerequisites), read(dependents), int(total), int(unmet), int(dependents_total))


class Depending(Listing):
    """The operations on edges between tasks."""

    user: str

    def check_prerequisites(self, tasks: Iterable[tuple[NewTask, str]]) -> Flow[None]:
        """Raise NotFound unless all that the tasks depend on is there, or comes before in the same call."""
        wanted, coming = dict[str, None](), set[str]()
        for new, task_id in tasks:
            wanted |= dict.fromkeys(one.task_id for one in new.depends_on if one.task_id not in coming)
            coming.add(task_id)
        ids = list(wanted)
        for start in range(0, len(ids), ASKED_AT_ONCE):
            some = ids[start : start + ASKED_AT_ONCE]
            owners = yield Call(as_is, command=("HMGET", self.keys.make("owners"), *some))
            for task_id, owner in zip(some, owners, strict=True):
                if owner is None:
                    raise _no_prerequisite(task_id)

    def settle(self, task_ids: Sequence[str]) -> Flow[list[Any]]:
        """Let prerequisites that ended before have their say; returns the status of each of the tasks."""
        statuses: list[Any] = yield Call(as_is, "settle", (self.keys.make("owners"),), tuple(task_ids))
        return statuses

    def depend(self, task_id: str, on: Iterable[Dependency | str]) -> Flow[TaskStatus]:
        """Let a task wait for others or link it to them; returns its status then.

        Raises NotFound, Refused where it has begun, and InvalidInput where that would close a cycle, naming it.
        """
        others = [_edge(one) for one in on]
        args: list[Argument] = [task_id, self.user, WALKED]
        for one in others:
            args += (one.task_id, one.kind.value)
        reply = yield Call(as_is, "depend", (self.keys.make("owners"),), tuple(args))
        answer, *said = map(codec.text, reply)
        if answer == "missing":
            raise no_such_task(said[0])
        if answer == "late":
            raise Refused(
                f"The task {task_id} is {said[0]}; only one that has not begun can wait for others, "
                "all can be linked as related or duplicate."
            )
        if answer == "deep":
            raise Refused(
                f"More than {WALKED:,} edges lie before {task_id}, too many to make sure that there is no cycle."
            )
        if answer == "cycle":
            rows = yield from self.task_rows(said)
            raise _cycle([row.name if row else one for one, row in zip(said, rows, strict=True)], said)
        return TaskStatus(said[0])

    def undepend(self, task_id: str, on: Iterable[str]) -> Flow[TaskStatus]:
        """Let a task wait for others no more, or unlink it; returns its status then. Raises NotFound or Refused."""
        reply = yield Call(as_is, "undepend", (self.keys.make("owners"),), (task_id, self.user, *on))
        answer, said = map(codec.text, reply)
        if answer == "missing":
            raise no_such_task(said)
        if answer == "apart":
            raise Refused(
                f"The task {task_id} does not depend on {said}; `shraga show {task_id}` has what it does."
            )
        return TaskStatus(said)

    def dependencies(self, task_id: str, limit: int = 20, first: int = 0) -> Flow[Neighbourhood]:
        """Return what a task depends on and what depends on it, `limit` of each from `first` on; raises NotFound."""
        found = yield self.dependencies_call(task_id, limit, first)
        if found is None:
            raise no_such_task(task_id)
        neighbourhood: Neighbourhood = found
        return neighbourhood

    def dependencies_call(self, task_id: str, limit: int, first: int = 0) -> Call[Neighbourhood | None]:
        """Return the call that `dependencies` makes, for a round trip with others."""
        args = (task_id, limit, first)
        return Call(read_neighbourhood, "dependencies", (self.keys.make("owners"),), args)


def _cycle(names: Sequence[str], ids: Sequence[str]) -> InvalidInput:
    if len(ids) <= 2:
        return InvalidInput("depends_on", f"depends_on: {ids[0]} cannot wait for itself.")
    way = " -> ".join(f"{name!r} ({one})" for name, one in zip(names, ids, strict=True))
    return InvalidInput(
        "depends_on", f"depends_on: that would be a cycle, in which nothing could start: {way}."
    )
