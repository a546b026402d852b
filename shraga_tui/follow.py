"""Following one task for its detail screen: the record, its runs and the log of one attempt."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from shraga_models import LogEntry, Message, TaskStatus
from shraga_queue.codec import TaskWithRuns
from shraga_queue.depending import Neighbourhood
from shraga_queue.errors import ShragaError
from shraga_queue.operations import LogPage
from shraga_tui.feed import Feed, Poke

if TYPE_CHECKING:
    from shraga_queue.why import Why

LOG_TAIL = 1_000
LOG_KEEP = 5_000
CHAT_TAIL = 500
TASK_PAUSE = 0.1
TASK_PAUSE_MAX = 2.0
RETRY_PAUSE = 1.0
EXPLAINED = (TaskStatus.BLOCKED, TaskStatus.SCHEDULED, TaskStatus.QUEUED)
"""What waits for something other than a person, which the record alone does not name."""


class Follower:
    """Keeps one task and the log of `attempt` up to date until `close()`; calls `changed` when they did.

    A read under way is left to end by itself: cancelling it would cost a connection.
    """

    def __init__(self, feed: Feed, task_id: str, changed: Callable[[], None]) -> None:
        self.task_id = task_id
        self.found: TaskWithRuns | None = None
        self.around: Neighbourhood | None = None
        self.why: Why | None = None
        self.sentence = ""
        self.attempt = 0
        self.log: deque[LogEntry] = deque(maxlen=LOG_KEEP)
        self.log_seen = 0
        self.log_cut = False
        self.log_read = False
        self.generation = 0
        self.chat: tuple[Message, ...] = ()
        self.reads_chat = False
        self._feed = feed
        self._changed = changed
        self._poke = Poke()
        self._open = True
        feed.watchers[task_id] = self._poke

    def close(self) -> None:
        """Stop following; reads under way end within a second."""
        self._open = False
        self.generation += 1
        self._poke.poke(urgent=True)
        if self._feed.watchers.get(self.task_id) is self._poke:
            del self._feed.watchers[self.task_id]

    def refresh(self) -> None:
        """Read the task anew, at once."""
        self._poke.poke(urgent=True)

    def choose(self, attempt: int) -> int:
        """Show the log of another attempt; returns the generation `follow_log` is to be run with."""
        self.attempt = attempt
        self.generation += 1
        self.log.clear()
        self.log_seen, self.log_cut, self.log_read = 0, False, False
        return self.generation

    async def follow_task(self) -> None:
        """Keep the task up to date until closed."""
        while self._open:
            try:
                await self._read_task()
                self.sentence = ""
            except ShragaError as error:
                self.sentence = str(error)
            if self._open:
                self._changed()
                await self._poke.wait(TASK_PAUSE, TASK_PAUSE_MAX)

    async def _read_task(self) -> None:
        source = self._feed.source
        found = await source.get_with_runs(self.task_id)
        why = await source.why(self.task_id) if found.task.status in EXPLAINED else None
        self.around = await source.dependencies(self.task_id)
        self.found, self.why = found, why
        if self.reads_chat:
            self.chat = await source.chat(self.task_id, tail=CHAT_TAIL)

    async def follow_log(self, generation: int) -> None:
        """Read the log of the chosen attempt, and what it grows by, until another is chosen."""
        page: LogPage | None = None
        while generation == self.generation:
            try:
                page = await self._read_more(page)
            except ShragaError:
                # The task's own reader and the banner say what is wrong.
                await asyncio.sleep(RETRY_PAUSE)
                continue
            if generation != self.generation:
                return
            if page.entries or not self.log_read:
                self.log_cut = self.log_cut or (not self.log_read and len(page.entries) >= LOG_TAIL)
                self.log_read = True
                self.log.extend(page.entries)
                self.log_seen += len(page.entries)
                self._changed()

    async def _read_more(self, page: LogPage | None) -> LogPage:
        if page is None or self.found is None:
            return await self._feed.source.log_page(self.task_id, attempt=self.attempt, tail=LOG_TAIL)
        return await self._feed.source.more_logs(self.found.task, page)

    @property
    def is_running(self) -> bool:
        """Whether the task runs right now."""
        return self.found is not None and self.found.task.status is TaskStatus.RUNNING
