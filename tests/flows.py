"""A store with workflows in it, for the dashboard's tests."""

from __future__ import annotations

from shraga_models import Phase, TaskStatus, Workflow, WorkflowStep
from shraga_queue.workflow_codec import StepRow, WorkflowTree
from tests.fakes import NOW, FakeSource, busy_source, make_row

STATUSES = {
    "build": TaskStatus.COMPLETED,
    "lint": TaskStatus.RUNNING,
    "prove": TaskStatus.FAILED,
    "join": TaskStatus.BLOCKED,
}


def make_flow(flow_id: str, title: str, phase: Phase) -> Workflow:
    """Return a workflow of four steps."""
    return Workflow(
        id=flow_id,
        created_at=NOW,
        updated_at=NOW,
        created_by="alice",
        updated_by="alice",
        owner="alice",
        moved_at=NOW,
        title=title,
        phase=phase,
        branch="fix/login",
        steps=tuple(
            WorkflowStep.model_validate({"name": name, "action": {"type": "shell", "command": "x"}})
            for name in STATUSES
        ),
    )


def source_with_flows() -> FakeSource:
    """Return a source with one workflow under way and one that is done."""
    source = busy_source()
    after = {"build": (), "lint": ("build",), "prove": ("build",), "join": ("lint", "prove")}
    steps = tuple(
        StepRow(
            name,
            after[name],
            f"t-{name}",
            make_row(f"t-{name}", name, status, error="2 tests fail" if name == "prove" else ""),
            False,
        )
        for name, status in STATUSES.items()
    )
    source.trees = [
        WorkflowTree(make_flow("w1", "Fix \x1blogin", Phase.EXECUTING), steps),
        WorkflowTree(make_flow("w2", "Ship it", Phase.COMPLETED), ()),
    ]
    return source
