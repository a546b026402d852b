"""Claude Code's stream-json, from lines as its command line writes them."""

from __future__ import annotations

import json
from typing import Any

from shraga_models import AgentConfig, LogLevel
from shraga_queue.agents import Start
from shraga_queue.agents.claude import ClaudeAdapter
from shraga_queue.agents.steps import (
    Finished,
    Noticed,
    Printed,
    Said,
    Session,
    Step,
    Thought,
    ToolCall,
    ToolResult,
    Usage,
)

SESSION = "9b853937-d2d9-4f1b-8c2d-d960254db334"
CONFIG = AgentConfig(name="claude", command=("claude", "--allowedTools", "Bash"), adapter="claude")


def assistant(block: dict[str, Any], message: str = "msg_1", **fields: Any) -> str:
    """Return the line of one block of a message."""
    told = {
        "id": message,
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "content": [block],
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 5, "output_tokens": 1},
    }
    event = {"type": "assistant", "message": told, "parent_tool_use_id": None, "session_id": SESSION}
    return json.dumps(event | fields)


def result(**fields: Any) -> str:
    """Return the last line."""
    usage = {"inputTokens": 60, "outputTokens": 30, "cacheReadInputTokens": 5, "costUSD": 0.001}
    event = {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "duration_api_ms": 56,
        "result": "Done: the file is there.",
        "session_id": SESSION,
        "total_cost_usd": 0.001,
        "modelUsage": {"claude-opus-4-8[1m]": usage},
        "permission_denials": [],
    }
    return json.dumps(event | fields)


def read(*lines: str, adapter: ClaudeAdapter | None = None) -> list[Step]:
    """Return the steps of lines."""
    reader = adapter or ClaudeAdapter()
    return [step for line in lines for step in reader.read(line)]


def test_a_first_run_is_given_its_prompt_as_a_message() -> None:
    start = Start("Fix it", model="opus", max_turns=4, budget=0.5)
    adapter = ClaudeAdapter()
    assert adapter.command(CONFIG, start) == [
        *("claude", "--allowedTools", "Bash", "-p", "--input-format", "stream-json"),
        *("--output-format", "stream-json", "--verbose"),
        *("--model", "opus", "--max-turns", "4", "--max-budget-usd", "0.5"),
    ]
    told = json.loads(adapter.opening(start))
    assert told == {"type": "user", "message": {"role": "user", "content": "Fix it"}}


def test_a_resumed_run_is_given_its_session_and_what_was_said() -> None:
    start = Start("Fix it", session=SESSION, question="Shall I?", message="yes")
    adapter = ClaudeAdapter()
    command = adapter.command(CONFIG, start)
    assert command[command.index("--resume") + 1] == SESSION
    told = json.loads(adapter.opening(start))["message"]["content"]
    assert told == "You asked: Shall I?\n\nThe answer: yes"


def test_a_resumed_run_that_nobody_told_anything_goes_on() -> None:
    told = json.loads(ClaudeAdapter().opening(Start("Fix it", session=SESSION)))
    assert told["message"]["content"] == "Go on."


def test_the_session_is_known_from_the_first_line() -> None:
    line = {"type": "system", "subtype": "init", "session_id": SESSION, "model": "claude-opus-4-8"}
    assert read(json.dumps(line))[0] == Session(SESSION)


def test_words_tools_and_their_results() -> None:
    tool = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "Bash",
        "input": {"command": "ls", "description": "list"},
    }
    content = [{"tool_use_id": "toolu_1", "type": "tool_result", "content": "out.txt", "is_error": False}]
    steps = read(
        assistant({"type": "thinking", "thinking": "Where is it?"}),
        assistant({"type": "text", "text": "Looking at the folder."}),
        assistant(tool),
        json.dumps({"type": "user", "message": {"role": "user", "content": content}}),
    )
    assert [step for step in steps if not isinstance(step, Usage)] == [
        Thought("Where is it?"),
        Said("Looking at the folder."),
        ToolCall("Bash", '{"command": "ls", "description": "list"}', "toolu_1"),
        ToolResult("out.txt", False, "toolu_1"),
    ]


