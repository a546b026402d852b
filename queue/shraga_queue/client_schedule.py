"""What both clients offer about tasks that repeat and the events that start them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .operations import Operations
from .scheduling import Emitted, Schedules

if TYPE_CHECKING:
    from shraga_models import Task

    from .aclient import AsyncDriver
    from .client import SyncDriver


class SyncSchedules:
    """The sync client's part."""

    driver: SyncDriver
    operations: Operations

    def schedules(self, *, owner: str | None = None, first: int = 0, count: int = 1000) -> Schedules:
        """Return tasks that repeat, the next due first."""
        return self.driver.run(self.operations.schedules(owner, first, count))

    def pause_schedule(self, task_id: str) -> Task:
        """Let nothing start a task that repeats until it is resumed."""
        return self.driver.run(self.operations.pause_schedule(task_id))

    def resume_schedule(self, task_id: str) -> Task:
        """Let a paused task repeat again, from its next slot on."""
        return self.driver.run(self.operations.resume_schedule(task_id))

    def skip_slot(self, task_id: str) -> Task:
        """Leave a task's next slot out."""
        return self.driver.run(self.operations.skip_slot(task_id))

    def emit(self, event: str, data: dict[str, Any] | None = None, *, key: str | None = None) -> Emitted:
        """Start every task that is bound to an event; the same `key` is heard once a day."""
        return self.driver.run(self.operations.emit(event, data, key))


class AsyncSchedules:
    """The async client's part."""

    driver: AsyncDriver
    operations: Operations

    async def schedules(self, *, owner: str | None = None, first: int = 0, count: int = 1000) -> Schedules:
        """Return tasks that repeat, the next due first."""
        return await self.driver.run(self.operations.schedules(owner, first, count))

    async def pause_schedule(self, task_id: str) -> Task:
        """Let nothing start a task that repeats until it is resumed."""
        return await self.driver.run(self.operations.pause_schedule(task_id))

    async def resume_schedule(self, task_id: str) -> Task:
        """Let a paused task repeat again, from its next slot on."""
        return await self.driver.run(self.operations.resume_schedule(task_id))

    async def skip_slot(self, task_id: str) -> Task:
        """Leave a task's next slot out."""
        return await self.driver.run(self.operations.skip_slot(task_id))

    async def emit(
        self, event: str, data: dict[str, Any] | None = None, *, key: str | None = None
    ) -> Emitted:
        """Start every task that is bound to an event; the same `key` is heard once a day."""
        return await self.driver.run(self.operations.emit(event, data, key))
