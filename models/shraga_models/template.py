"""The template: a task written once with parameters, filled in each time it is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from .base import JsonObject, Model, Slug

PARAMETER_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
# What holds a dot or a colon, as `${env:NAME}` does, belongs to others.
_PLACEHOLDER = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}")
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

Path = tuple[str | int, ...]
"""Where a value stands in a document: the keys and numbers that lead there."""


class ParameterType(StrEnum):
    """What a parameter's value is."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    CHOICE = "choice"
    DATE = "date"


class Parameter(Model):
    """One thing that is asked of who runs a template (seed: DataOps workflow template)."""

    type: ParameterType = ParameterType.STRING
    description: str = ""
    choices: tuple[str, ...] = Field(default=(), validate_default=True)
    """What may be chosen, for the type choice."""
    pattern: str | None = None
    """The regular expression that all of a string has to match."""
    default: Any = None
    required: bool | None = None
    """Whether a value has to be given; where nothing is said, it has to unless there is a default."""

    @field_validator("choices")
    @classmethod
    def _for_choice(cls, choices: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        choosing = info.data.get("type") is ParameterType.CHOICE
        if choices and not choosing:
            raise ValueError("only the type choice has choices: write type: choice")
        if choosing and not choices:
            raise ValueError("it is empty: list what may be chosen, as [one, two]")
        return choices

    @field_validator("pattern")
    @classmethod
    def _for_string(cls, pattern: str | None, info: ValidationInfo) -> str | None:
        if pattern is not None and info.data.get("type") is not ParameterType.STRING:
            raise ValueError("only the type string has a pattern: remove it")
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from None
        return pattern

    @field_validator("default")
    @classmethod
    def _of_its_type(cls, default: Any, info: ValidationInfo) -> Any:
        known = info.data
        # A fault of what it depends on is told already.
        if default is None or not {"type", "choices", "pattern"} <= set(known):
            return default
        return read_value(known["type"], default, known["choices"], known["pattern"])

    @field_validator("required")
    @classmethod
    def _no_default_needed(cls, required: bool | None, info: ValidationInfo) -> bool | None:
        if required and info.data.get("default") is not None:
            raise ValueError("what has a default is never required: remove one of the two")
        return required

    @property
    def is_required(self) -> bool:
        """Whether it cannot be left out."""
        return self.default is None and self.required is not False

    def read(self, given: Any) -> Any:
        """Return a value in its type, also where it is text as the command line gives it; raises ValueError."""
        return read_value(self.type, given, self.choices, self.pattern)


def read_value(kind: ParameterType, given: Any, choices: tuple[str, ...], pattern: str | None) -> Any:
    """Return `given` as a value of a type; raises ValueError that says what to write instead."""
    if kind is ParameterType.STRING:
        if not isinstance(given, str):
            raise ValueError("it is no text: write it in quotes")
        if pattern is not None and not re.fullmatch(pattern, given):
            raise ValueError(f"{given[:80]!r} has the wrong form: match {pattern}")
        return given
    if kind is ParameterType.CHOICE:
        if given not in choices:
            known = " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))
            raise ValueError(f"{str(given)[:80]!r} is none of those known: use {known}")
        return given
    if kind is ParameterType.BOOL:
        return _read_bool(given)
    return _read_date(given) if kind is ParameterType.DATE else _read_number(kind, given)


def _read_bool(given: Any) -> bool:
    word = str(given).lower()
    if word not in _YES + _NO:
        raise ValueError(f"{str(given)[:80]!r} is neither true nor false: write one of them")
    return word in _YES


def _read_date(given: Any) -> str:
    try:
        if isinstance(given, date) and not isinstance(given, datetime):
            return given.isoformat()
        return date.fromisoformat(given).isoformat()
    except (TypeError, ValueError):
        raise ValueError(f"{str(given)[:80]!r} is no date: write one such as 2030-01-31") from None


def _read_number(kind: ParameterType, given: Any) -> int | float:
    whole = kind is ParameterType.INT
    try:
        if isinstance(given, bool) or (whole and isinstance(given, float)):
            raise TypeError
        number = int(given) if whole else float(given)
    except (TypeError, ValueError):
        example = "no whole number: write one such as 3" if whole else "no number: write one such as 1.5"
        raise ValueError(f"{str(given)[:80]!r} is {example}") from None
    if not isfinite(number):
        raise ValueError("it is a number that JSON has not: give a finite one")
    return number


class TemplateRef(Model):
    """Where an instance came from: a template, and the revision it had."""

    name: str
    revision: str
    """The git commit that last changed the file, or `sha256:` and the sum of its bytes."""


class ParameterFault(ValueError):
    """A value for a parameter is wrong; `parameter` names it and the message says how to fix it."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class Template(Model):
    """A task or a workflow with holes: `${name}` in its texts stands for the value of a parameter."""

    name: Slug
    description: str = ""
    parameters: dict[Annotated[str, Field(pattern=PARAMETER_NAME)], Parameter] = {}
    task: JsonObject | None = None
    """The fields of a `NewTask`."""
    workflow: JsonObject | None = Field(default=None, validate_default=True)
    """The fields of a `NewWorkflow`."""

    # Of a field, since one of the whole would be told only once no field has a fault.
    @field_validator("workflow")
    @classmethod
    def _one_body(cls, workflow: dict[str, Any] | None, info: ValidationInfo) -> dict[str, Any] | None:
        if "task" in info.data and (info.data["task"] is None) == (workflow is None):
            raise ValueError("give exactly one of task and workflow")
        return workflow

    @property
    def kind(self) -> str:
        """What it makes: `task` or `workflow`."""
        return "workflow" if self.task is None else "task"

    @property
    def body(self) -> dict[str, Any]:
        """What is filled in."""
        return self.task or self.workflow or {}

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every parameter, None for one that was left out; raises ParameterFault."""
        for name in given:
            if name not in self.parameters:
                known = f"it has {', '.join(self.parameters)}" if self.parameters else "it has none"
                raise ParameterFault(name, f"the template {self.name} has no parameter of that name: {known}")
        return {name: self._value(name, parameter, given) for name, parameter in self.parameters.items()}

    def _value(self, name: str, parameter: Parameter, given: Mapping[str, Any]) -> Any:
        if name not in given:
            if parameter.is_required:
                hint = f" ({parameter.description})" if parameter.description else ""
                raise ParameterFault(name, f"it is missing: give one{hint}")
            return parameter.default
        try:
            return parameter.read(given[name])
        except ValueError as error:
            raise ParameterFault(name, str(error)) from None


def placeholders(body: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield each placeholder below `body` and the path of the text it stands in."""
    if isinstance(body, str):
        yield from ((path, found[2]) for found in _PLACEHOLDER.finditer(body) if not found[1])
    elif isinstance(body, dict | list):
        for key, below in body.items() if isinstance(body, dict) else enumerate(body):
            yield from placeholders(below, (*path, key))


def fill(body: Any, values: Mapping[str, Any]) -> Any:
    """Return `body` with its placeholders replaced; a text that is only one becomes the value in its type.

    What stands for a parameter that was left out is left out too, or empty within a text. `$${name}` becomes
    `${name}`. Raises KeyError for a placeholder without a value.
    """
    if isinstance(body, str):
        alone = _PLACEHOLDER.fullmatch(body)
        if alone and not alone[1]:
            return values[alone[2]]
        return _PLACEHOLDER.sub(lambda found: _as_text(found, values), body)
    if isinstance(body, dict):
        filled = {key: fill(below, values) for key, below in body.items()}
        return {key: value for key, value in filled.items() if value is not None or body[key] is None}
    if isinstance(body, list):
        return [value for below in body if (value := fill(below, values)) is not None or below is None]
    return body


def _as_text(found: re.Match[str], values: Mapping[str, Any]) -> str:
    if found[1]:
        return found[0][1:]
    value = values[found[2]]
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
