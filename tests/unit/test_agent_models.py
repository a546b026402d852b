"""What an agent action, an agent's configuration and evidence look like, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shraga_models import Agent, AgentConfig, CheckResult, TaskInput, TaskSpec
from shraga_queue.errors import InvalidInput
from shraga_queue.submission import build_task, check_task


def test_an_agent_without_words_takes_the_default_one() -> None:
    action = Agent()
    assert (action.type, action.prompt, action.agent) == ("agent", "", "default")


def test_an_agent_is_told_apart_by_its_type() -> None:
    task = check_task({"name": "n", "action": {"type": "agent", "prompt": "Fix it", "agent": "claude"}})
    assert task.action == Agent("Fix it", agent="claude")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"agent": "no name"}, "action.agent.agent: use 1 to 64 letters"),
        ({"model": ""}, "action.agent.model: it is empty"),
        ({"max_turns": 0}, "action.agent.max_turns: it is too small: give at least 1"),
        ({"command": "x"}, "action.agent.command: is not a field"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        check_task({"name": "n", "action": {"type": "agent"} | fields})


def test_a_check_has_a_time_of_its_own() -> None:
    task = build_task("n", Agent("x"), {"input": {"check": "make test", "check_timeout": "5m"}})
    assert (task.input.check, task.input.check_timeout) == ("make test", 300.0)


def test_a_task_of_an_older_version_has_no_check() -> None:
    spec = TaskSpec.model_validate({"name": "n", "action": {"type": "agent"}, "input": {"description": "d"}})
    assert spec.input == TaskInput(description="d", check="")


@pytest.mark.parametrize("command", [[], [" "], ["claude", "a\0b"]])
def test_a_command_is_a_program_and_its_arguments(command: list[str]) -> None:
    with pytest.raises(ValidationError):
        AgentConfig.model_validate({"name": "a", "command": command, "adapter": "text"})


@pytest.mark.parametrize(("code", "holds"), [(0, True), (1, False), (None, False)])
def test_a_check_holds_where_it_ended_with_zero(code: int | None, holds: bool) -> None:
    assert CheckResult(command="x", exit_code=code).holds is holds
