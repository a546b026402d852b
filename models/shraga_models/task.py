"""The task: what is asked, where it stands, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, computed_field, field_validator

from .actions import Action
from .base import ANY_CAPABILITY, JsonObject, Model, Moment, Record, Sized, Slug
from .dependency import MAX_DEPENDENCIES, Dependency, OnFailure
from .durations import Seconds
from .evidence import Evidence
from .limits import Limits
from .question import Question
from .review import Review
from .schedule import Schedule
from .status import Permission, Priority, TaskKind, TaskStatus, WorkerStatus
from .template import TemplateRef

LABEL = r"^[^\s,:]{1,64}$"


class TaskInput(Model):
    """What a person wants of a task (seed: Shraga tasks, input)."""

    description: str = ""
    contact_rules: str = ""
    success_criteria: str = ""
    check: str = ""
    """A command line for `/bin/sh -c`, run in the execution folder after the action; exit code 0 says that the
    success criteria hold."""
    check_timeout: Annotated[Seconds, Field(gt=0, le=86400)] = 600.0
    """Seconds the check may take, within the run's own timeout."""


class Verdict(Model):
    """What a task says of its own result (seed: Shraga tasks, output)."""

    approved: bool
    testing_done: str = ""
    results: str = ""


class TaskOutput(Model):
    """What came of a task (seed: Shraga tasks, output); `result` is a Python callable's own value."""

    summary: str = ""
    deliverables: tuple[str, ...] = ()
    verdict: Verdict | None = None
    result: Any = None
    evidence: Evidence | None = None
    """What was observed, whatever the task says of itself."""


class ExecutionDetails(Model):
    """Where a task ran (seed: Shraga tasks, executionDetails)."""

    dev_box_url: str | None = None
    session_id: str | None = None
    execution_folder: str | None = None
    worker_id: str | None = None


class TaskSpec(Model):
    """What is asked of a task: everything about it that is known before it exists."""

    name: str = Field(min_length=1)
    action: Action
    description: str = ""
    kind: TaskKind = TaskKind.GENERAL
    input: TaskInput = TaskInput()
    priority: Priority = Priority.NORMAL
    permission: Permission = Permission.AUTONOMOUS
    assignee: str | None = None
    capability: Slug = ANY_CAPABILITY
    labels: tuple[Annotated[str, Field(pattern=LABEL)], ...] = ()
    due_at: Moment | None = None
    parent_id: str | None = None
    workflow_id: str | None = None
    order: int = 0
    repository_url: str | None = None
    branch: str | None = None
    issue_number: int | None = None
    pr_number: int | None = None
    schedule: Schedule | None = None
    depends_on: Annotated[tuple[Dependency, ...], Field(max_length=MAX_DEPENDENCIES)] = ()
    """The tasks it waits for or is linked to, each once."""
    on_prerequisite_failure: OnFailure = OnFailure.SKIP
    limits: Limits = Limits()
    template: TemplateRef | None = None
    """The template it was made from."""
    context: JsonObject = {}
    metadata: JsonObject = {}
    documents: tuple[str, ...] = ()
    """Ids of context documents that an agent is given."""
    document_tags: tuple[Annotated[str, Field(pattern=LABEL)], ...] = ()
    """Tags; documents that have one of them are given too, those of the task's repository and those of none."""


class NewTask(Sized, TaskSpec):
    """What a submitter gives; refused where a field is oversized or cannot be honoured."""

    UNSIZED = frozenset({"depends_on"})

    id: Slug | None = None
    """A UUID of the submitter's own, under which a repeated call adds nothing; or any other name, under which later
    tasks of the same call may depend on this one."""

    @field_validator("depends_on")
    @classmethod
    def _each_once(cls, depends_on: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
        if depends_on and len({one.task_id for one in depends_on}) < len(depends_on):
            raise ValueError("depends_on names a task twice: give each once")
        return depends_on

    @field_validator("name")
    @classmethod
    def _visible_name(cls, name: str) -> str:
        if not name.strip():
            raise ValueError("a name has at least one visible character")
        return name

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, schedule: Schedule | None) -> Schedule | None:
        if schedule is not None and schedule.at is not None and not schedule.is_active:
            raise ValueError("a start time cannot be paused: leave is_active out, or leave at out")
        return schedule


class Task(Record, TaskSpec):
    """A task as it is stored: what was asked, and where it stands now."""

    model_config = ConfigDict(extra="ignore")

    owner: str
    """Whose task it is; a `Slug` where it was submitted, and taken as it is where it was stored."""
    status: TaskStatus
    moved_at: Moment
    """When the status last changed."""
    attempt: int = 0
    """The number of the current or latest run; 0 before the first claim is counted as none."""
    assigned_worker: str | None = None
    worker_status: WorkerStatus | None = None
    last_worker_ping: Moment | None = None
    queue: str = ""
    progress: float | None = None
    """The share done, 0 to 1, as the task last said."""
    thought: str = ""
    """The last thing the task said it was doing."""
    started_at: Moment | None = None
    completed_at: Moment | None = None
    next_run_at: Moment | None = None
    """When a scheduled or retried task is due."""
    error: str = ""
    cancel_requested_by: str | None = None
    cancel_reason: str = ""
    failures: int = 0
    losses: int = 0
    cost: float = 0.0
    """US dollars that its calls of models have cost, all runs together (seed: Aura agent_execution)."""
    prompt_tokens: int = 0
    response_tokens: int = 0
    budget: float | None = None
    """US dollars it may spend by now: its limit, and what it was extended by."""
    output: TaskOutput | None = None
    execution_details: ExecutionDetails = ExecutionDetails()
    question: Question | None = None
    """What it asks and has not been answered."""
    review: Review | None = None
    """What a person last decided about it."""
    deleted_at: Moment | None = None

    @property
    def awaits_verdict(self) -> bool:
        """Whether its result waits for a person's verdict."""
        return self.status is TaskStatus.AWAITING_APPROVAL and self.completed_at is not None

    @property
    def try_number(self) -> int:
        """Which try of its run it is at: a task that repeats counts anew for each."""
        repeats = self.schedule is not None and self.schedule.is_recurring
        return self.failures + self.losses + 1 if repeats else self.attempt

    @computed_field  # type: ignore[prop-decorator]
    @property
    def status_code(self) -> int:
        """The seed's number of the status."""
        return self.status.code
