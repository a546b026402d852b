"""The dashboard's one link to the store: follows the events and keeps what the screens show up to date."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

from shraga_models import Event, Worker
from shraga_queue.board import BoardQuery, BoardSnapshot, Counts
from shraga_queue.errors import ShragaError
from shraga_tui.source import Source

RING = 5_000
FIRST_EVENTS = 200
BLOCK_MS = 1_000
EVENTS_PAUSE = 0.02
"""Seconds between two reads of events, so that a flood comes in few large answers."""
BOARD_PAUSE = 0.2
COUNTS_PAUSE = 1.0
QUIET_PAUSE = 5.0
RUNNING_PAUSE = 2.0
RETRY_PAUSE = 0.5
RETRY_PAUSE_MAX = 5.0
CHATTER = ("task.progress", "agent.message")
"""Events that change a card but no count."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the link, in a sentence, and since when (Redis's time, ms)."""

    sentence: str
    since_ms: int


class Ring:
    """The latest events; each keeps its number for ever, so that a view knows what was dropped."""

    def __init__(self, size: int = RING) -> None:
        self.events: deque[Event] = deque(maxlen=size)
        self.seen = 0

    @property
    def first(self) -> int:
        """The number of the oldest event that is still here."""
        return self.seen - len(self.events)

    def extend(self, events: tuple[Event, ...]) -> None:
        """Add events, dropping the oldest where the ring is full."""
        self.events.extend(events)
        self.seen += len(events)

    def since(self, number: int) -> list[Event]:
        """Return the events from a number on that are still here."""
        skip = max(0, number - self.first)
        return list(self.events)[skip:] if skip else list(self.events)


