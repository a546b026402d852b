"""Finds tasks that other hands displaced, by walks whose steps stay small however many tasks there are."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Any

from shraga_models import TaskStatus

from .calls import Argument, Call, as_is
from .codec import scored, text
from .engine import Engine
from .operations import LEASE_MS

PAGE = 10_000
"""Entries of a queue read at once."""
SEARCHED = 20
"""Queued tasks a call may look for: each may cost a search of its whole queue."""


class Mender:
    """One walk over the tasks of a status; make a new one for each, since it remembers what the queues hold."""

    def __init__(self, engine: Engine, token: str) -> None:
        self._engine = engine
        self._token = token
        self._listed: array[int] | None = None
        self._listed_at = 0.0

    def mend(self, status: TaskStatus, first: int, count: int) -> tuple[int, int] | None:
        """Mend `count` tasks from rank `first`; returns how many were mended and seen, or None when not leading."""
        key = self._engine.keys.make("index", status=status)
        found = self._call(scored, "ZRANGE", key, first, first + count - 1, "WITHSCORES")
        displaced = self._displaced(status, found)
        step = SEARCHED if status is TaskStatus.QUEUED else max(1, count)
        mended = 0
        # Without a suspect it asks all the same, to learn whether it still leads.
        for start in range(0, max(1, len(displaced)), step):
            args = (self._token, LEASE_MS, status.value, *displaced[start : start + step])
            leases = (self._engine.keys.make("leases"),)
            reply = self._engine.driver.call(Call(as_is, "reconcile", leases, args))
            if reply is None:
                return None
            mended += int(reply)
        return mended, len(found)

    def _displaced(self, status: TaskStatus, found: list[tuple[str, Any]]) -> list[str]:
        """Return those that are not where a task of the status belongs; the script makes sure of each."""
        if not found:
            return []
        if status is TaskStatus.QUEUED:
            listed = self._in_queues()
            # What was queued after the queues were read may well be in them.
            return [one for one, at in found if float(at) <= self._listed_at and not _has(listed, hash(one))]
        if status is TaskStatus.BLOCKED:
            # What each waits for is looked up where it is mended.
            return [one for one, _ in found]
        if status is TaskStatus.SCHEDULED:
            # What repeats has a slot instead of a due time; what is paused or hears an event has neither.
            slots = self._call(list, "ZMSCORE", self._engine.keys.make("slots"), *(one for one, _ in found))
            found = [one for one, score in zip(found, slots, strict=True) if score is None]
        if not found:
            return []
        place = self._engine.keys.make("leases" if status is TaskStatus.RUNNING else "due")
        scores = self._call(list, "ZMSCORE", place, *(one for one, _ in found))
        return [one for (one, _), score in zip(found, scores, strict=True) if score is None]

    def _in_queues(self) -> array[int]:
        """Return what all our queues hold: eight bytes a task, sorted."""
        if self._listed is None:
            now = self._call(as_is, "TIME")
            self._listed_at = int(now[0]) * 1000 + int(now[1]) // 1000
            hashes = array("q")
            for queue in self._engine.queues():
                first, page = 0, [b""] * PAGE
                # Claims take from the front meanwhile: pages overlap, so that none is passed over.
                while len(page) == PAGE:
                    page = self._call(list, "LRANGE", queue, first, first + PAGE - 1)
                    hashes.extend(hash(text(one)) for one in page)
                    first += PAGE - PAGE // 10
            self._listed = array("q", sorted(hashes))
        return self._listed

    def _call(self, read: Any, *command: Argument) -> Any:
        return self._engine.driver.call(Call(read, command=command))


def _has(ordered: array[int], value: int) -> bool:
    place = bisect_left(ordered, value)
    return place < len(ordered) and ordered[place] == value
