"""Call a Python function from an allowed module."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import traceback
from collections.abc import Callable
from typing import Any

from shraga_models import MAX_FIELD_CHARACTERS, LogLevel, Python, RunStatus, TaskOutput

from ..context import RunContext
from ..engine import Outcome


def run_python(action: Python, context: RunContext, modules: tuple[str, ...]) -> Outcome:
    """Call the function with its arguments; what it returns is the result, an exception fails the run."""
    try:
        function = _find(action, modules)
    except LookupError as error:
        return Outcome(RunStatus.FAILED, error=str(error), retry=False)
    try:
        value = function(**action.args)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
        if inspect.isgenerator(value) or inspect.isasyncgen(value):
            said = f"action.callable: {action.callable} is a generator, whose body was never run; return a value."
            return Outcome(RunStatus.FAILED, error=said, retry=False)
    except (Exception, KeyboardInterrupt, asyncio.CancelledError) as error:
        # The two innermost frames of the engine itself say nothing to the task's author.
        trace = "".join(traceback.format_exception(error)[-30:])
        context.write("stderr", LogLevel.ERROR, trace, "")
        return Outcome(RunStatus.FAILED, error=f"{type(error).__name__}: {error}"[:2000])
    result = _as_json(value, context)
    return Outcome(RunStatus.COMPLETED, output=TaskOutput(result=json.loads(result or "null")), result=result)


def _find(action: Python, modules: tuple[str, ...]) -> Callable[..., Any]:
    name, _, path = action.callable.partition(":")
    if not _is_allowed(name, modules):
        raise LookupError(
            f"action.callable: the module {name} is not allowed on this worker; allow it with "
            f"`shraga worker --allow-module {name}` or SHRAGA_PYTHON_MODULES."
        )
    try:
        found: Any = importlib.import_module(name)
        for part in path.split("."):
            found = getattr(found, part)
            if inspect.ismodule(found):
                raise AttributeError(f"{part} is a module of its own")
    except (ImportError, AttributeError) as error:
        raise LookupError(
            f"action.callable: {action.callable} cannot be loaded on this worker: {error}."
        ) from error
    if not callable(found):
        raise LookupError(f"action.callable: {action.callable} is no function.")
    if not _is_allowed(str(getattr(found, "__module__", name)), modules):
        raise LookupError(
            f"action.callable: {action.callable} comes from {found.__module__}, which is not allowed."
        )
    function: Callable[..., Any] = found
    return function


def _is_allowed(module: str, modules: tuple[str, ...]) -> bool:
    return any(module == allowed or module.startswith(f"{allowed}.") for allowed in modules)


def _as_json(value: Any, context: RunContext) -> str:
    if value is None:
        return ""
    try:
        said = _dump(value)
    except (TypeError, ValueError, RecursionError):
        context.write(
            "system", LogLevel.WARNING, "The result is no JSON value; its text is kept instead.", ""
        )
        said = _dump(repr(value)[:2000])
    if len(said) > MAX_FIELD_CHARACTERS:
        context.write(
            "system", LogLevel.WARNING, f"The result has {len(said):,} characters and is not kept.", ""
        )
        return ""
    return said


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace").decode()
