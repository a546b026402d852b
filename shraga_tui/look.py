"""How states look: a glyph, a word and a colour for each, so that no meaning hangs on colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from shraga_models import EventType, Liveness, TaskStatus, WorkerMode

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
    _S.AWAITING_APPROVAL: Look("!", "needs approval", "waiting"),
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

_E = EventType
EVENT_LOOKS: dict[str, Look] = {
    _E.TASK_SUBMITTED: Look("+", "submitted", "queued"),
    _E.TASK_SCHEDULED: Look("◷", "scheduled", "planned"),
    _E.TASK_BLOCKED: Look("‖", "blocked", "queued"),
    _E.TASK_QUEUED: Look("…", "queued", "queued"),
    _E.TASK_STARTED: Look("▶", "started", "running"),
    _E.TASK_PROGRESS: Look("▸", "progress", "running"),
    _E.TASK_RETRYING: Look("↻", "retrying", "waiting"),
    _E.TASK_LOST: Look("✗", "lost", "failed"),
    _E.TASK_COMPLETED: Look("✓", "done", "done"),
    _E.TASK_FAILED: Look("✗", "failed", "failed"),
    _E.TASK_CANCELING: Look("◌", "canceling", "quiet"),
    _E.TASK_CANCELED: Look("⊘", "canceled", "quiet"),
    _E.TASK_SKIPPED: Look("»", "skipped", "quiet"),
    _E.TASKS_FORGOTTEN: Look("␡", "deleted", "quiet"),
    _E.AGENT_MESSAGE: Look("“", "says", "running"),
    _E.WORKER_STARTED: Look("●", "worker up", "done"),
    _E.WORKER_CHANGED: Look("◐", "worker", "waiting"),
    _E.WORKER_STOPPED: Look("○", "worker gone", "quiet"),
    _E.WORKER_LOST: Look("✗", "worker lost", "failed"),
    _E.WORKER_PROVISIONED: Look("●", "provisioned", "done"),
    _E.CONTROLLER_LEADS: Look("◆", "controller", "planned"),
    _E.ERROR: Look("✗", "error", "failed"),
    _E.USER_NOTIFICATION: Look("!", "notice", "waiting"),
}


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
