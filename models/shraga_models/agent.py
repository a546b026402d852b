"""An agent that a worker can run: its command line, how it speaks, and what it may take."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from .base import Model, Slug
from .durations import Seconds


class AgentAdapter(StrEnum):
    """How an agent's command line is spoken to."""

    CLAUDE = "claude"
    LINES = "lines"
    TEXT = "text"


class AgentConfig(Model):
    """An agent of a worker's configuration, `[agents.NAME]` in its TOML file (seed: AgentVine worker config)."""

    name: Slug
    command: tuple[str, ...]
    """The program and its own arguments; the adapter adds the ones it needs."""
    adapter: AgentAdapter
    env: dict[str, str] = {}
    """Variables it is given besides the worker's own; `${env:NAME}` in a value is resolved when a run begins."""
    model: str | None = Field(default=None, min_length=1)
    max_turns: int | None = Field(default=None, ge=1)
    budget: Annotated[float, Field(gt=0)] | None = None
    """US dollars that one run may spend; the agent is told, and keeps to it where it can."""
    idle_timeout: Annotated[Seconds, Field(gt=0, le=86400)] = 900.0
    """Seconds without a word after which it is taken for stuck and ended."""

    @field_validator("command")
    @classmethod
    def _named_program(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not command or not command[0].strip():
            raise ValueError("it names no program: write it as [program, argument, ...]")
        if any("\0" in part for part in command):
            raise ValueError("a command holds no NUL character: remove it")
        return command
