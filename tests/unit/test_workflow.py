"""Workflows without a store: their plans, their moves, and what their steps take over."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from shraga_models import PHASE_MOVES, EventType, NewWorkflow, Phase, WorkflowStep, new_id
from shraga_models.step_values import fill_values
from shraga_models.workflow import following, is_done, needs, read_plan, step_task_id

TRUE = {"type": "shell", "command": "true"}


def step(name: str, **fields: Any) -> WorkflowStep:
    return WorkflowStep.model_validate({"name": name, "action": TRUE} | fields)


DIAMOND = (step("a"), step("b", after=["a"]), step("c", after=["a"]), step("d", after=["b", "c"]), step("e"))


def test_a_step_comes_after_the_one_before_unless_it_says_otherwise() -> None:
    assert needs((step("a"), step("b"), step("c", after=[]))) == {"a": (), "b": ("a",), "c": ()}


@pytest.mark.parametrize(
    ("first", "all_after"), [("a", ["a", "b", "c", "d", "e"]), ("c", ["c", "d", "e"]), ("e", ["e"])]
)
def test_what_follows_a_step(first: str, all_after: list[str]) -> None:
    assert following(DIAMOND, first) == all_after


def test_a_steps_task_has_one_id_that_is_a_uuid_as_old_as_the_workflow() -> None:
    flow = new_id()
    made = step_task_id(flow, "build")
    assert made == step_task_id(flow, "build") != step_task_id(flow, "test")
    assert UUID(made).version == 7
    assert made[:13] == flow[:13]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "exactly one of steps and plan"),
        ({"steps": [{"name": "a", "action": TRUE}], "plan": {"action": TRUE}}, "exactly one"),
        ({"steps": [{"name": "plan", "action": TRUE}]}, "'plan' is kept"),
        ({"steps": [{"name": "a b", "action": TRUE}]}, "pattern"),
        ({"steps": [{"name": "a", "action": TRUE, "after": ["a"]}]}, "no step 'a' before 'a'"),
        ({"steps": [{"name": "a", "action": TRUE, "workflow_id": "x"}]}, "workflow_id is set by"),
        ({"steps": [{"name": "a", "action": TRUE, "schedule": {"at": "2030-01-01"}}]}, "schedule is set by"),
    ],
)
def test_a_workflow_that_cannot_be_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NewWorkflow.model_validate({"title": "t"} | fields)


def test_a_plan_is_read_from_a_list_an_object_and_text() -> None:
    rows = [{"name": "a", "action": TRUE}]
    assert read_plan(rows) == read_plan({"steps": rows}) == (step("a"),)
    assert read_plan('[{"name": "a", "action": {"type": "shell", "command": "true"}}]') == (step("a"),)


@pytest.mark.parametrize(
    ("statuses", "skipped", "done"),
    [
        ({"a": "completed", "b": "running"}, (), None),
        ({"a": "completed", "b": "completed"}, (), True),
        ({"a": "completed", "b": "skipped"}, (), False),
        ({"a": "completed", "b": "skipped"}, ("b",), True),
        ({"a": "failed", "b": "blocked"}, (), None),
    ],
)
def test_steps_are_done_when_all_ended_well(
    statuses: dict[str, str], skipped: tuple[str, ...], done: bool | None
) -> None:
    assert is_done(statuses, skipped) is done


def test_every_phase_under_way_can_fail_and_be_canceled_and_an_ended_one_only_be_taken_up() -> None:
    for phase in Phase:
        open_moves = {move.name for move in PHASE_MOVES.values() if phase in move.sources}
        if phase.is_final:
            assert open_moves <= {"retry", "skip", "replan", "reenrich", "complete"}
        else:
            assert open_moves >= {"fail", "cancel", "pause", "resume"}


def test_ends_are_told_by_events_of_their_own() -> None:
    told = {move.target: move.event for move in PHASE_MOVES.values() if move.target and move.target.is_final}
    assert told == {
        Phase.COMPLETED: EventType.WORKFLOW_COMPLETED,
        Phase.FAILED: EventType.WORKFLOW_FAILED,
        Phase.CANCELED: EventType.WORKFLOW_CANCELED,
    }


KNOWN = {
    "workflow": {"title": "Fix", "branch": None, "context": {"day": "monday"}},
    "steps": {"build": {"version": 7, "files": ["x", "y"]}, "test": "fine"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${steps.build.output.version}", 7),
        ("v${steps.build.output.version}", "v7"),
        ("${steps.build.output.files.1}", "y"),
        ("${steps.build.output}", {"version": 7, "files": ["x", "y"]}),
        ("${steps.test.output}, ${workflow.title}", "fine, Fix"),
        ("on ${workflow.context.day}", "on monday"),
        ("<${workflow.branch}>", "<>"),
        ("all: ${steps.build.output.files}", 'all: ["x", "y"]'),
        ("${env:TOKEN} ${steps} $HOME", "${env:TOKEN} ${steps} $HOME"),
    ],
)
def test_values_are_taken_over(text: str, value: Any) -> None:
    assert fill_values({"a": [text]}, KNOWN) == {"a": [value]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${steps.none.output}", "no step 'none' has completed"),
        ("${steps.build.version}", r"write \$\{steps.build.output\}"),
        ("x ${steps.build.output.size}", "no 'size' in it"),
        ("${steps.test.output.x}", "no 'x' in it"),
        ("${workflow.nothing}", "no 'nothing' in it"),
    ],
)
def test_what_is_not_there_is_named(text: str, said: str) -> None:
    with pytest.raises(LookupError, match=said):
        fill_values(text, KNOWN)


def test_what_comes_before_the_steps_may_write_placeholders_for_them() -> None:
    assert (
        fill_values("${steps.a.output} ${workflow.title}", {"workflow": {"title": "t"}})
        == "${steps.a.output} t"
    )
