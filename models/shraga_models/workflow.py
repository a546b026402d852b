"""The workflow: a work item that is enriched, planned, and carried out as tasks that build on each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from .base import JsonObject, Model, Moment, Record, Sized
from .dependency import Dependency, DependencyKind
from .status import FINAL_PHASES, EventType, Phase, TaskStatus
from .task import LABEL, NewTask
from .template import TemplateRef

STEP_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
MAX_STEPS = 500
ENRICH, PLAN = "enrich", "plan"
"""The names of the tasks that come before the steps."""
HEARING = ("agent", "python")
"""The types of actions that can hear what is said while they run."""
_OWN = ("id", "depends_on", "workflow_id", "parent_id", "order", "schedule", "template")

StepName = Annotated[str, Field(pattern=STEP_NAME)]


_UNDER_WAY = frozenset(Phase) - FINAL_PHASES


@dataclass(frozen=True, slots=True)
class PhaseMove:
    """A named change of a workflow: legal from `sources` only; it stays in its phase where there is no `target`."""

    name: str
    sources: frozenset[Phase]
    target: Phase | None
    event: EventType
    is_audited: bool


def _move(
    name: str,
    sources: Iterable[Phase],
    target: Phase | None,
    event: EventType = EventType.WORKFLOW_CHANGED,
    *,
    by_people: bool = False,
) -> PhaseMove:
    return PhaseMove(name, frozenset(sources), target, event, by_people)


P, E = Phase, EventType
PHASE_MOVES: dict[str, PhaseMove] = {
    move.name: move
    for move in (
        _move("enrich", {P.CREATED}, P.ENRICHING),
        _move("enriched", {P.CREATED, P.ENRICHING}, P.ENRICHED),
        _move("plan", {P.ENRICHED}, P.PLANNING),
        _move("doubt", {P.PLANNING}, P.PLANNING),
        _move("planned", {P.ENRICHED, P.PLANNING}, P.PLANNED),
        _move("execute", {P.PLANNED}, P.EXECUTING),
        _move("complete", {P.EXECUTING, P.FAILED}, P.COMPLETED, E.WORKFLOW_COMPLETED),
        _move("fail", _UNDER_WAY, P.FAILED, E.WORKFLOW_FAILED),
        _move("cancel", _UNDER_WAY, P.CANCELED, E.WORKFLOW_CANCELED, by_people=True),
        _move("pause", _UNDER_WAY, None, by_people=True),
        _move("resume", _UNDER_WAY, None, by_people=True),
        _move("add", {P.PLANNED, P.EXECUTING}, None, by_people=True),
        _move("retry", FINAL_PHASES | {P.EXECUTING}, P.EXECUTING, by_people=True),
        _move("skip", {P.EXECUTING, P.FAILED, P.CANCELED}, P.EXECUTING, by_people=True),
        _move("replan", {P.FAILED, P.CANCELED}, P.PLANNING, by_people=True),
        _move("reenrich", {P.FAILED, P.CANCELED}, P.ENRICHING, by_people=True),
    )
}
"""The one table of legal moves of a workflow; the store's scripts are given it."""


class WorkflowStep(NewTask):
    """A step of a plan (seed: Aura WorkflowStep): a task that is known by its name and comes after others."""

    name: StepName
    after: tuple[StepName, ...] | None = None
    """The steps whose success it waits for; the one before it where nothing is said, none where it is empty."""

    @model_validator(mode="before")
    @classmethod
    def _leave_to_the_workflow(cls, value: Any) -> Any:
        for field in _OWN if isinstance(value, dict) else ():
            if field in value:
                raise ValueError(f"{field} is set by the workflow: leave it out")
        return value


def _named(name: str, value: Any) -> Any:
    return {"name": name} | value if isinstance(value, dict) else value


class NewWorkflow(Sized):
    """What a submitter gives: a work item, and how its steps come about."""

    title: str = Field(min_length=1, max_length=500)
    description: str = ""
    item_id: str = ""
    """The work item's id where it lives, such as github:owner/repo#123."""
    url: str = ""
    repository_url: str | None = None
    branch: str | None = None
    workspace: str | None = None
    """The folder that its shell steps run in, where they name none of their own."""
    context: JsonObject = {}
    """What is known beforehand; the task `enrich` adds to it."""
    documents: tuple[str, ...] = ()
    """Ids of context documents that all its tasks are given."""
    document_tags: tuple[Annotated[str, Field(pattern=LABEL)], ...] = ()
    """Tags; documents of its repository, and those of none, that have one of them are given too."""
    enrich: WorkflowStep | None = None
    """A task whose result, an object, is added to the context."""
    plan: WorkflowStep | None = None
    """A task whose result is the list of the steps."""
    steps: Annotated[tuple[WorkflowStep, ...], Field(max_length=MAX_STEPS)] = ()
    template: TemplateRef | None = None

    UNSIZED = frozenset({"steps"})

    @field_validator("enrich", mode="before")
    @classmethod
    def _name_enrich(cls, value: Any) -> Any:
        return _named(ENRICH, value)

    @field_validator("plan", mode="before")
    @classmethod
    def _name_plan(cls, value: Any) -> Any:
        return _named(PLAN, value)

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[WorkflowStep, ...]) -> tuple[WorkflowStep, ...]:
        return check_order(steps)

    @model_validator(mode="after")
    def _one_source(self) -> NewWorkflow:
        if (self.plan is None) == (not self.steps):
            raise ValueError("give exactly one of steps and plan")
        return self


