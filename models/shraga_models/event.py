"""What happened: events for people, log lines of runs, audit entries."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from .base import Model, Moment
from .status import DeliveryStatus


class Event(Model):
    """Something a user may want to know (seed: Shraga events); the id is its place in the stream."""

    id: str
    at: Moment
    type: str
    recipient: str | None = None
    task_id: str | None = None
    workflow_id: str | None = None
    name: str = ""
    """The task's or worker's name, shortened."""
    content: str = ""
    task_status: str | None = None
    attempt: int | None = None
    created_by: str = ""
    status: DeliveryStatus = DeliveryStatus.PENDING


class LogLevel(StrEnum):
    """How serious a log line is (seed: AgentVine execution_logs)."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class LogEntry(Model):
    """One line a run wrote (seed: AgentVine execution_logs); the id is its place in the run's stream."""

    id: str
    at: Moment
    attempt: int
    source: str = "stdout"
    """`stdout`, `stderr`, `log`, `thought`, `tool` or `system`."""
    level: LogLevel = LogLevel.INFO
    message: str
    metadata: dict[str, Any] = {}


class AuditEntry(Model):
    """Who did what to which record (seed: scheduler audit_log); the id is its place in the stream."""

    id: str
    at: Moment
    actor: str
    action: str
    entity: str
    entity_id: str
    before: str = ""
    after: str = ""
    details: dict[str, Any] = {}