class Poke:
    """A question whose answer grows old: `poke` asks anew soon, `urgent` at once."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._urgent = asyncio.Event()

    def poke(self, *, urgent: bool = False) -> None:
        """Ask anew."""
        self._asked.set()
        if urgent:
            self._urgent.set()

    async def wait(self, at_least: float, at_most: float) -> None:
        """Wait until asked, but at least and at most so many seconds; an urgent question ends both."""
        started = asyncio.get_running_loop().time()
        await _quietly(self._urgent.wait(), at_least)
        waited = asyncio.get_running_loop().time() - started
        if not self._urgent.is_set():
            await _quietly(self._asked.wait(), max(0.0, at_most - waited))
        self._asked.clear()
        self._urgent.clear()


async def _quietly(waiting: Awaitable[object], seconds: float) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        pass


class Feed:
    """Keeps the board, the counts, the workers and the events; calls `changed(urgent)` when any of it did.

    For `settle_s` seconds from the start, workers and controller may still be coming up.
    `run()` never ends and never raises for a store that is away: `faults` says what is wrong until it is not.
    """

    def __init__(
        self,
        source: Source,
        changed: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
        settle_s: float = 0.0,
    ) -> None:
        self.source = source
        self.clock = clock
        self._settled_at = clock() + settle_s
        self.ring = Ring()
        self.board: BoardSnapshot | None = None
        self.board_query: BoardQuery | None = None
        self.board_asked: BoardQuery | None = None
        self.counts: Counts | None = None
        self.workers: tuple[Worker, ...] | None = None
        self._latencies: deque[float] = deque(maxlen=9)
        self.faults: dict[str, Fault] = {}
        self.gaps = 0
        self.watchers: dict[str, Poke] = {}
        self._changed = changed
        self._offset = time.time() * 1000 - clock() * 1000
        self._answered = clock()
        self._owner: str | None = None
        self._last_id = ""
        self._board_poke = Poke()
        self._counts_poke = Poke()
        self._workers_poke = Poke()

    # What screens read

    @property
    def now_ms(self) -> int:
        """Redis's time, as near as the last answer tells."""
        return int(self.clock() * 1000 + self._offset)

    @property
    def latency_ms(self) -> float | None:
        """How long the store takes to answer, the middle of the last few times; None until it is known."""
        return median(self._latencies) if self._latencies else None

    @property
    def fault(self) -> Fault | None:
        """What has been wrong for longest, or None when all is well."""
        return min(self.faults.values(), key=lambda fault: fault.since_ms, default=None)

    @property
    def is_settling(self) -> bool:
        """Whether it is too early to miss workers and a controller."""
        return self.clock() < self._settled_at

    @property
    def silence(self) -> float:
        """Seconds since the store last answered."""
        return self.clock() - self._answered

    def task_names(self) -> dict[str, str]:
        """Return the names of the tasks that the feed has seen lately, by id."""
        named = {event.task_id: event.name for event in self.ring.events if event.task_id and event.name}
        for page in self.board.columns if self.board else ():
            named.update((row.id, row.name) for row in page.rows)
        return named

    # What screens ask

    def look_at(self, query: BoardQuery) -> None:
        """Make `query` the windows the board shows; they are read at once."""
        if query == self.board_query:
            return
        self.board_query = query
        if query.owner != self._owner:
            self._owner = query.owner
            self._counts_poke.poke(urgent=True)
        self._board_poke.poke(urgent=True)

    def resync(self) -> None:
        """Read everything anew, at once."""
        for poke in (self._board_poke, self._counts_poke, self._workers_poke):
            poke.poke(urgent=True)

    # The loops

    async def run(self) -> None:
        """Follow the store for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._for_ever("events", self._read_events))
            group.create_task(self._for_ever("board", self._read_board))
            group.create_task(self._for_ever("counts", self._read_counts))
            group.create_task(self._for_ever("workers", self._read_workers))

    async def _for_ever(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        pause = RETRY_PAUSE
        while True:
            try:
                await step()
            except ShragaError as error:
                self._failed(name, str(error))
            except Exception as error:
                # A record this version cannot read must show as a banner, not end the dashboard.
                self._failed(
                    name, f"An answer of the store cannot be read ({type(error).__name__}: {error})."
                )
            else:
                pause = RETRY_PAUSE
                continue
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_PAUSE_MAX)

    def _failed(self, name: str, sentence: str) -> None:
        since = self.faults[name].since_ms if name in self.faults else self.now_ms
        self.faults[name] = Fault(sentence, since)
        self._changed(True)

    def _answer(self, name: str, now_ms: int | None = None) -> None:
        self._answered = self.clock()
        if now_ms is not None:
            self._offset = now_ms - self.clock() * 1000
        if self.faults.pop(name, None) is not None and not self.faults:
            self.resync()

    async def _read_events(self) -> None:
        recovering = "events" in self.faults
        if not self._last_id:
            page = await self.source.events(tail=FIRST_EVENTS)
        elif recovering:
            page = await self.source.events_after(self._last_id)
        else:
            page = await self.source.more_events(self._last_id, block_ms=BLOCK_MS)
        self._answer("events")
        self._last_id = page.last_id
        if page.gap:
            self.gaps += 1
            self.resync()
        if page.events:
            self.ring.extend(page.events)
            self._mark_stale(page.events)
        if page.events or recovering or page.gap:
            self._changed(False)
            await asyncio.sleep(EVENTS_PAUSE)

    def _mark_stale(self, events: tuple[Event, ...]) -> None:
        self._board_poke.poke()
        if any(event.type not in CHATTER for event in events):
            self._counts_poke.poke()
        if any(event.type.startswith("worker.") for event in events):
            self._workers_poke.poke(urgent=True)
        for event in events:
            if watcher := self.watchers.get(event.task_id or ""):
                watcher.poke()

    async def _read_board(self) -> None:
        query = self.board_query
        if query is not None:
            self.board = await self.source.board(query)
            self._answer("board", self.board.now)
            urgent, self.board_asked = query != self.board_asked, query
            self._changed(urgent)
        await self._board_poke.wait(BOARD_PAUSE, RUNNING_PAUSE)

    async def _read_counts(self) -> None:
        if not self._latencies:
            # The first question opens a connection and teaches the server the script.
            await self.source.counts(self._owner)
        started = self.clock()
        counts = await self.source.counts(self._owner)
        self._latencies.append((self.clock() - started) * 1000)
        self._answer("counts", counts.now)
        first, self.counts = self.counts is None, counts
        self._changed(first)
        await self._counts_poke.wait(COUNTS_PAUSE, QUIET_PAUSE)

    async def _read_workers(self) -> None:
        first = self.workers is None
        self.workers = tuple(await self.source.workers())
        self._answer("workers")
        self._changed(first)
        await self._workers_poke.wait(BOARD_PAUSE, RUNNING_PAUSE)
