"""Workflows worked off by hand: the steps of one, and who runs them as a test says."""

from __future__ import annotations

from typing import Any

from shraga_models import Phase, RunStatus, TaskOutput, Workflow
from shraga_queue.client import Shraga
from shraga_queue.engine import Claim, Engine
from shraga_queue.workflow_duty import WorkflowDuty
from tests.factories import assert_agreement, hire

TRUE = {"type": "shell", "command": "true"}


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "action": TRUE} | fields


CHAIN = [step("a"), step("b"), step("c")]


class Crew:
    """Works off what is queued, one task at a time, as the test says."""

    def __init__(self, shraga: Shraga, engine: Engine) -> None:
        self.shraga = shraga
        self.hand = hire(engine)
        self.look = WorkflowDuty(shraga.driver)

    def statuses(self, workflow: Workflow) -> dict[str, str]:
        return {one.name: one.status for one in self.shraga.workflow(workflow.id).steps}

    def phase(self, workflow: Workflow) -> Phase:
        return self.shraga.workflow(workflow.id).workflow.phase

    def claim(self, workflow: Workflow, name: str) -> Claim:
        claim = self.hand.claim()
        assert claim.task_id == workflow.task_id(name)
        return claim

    def end(self, claim: Claim, *, result: Any = None, error: str = "") -> None:
        status = RunStatus.FAILED if error else RunStatus.COMPLETED
        self.hand.commit(claim, status, output=TaskOutput(result=result), error=error)

    def work(self, workflow: Workflow, name: str, *, result: Any = None, error: str = "") -> None:
        """Run the one task that is queued, which is that of the step, and let the controller look."""
        self.end(self.claim(workflow, name), result=result, error=error)
        self.look()
        assert_agreement(self.shraga)
