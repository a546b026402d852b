"""What an OpenAI-compatible server answers: events with pieces of text, or one JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

FILTERED = "content_filter"


class StreamError(Exception):
    """The server broke its answer off and said why."""


@dataclass
class Answer:
    """What has come of an answer so far."""

    text: str = ""
    refusal: str = ""
    finish: str = ""
    model: str = ""
    usage: dict[str, Any] | None = None

    def take(self, event: dict[str, Any]) -> str:
        """Add an event, a piece or a whole answer; returns the text it brought. Raises StreamError."""
        if event.get("error"):
            raise StreamError(error_message(event))
        self.model = str(event.get("model") or self.model)
        self.usage = event.get("usage") or self.usage
        added = ""
        for choice in event.get("choices") or ():
            said = choice.get("delta") or choice.get("message") or {}
            added += said.get("content") or ""
            self.refusal += said.get("refusal") or ""
            self.finish = choice.get("finish_reason") or self.finish
        self.text += added
        return added


def read_events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of a stream of lines, up to the one that says it is done.

    A server that knows no streams answers one JSON document, which is one event. Raises StreamError for what is no
    answer at all.
    """
    plain: list[str] = []
    for line in lines:
        field, _, value = line.partition(":")
        if field == "data" and value.strip() == "[DONE]":
            return
        if field == "data":
            yield _parsed(value)
        elif line and field not in ("event", "id", "retry", ""):
            plain.append(line)
    if plain:
        yield _parsed("\n".join(plain))


def _parsed(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise StreamError(f"the answer is no JSON object: {text.strip()[:200]!r}")
    return event


def error_message(document: Any) -> str:
    """Return what a server says of an error, whichever way it writes it."""
    error = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(error, dict):
        error = error.get("message") or error.get("code") or json.dumps(error)
    return " ".join(str(error).split())[:500].rstrip(".")
