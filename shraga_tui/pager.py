"""The pages of a task list around what is visible: read from the store, latest wish first, few kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from shraga_queue.codec import TaskRow
from shraga_queue.errors import ShragaError
from shraga_queue.listing import ListQuery, Place
from shraga_tui.source import Source

PAGE = 64
KEPT_PAGES = 32
REFRESH_PAUSE = 0.5
"""Seconds between two readings of the same page because something happened."""
RETRY_PAUSE = 1.0
MOST_FOUND = 100_000
"""Matches of a search that are kept; it stops there and says so."""
TELL_PAUSE = 0.05


@dataclass(slots=True)
class Page:
    """Rows from a rank on; stale ones are shown until they are read anew."""

    rows: tuple[TaskRow | None, ...]
    fresh: bool = True


@dataclass(slots=True)
class Search:
    """How far a search over the whole store is; `ended` too when it stopped at the most it keeps."""

    ids: list[str]
    scanned: int = 0
    total: int = 0
    after: Place | None = None
    ended: bool = False

    @property
    def is_full(self) -> bool:
        """Whether more may match than is kept."""
        return len(self.ids) >= MOST_FOUND


class TaskPager:
    """Reads the pages that are looked at, one call each; calls `changed` when there is something new to show.

    A filter that indexes answer is paged by rank. Any other is searched for, a bounded step at a time, and
    its pages are those of the ids found so far. While pinned, what moved since is counted but not shown.
    """

    def __init__(self, source: Source, changed: Callable[[], None]) -> None:
        self.query = ListQuery()
        self.total = 0
        self.newer = 0
        self.pin: int | None = None
        self.now: int | None = None
        self.search: Search | None = None
        self.fault = ""
        self._source = source
        self._changed = changed
        self._pages: OrderedDict[int, Page] = OrderedDict()
        self._visible = (0, 1)
        self._want = asyncio.Event()
        self._search_on = asyncio.Event()
        self._refreshed_at = 0.0
        self._refresh_due: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    # What the table asks

    def row(self, rank: int) -> TaskRow | None:
        """Return the row at a rank, None where it is not here."""
        page = self._pages.get(rank // PAGE)
        place = rank % PAGE
        return page.rows[place] if page and place < len(page.rows) else None

    def rank_of(self, task_id: str) -> int | None:
        """Return the rank of a task that is here, else None."""
        return next((rank for rank, row in self._here() if row.id == task_id), None)

    def rows_here(self) -> Iterator[TaskRow]:
        """Yield the rows that are here."""
        return (row for _, row in self._here())

    def _here(self) -> Iterator[tuple[int, TaskRow]]:
        for number, page in self._pages.items():
            for place, row in enumerate(page.rows):
                if row is not None:
                    yield number * PAGE + place, row

    def has(self, first: int, count: int) -> bool:
        """Whether all of these rows are here."""
        last = min(first + count, self.total) - 1
        return all(number in self._pages for number in range(first // PAGE, max(first, last) // PAGE + 1))

    def look(self, first: int, count: int) -> None:
        """Say what is visible from now on."""
        self._visible = (first, max(1, count))
        self._want.set()

    # What the screen asks

    def show(self, query: ListQuery) -> None:
        """Show another list, from its first row on."""
        self.query = query
        self.pin, self.newer = None, 0
        self._restart()

    def _restart(self) -> None:
        self.search = Search([]) if self.query.wanted.needs_scan else None
        top = self._pages.get(0)
        self._pages.clear()
        if self.search is not None:
            self.total = 0
        elif top is not None:
            # The top of the list before stays until that of the new one is here: no flicker while typing.
            self._pages[0] = Page(top.rows, fresh=False)
        self._visible = (0, self._visible[1])
        (self._search_on if self.search else self._want).set()

    def pin_now(self) -> None:
        """Keep the view as it is: what moves from now on is only counted."""
        if self.pin is None and not self.query.oldest_first and self.search is None:
            self.pin = self.now

    def go_live(self) -> None:
        """Show what has moved meanwhile; searches again where the list was searched for."""
        self.pin, self.newer = None, 0
        if self.search is not None:
            self._restart()
        else:
            self.refresh(at_once=True)

    def refresh(self, *, at_once: bool = False) -> None:
        """Read what is visible anew, soon."""
        loop = asyncio.get_running_loop()
        wait = 0.0 if at_once else self._refreshed_at + REFRESH_PAUSE - loop.time()
        if self._refresh_due is not None:
            if not at_once:
                return
            self._refresh_due.cancel()
        self._refresh_due = None
        if wait > 0:
            self._refresh_due = loop.call_later(wait, self._refresh)
        else:
            self._refresh()

    def _refresh(self) -> None:
        self._refresh_due = None
        self._refreshed_at = asyncio.get_running_loop().time()
        for page in self._pages.values():
            page.fresh = False
        self._want.set()

    # Reading

    async def run(self) -> None:
        """Read what is looked at, for ever; the latest wish wins, no call is given up half-way."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._for_ever(self._want, self._read_pages))
            group.create_task(self._for_ever(self._search_on, self._search))

    async def _for_ever(self, wanted: asyncio.Event, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await wanted.wait()
            wanted.clear()
            try:
                await step()
            except ShragaError as error:
                await self._failed(str(error), wanted)
            except Exception as error:
                # A record this version cannot read must show, not end the dashboard.
                said = f"An answer of the store cannot be read ({type(error).__name__}: {error})."
                await self._failed(said, wanted)

    async def _failed(self, sentence: str, wanted: asyncio.Event) -> None:
        self.fault = sentence
        self._changed()
        await asyncio.sleep(RETRY_PAUSE)
        wanted.set()

    async def _read_pages(self) -> None:
        first, count = self._visible
        visible = range(first // PAGE, (first + count - 1) // PAGE + 1)
        missing = [number for number in visible if not (page := self._pages.get(number)) or not page.fresh]
        if missing:
            # What is seen at once is asked for at once, also where two pages meet.
            await self._read(missing[0], missing[-1] + 1 - missing[0])
        if self._want.is_set():
            return
        for number in (visible[-1] + 1, visible[0] - 1):
            if number >= 0 and number * PAGE < self.total and number not in self._pages:
                await self._read(number)
            if self._want.is_set():
                return

    async def _read(self, number: int, pages: int = 1) -> None:
        query, pin, search = self.query, self.pin, self.search
        if search is not None:
            ids = search.ids[number * PAGE : (number + pages) * PAGE]
            rows = await self._source.task_rows(ids) if ids else ()
            total, newer, now = len(search.ids), 0, self.now
        else:
            got = await self._source.task_page(query, number * PAGE, pages * PAGE, pin)
            rows, total, newer, now = got.rows, got.total, got.newer, got.now
        if (query, pin, search) != (self.query, self.pin, self.search):
            self._want.set()
            return
        self.fault, self.total, self.newer, self.now = "", total, newer, now
        for place in range(pages):
            self._keep(number + place, rows[place * PAGE : (place + 1) * PAGE])
        self._changed()

    def _keep(self, number: int, rows: tuple[TaskRow | None, ...]) -> None:
        # A row that did not change stays the same object: what is drawn of it is kept by identity.
        known = {row.id: row for row in self._pages[number].rows if row} if number in self._pages else {}
        same = (old if row and (old := known.get(row.id)) == row else row for row in rows)
        self._pages[number] = Page(tuple(same))
        self._pages.move_to_end(number)
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        for beyond in [one for one in self._pages if one and one * PAGE >= self.total]:
            del self._pages[beyond]

    async def _search(self) -> None:
        search, query, loop = self.search, self.query, asyncio.get_running_loop()
        while search is not None and search is self.search and not search.ended:
            started = loop.time()
            found = await self._source.search(query, search.after)
            if search is not self.search:
                return
            first = not search.ids and bool(found.ids)
            search.ids += found.ids[: MOST_FOUND - len(search.ids)]
            search.scanned += found.scanned
            search.total = max(search.scanned, found.total)
            search.after = found.after
            search.ended = found.after is None or search.is_full
            self._found(first or search.ended)
            # The server has others to answer, and this loop keys.
            await asyncio.sleep((loop.time() - started) / 2)

    def _found(self, at_once: bool) -> None:
        assert self.search is not None
        now = asyncio.get_running_loop().time()
        if not at_once and now - self._told_at < TELL_PAUSE:
            return
        self._told_at, self.fault = now, ""
        before, self.total = self.total, len(self.search.ids)
        for number, page in self._pages.items():
            # The last page of those found so far has grown.
            page.fresh = page.fresh and (number + 1) * PAGE <= before
        if self.total != before or at_once:
            self._want.set()
        self._changed()
