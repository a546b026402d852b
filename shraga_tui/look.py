"""How states look: a glyph, a word and a colour for each, so that no meaning hangs on colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shraga_models import EventType, Liveness, Phase, TaskStatus, WorkerMode
from shraga_models.durations import format_duration
from shraga_models.status import FINAL

if TYPE_CHECKING:
    from shraga_models import Message, Task
    from shraga_queue.codec import TaskRow

MOST_NAMED = 10
"""Steps that are named one by one."""
TONES = ("waiting", "queued", "running", "done", "failed", "quiet", "planned")
"""The names of the status colours; each is a theme variable `$status-<tone>`."""


@dataclass(frozen=True, slots=True)
class Look:
    """One state's glyph (one cell wide), word and tone."""

    glyph: str
    word: str
    tone: str


_S = TaskStatus
TASK_LOOKS: dict[str, Look] = {
    _S.WAITING_FOR_INPUT: Look("?", "asks you", "waiting"),
    _S.AWAITING_APPROVAL: Look("!", "approval", "waiting"),
    _S.QUEUED: Look("…", "queued", "queued"),
    _S.SCHEDULED: Look("◷", "scheduled", "planned"),
    _S.BLOCKED: Look("‖", "blocked", "queued"),
    _S.RUNNING: Look("▶", "running", "running"),
    _S.COMPLETED: Look("✓", "done", "done"),
    _S.FAILED: Look("✗", "failed", "failed"),
    _S.CANCELED: Look("⊘", "canceled", "quiet"),
    _S.SKIPPED: Look("»", "skipped", "quiet"),
}
UNKNOWN = Look("·", "unknown", "quiet")
LOST = Look("✗", "lost", "failed")

WORKER_LOOKS: dict[str, Look] = {
    Liveness.BUSY: Look("▶", "busy", "running"),
    Liveness.IDLE: Look("●", "idle", "done"),
    Liveness.OFFLINE: Look("○", "gone", "quiet"),
    Liveness.ERROR: Look("✗", "silent", "failed"),
    WorkerMode.DRAINING: Look("◐", "draining", "waiting"),
    WorkerMode.STOPPING: Look("◼", "stopping", "waiting"),
}

_P = Phase
PHASE_LOOKS: dict[str, Look] = {
    _P.CREATED: Look("+", "created", "queued"),
    _P.ENRICHING: Look("▶", "enriching", "running"),
    _P.ENRICHED: Look("…", "enriched", "queued"),
    _P.PLANNING: Look("▶", "planning", "running"),
    _P.PLANNED: Look("…", "planned", "queued"),
    _P.EXECUTING: Look("▶", "executing", "running"),
    _P.COMPLETED: Look("✓", "completed", "done"),
    _P.FAILED: Look("✗", "failed", "failed"),
    _P.CANCELED: Look("⊘", "canceled", "quiet"),
}
PAUSED = Look("‖", "paused", "waiting")
PENDING = Look("·", "pending", "quiet")


def look_of_step(status: str) -> Look:
    """Return how a step looks by the status of its task, `pending` where there is none yet."""
    return PENDING if status == "pending" else TASK_LOOKS.get(status, UNKNOWN)


def look_of_workflow(phase: str, paused: bool) -> Look:
    """Return how a workflow looks: its phase, unless it is held up."""
    return PAUSED if paused and not Phase(phase).is_final else PHASE_LOOKS.get(phase, UNKNOWN)


