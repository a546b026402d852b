"""What an agent is told at its start."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shraga_models import Agent, Message, Shell, TaskSpec
from shraga_queue.agents.prompt import MOST_CONVERSATION, build_prompt, goal_of


def spec(**fields: Any) -> TaskSpec:
    """Return what is asked of a task."""
    return TaskSpec.model_validate({"name": "Login", "action": Agent("Fix the login.")} | fields)


def said(text: str, sender: str = "alice", kind: str = "text") -> Message:
    """Return a message."""
    return Message.model_validate(
        {
            "id": "1-0", "at": datetime(2026, 1, 2, tzinfo=UTC), "task_id": "t", "sender_type": "user",
            "sender": sender, "text": text, "type": kind,
        }
    )  # fmt: skip


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
def test_the_goal_is_the_first_of_what_was_said(fields: dict[str, Any], goal: str) -> None:
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
        [said("Start with Safari"), said("Which flow?", "w1", "question")],
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


def test_of_a_long_conversation_the_latest_is_told() -> None:
    prompt = build_prompt(spec(), [said("x" * MOST_CONVERSATION), said("the latest")])
    assert "…\n\nalice (text): the latest" in prompt and "xxx" not in prompt
