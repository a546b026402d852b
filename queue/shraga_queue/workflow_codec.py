"""Workflows as the store keeps them: hashes to records, steps to tasks, what a task gave."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shraga_models import NewTask, NewWorkflow, Task, TaskStatus, Workflow, WorkflowStep
from shraga_models.workflow import ENRICH, PLAN

from . import codec
from .codec import TaskRow
from .errors import InvalidInput
from .money import read_spent
from .submission import invalid

SPEC = (
    "description",
    "item_id",
    "url",
    "repository_url",
    "branch",
    "workspace",
    "enrich",
    "plan",
    "template",
    "documents",
    "document_tags",
)


def check_workflow(fields: Any) -> NewWorkflow:
    """Return the workflow a mapping describes; raises InvalidInput naming the first bad field and the fix."""
    try:
        return NewWorkflow.model_validate(fields)
    except ValidationError as error:
        raise invalid(error, NewWorkflow) from None


def read_workflow(workflow_id: str, got: dict[str, str]) -> Workflow:
    """Return the workflow of a hash."""
    return Workflow.model_validate(
        json.loads(got.get("spec") or "{}")
        | {
            "id": workflow_id,
            "owner": got["owner"],
            "phase": got["phase"],
            "paused": got.get("paused") == "1",
            "title": got["title"],
            "steps": json.loads(got.get("steps") or "[]"),
            "skipped": json.loads(got.get("skipped") or "[]"),
            "context": json.loads(got.get("context") or "{}"),
            "error": got.get("error", ""),
            "moved_at": codec.moment(got["moved_at"]),
            "created_at": codec.moment(got["created_at"]),
            "updated_at": codec.moment(got["updated_at"]),
            "created_by": got["created_by"],
            "updated_by": got["updated_by"],
            "version": int(got["version"]),
        }
        | read_spent(got)
    )


def steps_json(steps: Iterable[WorkflowStep]) -> str:
    return json.dumps([step.model_dump(mode="json", exclude_defaults=True) for step in steps])


def step_task(workflow: Workflow, step: WorkflowStep, order: int) -> NewTask:
    """Return the task of a step; raises InvalidInput where both together are none."""
    fields: dict[str, Any] = {field: getattr(step, field) for field in NewTask.model_fields}
    action = step.action
    if action.type == "shell" and action.cwd is None and workflow.workspace:
        fields["action"] = action.model_copy(update={"cwd": workflow.workspace})
    item = {
        "id": workflow.id,
        "step": step.name,
        "title": workflow.title,
        "description": workflow.description,
        "item_id": workflow.item_id,
        "url": workflow.url,
        "context": workflow.context,
    }
    fields |= {
        "id": workflow.task_id(step.name),
        "name": f"{step.name}: {workflow.title}",
        "workflow_id": workflow.id,
        "order": order,
        "repository_url": step.repository_url or workflow.repository_url,
        "branch": step.branch or workflow.branch,
        "context": step.context | {"workflow": item},
        "template": workflow.template,
        "documents": tuple(dict.fromkeys(workflow.documents + step.documents)),
        "document_tags": tuple(dict.fromkeys(workflow.document_tags + step.document_tags)),
        "depends_on": workflow.edges(step.name) if step.name not in (ENRICH, PLAN) else (),
    }
    try:
        return NewTask.model_validate(fields)
    except ValidationError as error:
        fault = invalid(error)
        raise InvalidInput(fault.field, f"step {step.name!r}: {fault}") from None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step and its task as a list shows it, None where it has not been submitted."""

    name: str
    after: tuple[str, ...]
    task_id: str
    row: TaskRow | None
    is_skipped: bool

    @property
    def status(self) -> str:
        """The task's status; `pending` before there is a task."""
        return self.row.status if self.row else "pending"

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        row = self.row
        return {
            "name": self.name,
            "after": list(self.after),
            "task_id": self.task_id,
            "status": self.status,
            "skipped_by_hand": self.is_skipped,
            "capability": row.capability if row else None,
            "worker": (row.worker or None) if row else None,
            "attempt": row.attempt if row else 0,
            "error": row.error if row else "",
        }


@dataclass(frozen=True, slots=True)
class WorkflowTree:
    """A workflow and its steps, those before the plan first."""

    workflow: Workflow
    steps: tuple[StepRow, ...]

    @property
    def depths(self) -> dict[str, int]:
        """How many steps come before each, one after the other."""
        found: dict[str, int] = {}
        for step in self.steps:
            found[step.name] = max((found[name] + 1 for name in step.after), default=0)
        return found

    @property
    def at_hand(self) -> tuple[StepRow, ...]:
        """The steps whose turn it is: submitted, not ended, and waiting for no other step."""
        waits = TaskStatus.BLOCKED
        begun = (one for one in self.steps if one.row)
        return tuple(one for one in begun if one.status != waits and not TaskStatus(one.status).is_final)

    def to_json_object(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return self.workflow.to_json_object() | {"tree": [step.to_json_object() for step in self.steps]}


def task_result(task: Task) -> Any:
    output = task.output.model_dump(mode="json") if task.output else {}
    return output_of(output, task.thought)


def output_of(output: dict[str, Any], said: str) -> Any:
    """What a task gave: its result, else its summary, else the last thing it said."""
    result = output.get("result")
    return result if result is not None else output.get("summary") or said


def read_json(value: Any) -> Any:
    """A text that holds JSON, fenced as agents write it or not, is read."""
    if not isinstance(value, str):
        return value
    bare = value.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        return json.loads(bare)
    except ValueError:
        return value
