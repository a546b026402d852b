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
