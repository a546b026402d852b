"""How a workflow goes on: looked at, and moved as far as its tasks allow; flows without a network.

Anybody may move a workflow on, at any time and any number of times: its tasks have derived ids, and of two that
read the same version one makes the move.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from shraga_models import NewQuestion, NewTask, Phase, Task, TaskStatus, Workflow, WorkflowStep
from shraga_models.workflow import ENRICH, PLAN, is_done, needs, plan_fault, read_plan

from . import codec
from .calls import Argument, Batch, Call, Flow, as_is
from .codec import TaskRow
from .errors import InvalidInput, NotFound, Refused
from .operations import Operations
from .submission import job_data
from .workflow_codec import (
    SPEC,
    StepRow,
    WorkflowTree,
    output_of,
    read_json,
    read_workflow,
    step_task,
    steps_json,
    task_result,
)

TOLD = ("agent", "prompt")
"""The types of actions that find in their conversation what was wrong with a plan."""
PLAN_AGAIN, CANCEL = "plan again", "cancel"
WHAT_NOW = "Plan again, cancel the workflow, or write what the planner is to know."
AS_A_PLAN = "That is no plan. Give all of it again, as JSON: [{name, action, ...}, ...]."
MOVES_AT_ONCE = 16
"""More than a workflow has phases."""


class WorkflowMoves:
    """What is read of workflows, and the moves that follow from what their tasks came to."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self.keys = operations.keys
        self.user = operations.user

    def _all(self) -> tuple[str, ...]:
        return (self.keys.make("workflows"),)

    # Reading

    def _read(self, ids: Sequence[str]) -> Flow[list[tuple[str, Workflow] | None]]:
        def read(reply: Any) -> list[tuple[str, Workflow] | None]:
            return [
                (codec.text(row[0]), read_workflow(one, codec.pairs(row[1]))) if row else None
                for one, row in zip(ids, reply[1:], strict=True)
            ]

        found: list[tuple[str, Workflow] | None] = yield Call(read, "workflow", self._all(), tuple(ids))
        return found

    def get(self, workflow_id: str) -> Flow[Workflow]:
        """Return a workflow; raises NotFound."""
        return (yield from self._marked(workflow_id))[1]

    def _marked(self, workflow_id: str) -> Flow[tuple[str, Workflow]]:
        (found,) = yield from self._read([workflow_id])
        if found is None:
            raise no_such_workflow(workflow_id)
        return found

    def recent(self, phases: Iterable[Phase] = Phase, limit: int = 100) -> Flow[list[Workflow]]:
        """Return the workflows in some phases, the one that moved last first."""
        ids = yield Call(as_is, "workflow_list", self._all(), (limit, *phases))
        found = (yield from self._read([codec.text(one) for one in ids])) if ids else []
        return [one[1] for one in found if one is not None]

    def tree(self, workflow_id: str) -> Flow[WorkflowTree]:
        """Return a workflow with its steps as they stand; raises NotFound."""
        workflow = yield from self.get(workflow_id)
        return (yield from self._tree(workflow))

    def _tree(self, workflow: Workflow) -> Flow[WorkflowTree]:
        tasks = workflow.tasks
        rows = (yield from self.operations.task_rows(list(tasks.values()))) if tasks else ()
        after = dict.fromkeys(tasks, ()) | needs(workflow.steps)
        steps = (
            StepRow(name, after[name], task_id, row, name in workflow.skipped)
            for (name, task_id), row in zip(tasks.items(), rows, strict=True)
        )
        return WorkflowTree(workflow, tuple(steps))

    def inputs(self, workflow_id: str, task_id: str) -> Flow[dict[str, Any]]:
        """Return what a step may know: the workflow's own fields, and what its completed steps gave.

        What comes before the steps is told nothing of them: it may well write placeholders for them. Raises NotFound.
        """
        workflow = yield from self.get(workflow_id)
        known = {name: getattr(workflow, name) for name in ("id", "title", *SPEC[:6], "context")}
        if task_id in (workflow.task_id(ENRICH), workflow.task_id(PLAN)):
            return {"workflow": known}
        keys = [self.keys.make("task", owner=workflow.owner, task=step) for step in workflow.tasks.values()]
        calls = (Call(as_is, command=("HMGET", key, "status", "output", "thought")) for key in keys)
        found = yield Batch(tuple(calls))
        given = {
            name: output_of(json.loads(output or "{}"), codec.text(said or b""))
            for name, (status, output, said) in zip(workflow.tasks, found, strict=True)
            if status is not None and codec.text(status) == TaskStatus.COMPLETED
        }
        return {"workflow": known, "steps": given}

    # Moving on

    def _move(self, workflow: Workflow, move: str, content: str = "", **fields: Argument) -> Flow[bool]:
        """Make a move of the version that was read; returns whether it was made."""
        cells = [cell for pair in fields.items() for cell in pair]
        args = (workflow.id, self.user, workflow.version, move, content[:500], *cells)
        reply = yield Call(as_is, "workflow_move", self._all(), args)
        return codec.text(reply[0]) == "ok"

    def due(self, limit: int = 200) -> Flow[list[str]]:
        """Return workflows that something has happened to."""
        found = yield Call(as_is, command=("HRANDFIELD", self.keys.make("workflows_due"), limit))
        return [codec.text(one) for one in found or ()]

    def forget_mark(self, workflow_id: str) -> Flow[None]:
        """Drop the mark of a workflow that is gone."""
        yield Call(as_is, command=("HDEL", self.keys.make("workflows_due"), workflow_id))

    def advance(self, workflow_id: str) -> Flow[Workflow]:
        """Make the moves that are open to a workflow now; returns it as it is then. Raises NotFound."""
        for _ in range(MOVES_AT_ONCE):
            mark, workflow = yield from self._marked(workflow_id)
            if not (yield from self._advance(workflow)):
                break
        due = (self.keys.make("workflows_due"),)
        if mark:
            yield Call(as_is, "workflow_seen", due, (workflow_id, mark))
        return workflow

    def _advance(self, workflow: Workflow) -> Flow[bool]:
        """Make one move, if one is open; returns whether to look again."""
        if workflow.phase is Phase.CANCELED:
            yield from self._stop_tasks(workflow)
            return False
        if workflow.paused and not workflow.phase.is_final:
            yield from self._hold(workflow.id, "keep", workflow)
            return False
        act = {
            Phase.CREATED: self._begin,
            Phase.ENRICHING: self._take_context,
            Phase.ENRICHED: self._ask_for_plan,
            Phase.PLANNING: self._take_plan,
            Phase.PLANNED: self._start_steps,
            Phase.EXECUTING: self._follow_steps,
            Phase.FAILED: self._follow_steps,
        }.get(workflow.phase)
        if act is None:
            return False
        try:
            return (yield from act(workflow))
        except InvalidInput as error:
            return (yield from self._fail(workflow, str(error)))

    def _fail(self, workflow: Workflow, why: str) -> Flow[bool]:
        return (yield from self._move(workflow, "fail", why, error=why[:2000]))

    def _submit(self, workflow: Workflow, tasks: Sequence[NewTask]) -> Flow[None]:
        # Their documents were looked for with the workflow; one that is gone since must not hold it up.
        yield from self.operations.submit_many(tasks, workflow.owner, look_for_documents=False)

    def _begin(self, workflow: Workflow) -> Flow[bool]:
        if workflow.enrich is None:
            return (yield from self._move(workflow, "enriched"))
        yield from self._submit(workflow, [step_task(workflow, workflow.enrich, 0)])
        return (yield from self._move(workflow, "enrich"))

    def _ended(self, workflow: Workflow, step: WorkflowStep | None) -> Flow[Task | None]:
        """Return a task before the steps once it has ended; raises InvalidInput where it did not complete."""
        assert step is not None
        try:
            task = yield from self.operations.get_task(workflow.task_id(step.name))
        except NotFound:
            # It may have been deleted before somebody took the workflow up again.
            yield from self._submit(workflow, [step_task(workflow, step, 0)])
            return None
        if not task.status.is_final:
            return None
        if task.status is not TaskStatus.COMPLETED:
            why = task.error or task.cancel_reason
            raise InvalidInput(
                step.name, f"{step.name}: its task is {task.status}{f': {why}' if why else '.'}"
            )
        return task

    def _take_context(self, workflow: Workflow) -> Flow[bool]:
        task = yield from self._ended(workflow, workflow.enrich)
        if task is None:
            return False
        found = read_json(task_result(task))
        context = workflow.context | (found if isinstance(found, dict) else {ENRICH: found})
        return (yield from self._move(workflow, "enriched", context=json.dumps(context)))

    def _ask_for_plan(self, workflow: Workflow) -> Flow[bool]:
        if workflow.plan is None:
            return (yield from self._move(workflow, "planned", f"{len(workflow.steps)} steps"))
        yield from self._submit(workflow, [step_task(workflow, workflow.plan, 0)])
        return (yield from self._move(workflow, "plan"))

    def _take_plan(self, workflow: Workflow) -> Flow[bool]:
        task = yield from self._ended(workflow, workflow.plan)
        if task is None:
            return False
        try:
            steps = _steps_of(workflow, read_json(task_result(task)))
            yield from self.operations.check_documents(one for step in steps for one in step.documents)
        except InvalidInput as error:
            return (yield from self._doubt(workflow, task, f"plan: {error}"[:2000]))
        fields = {"steps": steps_json(steps), "error": ""}
        return (yield from self._move(workflow, "planned", f"{len(steps)} steps", **fields))

    def _doubt(self, workflow: Workflow, task: Task, fault: str) -> Flow[bool]:
        """Have the planner try again, or a person asked; a planner that can be told is told once at least."""
        assert workflow.plan is not None
        limits, action = workflow.plan.limits, workflow.plan.action
        tries = max(limits.retries, 1 if action.type in TOLD else 0)
        asked = NewQuestion(text=f"{fault.rstrip('.')}.\n{WHAT_NOW}", options=(PLAN_AGAIN, CANCEL))
        args: list[Argument] = [workflow.id, self.user, workflow.version, task.id, task.attempt, fault]
        args += [f"{fault.rstrip('.')}.\n{AS_A_PLAN}", tries, job_data(task.id), int(limits.timeout) or 1]
        args += [asked.text, asked.signature, json.dumps(asked.options)]
        reply = yield Call(as_is, "workflow_doubt", self._all(), tuple(args))
        return codec.text(reply[0]) == "ok"

    def _submit_steps(self, workflow: Workflow, rows: Sequence[TaskRow | None]) -> Flow[None]:
        tasks = [step_task(workflow, step, order) for order, step in enumerate(workflow.steps, 1)]
        missing = [task for task, row in zip(tasks, rows, strict=True) if row is None]
        yield from self._submit(workflow, missing)

    def _rows(self, workflow: Workflow) -> Flow[tuple[TaskRow | None, ...]]:
        ids = [workflow.task_id(step.name) for step in workflow.steps]
        return (yield from self.operations.task_rows(ids))

    def _start_steps(self, workflow: Workflow) -> Flow[bool]:
        yield from self._submit_steps(workflow, (yield from self._rows(workflow)))
        return (yield from self._move(workflow, "execute"))

    def _follow_steps(self, workflow: Workflow) -> Flow[bool]:
        if not workflow.steps:
            return False
        rows = yield from self._rows(workflow)
        if workflow.phase is Phase.EXECUTING and None in rows:
            yield from self._submit_steps(workflow, rows)
            return True
        statuses = {
            step.name: row.status for step, row in zip(workflow.steps, rows, strict=True) if row is not None
        }
        done = is_done(statuses, workflow.skipped)
        if done:
            return (yield from self._move(workflow, "complete", error=""))
        if done is None or workflow.phase is Phase.FAILED:
            return False
        bad = [f"{name} is {status}" for name, status in statuses.items() if is_to_blame(status)]
        return (yield from self._fail(workflow, ", ".join(bad[:5]) or "no step completed"))

    def _hold(self, workflow_id: str, what: str, workflow: Workflow) -> Flow[None]:
        args = (workflow_id, self.user, what, *workflow.tasks.values())
        reply = yield Call(as_is, "workflow_hold", self._all(), args)
        if codec.text(reply[0]) == "refused":
            raise ended_already(workflow_id, codec.text(reply[1]))

    def _stop_tasks(self, workflow: Workflow) -> Flow[None]:
        ids = list(workflow.tasks.values())
        for row in (yield from self.operations.task_rows(ids)) if ids else ():
            if row is not None and not TaskStatus(row.status).is_final and not row.canceling:
                try:
                    yield from self.operations.ask_cancel(
                        row.id, workflow.error or "its workflow was canceled"
                    )
                except Refused:
                    # It has ended meanwhile.
                    continue


def _steps_of(workflow: Workflow, result: Any) -> tuple[WorkflowStep, ...]:
    """Return the steps that a plan's result describes; raises InvalidInput naming step and field of what is wrong."""
    try:
        steps = read_plan(result)
        planned = workflow.model_copy(update={"steps": steps})
        for step in steps:
            step_task(planned, step, 0)
    except ValidationError as error:
        raise InvalidInput(PLAN, plan_fault(error, result)) from None
    except ValueError as error:
        raise InvalidInput(PLAN, str(error)) from None
    return steps


def is_to_blame(status: str) -> bool:
    """Whether a step with such a task keeps its workflow from a good end."""
    return status in (TaskStatus.FAILED, TaskStatus.CANCELED)


def no_such_workflow(workflow_id: str) -> NotFound:
    return NotFound(f"There is no workflow {workflow_id!r}; `shraga workflow list` shows the ones there are.")


def ended_already(workflow_id: str, phase: str) -> Refused:
    """Return the error for what can only be done to a workflow under way."""
    return Refused(f"The workflow {workflow_id} is {phase} already.")
