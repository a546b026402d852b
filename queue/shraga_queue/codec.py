"""Records to hashes and back: times are milliseconds, cold fields one JSON text, defaults are left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

import shraga_models as models
from shraga_models import ANY_CAPABILITY, Priority, RunStatus, TaskKind, TaskStatus, WorkerStatus
from shraga_models.faults import plain

from .errors import Unreadable
from .money import nano, read_spent

if TYPE_CHECKING:
    from shraga_models import Brake, NewTask, Question, Review, Run, Task


_HOT = {
    "id", "name", "kind", "priority", "permission", "capability", "labels", "depends_on", "on_prerequisite_failure",
}  # fmt: skip
_WORKER_STATUS = {
    RunStatus.CLAIMED: WorkerStatus.ASSIGNED,
    RunStatus.RUNNING: WorkerStatus.EXECUTING,
    RunStatus.COMPLETED: WorkerStatus.DONE,
}
_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def text(value: Any) -> str:
    """Return a reply's bytes as text; what is no UTF-8 is replaced, never refused."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def texts(cells: Sequence[Any]) -> list[str]:
    """Return all cells as text; decoded together where none holds a zero byte, which is four times as fast."""
    try:
        found = b"\0".join(cells).decode("utf-8", "replace").split("\0")
    except TypeError:
        # A client that decodes its answers.
        return [text(value) for value in cells]
    return found if len(found) == len(cells) else [text(value) for value in cells]


def pairs(flat: Any) -> dict[str, str]:
    """Return a reply of alternating names and values as a dictionary."""
    if isinstance(flat, dict):
        return {text(name): text(value) for name, value in flat.items()}
    return {text(flat[i]): text(flat[i + 1]) for i in range(0, len(flat), 2)}


def scored(reply: Any) -> list[tuple[str, str]]:
    """Return members with their scores; redis-py answers flat, or in RESP3 in pairs."""
    if reply and isinstance(reply[0], list | tuple):
        return [(text(member), text(score)) for member, score in reply]
    return list(pairs(reply).items())


def moment(ms: str | int | float | None) -> datetime | None:
    """Return milliseconds since 1970 as a time in UTC, or None for nothing."""
    return None if ms in (None, "") else datetime.fromtimestamp(float(ms) / 1000, UTC)


def sure_moment(ms: str | int | float) -> datetime:
    """Return milliseconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(float(ms) / 1000, UTC)


def milliseconds(at: datetime) -> str:
    """Return a time as the milliseconds since 1970 that a hash keeps."""
    return str(int(at.timestamp() * 1000))


def task_fields(new: NewTask) -> list[str]:
    """Return the fields a submitted task adds to its hash, flat; defaults are left out.

    What scripts look at besides, such as `assignee` and `due` (ms), is there a second time; `spec` has it exactly.
    `spec` comes last, and right before it `due`, where the script `submit` looks for it.
    """
    fields = ["name", new.name]
    if new.kind is not TaskKind.GENERAL:
        fields += ["kind", new.kind.value]
    if new.priority is not Priority.NORMAL:
        fields += ["priority", new.priority.value]
    if new.labels:
        fields += ["labels", ",".join(new.labels)]
    if new.on_prerequisite_failure is not models.OnFailure.SKIP:
        fields += ["on_prerequisite_failure", new.on_prerequisite_failure.value]
    if new.limits.budget is not None:
        fields += ["budget", str(nano(new.limits.budget))]
    if new.workflow_id:
        fields += ["workflow", new.workflow_id]
    if new.assignee:
        fields += ["assignee", new.assignee]
    if new.due_at is not None:
        fields += ["due", milliseconds(new.due_at)]
    return [*fields, "spec", new.model_dump_json(exclude=_HOT, exclude_defaults=True)]


def read_spec(got: dict[str, str], needs: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what was asked of a task, from its hash and its edges, as the fields of a `TaskSpec`."""
    spec: dict[str, Any] = json.loads(got.get("spec") or "{}")
    spec["name"] = got["name"]
    if got.get("repeats"):
        spec["schedule"] |= _timing(got)
    spec["labels"] = tuple(got["labels"].split(",")) if got.get("labels") else ()
    for field in ("kind", "priority", "permission", "capability", "on_prerequisite_failure"):
        if field in got:
            spec[field] = got[field]
    if needs:
        spec["depends_on"] = tuple({"task_id": one, "kind": kind} for one, kind in needs.items())
    return spec


def rests(got: dict[str, str]) -> bool:
    """Return whether a task waits for its next occurrence, not for another try of a run."""
    waits = got.get("run", "pending") != "pending" or got.get("attempt") == "1"
    return bool(got.get("repeats")) and got.get("status") == TaskStatus.SCHEDULED and waits


