"""What happened: events for people, log lines of runs, audit entries."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from .base import Model, Moment
from .status import DeliveryStatus


class EventType(StrEnum):
    """What an event tells (seed: Shraga events, eventType, with its planned types)."""

    TASK_SUBMITTED = "task.submitted"
    TASK_SCHEDULED = "task.scheduled"
    TASK_BLOCKED = "task.blocked"
    TASK_QUEUED = "task.queued"
    TASK_STARTED = "task.started"
    TASK_PROGRESS = "task.progress"
    TASK_ASKING = "task.asking"
    TASK_WAITING = "task.waiting"
    TASK_ANSWERED = "task.answered"
    TASK_MESSAGE = "task.message"
    TASK_PROPOSED = "task.proposed"
    TASK_RETRYING = "task.retrying"
    TASK_LOST = "task.lost"
    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    TASK_CANCELING = "task.canceling"
    TASK_CANCELED = "task.canceled"
    TASK_SKIPPED = "task.skipped"
    SCHEDULE_CHANGED = "schedule.changed"
    SCHEDULE_SKIPPED = "schedule.skipped"
    EVENT_EMITTED = "event.emitted"
    TASKS_FORGOTTEN = "tasks.forgotten"
    RQ_REQUEUED = "rq.requeued"
    RQ_STOPPING = "rq.stopping"
    RQ_CANCELED = "rq.canceled"
    RQ_DELETED = "rq.deleted"
    RQ_CARRIED = "rq.carried"
    RQ_UNSCHEDULED = "rq.unscheduled"
    AGENT_MESSAGE = "agent.message"
    BRAKE_CHANGED = "brake.changed"
    BUDGET_CHANGED = "budget.changed"
    WORKER_STARTED = "worker.started"
    WORKER_CHANGED = "worker.changed"
    WORKER_STOPPED = "worker.stopped"
    WORKER_LOST = "worker.lost"
    WORKER_PROVISIONED = "worker.provisioned"
    WORKFLOW_SUBMITTED = "workflow.submitted"
    WORKFLOW_MESSAGE = "workflow.message"
    WORKFLOW_CHANGED = "workflow.changed"
    WORKFLOW_COMPLETED = "workflow.completed"
    WORKFLOW_FAILED = "workflow.failed"
    WORKFLOW_CANCELED = "workflow.canceled"
    CONTROLLER_LEADS = "controller.leads"
    DOCUMENT_CHANGED = "document.changed"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_TESTED = "webhook.tested"
    WEBHOOK_FAILING = "webhook.failing"
    WEBHOOK_RECOVERED = "webhook.recovered"
    WEBHOOK_MISSED = "webhook.missed"
    ERROR = "error"
    USER_NOTIFICATION = "user.notification"


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