def test_a_tool_result_of_blocks_is_their_text() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "image", "source": {}}]
    content = [{"tool_use_id": "t", "type": "tool_result", "content": blocks, "is_error": True}]
    line = json.dumps({"type": "user", "message": {"role": "user", "content": content}})
    assert read(line) == [ToolResult("a\n[image]", True, "t")]


def test_a_helper_of_the_agent_speaks_to_the_agent() -> None:
    steps = read(assistant({"type": "text", "text": "Found it."}, parent_tool_use_id="toolu_9"))
    assert steps[0] == Thought("Found it.")


def test_a_message_is_counted_once_and_the_sums_put_it_right() -> None:
    text = {"type": "text", "text": "x"}
    steps = read(assistant(text), assistant(text), assistant(text, "msg_2"), result())
    calls = [step.call for step in steps if isinstance(step, Usage)]
    assert [(call.prompt_tokens, call.response_tokens, call.cost) for call in calls] == [
        (30, 1, 0.0),
        (30, 1, 0.0),
        (5, 28, 0.001),
    ]
    assert {(call.provider, call.model) for call in calls} == {("anthropic", "claude-opus-4-8")}
    assert calls[-1].duration == 0.056


def test_a_second_result_of_one_process_counts_only_what_came_since() -> None:
    adapter = ClaudeAdapter()
    read(result(), adapter=adapter)
    assert [step for step in read(result(), adapter=adapter) if isinstance(step, Usage)] == []


def test_the_last_line_says_how_it_went() -> None:
    assert read(result(modelUsage={})) == [Finished(True, "Done: the file is there.")]
    assert read(result(modelUsage={}, structured_output={"n": 1}))[-1] == Finished(
        True, "Done: the file is there.", result={"n": 1}
    )


def test_a_failure_says_why() -> None:
    failed = read(result(subtype="success", is_error=True, result="API Error: 401", modelUsage={}))[-1]
    assert failed == Finished(False, "API Error: 401", "The agent failed: API Error: 401")
    turns = read(result(subtype="error_max_turns", is_error=True, result=None, modelUsage={}))[-1]
    assert isinstance(turns, Finished) and "max_turns" in turns.error
    lost = read(
        result(subtype="error_during_execution", result=None, modelUsage={}, errors=["No conversation found"])
    )[-1]
    assert isinstance(lost, Finished) and lost.error == "The agent failed: No conversation found"


def test_a_denied_tool_is_told_with_the_fix() -> None:
    steps = read(result(modelUsage={}, permission_denials=[{"tool_name": "Write", "tool_use_id": "t"}]))
    assert steps[0] == Noticed(
        "The tool Write was not allowed: name it behind --allowedTools in the agent's command.",
        LogLevel.WARNING,
    )


def test_an_api_that_is_away_is_noticed() -> None:
    line = {
        "type": "system",
        "subtype": "api_retry",
        "attempt": 4,
        "max_retries": 10,
        "retry_delay_ms": 4286.8,
    }
    assert read(json.dumps(line | {"error": "unknown"})) == [
        Noticed("The model's API does not answer (unknown): try 4 of 10 in 4 s.", LogLevel.WARNING)
    ]


def test_a_message_of_a_person_carries_its_sender() -> None:
    told = json.loads(ClaudeAdapter().told("stop there", "alice"))
    assert told["message"]["content"] == "alice says: stop there"


def test_strange_lines_do_no_harm() -> None:
    assert read("", "not json", "[1]") == [Printed("not json"), Printed("[1]")]
    assert read('{"type": "rate_limit_event"}', '{"type": "system", "subtype": "task_started"}') == []
    noticed = read('{"type": "assistant", "message": {"content": [{}]}}')
    assert isinstance(noticed[0], Noticed) and noticed[0].level is LogLevel.WARNING
