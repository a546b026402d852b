"""Tasks as lists: pages by rank, searches in bounded steps, rows by id; flows without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import shraga_models as models
from shraga_models import TaskFilter, TaskStatus, parse_filter

from . import codec
from .calls import Argument, Batch, Call, Flow, as_is
from .codec import TaskRow, TaskWithRuns
from .errors import InvalidInput, Unreadable, no_such_task
from .keys import Keys

if TYPE_CHECKING:
    from shraga_models import Run, Task


SCAN_BUDGET = 500
"""Rows that one call of a search looks at, at most."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which tasks, and from which end: the newest move first, or the oldest."""

    wanted: TaskFilter = field(default_factory=TaskFilter)
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Rows from a rank on, None for one that is gone; `newer` counts what moved after the pin; `now` in ms."""

    now: int
    total: int
    newer: int
    rows: tuple[TaskRow | None, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search goes on: after this member of this index."""

    score: str
    index: int
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What one step of a search found; `after` is None at the end, `scanned` and `total` count rows looked at."""

    ids: tuple[str, ...]
    rows: tuple[TaskRow, ...]
    after: Place | None
    scanned: int
    total: int


def read_filter(text: str) -> TaskFilter:
    """Return the filter of a line; raises InvalidInput naming the term and the fix."""
    try:
        return parse_filter(text)
    except ValueError as error:
        raise InvalidInput("filter", str(error)) from None


class Listing:
    """The operations that read lists of tasks."""

    keys: Keys
    user: str

    def _index(self) -> tuple[str]:
        return (self.keys.make("index", status=TaskStatus.QUEUED),)

    def _meant(self, query: ListQuery) -> ListQuery:
        return replace(query, wanted=query.wanted.asked_by(self.user))

    def now(self) -> Flow[datetime]:
        """Return Redis's time."""
        seconds, micros = yield Call(as_is, command=("TIME",))
        return codec.sure_moment(int(seconds) * 1000 + int(micros) // 1000)

    def task_page(self, query: ListQuery, first: int, count: int, pin: int | None = None) -> Flow[TaskPage]:
        """Return `count` rows from a rank on, of what moved up to `pin` (ms), in one call.

        Raises ValueError for a filter that only a search can answer.
        """
        if query.wanted.needs_scan:
            raise ValueError("only status, owner and age can be paged by rank; search for the rest")
        order, older, younger, statuses, owners = _range(self._meant(query))
        args: tuple[Argument, ...] = (order, older, younger, "" if pin is None else pin)
        args += (first, count, statuses, owners)
        page: TaskPage = yield Call(_read_page, "page", self._index(), args)
        return page

    def search(
        self,
        query: ListQuery,
        after: Place | None = None,
        wanted: int = SCAN_BUDGET,
        *,
        whole: bool = False,
    ) -> Flow[Found]:
        """Return the next matches, ids or `whole` rows, after looking at a bounded number of rows."""
        query = self._meant(query)
        begin: tuple[Argument, ...] = (after.score, after.index, after.id) if after else ("", "", "")
        args = (*_range(query), *begin, wanted, SCAN_BUDGET, "rows" if whole else "ids")

        def read(reply: Any) -> Found:
            score, index, last = (codec.text(value) for value in reply[1:4])
            return Found(
                ids=() if whole else tuple(codec.text(one) for one in reply[0]),
                rows=tuple(codec.read_row(cells) for cells in reply[0]) if whole else (),
                after=Place(score, int(index), last) if score else None,
                scanned=int(reply[4]),
                total=int(reply[5]),
            )

        found: Found = yield Call(read, "search", self._index(), (*args, *_tests(query.wanted)))
        return found

    def task_rows(self, ids: Sequence[str]) -> Flow[tuple[TaskRow | None, ...]]:
        """Return the rows of some tasks as they are now, None for one that is gone."""
        rows: tuple[TaskRow | None, ...] = yield Call(
            lambda reply: tuple(map(_read_row, reply[1:])), "rows", (self.keys.make("owners"),), tuple(ids)
        )
        return rows

    def find_rows(self, text: str = "", limit: int = 100) -> Flow[list[TaskRow]]:
        """Return the rows a filter matches, newest move first; raises InvalidInput for a bad filter."""
        query, rows, after = ListQuery(read_filter(text)), list[TaskRow](), None
        while len(rows) < limit:
            found = yield from self.search(query, after, limit - len(rows), whole=True)
            rows += found.rows
            if (after := found.after) is None:
                break
        return rows

    def find_ids(self, text: str = "", limit: int = 100) -> Flow[list[str]]:
        """Return the ids of the tasks a filter matches, newest move first; raises InvalidInput for a bad filter."""
        query, ids, after = ListQuery(read_filter(text)), list[str](), None
        while len(ids) < limit:
            found = yield from self.search(query, after, limit - len(ids))
            ids += found.ids
            if (after := found.after) is None:
                break
        return ids

    def find(self, text: str = "", limit: int = 100) -> Flow[list[Task]]:
        """Return the tasks a filter matches, newest move first, without what cannot be read; raises InvalidInput."""
        ids = yield from self.find_ids(text, limit)
        found = yield from self.read_many(ids)
        return [one for one in found if isinstance(one, models.Task)]

    def read_many(self, task_ids: Sequence[str]) -> Flow[list[Task | Unreadable]]:
        """Return those of the tasks that are there, in one round trip; what cannot be read says why."""
        found = (yield Batch(tuple(map(self._task_call, task_ids)))) if task_ids else []
        return [one.task if isinstance(one, TaskWithRuns) else one for one in found if one is not None]

    def get(self, task_id: str) -> Flow[TaskWithRuns]:
        """Return a task with its runs; raises NotFound or Unreadable."""
        found = yield self._task_call(task_id)
        if isinstance(found, Unreadable):
            raise found
        if found is None:
            raise no_such_task(task_id)
        result: TaskWithRuns = found
        return result

    def get_task(self, task_id: str) -> Flow[Task]:
        """Return a task; raises NotFound."""
        return (yield from self.get(task_id)).task

    def get_runs(self, task_id: str) -> Flow[tuple[Run, ...]]:
        """Return a task's runs, oldest first; raises NotFound."""
        return (yield from self.get(task_id)).runs

    def _task_call(self, task_id: str) -> Call[TaskWithRuns | Unreadable | None]:
        read = partial(codec.read_task_with_runs, task_id)
        return Call(read, "task", (self.keys.make("owners"),), (task_id,))


def _range(query: ListQuery) -> tuple[str, str, str, str, str]:
    wanted = query.wanted
    older, younger = ("".join(_ms(age)) for age in (wanted.older_than, wanted.younger_than))
    statuses = ",".join(wanted.status or tuple(TaskStatus))
    return "oldest" if query.oldest_first else "newest", older, younger, statuses, ",".join(wanted.owner)


def _ms(seconds: float | None) -> tuple[str, ...]:
    return () if seconds is None else (str(int(seconds * 1000)),)


def _tests(wanted: TaskFilter) -> Sequence[str]:
    fields = {
        "kind": wanted.kind,
        "priority": wanted.priority,
        "capability": wanted.capability,
        "worker_name": wanted.worker,
        "id": wanted.id,
        "label": wanted.label,
        "assignee": wanted.assignee,
        "due": wanted.due,
        "due_within": _ms(wanted.due_within),
        "due_after": _ms(wanted.due_after),
    }
    tests = [part for name, values in fields.items() if values for part in (name, ",".join(values))]
    return [*tests, *(part for word in wanted.words for part in ("word", codec.spellings(word)))]


def _read_row(cells: Any) -> TaskRow | None:
    return codec.read_row(cells) if cells else None


def _read_page(reply: Any) -> TaskPage:
    return TaskPage(int(reply[0]), int(reply[1]), int(reply[2]), tuple(map(_read_row, reply[3:])))
