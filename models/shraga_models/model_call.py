"""What a call of a language model cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Model, Moment

Tokens = Annotated[int, Field(ge=0, le=10**12)]


class ModelCall(Model):
    """One call of a model, or the sum of a run's calls where the agent tells no more (seed: Aura agent_execution)."""

    provider: str = ""
    model: str = ""
    prompt_tokens: Tokens = 0
    response_tokens: Tokens = 0
    cost: Annotated[float, Field(ge=0, le=100_000)] = 0.0
    """US dollars."""
    duration: Annotated[float, Field(ge=0)] = 0.0
    """Seconds."""
    is_estimated: bool = False
    """Whether the tokens are a guess from the length of the texts, as the server told none."""
    success: bool = True
    error: str = ""


class StoredModelCall(ModelCall):
    """A call as it was recorded; the id is its place in the stream."""

    id: str
    at: Moment
    task_id: str
    attempt: int
    owner: str
