"""Workers' hashes to records: what a worker says of itself, and which runs it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import shraga_models as models
from shraga_models import Liveness

from .codec import pairs, sure_moment, text

if TYPE_CHECKING:
    from shraga_models import CurrentTask, Worker


class HeldRun(NamedTuple):
    """A run that a slot is said to hold, as its worker's hash has it."""

    task_id: str
    slot: int
    attempt: int
    fence: int
    since: int


def held_runs(got: dict[str, str]) -> list[HeldRun]:
    """Return the runs in a worker's hash."""
    return [
        HeldRun(field.removeprefix("run:"), *map(int, value.split(" ")))
        for field, value in got.items()
        if field.startswith("run:")
    ]


def _current_tasks(got: dict[str, str]) -> tuple[CurrentTask, ...]:
    return tuple(
        models.CurrentTask(
            slot=run.slot, task_id=run.task_id, attempt=run.attempt, since=sure_moment(run.since)
        )
        for run in sorted(held_runs(got), key=lambda run: (run.slot, run.since, run.task_id))
    )


def _liveness(got: dict[str, str], silent_ms: int, lease_ms: int, busy: bool) -> Liveness:
    if got.get("gone") == "1":
        return Liveness.OFFLINE
    if silent_ms > lease_ms:
        return Liveness.ERROR
    return Liveness.BUSY if busy else Liveness.IDLE


def read_worker(reply: Any, now_ms: int, lease_ms: int) -> Worker:
    """Return one worker of the script `workers`; silence longer than the lease shows as an error."""
    worker_id, seen, got = text(reply[0]), int(float(reply[1])), pairs(reply[2])
    current = _current_tasks(got)
    return models.Worker(
        id=worker_id,
        name=got["name"],
        owner=got["owner"],
        created_at=sure_moment(got["created_at"]),
        updated_at=sure_moment(got["updated_at"]),
        created_by=got["owner"],
        updated_by=got.get("updated_by", got["owner"]),
        details=json.loads(got["details"]),
        mode=got.get("mode", "accepting"),
        liveness=_liveness(got, now_ms - seen, lease_ms, bool(current)),
        capabilities=tuple(
            models.Capability.model_validate(one) for one in json.loads(got.get("capabilities", "[]"))
        ),
        max_concurrent_tasks=int(got.get("slots", 1)),
        software_version=got.get("version", ""),
        current_tasks=current,
        last_seen=sure_moment(seen),
        lost=got.get("gone") == "1" and got.get("lost") == "1",
        pid=int(got["pid"]) if got.get("pid") else None,
        hostname=got.get("hostname", ""),
        load=float(got["load"]) if got.get("load") else None,
        memory_mb=float(got["memory_mb"]) if got.get("memory_mb") else None,
        completed=int(got.get("completed", 0)),
        failed=int(got.get("failed", 0)),
    )
