"""What a person decided about a task: that it may run, or what its result is worth."""

from __future__ import annotations

from enum import StrEnum

from .base import Model, Moment


class Decision(StrEnum):
    """What was decided."""

    APPROVED = "approved"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"


class Review(Model):
    """The latest decision on a task (seeds: Shraga output.verdict, AgentVine permission_level)."""

    decision: Decision
    by: str
    at: Moment
    note: str = ""
    attempt: int
    """The run it was formed on."""
    is_stale: bool = False
    """Whether work went on after it, so that it says nothing of what is there now."""
