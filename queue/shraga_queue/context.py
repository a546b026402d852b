"""What a running Python task may say: how far it is, what it does, what it thinks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shraga_models import LogLevel

MAX_LINE = 16_384
"""Characters of one log line; longer ones are split."""


@dataclass(frozen=True)
class RunContext:
    """The run this process is executing."""

    task_id: str
    attempt: int
    owner: str
    name: str
    home: str
    """The worker's data folder."""
    say: Callable[[float | None, str], None]
    write: Callable[[str, str, str, str], None]
    inputs: dict[str, Any] = field(default_factory=dict)
    """Of a step: `workflow`, its fields, and `steps`, by name what the completed ones gave; else empty."""

    @property
    def idempotency_key(self) -> str:
        """A key for effects outside: the same for every attempt of the task."""
        return self.task_id

    @property
    def folder(self) -> Path:
        """The execution folder; `make_folder` creates it."""
        return Path(self.home, "runs", self.task_id, str(self.attempt))

    def make_folder(self) -> Path:
        """Return the execution folder, created where it is missing, readable by its owner alone."""
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


_current: RunContext | None = None


def enter(context: RunContext | None) -> None:
    """Make `context` the run of this process, or none."""
    global _current
    _current = context


def current_run() -> RunContext | None:
    """Return the run this process is executing, or None outside of one."""
    return _current


def progress(done: float, total: float = 1.0, thought: str = "") -> None:
    """Say how far the task is: `progress(0.4)` or `progress(3, 8)`; outside of a run nothing happens."""
    if _current is not None and total > 0:
        _current.say(min(1.0, max(0.0, done / total)), thought[:500])


def thought(text: str) -> None:
    """Say what the task is doing or thinking, for the board and the log; outside of a run nothing happens."""
    if _current is not None:
        _current.say(None, text[:500])
        _current.write("thought", LogLevel.INFO, text[:MAX_LINE], "")


def log(message: str, level: LogLevel | str = LogLevel.INFO, **metadata: Any) -> None:
    """Write a line to the run's log; raises ValueError for an unknown level."""
    if _current is not None:
        said = json.dumps(metadata, default=str) if metadata else ""
        _current.write("log", LogLevel(level).value, message[:MAX_LINE], said)
