"""What an agent is told at its start."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import Agent, Shell, TaskSpec
from shraga_queue.agents.prompt import MOST_CONVERSATION, build_prompt, goal_of, told_since
from tests.runs import message


def spec(**fields: Any) -> TaskSpec:
    """Return what is asked of a task."""
    return TaskSpec.model_validate({"name": "Login", "action": Agent("Fix the login.")} | fields)


@pytest.mark.parametrize(
    ("fields", "goal"),
    [
        ({}, "Fix the login."),
        ({"action": Agent(), "input": {"description": "As asked."}, "description": "d"}, "As asked."),
        ({"action": Agent(" "), "description": "Of the task."}, "Of the task."),
        ({"action": Agent()}, "Login"),
        ({"action": Shell("x")}, "Login"),
    ],
)
def test_the_goal_is_the_first_of_what_was_message(fields: dict[str, Any], goal: str) -> None:
    assert goal_of(spec(**fields)) == goal


def test_a_bare_goal_stands_with_the_name_alone() -> None:
    assert build_prompt(spec()) == "Fix the login.\n\n# Task\n\nLogin"
    assert build_prompt(spec(action=Agent())) == "Login"


def test_all_parts_are_there_in_their_order() -> None:
    told = {
        "description": "It loops.",
        "contact_rules": "Ask before you delete.",
        "success_criteria": "No loop.",
        "check": "make test",
    }
    prompt = build_prompt(
        spec(input=told, context={"ticket": 7}),
        [message("Start with Safari"), message("Which flow?", "w1", "question")],
        [("Login design", "Two flows.")],
        "Run shraga ask.",
    )
    parts = [
        "Fix the login.",
        "# Task\n\nLogin",
        "# Description\n\nIt loops.",
        "# Contact rules\n\nAsk before you delete.",
        "# Success criteria\n\nNo loop.",
        "make test",
        '# Context\n\n{\n  "ticket": 7\n}',
        "# Document: Login design\n\nTwo flows.",
        "# Conversation so far\n\nalice (text): Start with Safari\n\nw1 (question): Which flow?",
        "# Asking a person\n\nRun shraga ask.",
    ]
    places = [prompt.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)


@pytest.mark.parametrize(
    ("chat", "told"),
    [
        ([], ("", "")),
        ([("Start", "alice", "text")], ("", "Start")),
        ([("Which?", "w1", "question")], ("", "")),
        ([("Which?", "w1", "question"), ("the first", "bob", "response")], ("Which?", "the first")),
        (
            [("Which?", "w1", "question"), ("wait", "bob", "text"), ("the first", "bob", "response")],
            ("Which?", "wait\n\nthe first"),
        ),
        (
            [("Old", "bob", "text"), ("Done.", "w1", "status"), ("Once more", "bob", "text")],
            ("", "Once more"),
        ),
    ],
)
def test_a_session_is_told_what_people_said_since(
    chat: list[tuple[str, str, str]], told: tuple[str, str]
) -> None:
    assert told_since([message(*one) for one in chat]) == told


def test_of_a_long_conversation_the_latest_is_told() -> None:
    prompt = build_prompt(spec(), [message("x" * MOST_CONVERSATION), message("the latest")])
    assert "…\n\nalice (text): the latest" in prompt and "xxx" not in prompt
