"""What the two clients offer about workflows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shraga_models import Phase

from .talk import build_message

if TYPE_CHECKING:
    from shraga_models import Message, NewWorkflow, Workflow, WorkflowStep

    from .aclient import AsyncDriver
    from .client import SyncDriver
    from .operations import Operations
    from .workflow_codec import WorkflowTree
    from .workflows import WorkflowOperations


class SyncWorkflows:
    """The half of `Shraga` that is about workflows."""

    driver: SyncDriver
    operations: Operations

    @property
    def _workflows(self) -> WorkflowOperations:
        from .workflows import WorkflowOperations

        return WorkflowOperations(self.operations)

    def submit_workflow(self, title: str, *, owner: str | None = None, **fields: Any) -> Workflow:
        """Submit a workflow; `fields` are those of `NewWorkflow`. Once it returns, the workflow is kept."""
        from .workflow_codec import check_workflow

        return self._accept(check_workflow({"title": title} | fields), owner)

    def _accept(self, new: NewWorkflow, owner: str | None) -> Workflow:
        return self.driver.run(self._workflows.submit(new, owner))

    def workflow(self, workflow_id: str) -> WorkflowTree:
        """Return a workflow and its steps as they stand."""
        return self.driver.run(self._workflows.tree(workflow_id))

    def workflows(self, phases: Iterable[Phase] = Phase, *, limit: int = 100) -> list[Workflow]:
        """Return the workflows in some phases, the one that moved last first."""
        return self.driver.run(self._workflows.recent(phases, limit))

    def pause_workflow(self, workflow_id: str) -> Workflow:
        """Let no further task of a workflow begin; those that run go on."""
        return self.driver.run(self._workflows.pause(workflow_id))

    def resume_workflow(self, workflow_id: str) -> Workflow:
        """Let a paused workflow go on."""
        return self.driver.run(self._workflows.resume(workflow_id))

    def cancel_workflow(self, workflow_id: str, reason: str = "") -> Workflow:
        """Cancel a workflow and all its tasks that have not ended."""
        return self.driver.run(self._workflows.cancel(workflow_id, reason))

    def retry_workflow(self, workflow_id: str, step: str | None = None) -> Workflow:
        """Run a step and all that come after it again; what has failed first where none is named."""
        return self.driver.run(self._workflows.retry(workflow_id, step))

    def skip_step(self, workflow_id: str, step: str) -> Workflow:
        """Leave out a step that does not run; what comes after it goes on."""
        return self.driver.run(self._workflows.skip_step(workflow_id, step))

    def add_step(self, workflow_id: str, step: WorkflowStep) -> Workflow:
        """Add a step to a workflow that is planned or under way."""
        return self.driver.run(self._workflows.add_step(workflow_id, step))

    def workflow_say(self, workflow_id: str, text: str, **fields: Any) -> Message:
        """Add a message to a workflow's chat; `fields` are those of `NewMessage`."""
        return self.driver.run(self._workflows.say(workflow_id, build_message(text, **fields)))

    def workflow_chat(self, workflow_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a workflow's chat, oldest first."""
        return self.driver.run(self._workflows.chat(workflow_id, tail))


class AsyncWorkflows:
    """The half of `AsyncShraga` that is about workflows."""

    driver: AsyncDriver
    operations: Operations

    @property
    def _workflows(self) -> WorkflowOperations:
        from .workflows import WorkflowOperations

        return WorkflowOperations(self.operations)

    async def submit_workflow(self, title: str, *, owner: str | None = None, **fields: Any) -> Workflow:
        """Submit a workflow; `fields` are those of `NewWorkflow`. Once it returns, the workflow is kept."""
        from .workflow_codec import check_workflow

        return await self._accept(check_workflow({"title": title} | fields), owner)

    async def _accept(self, new: NewWorkflow, owner: str | None) -> Workflow:
        return await self.driver.run(self._workflows.submit(new, owner))

    async def workflow(self, workflow_id: str) -> WorkflowTree:
        """Return a workflow and its steps as they stand."""
        return await self.driver.run(self._workflows.tree(workflow_id))

    async def workflows(self, phases: Iterable[Phase] = Phase, *, limit: int = 100) -> list[Workflow]:
        """Return the workflows in some phases, the one that moved last first."""
        return await self.driver.run(self._workflows.recent(phases, limit))

    async def pause_workflow(self, workflow_id: str) -> Workflow:
        """Let no further task of a workflow begin; those that run go on."""
        return await self.driver.run(self._workflows.pause(workflow_id))

    async def resume_workflow(self, workflow_id: str) -> Workflow:
        """Let a paused workflow go on."""
        return await self.driver.run(self._workflows.resume(workflow_id))

    async def cancel_workflow(self, workflow_id: str, reason: str = "") -> Workflow:
        """Cancel a workflow and all its tasks that have not ended."""
        return await self.driver.run(self._workflows.cancel(workflow_id, reason))

    async def retry_workflow(self, workflow_id: str, step: str | None = None) -> Workflow:
        """Run a step and all that come after it again; what has failed first where none is named."""
        return await self.driver.run(self._workflows.retry(workflow_id, step))

    async def skip_step(self, workflow_id: str, step: str) -> Workflow:
        """Leave out a step that does not run; what comes after it goes on."""
        return await self.driver.run(self._workflows.skip_step(workflow_id, step))

    async def add_step(self, workflow_id: str, step: WorkflowStep) -> Workflow:
        """Add a step to a workflow that is planned or under way."""
        return await self.driver.run(self._workflows.add_step(workflow_id, step))

    async def workflow_say(self, workflow_id: str, text: str, **fields: Any) -> Message:
        """Add a message to a workflow's chat; `fields` are those of `NewMessage`."""
        return await self.driver.run(self._workflows.say(workflow_id, build_message(text, **fields)))

    async def workflow_chat(self, workflow_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a workflow's chat, oldest first."""
        return await self.driver.run(self._workflows.chat(workflow_id, tail))
