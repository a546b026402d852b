"""How a command fails: one sentence on standard error, an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from typing import Any

import typer
from typer.exceptions import TyperException

from shraga_queue.errors import ShragaError, Unreachable

from .output import clean_text

INTERRUPTED = 130
DEBUG = "SHRAGA_DEBUG"
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class UsageError(ShragaError):
    """The command line itself is wrong; the message names the option and the fix."""

    exit_code = 2


class TaskFailed(ShragaError):
    """The command did its work, and what it reports on failed; it has been told already."""


def kind_of(error: Exception) -> str:
    """Return the stable name of an error: `not_found`, `invalid_input`, `usage` ..."""
    if isinstance(error, TyperException | UsageError):
        return "usage"
    return (
        _WORD_START.sub("_", type(error).__name__).lower() if isinstance(error, ShragaError) else "internal"
    )


def error_object(error: Exception, message: str | None = None) -> dict[str, Any]:
    """Return an error as JSON values: kind, message, and the field where one is to blame."""
    found: dict[str, Any] = {"kind": kind_of(error), "message": message or str(error)}
    if field := getattr(error, "field", None):
        found["field"] = field
    return found | getattr(error, "details", {})


def report(error: Exception, as_json: bool) -> int:
    """Tell an error on standard error and return the exit code that goes with it."""
    if isinstance(error, TaskFailed) and not str(error):
        return error.exit_code
    known = _known(error)
    message = _usage(known) if isinstance(known, TyperException) else _sentence(known)
    if as_json:
        typer.echo(json.dumps({"error": error_object(known, message)}), err=True)
    else:
        typer.echo(f"shraga: {clean_text(message)}{_hint(known)}", err=True)
    if kind_of(known) == "internal" and os.environ.get(DEBUG):
        typer.echo("".join(traceback.format_exception(error)), err=True)
    return int(getattr(known, "exit_code", 1))


def _known(error: Exception) -> Exception:
    """Redis's own errors and the system's, told as the library tells them."""
    if isinstance(error, ShragaError | TyperException):
        return error
    if "redis" in sys.modules and isinstance(error, sys.modules["redis"].RedisError):
        from shraga_queue.connect_errors import explain

        return explain(error, "the configured address")
    if isinstance(error, ConnectionError):
        return Unreachable(f"The connection was lost: {error}. Try again.")
    return error


def _usage(error: TyperException) -> str:
    """What is wrong with the command line, as one sentence."""
    from shraga_models.faults import plain

    what, colon, why = error.format_message().partition("': ")
    return f"{what}{colon}{plain(why)}".rstrip(".") + "."


def _sentence(error: Exception) -> str:
    if kind_of(error) != "internal":
        return str(error)
    again = (
        "" if os.environ.get(DEBUG) else f" Run it again with {DEBUG}=1 to see where, and please report it."
    )
    return f"This should not have happened: {type(error).__name__}: {error}.{again}"


def _hint(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f" See `{context.command_path} --help`." if context is not None else ""
