"""The workflows as a list, and the steps of one as a tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shraga_models import Workflow
from shraga_models.durations import format_duration
from shraga_queue.workflow_codec import StepRow, WorkflowTree
from shraga_tui.look import look_of_step, look_of_workflow

from .paint import Line, fit, pad
from .virtual_list import VirtualList

DEEPEST = 6
"""Steps are set in no further than this; a long chain would leave the screen."""


class WorkflowList(VirtualList[Workflow]):
    """The workflows, two lines each."""

    row_height = 2

    def __init__(self, now_ms: Callable[[], int]) -> None:
        super().__init__(id="workflows")
        self.empty = "Reading…"
        self._now_ms = now_ms

    def show_workflows(self, found: Sequence[Workflow]) -> None:
        """Take the workflows, the one that moved last first."""
        self.empty = "There is no workflow.\n\nSubmit one with\n`shraga workflow submit`."
        self.show_rows(0, len(found), found)
        self.refresh()

    @property
    def is_in_use(self) -> bool:
        # Whoever is at the steps acts on those of this row.
        return self.screen.focused is not None

    def key_of(self, row: Workflow) -> str:
        return row.id

    def lines_of(self, row: Workflow, width: int, selected: bool) -> list[Line]:
        look = look_of_workflow(row.phase, row.paused)
        age = format_duration(self._now_ms() / 1000 - row.moved_at.timestamp())
        edge = ("▌" if selected else " ", "accent")
        return [
            (edge, (fit(row.title, width - 2), "strong")),
            (edge, (f"{look.glyph} {look.word}", look.tone), (f" · {age} · {row.owner}", "faint")),
        ]

    def moment(self) -> int:
        return self._now_ms() // 1000


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A step where it stands in the tree."""

    step: StepRow
    depth: int


class StepTree(VirtualList[TreeRow]):
    """The steps of a workflow, one line each, set in by how many come before."""

    def __init__(self) -> None:
        super().__init__(id="steps")
        self.follows = True

    def show_tree(self, tree: WorkflowTree | None) -> None:
        """Take a workflow; unless somebody is in the tree, the cursor goes to what runs."""
        if tree is None:
            self.empty = ""
            self.show_rows(0, 0, ())
            return
        depths = tree.depths
        self.empty = "It has no steps yet."
        self.show_rows(0, len(tree.steps), [TreeRow(one, depths[one.name]) for one in tree.steps])
        running = [place for place, one in enumerate(tree.steps) if one.status == "running"]
        if running and self.follows and not self.has_focus:
            self.move_to(running[0])
        self.refresh()

    def key_of(self, row: TreeRow) -> str:
        return row.step.task_id

    def lines_of(self, row: TreeRow, width: int, selected: bool) -> list[Line]:
        step = row.step
        look = look_of_step(step.status)
        said = (step.row.error or step.row.thought) if step.row else ""
        tries = f" try {step.row.attempt}" if step.row and step.row.attempt > 1 else ""
        name = "  " * min(row.depth, DEEPEST) + ("└ " if row.depth else "") + step.name
        return [
            (
                ("▌" if selected else " ", "accent"),
                (pad(f"{look.glyph} {look.word}", 13), look.tone),
                (name, "strong" if step.status == "running" else "text"),
                (tries, "waiting"),
                (f"  {said}" if said else "", "failed" if step.status == "failed" else "faint"),
            )
        ]
