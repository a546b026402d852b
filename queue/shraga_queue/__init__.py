"""Submit tasks to Shraga's queue and watch them: `from shraga_queue import Shraga, Shell`.

>>> with Shraga.connect() as shraga:
...     task = shraga.submit("resize", Shell("convert in.png out.png"), priority="high")
...     shraga.wait(task.id).status
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import Forbidden, InvalidInput, NotFound, Refused, ShragaError, Unreachable

if TYPE_CHECKING:
    from shraga_models import Agent, Dependency, Http, Limits, NewTask, Prompt, Python, Schedule, Shell, Task

    from .aclient import AsyncShraga
    from .client import Shraga
    from .context import artifact, ask, current_run, log, progress, thought

__all__ = [
    "Agent",
    "AsyncShraga",
    "Dependency",
    "Forbidden",
    "Http",
    "InvalidInput",
    "Limits",
    "NewTask",
    "NotFound",
    "Prompt",
    "Python",
    "Refused",
    "Schedule",
    "Shell",
    "Shraga",
    "ShragaError",
    "Task",
    "Unreachable",
    "artifact",
    "ask",
    "current_run",
    "log",
    "progress",
    "thought",
]

_NAMES = {
    ".aclient": "AsyncShraga",
    ".client": "Shraga",
    ".context": "artifact ask current_run log progress thought",
    "shraga_models": "Agent Dependency Http Limits NewTask Prompt Python Schedule Shell Task",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Load what is first used: a task that only logs needs no client, and who lists tasks none of what a task does."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
