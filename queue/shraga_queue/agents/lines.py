"""The generic protocol: one JSON object a line, both ways; docs/reference/agent-protocol.md is its reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from shraga_models import AgentConfig, LogLevel, ModelCall, NewQuestion, Verdict

from .adapter import Adapter, Start, brief, json_line, read_object
from .steps import (
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


class LinesAdapter(Adapter):
    """One process of an agent that speaks the generic protocol."""

    ask_hint = ""

    def command(self, config: AgentConfig, start: Start) -> list[str]:
        """Return the command as it is configured: all else goes into its input."""
        return list(config.command)

    def opening(self, start: Start) -> bytes:
        """Return the start message."""
        given = {name: getattr(start, name) for name in Start.__dataclass_fields__}
        return json_line({"type": "start", "version": 1} | given)

    def told(self, text: str, sender: str) -> bytes:
        """Return a person's message."""
        return json_line({"type": "message", "text": text, "sender": sender})

    def answered(self, key: str, text: str) -> bytes:
        """Return the answer to a question."""
        return json_line({"type": "answer", "key": key, "text": text})

    def read(self, line: str) -> Iterator[Step]:
        """Yield the step of a message; what is no message is printed, what is a wrong one is told of."""
        message = read_object(line)
        if message is None or not isinstance(message.get("type"), str):
            yield from [Printed(line)] if line.strip() else []
            return
        try:
            yield _READERS[message["type"]](message)
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            yield Noticed(f"A line was not understood: {_fault(message, error)}", LogLevel.WARNING)

    def ended(self, exit_code: int) -> Finished | None:
        """Say that an agent that left without a word has failed."""
        left = "The agent ended without saying that it has finished."
        return Finished(False, error=left) if exit_code == 0 else None


def _fault(message: dict[str, Any], error: Exception) -> str:
    kind = message["type"][:100]
    if kind not in _READERS:
        return f"there is no type {kind!r}"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{kind}.{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{kind} has no {error}" if isinstance(error, KeyError) else f"{kind}: {error}"


def _text(message: dict[str, Any], name: str = "text") -> str:
    value = message[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _without_type(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "type"}


def _finished(message: dict[str, Any]) -> Finished:
    verdict = message.get("verdict")
    ok = message.get("ok", True)
    if not isinstance(ok, bool):
        raise TypeError("ok is neither true nor false")
    error = str(message.get("error") or "")
    return Finished(
        ok,
        str(message.get("summary") or ""),
        error or ("" if ok else "The agent says that it has failed."),
        Verdict.model_validate(verdict) if verdict is not None else None,
        message.get("result"),
    )


_READERS: dict[str, Any] = {
    "session": lambda message: Session(_text(message, "id")),
    "thought": lambda message: Thought(_text(message)),
    "say": lambda message: Said(_text(message)),
    "progress": lambda message: Progressed(min(1.0, max(0.0, float(message["share"])))),
    "log": lambda message: Noticed(_text(message), LogLevel(message.get("level", "info"))),
    "tool_call": lambda message: ToolCall(
        _text(message, "name"), brief(message.get("input", "")), str(message.get("id", ""))
    ),
    "tool_result": lambda message: ToolResult(
        brief(message.get("output", "")), bool(message.get("is_error")), str(message.get("id", ""))
    ),
    "ask": lambda message: Asked(NewQuestion.model_validate(_without_type(message))),
    "usage": lambda message: Usage(ModelCall.model_validate(_without_type(message))),
    "deliverable": lambda message: Deliverable(_text(message, "name")),
    "finished": _finished,
}
