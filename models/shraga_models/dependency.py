"""What a task has to do with another: it waits for its success or its end, or is only linked to it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import model_validator

from .base import Model, Slug

MAX_DEPENDENCIES = 10_000
"""The most tasks that one task may be submitted to wait for."""


class DependencyKind(StrEnum):
    """What a task waits for (seeds: scheduler task_dependencies, AgentVine dependencies); links wait for nothing."""

    SUCCESS = "success"
    FINISHED = "finished"
    RELATED = "related"
    DUPLICATE = "duplicate"

    @property
    def is_blocking(self) -> bool:
        """Whether the task waits."""
        return self in (DependencyKind.SUCCESS, DependencyKind.FINISHED)


class OnFailure(StrEnum):
    """What becomes of a task when one whose success it waits for ends otherwise."""

    SKIP = "skip"
    BLOCK = "block"


class Dependency(Model):
    """One task another waits for or is linked to; a text such as `ID` or `ID:finished` is understood."""

    task_id: Slug
    kind: DependencyKind = DependencyKind.SUCCESS

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        task_id, colon, kind = value.partition(":")
        return {"task_id": task_id} | ({"kind": kind} if colon else {})

    def __str__(self) -> str:
        return self.task_id if self.kind is DependencyKind.SUCCESS else f"{self.task_id}:{self.kind}"
