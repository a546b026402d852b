"""Remind people of something: the words go to the task's chat, whose messages people are told of."""

from __future__ import annotations

from shraga_models import MessageType, Reminder, RunStatus, SenderType, TaskOutput

from ..context import RunContext
from ..engine import Outcome


def run_reminder(action: Reminder, context: RunContext, modules: tuple[str, ...]) -> Outcome:
    """Say it and be done."""
    context.chat(action.text, MessageType.TEXT, SenderType.SYSTEM)
    return Outcome(RunStatus.COMPLETED, output=TaskOutput(summary=action.text[:500]))
