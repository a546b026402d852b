"""What was spent, what may be spent, and what is held back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Model, Moment

Dollars = Annotated[float, Field(ge=0)]
"""US dollars."""


class SpendLine(Model):
    """What calls of models cost, summed for one day, owner, model or task (seed: Aura agent_execution)."""

    name: str
    """The day in UTC as 2030-01-31, the owner, the model, or the task's id."""
    calls: int = 0
    prompt_tokens: int = 0
    response_tokens: int = 0
    cost: Dollars = 0.0


class Budget(Model):
    """What an owner, or with `owner` None everybody together, may spend on one day (UTC)."""

    owner: str | None = None
    day: Dollars
    extra: Dollars = 0.0
    """By how much it was extended today."""
    spent: Dollars = 0.0
    """Today."""


class Brake(Model):
    """What no worker begins for now: a task, an owner's tasks, or with neither all of them."""

    owner: str | None = None
    task_id: str | None = None
    by: str
    at: Moment
    reason: str = ""
    parked: int = 0
    """Tasks that were next and had to step aside."""