def _timing(got: dict[str, str]) -> dict[str, Any]:
    """What the store knows of a schedule: whether it is on, its next slot, its last run."""
    ran = got.get("started_at") or got.get("finished_at")
    return {
        "is_active": not got.get("paused"),
        "next_run_at": None if got.get("event") else moment(got.get("next_slot")),
        "last_run_at": moment(ran),
        "skipped": int(got.get("skips", 0)),
    }


def _next_run(got: dict[str, str]) -> datetime | None:
    if rests(got):
        return None if got.get("paused") or got.get("event") else moment(got.get("next_slot"))
    return moment(got.get("scheduled_at")) if got["status"] == TaskStatus.SCHEDULED else None


def read_task(task_id: str, got: dict[str, str], needs: dict[str, str] | None = None) -> Task:
    """Return the task of a hash and its edges."""
    run = RunStatus(got.get("run", "pending"))
    execution = json.loads(got.get("exec") or "{}")
    execution["worker_id"] = got.get("worker")
    output = json.loads(got["output"]) if got.get("output") else None
    return models.Task.model_validate(
        read_spec(got, needs)
        | {
            "id": task_id,
            "owner": got["owner"],
            "status": TaskStatus(got["status"]),
            "moved_at": moment(got["moved_at"]),
            "created_at": moment(got["created_at"]),
            "updated_at": moment(got["updated_at"]),
            "created_by": got["created_by"],
            "updated_by": got["updated_by"],
            "version": int(got["version"]),
            "attempt": int(got["attempt"]),
            "queue": got["queue"],
            "assigned_worker": got.get("worker_name") if got.get("worker") else None,
            "worker_status": _WORKER_STATUS.get(run, WorkerStatus.FAILED) if got.get("worker") else None,
            "last_worker_ping": moment(got.get("ping_at")),
            "progress": float(got["progress"]) if got.get("progress") else None,
            "thought": got.get("thought", ""),
            "started_at": moment(got.get("started_at")),
            "completed_at": moment(got.get("finished_at")),
            "next_run_at": _next_run(got),
            "error": got.get("error", ""),
            "cancel_requested_by": got.get("cancel_by"),
            "cancel_reason": got.get("cancel_reason", ""),
            "failures": int(got.get("failures", 0)),
            "losses": int(got.get("losses", 0)),
            "output": output,
            **read_spent(got),
            "execution_details": execution,
            "question": read_question(task_id, got["owner"], got["name"], got.get("question")),
            "review": _read_review(got),
        }
    )


def read_question(task_id: str, owner: str, name: str, stored: str | None) -> Question | None:
    """Return the open question of a task as it is stored, or None for none."""
    if not stored:
        return None
    asked = json.loads(stored)
    known = {field: asked[field] for field in ("id", "key", "kind", "text", "attempt")}
    times = {"asked_at": moment(asked["asked"]), "due_at": moment(asked.get("due"))}
    more = {"options": tuple(json.loads(asked["options"])), "default": asked.get("default")}
    whose = {"task_id": task_id, "task_name": name, "owner": owner}
    return models.Question.model_validate(known | times | more | whose)


def _read_review(got: dict[str, str]) -> Review | None:
    if not got.get("review"):
        return None
    said = json.loads(got["review"])
    # Leave to run is given before the first run and holds for its retries.
    stale = said["decision"] != models.Decision.APPROVED and int(said["attempt"]) < int(got["attempt"])
    return models.Review.model_validate(said | {"at": moment(said["at"]), "is_stale": stale})


def read_run(task_id: str, got: dict[str, Any]) -> Run:
    """Return the run described by a task's hash or by an archived run."""
    attempt = int(got["attempt"])
    return models.Run(
        id=models.run_id(task_id, attempt),
        task_id=task_id,
        attempt=attempt,
        fence=int(got.get("fence") or attempt),
        triggered_by=got.get("trigger") or "manual",
        occurrence=got.get("occurrence"),
        queue=got.get("queue", ""),
        status=RunStatus(got.get("run", "pending")),
        worker=got.get("worker_name"),
        worker_id=got.get("worker"),
        slot=int(got["slot"]) if got.get("slot") else None,
        scheduled_at=moment(got.get("scheduled_at")),
        enqueued_at=moment(got.get("enqueued_at")),
        claimed_at=moment(got.get("claimed_at")),
        started_at=moment(got.get("started_at")),
        finished_at=moment(got.get("finished_at")),
        exit_code=int(got["exit_code"]) if got.get("exit_code") else None,
        error=got.get("error", ""),
        metrics=json.loads(got.get("metrics") or "{}"),
        result=json.loads(got["result"]) if got.get("result") else None,
    )


