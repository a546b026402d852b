"""The generic protocol, and agents that only print."""

from __future__ import annotations

import json

import pytest

from shraga_models import AgentConfig, LogLevel, ModelCall, NewQuestion, Verdict
from shraga_queue.agents import Start, make_adapter
from shraga_queue.agents.adapter import MOST_TOOL_TEXT, brief
from shraga_queue.agents.lines import LinesAdapter
from shraga_queue.agents.steps import (
    Asked,
    Deliverable,
    Finished,
    Noticed,
    Printed,
    Progressed,
    Said,
    Session,
    Step,
    Thought,
    ToolCall,
    ToolResult,
    Usage,
)
from shraga_queue.agents.text import TextAdapter
from shraga_queue.errors import InvalidInput

VERDICT = {"approved": True, "testing_done": "unit", "results": "12 pass"}
STEPS: list[tuple[dict[str, object], Step]] = [
    ({"type": "session", "id": "s1"}, Session("s1")),
    ({"type": "thought", "text": "hm"}, Thought("hm")),
    ({"type": "say", "text": "hello"}, Said("hello")),
    ({"type": "progress", "share": 1.5}, Progressed(1.0)),
    ({"type": "log", "text": "slow", "level": "warning"}, Noticed("slow", LogLevel.WARNING)),
    ({"type": "tool_call", "name": "run", "input": {"command": "ls"}, "id": "1"}, ToolCall("run", "ls", "1")),
    ({"type": "tool_result", "output": "a", "is_error": True, "id": "1"}, ToolResult("a", True, "1")),
    (
        {
            "type": "ask",
            "text": "Which?",
            "options": ["a", "b"],
            "default": "a",
            "deadline": "1h",
            "key": "k",
        },
        Asked(NewQuestion(text="Which?", options=("a", "b"), default="a", deadline=3600, key="k")),
    ),
    ({"type": "usage", "model": "m", "cost": 0.1}, Usage(ModelCall(model="m", cost=0.1))),
    ({"type": "deliverable", "name": "report.md"}, Deliverable("report.md")),
    (
        {"type": "finished", "summary": "ok", "verdict": VERDICT, "result": [1]},
        Finished(True, "ok", verdict=Verdict.model_validate(VERDICT), result=[1]),
    ),
    ({"type": "finished", "ok": False}, Finished(False, error="The agent says that it has failed.")),
]


@pytest.mark.parametrize(("message", "step"), STEPS, ids=lambda value: str(value)[:40])
def test_each_message_is_one_step(message: dict[str, object], step: Step) -> None:
    assert list(LinesAdapter().read(json.dumps(message))) == [step]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"type": "shout"}', "there is no type 'shout'"),
        ('{"type": "say"}', "say has no 'text'"),
        ('{"type": "say", "text": 3}', "say: text is no text"),
        ('{"type": "finished", "ok": "no"}', "finished: ok is neither true nor false"),
        ('{"type": "ask", "text": "x", "option": "a"}', "ask.option: Extra inputs are not permitted"),
        ('{"type": "usage", "cost": -1}', "usage.cost: Input should be greater than or equal to 0"),
    ],
)
def test_a_wrong_message_is_told_of_and_does_no_harm(line: str, said: str) -> None:
    assert list(LinesAdapter().read(line)) == [
        Noticed(f"A line was not understood: {said}", LogLevel.WARNING)
    ]


def test_other_lines_are_printed() -> None:
    lines = ["", "  ", "Loading...", "[1]", '{"level": "info"}']
    read = [step for line in lines for step in LinesAdapter().read(line)]
    assert read == [Printed("Loading..."), Printed("[1]"), Printed('{"level": "info"}')]


def test_what_the_agent_is_told() -> None:
    adapter = LinesAdapter()
    start = json.loads(adapter.opening(Start("Fix it", "s1", "Shall I?", "yes", budget=2.0)))
    assert start == {
        "type": "start",
        "version": 1,
        "prompt": "Fix it",
        "session": "s1",
        "question": "Shall I?",
        "message": "yes",
        "model": None,
        "max_turns": None,
        "budget": 2.0,
    }
    assert json.loads(adapter.told("hi", "alice")) == {"type": "message", "text": "hi", "sender": "alice"}
    assert json.loads(adapter.answered("k", "a")) == {"type": "answer", "key": "k", "text": "a"}


def test_an_agent_that_leaves_without_a_word_has_failed() -> None:
    ended = LinesAdapter().ended(0)
    assert ended is not None and not ended.ok
    assert LinesAdapter().ended(3) is None


def test_long_tool_texts_are_shortened() -> None:
    said = brief({"content": "x" * 9_000})
    assert said == f"{'x' * MOST_TOOL_TEXT}… (9,000 characters)"


def text_agent(*command: str) -> AgentConfig:
    """Return the configuration of an agent that prints."""
    return AgentConfig(name="aider", command=command, adapter="text")


def test_a_text_agent_reads_its_prompt() -> None:
    adapter = TextAdapter()
    assert adapter.command(text_agent("cat"), Start("Fix it")) == ["cat"]
    assert adapter.opening(Start("Fix it")) == b"Fix it\n"


def test_a_text_agent_takes_its_prompt_where_the_command_says_so() -> None:
    adapter = TextAdapter()
    config = text_agent("aider", "--model={model}", "--message", "{prompt}")
    assert adapter.command(config, Start("Fix {model}", model="gpt")) == [
        *("aider", "--model=gpt", "--message", "Fix {model}")
    ]
    assert adapter.opening(Start("Fix it")) == b""


def test_a_model_that_a_text_agent_cannot_take_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"action\.model: the agent aider takes no model; write \{model\}"):
        TextAdapter().command(text_agent("aider"), Start("x", model="gpt"))


def test_what_a_text_agent_prints_is_its_summary() -> None:
    adapter = make_adapter(text_agent("x").adapter)
    assert [step for line in ("one", "", "two") for step in adapter.read(line)] == [
        *(Printed("one"), Printed(""), Printed("two"))
    ]
    assert adapter.ended(0) == Finished(True, "one\n\ntwo")
    assert adapter.ended(1) is None