class Workflow(Record):
    """A workflow as it is stored."""

    model_config = ConfigDict(extra="ignore")

    owner: str
    phase: Phase
    paused: bool = False
    moved_at: Moment
    title: str
    description: str = ""
    item_id: str = ""
    url: str = ""
    repository_url: str | None = None
    branch: str | None = None
    workspace: str | None = None
    context: JsonObject = {}
    documents: tuple[str, ...] = ()
    document_tags: tuple[str, ...] = ()
    enrich: WorkflowStep | None = None
    plan: WorkflowStep | None = None
    steps: tuple[WorkflowStep, ...] = ()
    skipped: tuple[str, ...] = ()
    """The steps that a person has skipped; what comes after them goes on."""
    error: str = ""
    template: TemplateRef | None = None
    cost: float = 0.0
    """US dollars that the calls of models of all its tasks have cost."""
    prompt_tokens: int = 0
    response_tokens: int = 0

    def task_id(self, step: str) -> str:
        """Return the id of a step's task: derived, so that two writers cannot disagree on it."""
        return step_task_id(self.id, step)

    @property
    def tasks(self) -> dict[str, str]:
        """The ids of all its tasks by the names of the steps, in order; also of those not submitted yet."""
        return {one.name: self.task_id(one.name) for one in self._planned}

    @property
    def listeners(self) -> dict[str, str]:
        """The ids of the tasks that can hear what is said while they run, by the names of the steps."""
        return {one.name: self.task_id(one.name) for one in self._planned if one.action.type in HEARING}

    @property
    def _planned(self) -> tuple[WorkflowStep, ...]:
        return (*(one for one in (self.enrich, self.plan) if one is not None), *self.steps)

    def edges(self, step: str) -> tuple[Dependency, ...]:
        """Return what a step's task depends on; a skipped step is only linked to."""
        return tuple(
            Dependency(
                task_id=self.task_id(name),
                kind=DependencyKind.RELATED if name in self.skipped else DependencyKind.SUCCESS,
            )
            for name in needs(self.steps)[step]
        )

    def step(self, name: str) -> WorkflowStep:
        """Return a step by its name; raises KeyError."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)


def step_task_id(workflow_id: str, step: str) -> str:
    """Return the UUID of a step's task: as old as its workflow, else made from both names."""
    digest = sha256(f"{workflow_id}/{step}".encode()).digest()
    made = bytearray(UUID(workflow_id).bytes[:6] + digest[:10])
    made[6] = made[6] & 0x0F | 0x70
    made[8] = made[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(made)))


def needs(steps: Sequence[WorkflowStep]) -> dict[str, tuple[str, ...]]:
    """Return the names of the steps that each step comes right after."""
    found: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for step in steps:
        found[step.name] = before if step.after is None else step.after
        before = (step.name,)
    return found


def following(steps: Sequence[WorkflowStep], first: str) -> list[str]:
    """Return `first` and all steps that come after it, directly or not, in order."""
    reached = [first]
    for name, before in needs(steps).items():
        if name != first and any(one in reached for one in before):
            reached.append(name)
    return reached


def check_order(steps: tuple[WorkflowStep, ...]) -> tuple[WorkflowStep, ...]:
    """Return steps whose names are given once and come after earlier ones only; raises ValueError."""
    known = {ENRICH, PLAN}
    for number, step in enumerate(steps):
        if step.name in known:
            said = "is kept for a task before the steps" if step.name in (ENRICH, PLAN) else "is taken"
            raise ValueError(f"steps.{number}.name: {step.name!r} {said}: call it otherwise")
        for name in step.after or ():
            if name not in known or name in (ENRICH, PLAN):
                raise ValueError(
                    f"steps.{number}.after: there is no step {name!r} before {step.name!r}: list it first"
                )
        known.add(step.name)
    return steps


def read_plan(result: Any) -> tuple[WorkflowStep, ...]:
    """Return the steps that a plan's result describes: a list, `{"steps": [...]}`, or either as JSON text.

    Raises ValidationError or ValueError; the place of a fault begins with `steps` and the step's number, from 0.
    """
    if isinstance(result, str):
        try:
            result = json.loads(result)
        except ValueError as error:
            raise ValueError(f"the plan is no JSON: {error}") from None
    if isinstance(result, list):
        result = {"steps": result}
    if not isinstance(result, dict) or not isinstance(result.get("steps"), list):
        raise ValueError("the plan is no list of steps: return [{name, action, ...}, ...]")
    if not result["steps"]:
        raise ValueError("the plan has no step: return at least one")
    return _Plan.model_validate({"steps": result["steps"]}).steps


class _Plan(Model):
    steps: Annotated[tuple[WorkflowStep, ...], Field(max_length=MAX_STEPS)]

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[WorkflowStep, ...]) -> tuple[WorkflowStep, ...]:
        return check_order(steps)


def plan_fault(error: ValidationError, result: Any) -> str:
    """Return what is wrong with a plan, naming the step and the field."""
    from .faults import plain

    first = error.errors(include_url=False, include_input=False)[0]
    message = plain(first["msg"].removeprefix("Value error, "))
    place = list(first["loc"])
    if len(place) < 2:
        return f"the plan: {message}"
    steps = result.get("steps") if isinstance(result, dict) else result
    number = int(place[1])
    given = steps[number] if isinstance(steps, list) and number < len(steps) else None
    name = given.get("name") if isinstance(given, dict) else None
    called = f" ({name!r})" if isinstance(name, str) else ""
    field = ".".join(map(str, place[2:]))
    return f"step {number + 1}{called}: {f'{field}: ' if field else ''}{message}"


def is_done(statuses: Mapping[str, str], skipped: Iterable[str]) -> bool | None:
    """Return whether the steps have all come to a good end, by their tasks' statuses; None while some go on."""
    if not all(TaskStatus(status).is_final for status in statuses.values()):
        return None
    good = set(skipped)
    return all(status == TaskStatus.COMPLETED or name in good for name, status in statuses.items())