@dataclass(frozen=True, slots=True)
class TaskWithRuns:
    """A task, all its runs (oldest first), and Redis's time when they were read."""

    task: Task
    runs: tuple[Run, ...]
    now: datetime


def read_task_with_runs(task_id: str, reply: Any) -> TaskWithRuns | Unreadable | None:
    """Return the answer of the script `task`; an Unreadable where the record is not what it should be."""
    if reply is None:
        return None
    try:
        got = pairs(reply[2])
        earlier = [read_run(task_id, json.loads(value)) for value in pairs(reply[3]).values()]
        runs = sorted([*earlier, read_run(task_id, got)], key=lambda run: run.attempt)
        return TaskWithRuns(read_task(task_id, got, pairs(reply[4])), tuple(runs), sure_moment(reply[0]))
    except (ValueError, KeyError, TypeError) as error:
        return Unreadable(
            f"The record of the task {task_id} cannot be read: {_fault(error)}. It can still be canceled."
        )


def _fault(error: Exception) -> str:
    """What is wrong with a stored record, in a few words."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        return f"{field}: {plain(first['msg'], field)}"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def spellings(word: str) -> str:
    """Return the ways to write a word that a search tries, joined by zero bytes: Lua knows the cases of ASCII alone."""
    cases = (word, word.upper(), word.capitalize(), word.title())
    return "\0".join(dict.fromkeys(case.translate(_ASCII_LOWER) for case in cases))


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What a list shows of a task; times in milliseconds since 1970, 0 for none."""

    id: str
    name: str
    status: str
    owner: str
    kind: str
    priority: str
    capability: str
    labels: tuple[str, ...]
    moved_at: int
    created_at: int
    attempt: int
    progress: float | None
    thought: str
    error: str
    worker: str
    scheduled_at: int
    started_at: int
    canceling: bool
    failures: int
    run: str
    exit_code: str
    due: int
    try_number: int
    """Which try of its run it is at: a task that repeats counts anew for each."""


def read_brake(brake: str, stored: str, parked: int = 0) -> Brake:
    """Return a brake, from its name and its JSON in the hash of brakes, with how many tasks it has parked."""
    kind, _, whom = brake.partition(":")
    said = json.loads(stored)
    said |= {"at": sure_moment(said["at"]), "parked": parked}
    said |= {"owner": whom} if kind == "owner" else {"task_id": whom} if kind == "task" else {}
    return models.Brake.model_validate(said)


def read_row(cells: Sequence[Any]) -> TaskRow:
    """Return a row of the scripts `board` and `search`."""
    cell = texts(cells)
    return TaskRow(
        id=cell[0],
        name=cell[1],
        status=cell[2],
        owner=cell[3],
        kind=cell[4] or TaskKind.GENERAL,
        priority=cell[5] or Priority.NORMAL,
        capability=cell[6] or ANY_CAPABILITY,
        labels=tuple(cell[7].split(",")) if cell[7] else (),
        moved_at=int(cell[8] or 0),
        created_at=int(cell[9] or 0),
        attempt=int(cell[10] or 0),
        progress=float(cell[11]) if cell[11] else None,
        thought=cell[12],
        error=cell[13],
        worker=cell[14],
        scheduled_at=int((_next_slot(cell) if cell[21] else cell[15]) or 0),
        started_at=int(cell[16] or 0),
        canceling=bool(cell[17]) and cell[2] == TaskStatus.RUNNING,
        failures=int(cell[18] or 0),
        run=cell[19],
        exit_code=cell[20],
        due=int(cell[24] or 0),
        try_number=_try_number(cell),
    )


def _next_slot(cell: Sequence[str]) -> str:
    """When a task that repeats is due, from the cells of its row; empty while it is paused."""
    if not _row_rests(cell):
        return cell[15]
    return "" if cell[23] else cell[22]


def _row_rests(cell: Sequence[str]) -> bool:
    return rests({"status": cell[2], "attempt": cell[10], "run": cell[19], "repeats": cell[21]})


def _try_number(cell: Sequence[str]) -> int:
    if not cell[21]:
        return int(cell[10] or 0)
    ended = int(cell[18] or 0) + int(cell[25] or 0)
    # Of one that rests the last run is over, and of one that failed the last try is among those that ended.
    return 1 if _row_rests(cell) else ended + (cell[2] != TaskStatus.FAILED)