_E = EventType
EVENT_LOOKS: dict[str, Look] = {
    _E.TASK_SUBMITTED: Look("+", "submitted", "queued"),
    _E.TASK_SCHEDULED: Look("◷", "scheduled", "planned"),
    _E.TASK_BLOCKED: Look("‖", "blocked", "queued"),
    _E.TASK_QUEUED: Look("…", "queued", "queued"),
    _E.TASK_STARTED: Look("▶", "started", "running"),
    _E.TASK_PROGRESS: Look("▸", "progress", "running"),
    _E.TASK_ASKING: Look("?", "asks", "waiting"),
    _E.TASK_WAITING: Look("?", "waits", "waiting"),
    _E.TASK_ANSWERED: Look("“", "answered", "queued"),
    _E.TASK_MESSAGE: Look("“", "message", "queued"),
    _E.TASK_PROPOSED: Look("!", "proposes", "waiting"),
    _E.TASK_RETRYING: Look("↻", "retrying", "waiting"),
    _E.TASK_LOST: Look("✗", "lost", "failed"),
    _E.TASK_OVERDUE: Look("!", "overdue", "waiting"),
    _E.TASK_COMPLETED: Look("✓", "done", "done"),
    _E.TASK_FAILED: Look("✗", "failed", "failed"),
    _E.TASK_CANCELING: Look("◌", "canceling", "quiet"),
    _E.TASK_CANCELED: Look("⊘", "canceled", "quiet"),
    _E.TASK_SKIPPED: Look("»", "skipped", "quiet"),
    _E.SCHEDULE_CHANGED: Look("◷", "schedule", "planned"),
    _E.SCHEDULE_SKIPPED: Look("»", "slot skipped", "quiet"),
    _E.EVENT_EMITTED: Look("◆", "event", "planned"),
    _E.TASKS_FORGOTTEN: Look("␡", "deleted", "quiet"),
    _E.RQ_REQUEUED: Look("…", "rq requeued", "queued"),
    _E.RQ_STOPPING: Look("◌", "rq stopping", "quiet"),
    _E.RQ_CANCELED: Look("⊘", "rq canceled", "quiet"),
    _E.RQ_DELETED: Look("␡", "rq deleted", "quiet"),
    _E.RQ_CARRIED: Look("◷", "rq carries", "planned"),
    _E.RQ_UNSCHEDULED: Look("⊘", "rq schedule", "quiet"),
    _E.AGENT_MESSAGE: Look("“", "says", "running"),
    _E.BRAKE_CHANGED: Look("‖", "brake", "waiting"),
    _E.BUDGET_CHANGED: Look("$", "budget", "planned"),
    _E.WORKER_STARTED: Look("●", "worker up", "done"),
    _E.WORKER_CHANGED: Look("◐", "worker", "waiting"),
    _E.WORKER_STOPPED: Look("○", "worker gone", "quiet"),
    _E.WORKER_LOST: Look("✗", "worker lost", "failed"),
    _E.WORKER_PROVISIONED: Look("●", "provisioned", "done"),
    _E.WORKFLOW_SUBMITTED: Look("+", "workflow", "queued"),
    _E.WORKFLOW_CHANGED: Look("◇", "workflow", "running"),
    _E.WORKFLOW_MESSAGE: Look("“", "message", "queued"),
    _E.WORKFLOW_COMPLETED: Look("✓", "workflow", "done"),
    _E.WORKFLOW_FAILED: Look("✗", "workflow", "failed"),
    _E.WORKFLOW_CANCELED: Look("⊘", "workflow", "quiet"),
    _E.CONTROLLER_LEADS: Look("◆", "controller", "planned"),
    _E.DOCUMENT_CHANGED: Look("≡", "document", "planned"),
    _E.WEBHOOK_CHANGED: Look("↗", "webhook", "planned"),
    _E.WEBHOOK_TESTED: Look("↗", "webhook test", "planned"),
    _E.WEBHOOK_FAILING: Look("✗", "webhook fails", "failed"),
    _E.WEBHOOK_RECOVERED: Look("✓", "webhook works", "done"),
    _E.WEBHOOK_MISSED: Look("!", "webhook missed", "waiting"),
    _E.ERROR: Look("✗", "error", "failed"),
    _E.USER_NOTIFICATION: Look("!", "notice", "waiting"),
}


VERDICT = Look("!", "verdict", "waiting")
"""A result that waits for a person; until the run, the same status waits for leave."""


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """One column of the board: its title, its statuses, and what an empty one says."""

    name: str
    title: str
    glyph: str
    tone: str
    statuses: tuple[TaskStatus, ...]
    empty: str

    @property
    def short_title(self) -> str:
        """The title where room is short."""
        return self.title.partition(" ")[0]


BOARD_COLUMNS: tuple[BoardColumn, ...] = (
    BoardColumn(
        "waiting",
        "waiting on you",
        "?",
        "waiting",
        (_S.WAITING_FOR_INPUT, _S.AWAITING_APPROVAL),
        "Nothing waits on you.",
    ),
    BoardColumn(
        "queued",
        "queued",
        "…",
        "queued",
        (_S.QUEUED, _S.SCHEDULED, _S.BLOCKED),
        "Nothing is queued.\nPress n to submit a task.",
    ),
    BoardColumn(
        "running", "running", "▶", "running", (_S.RUNNING,), "Nothing runs.\nPress n to submit a task."
    ),
    BoardColumn("done", "done", "✓", "done", (_S.COMPLETED,), "Nothing is done yet."),
    BoardColumn(
        "failed",
        "failed",
        "✗",
        "failed",
        (_S.FAILED, _S.CANCELED, _S.SKIPPED),
        "Nothing failed. All is well.",
    ),
)


def way_of(message: Message) -> str:
    """Return where a message came from, or which steps were told of it; empty for what stays where it was said."""
    if message.origin:
        return "from its workflow's chat"
    return f"told {_steps(message) or 'no step'}" if message.workflow_id else ""


def where_it_went(message: Message) -> str:
    """Return who was told of a message in a workflow's chat, as a sentence."""
    if names := _steps(message):
        return f"Told {names}; steps that begin later find it in their prompt."
    return "No step runs that listens; those that begin later find it in their prompt."


def _steps(message: Message) -> str:
    more = len(message.told) - MOST_NAMED
    return ", ".join(message.told[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def attempt_word(task: Task) -> str:
    """Return what an attempt of a task is called: a run of one that repeats, whose runs may have tries; else a try."""
    return "run" if task.schedule and task.schedule.is_recurring else "try"


def due_mark(row: TaskRow, now_ms: float) -> str:
    """Return in how long a task has to be done, or for how long it should have been; empty for one that has ended."""
    if not row.due or row.status in FINAL:
        return ""
    left = (row.due - now_ms) / 1000
    return f"due in {format_duration(left)}" if left >= 0 else f"overdue {format_duration(-left)}"
