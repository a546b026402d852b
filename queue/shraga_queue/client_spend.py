"""What the two clients offer about money and brakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .operations import Operations
from .spend import By

if TYPE_CHECKING:
    from shraga_models import Brake, Budget, SpendLine, StoredModelCall

    from .aclient import AsyncDriver
    from .client import SyncDriver


class SyncSpend:
    """The spending half of `Shraga`."""

    driver: SyncDriver
    operations: Operations

    def spend(self, by: By = "day", *, days: int = 30, owner: str | None = None) -> list[SpendLine]:
        """Return what calls of models cost in the last days, by day, owner, model or task."""
        return self.driver.run(self.operations.spend(by, days, owner))

    def model_calls(self, task_id: str) -> list[StoredModelCall]:
        """Return the calls of models that a task has made, oldest first."""
        task = self.driver.run(self.operations.get_task(task_id))
        return self.driver.run(self.operations.model_calls(task))

    def budgets(self) -> list[Budget]:
        """Return the budgets of a day, with what was spent of each today."""
        return self.driver.run(self.operations.budgets())

    def set_budget(self, day: float | None, *, owner: str | None = None) -> list[Budget]:
        """Set what an owner, or everybody together, may spend on a day (US dollars), None for no budget."""
        return self.driver.run(self.operations.set_budget(day, owner))

    def brakes(self) -> list[Brake]:
        """Return the brakes that are on."""
        return self.driver.run(self.operations.brakes())

    def set_brake(
        self, on: bool, *, task_id: str | None = None, owner: str | None = None, reason: str = ""
    ) -> bool:
        """Put a brake on a task, an owner's tasks or all, or release it; returns whether that is new."""
        flow = self.operations.set_brake(on, task_id=task_id, owner=owner, reason=reason)
        return self.driver.run(flow)


class AsyncSpend:
    """The spending half of `AsyncShraga`."""

    driver: AsyncDriver
    operations: Operations

    async def spend(self, by: By = "day", *, days: int = 30, owner: str | None = None) -> list[SpendLine]:
        """Return what calls of models cost in the last days, by day, owner, model or task."""
        return await self.driver.run(self.operations.spend(by, days, owner))

    async def model_calls(self, task_id: str) -> list[StoredModelCall]:
        """Return the calls of models that a task has made, oldest first."""
        task = await self.driver.run(self.operations.get_task(task_id))
        return await self.driver.run(self.operations.model_calls(task))

    async def budgets(self) -> list[Budget]:
        """Return the budgets of a day, with what was spent of each today."""
        return await self.driver.run(self.operations.budgets())

    async def set_budget(self, day: float | None, *, owner: str | None = None) -> list[Budget]:
        """Set what an owner, or everybody together, may spend on a day (US dollars), None for no budget."""
        return await self.driver.run(self.operations.set_budget(day, owner))

    async def brakes(self) -> list[Brake]:
        """Return the brakes that are on."""
        return await self.driver.run(self.operations.brakes())

    async def set_brake(
        self, on: bool, *, task_id: str | None = None, owner: str | None = None, reason: str = ""
    ) -> bool:
        """Put a brake on a task, an owner's tasks or all, or release it; returns whether that is new."""
        flow = self.operations.set_brake(on, task_id=task_id, owner=owner, reason=reason)
        return await self.driver.run(flow)
