"""How each kind of action is run, inside the horse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shraga_models import Http, Python, Reminder, Shell

from ..artifacts import with_artifacts
from ..context import RunContext
from ..engine import Outcome
from .http import run_http
from .python import run_python
from .reminder import run_reminder
from .shell import run_shell

__all__ = ["run_action"]

_RUNNERS: dict[type, Callable[..., Outcome]] = {
    Shell: run_shell,
    Http: run_http,
    Python: run_python,
    Reminder: run_reminder,
}


def run_action(action: Any, context: RunContext, modules: tuple[str, ...]) -> Outcome:
    """Run an action to its end; `modules` are those whose functions may be called."""
    return with_artifacts(_RUNNERS[type(action)](action, context, modules), context)
