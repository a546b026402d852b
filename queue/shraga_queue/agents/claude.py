"""Claude Code's command line, spoken to in its `stream-json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shraga_models import AgentConfig, LogLevel, ModelCall

from .adapter import Adapter, Start, brief, json_line, read_object
from .steps import Finished, Noticed, Printed, Said, Session, Step, Thought, ToolCall, ToolResult, Usage

_ERRORS = {
    "error_max_turns": "The agent has used up its turns (max_turns); send it back to go on, or allow more.",
    "error_max_budget_usd": "The agent has used up its budget; send it back to go on, or allow more.",
}
_TOKENS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
_SUMS = ("inputTokens", "cacheCreationInputTokens", "cacheReadInputTokens", "outputTokens")
Counted = tuple[int, int, float]
"""Prompt tokens, response tokens, US dollars."""


class ClaudeAdapter(Adapter):
    """One process of `claude -p`; usage is counted once for each of its messages, and put right by its sums."""

    def __init__(self) -> None:
        self._messages: set[str] = set()
        self._counted: dict[str, Counted] = {}

    def command(self, config: AgentConfig, start: Start) -> list[str]:
        """Return `claude -p` with its streams in JSON, and the session to go on with."""
        given: dict[str, object] = {
            "--resume": start.session,
            "--model": start.model,
            "--max-turns": start.max_turns,
            "--max-budget-usd": start.budget,
        }
        options = [part for flag, value in given.items() if value is not None for part in (flag, str(value))]
        streams = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        return [*config.command, "-p", *streams, *options]

    def opening(self, start: Start) -> bytes:
        """Return the first message: the prompt, or what a session that goes on is told."""
        if not start.session:
            return _message(start.prompt)
        asked = f"You asked: {start.question}\n\nThe answer: " if start.question else ""
        return _message(asked + (start.message or "Go on."))

    def told(self, text: str, sender: str) -> bytes:
        """Return a user's message; it reads one at the next step of its turn, or as a turn of its own."""
        return _message(f"{sender} says: {text}")

    def read(self, line: str) -> Iterator[Step]:
        """Yield what an event of the stream means; kinds that say nothing to people are passed over."""
        event = read_object(line)
        if event is None:
            yield from [Printed(line)] if line.strip() else []
            return
        try:
            match event.get("type"):
                case "system":
                    yield from _system(event)
                case "assistant":
                    yield from self._assistant(event)
                case "user":
                    yield from _tool_results(event)
                case "result":
                    yield from self._result(event)
        except (AttributeError, KeyError, TypeError, ValueError):
            yield Noticed(f"An event was not understood: {line[:500]}", LogLevel.WARNING)

    def _assistant(self, event: dict[str, Any]) -> Iterator[Step]:
        message = event["message"]
        # A helper that the agent has started speaks to the agent, not to people.
        say = Thought if event.get("parent_tool_use_id") else Said
        for block in message.get("content") or ():
            if block["type"] == "text" and block["text"].strip():
                yield say(block["text"])
            elif block["type"] == "thinking" and block["thinking"].strip():
                yield Thought(block["thinking"])
            elif block["type"] == "tool_use":
                yield ToolCall(block["name"], brief(block["input"]), block["id"])
        if message.get("usage") and message["id"] not in self._messages:
            self._messages.add(message["id"])
            *prompt, response = (int(message["usage"].get(name) or 0) for name in _TOKENS)
            yield from self._count(message.get("model") or "", (sum(prompt), response, 0.0))

    def _count(self, model: str, used: Counted, seconds: float = 0.0) -> Iterator[Step]:
        before = self._counted.get(model, (0, 0, 0.0))
        self._counted[model] = (before[0] + used[0], before[1] + used[1], before[2] + used[2])
        if any(used):
            yield Usage(
                ModelCall(
                    provider="anthropic",
                    model=model,
                    prompt_tokens=used[0],
                    response_tokens=used[1],
                    cost=used[2],
                    duration=seconds,
                )
            )

    def _result(self, event: dict[str, Any]) -> Iterator[Step]:
        seconds = float(event.get("duration_api_ms") or 0) / 1000
        for name, sums in (event.get("modelUsage") or {}).items():
            model = re.sub(r"\[.*\]$", "", name)
            *prompt, response = (int(sums.get(field) or 0) for field in _SUMS)
            told = (sum(prompt), response, float(sums.get("costUSD") or 0))
            before = self._counted.get(model, (0, 0, 0.0))
            rest = (max(0, told[0] - before[0]), max(0, told[1] - before[1]), max(0.0, told[2] - before[2]))
            yield from self._count(model, rest, seconds)
            seconds = 0.0
        denied = {str(one["tool_name"]) for one in event.get("permission_denials") or ()}
        for tool in sorted(denied):
            said = f"The tool {tool} was not allowed: name it behind --allowedTools in the agent's command."
            yield Noticed(said, LogLevel.WARNING)
        yield _finished(event)


def _message(text: str) -> bytes:
    return json_line({"type": "user", "message": {"role": "user", "content": text}})


def _system(event: dict[str, Any]) -> Iterator[Step]:
    if event.get("subtype") == "init":
        yield Session(event["session_id"])
        yield Noticed(
            f"Claude Code {event.get('claude_code_version', '')} with {event.get('model', 'a model')}"
        )
    elif event.get("subtype") == "api_retry":
        seconds = float(event.get("retry_delay_ms") or 0) / 1000
        tries = f"try {event.get('attempt')} of {event.get('max_retries')} in {seconds:.0f} s"
        yield Noticed(f"The model's API does not answer ({event.get('error')}): {tries}.", LogLevel.WARNING)


def _tool_results(event: dict[str, Any]) -> Iterator[Step]:
    content = event["message"]["content"]
    for block in content if isinstance(content, list) else ():
        if block["type"] == "tool_result":
            yield ToolResult(
                brief(_text_of(block.get("content") or "")),
                bool(block.get("is_error")),
                block.get("tool_use_id") or "",
            )


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text") or f"[{block['type']}]" for block in content)


def _finished(event: dict[str, Any]) -> Finished:
    said = str(event.get("result") or "")
    if event.get("subtype") == "success" and not event.get("is_error"):
        return Finished(True, said, result=event.get("structured_output"))
    told = "; ".join(map(str, event.get("errors") or ())) or said or str(event.get("subtype"))
    return Finished(False, said, _ERRORS.get(str(event.get("subtype"))) or f"The agent failed: {told[:1000]}")
