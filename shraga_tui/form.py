"""What the submit form's fields mean: texts in, a checked task out, or the field that is wrong and why."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from shraga_models import Action, Agent, Http, NewTask, Prompt, Python, Shell
from shraga_queue.errors import InvalidInput
from shraga_queue.submission import build_task, invalid

NAME_LENGTH = 60
SAYS_MOST = {"shell": "command", "http": "url", "python": "callable", "agent": "prompt", "prompt": "prompt"}
"""The field that tells best what a task does, for each kind of action."""


def read_form(texts: Mapping[str, str]) -> NewTask:
    """Return the task of a filled form; raises InvalidInput naming a field of the form."""
    action = _read_action(texts)
    fields: dict[str, Any] = {"priority": texts["priority"]}
    if capability := texts["capability"].strip():
        fields["capability"] = capability
    if texts["what"] == "agent" and (repository := texts["repository_url"].strip()):
        fields["repository_url"] = repository
    if labels := texts["labels"].replace(",", " ").split():
        fields["labels"] = tuple(labels)
    limits = {name: texts[name].strip() for name in ("timeout", "retries") if texts[name].strip()}
    name = texts["name"].strip() or default_name(texts)
    return build_task(name, action, fields | ({"limits": limits} if limits else {}))


def default_name(texts: Mapping[str, str]) -> str:
    """Return the name a task gets when none is typed: what it does, shortened."""
    said = texts[SAYS_MOST[texts["what"]]]
    first = said.strip().splitlines()[0] if said.strip() else ""
    return first if len(first) <= NAME_LENGTH else first[: NAME_LENGTH - 1] + "…"


def _read_action(texts: Mapping[str, str]) -> Action:
    builders: dict[str, Callable[[], Action]] = {
        "shell": lambda: Shell(_needed(texts, "command", "type a shell command, such as pytest -q")),
        "http": lambda: Http(
            _needed(texts, "url", "type an address, such as https://example.org/hook"), method=texts["method"]
        ),
        "python": lambda: Python(
            _needed(texts, "callable", "type package.module:function"), args=read_arguments(texts["args"])
        ),
        "agent": lambda: Agent(
            _needed(texts, "prompt", "say what the agent is to do"),
            agent=_needed(texts, "agent", "type the name of an agent that a worker has, such as default"),
            model=texts["model"].strip() or None,
        ),
        "prompt": lambda: Prompt(
            _needed(texts, "prompt", "type what the model is asked"),
            endpoint=texts["endpoint"].strip() or "default",
            model=texts["model"].strip(),
        ),
    }
    try:
        return builders[texts["what"]]()
    except ValidationError as error:
        raise invalid(error) from None


def _needed(texts: Mapping[str, str], field: str, fix: str) -> str:
    if not (text := texts[field].strip()):
        raise InvalidInput(field, f"{field}: it is empty: {fix}")
    return text


def read_arguments(text: str) -> dict[str, Any]:
    """Return keyword arguments written as JSON or as `name=value name=value`; raises InvalidInput."""
    text = text.strip()
    if text.startswith("{"):
        try:
            found: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise InvalidInput("args", f"args: this is not JSON: {error}") from None
        return found
    try:
        words = shlex.split(text)
    except ValueError:
        raise InvalidInput("args", "args: a quote is not closed") from None
    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not equals or not name.isidentifier():
            raise InvalidInput("args", f"args: {name!r} is no name=value pair")
    return {name: _value(value) for name, _, value in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def field_of(error: InvalidInput, shown: set[str]) -> str:
    """Return the field of the form an error is about; the one for what to do where it names none."""
    parts = error.field.split(".")
    return next((part for part in reversed(parts) if part in shown), "")
