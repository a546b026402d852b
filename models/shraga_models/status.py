"""The words for where a task, a run, a worker or an event stands."""

from __future__ import annotations

from enum import StrEnum


class TaskStatus(StrEnum):
    """Where a task stands; `code` is the number the Shraga schema gave it, with the gaps filled."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    BLOCKED = "blocked"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    WAITING_FOR_INPUT = "waiting_for_input"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def code(self) -> int:
        """The status number of the Shraga schema: 1 queued ... 10 skipped."""
        return list(TaskStatus).index(self) + 1

    @classmethod
    def from_code(cls, code: int) -> TaskStatus:
        """Return the status of a number; raises ValueError outside 1 to 10."""
        if not 1 <= code <= len(cls):
            raise ValueError(f"status code {code} is unknown: it is 1 to {len(cls)}")
        return list(cls)[code - 1]

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the task by itself."""
        return self in FINAL


FINAL = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.SKIPPED})


class RunStatus(StrEnum):
    """Where one attempt stands (seeds: scheduler task_runs, AgentVine executions and work_orders)."""

    PENDING = "pending"
    CLAIMED = "claimed"
    RUNNING = "running"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    LOST = "lost"


class WorkerStatus(StrEnum):
    """What a worker's owner sees of its task (seed: Shraga tasks, workerStatus)."""

    ASSIGNED = "assigned"
    EXECUTING = "executing"
    DONE = "done"
    FAILED = "failed"


class Priority(StrEnum):
    """How urgent a task is; a worker takes a higher one first."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Permission(StrEnum):
    """How much a task may do alone (seed: AgentVine permission_level)."""

    AUTONOMOUS = "autonomous"
    SUPERVISED = "supervised"
    HUMAN_REQUIRED = "human_required"


class TaskKind(StrEnum):
    """What sort of work a task is (seeds: AgentVine task_type, scheduler type)."""

    GENERAL = "general"
    FEATURE = "feature"
    BUGFIX = "bugfix"
    TEST = "test"
    DOCS = "docs"
    REFACTOR = "refactor"
    REVIEW = "review"
    REMINDER = "reminder"
    DATA_PROCESS = "data_process"
    QUERY = "query"
    AI_ORCHESTRATED = "ai_orchestrated"
    AI_EXECUTION = "ai_execution"


class DeliveryStatus(StrEnum):
    """How far an event has come on its way to its recipient (seed: Shraga events)."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class ProvisioningStatus(StrEnum):
    """Whether a worker's machine is there (seed: Shraga workers)."""

    PROVISIONING = "provisioning"
    READY = "ready"
    BUSY = "busy"
    FAILED = "failed"
    DEPROVISIONED = "deprovisioned"


class Liveness(StrEnum):
    """Whether a worker is there right now, derived from its heartbeats (seed: AgentVine workers)."""

    IDLE = "idle"
    BUSY = "busy"
    OFFLINE = "offline"
    ERROR = "error"


class WorkerMode(StrEnum):
    """What a worker is doing about new tasks."""

    ACCEPTING = "accepting"
    DRAINING = "draining"
    STOPPING = "stopping"


class Phase(StrEnum):
    """Where a workflow stands (seed: Aura WorkflowStatus)."""

    CREATED = "created"
    ENRICHING = "enriching"
    ENRICHED = "enriched"
    PLANNING = "planning"
    PLANNED = "planned"
    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in FINAL_PHASES


FINAL_PHASES = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELED})


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
    TASK_OVERDUE = "task.overdue"
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
