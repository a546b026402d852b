"""What the two clients offer for answering, approving, judging and talking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .operations import Operations
from .talk import Judgement, build_message

if TYPE_CHECKING:
    from shraga_models import Message, Question, Task

    from .aclient import AsyncDriver
    from .client import SyncDriver


class SyncTalk:
    """The talking half of `Shraga`."""

    driver: SyncDriver
    operations: Operations

    def questions(self, *, owner: str | None = None, limit: int = 1000) -> list[Question]:
        """Return the open questions, the ones asked first first."""
        return self.driver.run(self.operations.questions(owner, limit))

    def answer(self, target: str, text: str, *, alike: bool = False) -> list[str]:
        """Answer a question by its id or its task's; `alike` answers the identical ones too. Returns the tasks."""
        return self.driver.run(self.operations.answer(target, text, alike=alike))

    def approve(self, task_id: str, note: str = "") -> Task:
        """Let a task run that waits for it."""
        return self.driver.run(self.operations.approve(task_id, note))

    def review(
        self, task_id: str, judgement: Judgement, note: str = "", *, attempt: int | None = None
    ) -> Task:
        """Accept or reject a result, or send the work back with a note."""
        return self.driver.run(self.operations.review(task_id, judgement, note, attempt))

    def say(self, task_id: str, text: str, **fields: Any) -> Message:
        """Add a message to a task's chat; `fields` are those of `NewMessage`."""
        return self.driver.run(self.operations.say(task_id, build_message(text, **fields)))

    def chat(self, task_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a task's chat, oldest first."""
        return self.driver.run(self.operations.chat(task_id, tail)).messages


class AsyncTalk:
    """The talking half of `AsyncShraga`."""

    driver: AsyncDriver
    operations: Operations

    async def questions(self, *, owner: str | None = None, limit: int = 1000) -> list[Question]:
        """Return the open questions, the ones asked first first."""
        return await self.driver.run(self.operations.questions(owner, limit))

    async def answer(self, target: str, text: str, *, alike: bool = False) -> list[str]:
        """Answer a question by its id or its task's; `alike` answers the identical ones too. Returns the tasks."""
        return await self.driver.run(self.operations.answer(target, text, alike=alike))

    async def approve(self, task_id: str, note: str = "") -> Task:
        """Let a task run that waits for it."""
        return await self.driver.run(self.operations.approve(task_id, note))

    async def review(
        self, task_id: str, judgement: Judgement, note: str = "", *, attempt: int | None = None
    ) -> Task:
        """Accept or reject a result, or send the work back with a note."""
        return await self.driver.run(self.operations.review(task_id, judgement, note, attempt))

    async def say(self, task_id: str, text: str, **fields: Any) -> Message:
        """Add a message to a task's chat; `fields` are those of `NewMessage`."""
        return await self.driver.run(self.operations.say(task_id, build_message(text, **fields)))

    async def chat(self, task_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a task's chat, oldest first."""
        return (await self.driver.run(self.operations.chat(task_id, tail))).messages
