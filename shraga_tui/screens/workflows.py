"""The workflows: which there are, the tree of the one under the cursor, and what can be done to it."""

from __future__ import annotations

from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from shraga_models import Workflow
from shraga_queue.errors import ShragaError
from shraga_queue.workflow_codec import StepRow, WorkflowTree
from shraga_tui import acts
from shraga_tui.actions import bindings_of
from shraga_tui.desk import TaskRef
from shraga_tui.look import look_of_workflow
from shraga_tui.widgets.bars import Bar
from shraga_tui.widgets.virtual_list import VirtualList
from shraga_tui.widgets.workflow_list import StepTree, WorkflowList

from .lists import ListScreen


class WorkflowsScreen(ListScreen):
    """A list of the workflows, the one that moved last first, beside the steps of one."""

    SCOPE = "workflows"
    MODE = "workflows"
    BINDINGS = bindings_of("workflows")
    AUTO_FOCUS = "#workflows"

    def __init__(self) -> None:
        super().__init__()
        self._tree: WorkflowTree | None = None
        self._seen = ""

    def body(self) -> ComposeResult:
        with Horizontal(id="flows"):
            yield WorkflowList(lambda: self.desk.feed.now_ms)
            with Vertical(id="flow"):
                yield Bar(id="flow-title")
                yield Bar(id="flow-state")
                yield StepTree()

    @property
    def main_list(self) -> VirtualList[Any]:
        tree = self.query_one(StepTree)
        return tree if tree.has_focus else self.query_one(WorkflowList)

    @property
    def workflow(self) -> Workflow | None:
        """The workflow under the cursor."""
        return self.query_one(WorkflowList).row if self.is_mounted else None

    @property
    def step(self) -> StepRow | None:
        """The step under the cursor of the tree, of the workflow under that of the list."""
        row = self.query_one(StepTree).row if self.is_mounted else None
        shown = self._tree is not None and self.workflow is not None
        return row.step if row and shown and self._tree.workflow.id == self.workflow.id else None  # type: ignore[union-attr]

    @property
    def task_ref(self) -> TaskRef | None:
        step = self.step
        return TaskRef(step.task_id, step.name, step.status) if step and step.row else None

    # Reading

    def draw(self) -> None:
        self.query_one(WorkflowList).tick()
        newest = self.desk.feed.ring.events[-1].id if self.desk.feed.ring.events else "none"
        if newest != self._seen and self.desk.feed.fault is None:
            self._seen = newest
            self._load()

    @work(exclusive=True, exit_on_error=False, group="workflows")
    async def _load(self) -> None:
        try:
            self.query_one(WorkflowList).show_workflows(await self.desk.source.workflows())
            shown = self.workflow
            self._tree = await self.desk.source.workflow(shown.id) if shown else None
        except ShragaError:
            # The banner says so; the next news try again.
            self._seen = ""
            return
        self._show_tree()

    def _show_tree(self) -> None:
        tree = self._tree
        self.query_one(StepTree).show_tree(tree)
        if tree is None:
            self.query_one("#flow-title", Bar).show((), ())
            self.query_one("#flow-state", Bar).show((), ())
        else:
            shown = tree.workflow
            look = look_of_workflow(shown.phase, shown.paused)
            where = " · ".join(filter(None, (shown.item_id, shown.branch)))
            self.query_one("#flow-title", Bar).show(
                ((f" {shown.title}", "strong"),), ((f"{where} ", "faint"),)
            )
            done = sum(one.status == "completed" for one in tree.steps)
            count = ((f"{done}/{len(tree.steps)} done ", "faint"),)
            said = f" {shown.error}" if shown.error else ""
            state = ((f" {look.glyph} {look.word}", look.tone), (said, "faint"))
            self.query_one("#flow-state", Bar).show(state, count)
        self.show_keys()

    @on(VirtualList.Highlighted)
    def _highlighted(self, event: VirtualList.Highlighted) -> None:
        if isinstance(event.origin, WorkflowList):
            self._load()
        self.show_keys()

    # Acting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        shown, step = self.workflow, self.step
        if action == "say":
            return True if shown is not None else None
        if action in ("pause_workflow", "cancel_workflow"):
            return True if shown is not None and not shown.phase.is_final else None
        if action == "retry_step":
            return True if step is not None and step.row is not None and step.status != "running" else None
        if action == "skip_step":
            return True if step is not None and step.status not in ("running", "completed") else None
        return super().check_action(action, parameters)

    def action_next_pane(self) -> None:
        """Go to the steps, or back to the list."""
        there = self.query_one(StepTree).has_focus
        self.query_one("#workflows" if there else "#steps").focus()

    def action_say(self) -> None:
        """Read the workflow's chat, and say something in it."""
        from .talk import TalkScreen

        if shown := self.workflow:
            self.app.push_screen(TalkScreen(self.desk, shown))

    def action_pause_workflow(self) -> None:
        """Hold the workflow, or let it go on."""
        if shown := self.workflow:
            self.in_background(acts.pause_workflow(self.shraga, shown))

    def action_cancel_workflow(self) -> None:
        """Cancel the workflow."""
        if shown := self.workflow:
            self.in_background(acts.cancel_workflow(self.shraga, shown))

    def action_retry_step(self) -> None:
        """Run the step and all after it again."""
        if (shown := self.workflow) and (step := self.step):
            self.in_background(acts.retry_step(self.shraga, shown, step.name))

    def action_skip_step(self) -> None:
        """Leave the step out."""
        if (shown := self.workflow) and (step := self.step):
            self.in_background(acts.skip_step(self.shraga, shown, step.name))
