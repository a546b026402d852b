"""Submit tasks to Shraga's queue and watch them: `from shraga_queue import Shraga, Shell`.

>>> with Shraga.connect() as shraga:
...     task = shraga.submit("resize", Shell("convert in.png out.png"), priority="high")
...     shraga.wait(task.id).status
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shraga_models import Dependency, Http, Limits, NewTask, Python, Schedule, Shell, Task

from .errors import Forbidden, InvalidInput, NotFound, Refused, ShragaError, Unreachable

if TYPE_CHECKING:
    from .aclient import AsyncShraga
    from .client import Shraga
    from .context import artifact, ask, current_run, log, progress, thought

__all__ = [
    "AsyncShraga",
    "Dependency",
    "Forbidden",
    "Http",
    "InvalidInput",
    "Limits",
    "NewTask",
    "NotFound",
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

_LAZY = {
    "AsyncShraga": "aclient",
    "Shraga": "client",
    "artifact": "context",
    "ask": "context",
    "current_run": "context",
    "log": "context",
    "progress": "context",
    "thought": "context",
}


def __getattr__(name: str) -> Any:
    """Load the clients when they are first used: a task that only logs needs neither."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
