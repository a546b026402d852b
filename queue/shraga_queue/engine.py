"""What workers and controllers ask of the store: claim, keep, end, lose, lead, reap."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shraga_models import ExecutionDetails, Limits, RunStatus, TaskOutput, TaskSpec, TaskStatus

from .calls import Argument, Batch, Call, as_is
from .client import SyncDriver
from .codec import pairs, read_spec, scored, text
from .errors import InvalidInput
from .operations import LEASE_MS
from .submission import invalid

STALE = "stale"
"""The answer to a write for a run that is no longer the caller's."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that a slot holds: the task, its fence, and how often it has failed and was lost before."""

    task_id: str
    owner: str
    attempt: int
    spec: TaskSpec
    failures: int
    losses: int
    holder: str = ""
    """The RQ name of the slot that took it: part of the fence, where given."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, as its runner saw it."""

    status: RunStatus
    exit_code: int | None = None
    error: str = ""
    output: TaskOutput | None = None
    metrics: dict[str, Any] | None = None
    result: str = ""
    """The callable's value as JSON, empty for none."""
    execution: ExecutionDetails | None = None
    retry: bool = True
    """Whether trying again could help."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line on its way to a run's log."""

    source: str
    message: str
    level: str = "info"
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class ExpiredLease:
    """A run whose worker has been silent for a lease."""

    task_id: str
    attempt: int
    worker_id: str
    limits: Limits
    losses: int


class Engine:
    """The moves of workers and controllers; Redis's own errors pass through, for the caller to outlast."""

    def __init__(self, driver: SyncDriver) -> None:
        self.driver = driver
        self.keys = driver.keys

    def _leases(self) -> tuple[str]:
        return (self.keys.make("leases"),)

    # A slot's

    def claim(self, worker_id: str, slot: int, name: str, queues: Sequence[str]) -> Claim | None:
        """Take the next task of the queues, best first, with a lease; None when there is nothing to take."""
        args: tuple[Argument, ...] = (worker_id, slot, name, LEASE_MS, *queues)
        reply = self.driver.call(Call(as_is, "claim", self._leases(), args))
        if reply is None:
            return None
        got = pairs(reply[3])
        task_id, attempt = text(reply[0]), int(reply[2])
        try:
            spec = TaskSpec.model_validate(read_spec(got))
        except ValidationError as error:
            self._give_up(task_id, attempt, name, invalid(error))
            return None
        failures, losses = int(got.get("failures", 0)), int(got.get("losses", 0))
        return Claim(task_id, text(reply[1]), attempt, spec, failures, losses, name)

    def _give_up(self, task_id: str, attempt: int, name: str, why: InvalidInput) -> None:
        said = f"This worker cannot read the task; is it older than who submitted it? {why}."
        args = (task_id, attempt, RunStatus.FAILED.value, "", said, "", "", "", "", -1, 0, name, "")
        self.driver.call(Call(as_is, "commit", self._leases(), args))

    def heartbeat(
        self, claim: Claim, name: str, running_ms: int, progress: float | None, thought: str, *, tell: bool
    ) -> str:
        """Extend a run's lease; returns `ok`, `cancel` or `stale`."""
        said = "" if progress is None else f"{progress:.4f}"
        args = (claim.task_id, claim.attempt, LEASE_MS, running_ms, said, thought, "1" if tell else "0", name)
        return text(self.driver.call(Call(as_is, "heartbeat", self._leases(), args)))

    def append_log(self, claim: Claim, lines: Iterable[LogLine]) -> str:
        """Append lines to a run's log; returns `ok` or `stale`."""
        key = self.keys.make("log", owner=claim.owner, task=claim.task_id, attempt=claim.attempt)
        cells = [cell for line in lines for cell in (line.source, line.level, line.message, line.metadata)]
        args: tuple[Argument, ...] = (claim.task_id, claim.attempt, claim.holder, *cells)
        return text(self.driver.call(Call(as_is, "log", (key,), args)))

    def commit(self, claim: Claim, name: str, outcome: Outcome, ran_ms: int, thought: str = "") -> str:
        """End a run; returns the task's new status or `stale`. A failed run is tried again by its limits."""
        summary = outcome.output.summary if outcome.output else ""
        delay = None
        if outcome.retry and outcome.status in (RunStatus.FAILED, RunStatus.TIMEOUT):
            delay = claim.spec.limits.retry_after_failure(claim.failures + 1)
        args: tuple[Argument, ...] = (
            claim.task_id,
            claim.attempt,
            outcome.status.value,
            "" if outcome.exit_code is None else outcome.exit_code,
            outcome.error,
            "" if outcome.output is None else outcome.output.model_dump_json(exclude_defaults=True),
            "" if outcome.execution is None else outcome.execution.model_dump_json(exclude_defaults=True),
            "" if not outcome.metrics else json.dumps(outcome.metrics),
            outcome.result,
            -1 if delay is None else int(delay * 1000),
            ran_ms,
            name,
            (summary or thought)[:500],
        )
        return text(self.driver.call(Call(as_is, "commit", self._leases(), args)))

    def lose(
        self, task_id: str, attempt: int, limits: Limits, losses: int, why: str, actor: str, token: str = ""
    ) -> str:
        """End a run whose worker or horse died; returns the task's new status or `stale`.

        With the leader's token only an expired lease is taken.
        """
        delay = limits.retry_after_loss(losses + 1)
        wait = -1 if delay is None else int(delay * 1000)
        args = (task_id, attempt, wait, why, actor, token)
        return text(self.driver.call(Call(as_is, "lose", self._leases(), args)))

    def ask_cancel(self, task_id: str, actor: str, reason: str) -> None:
        """Store the intent to stop a task."""
        self.driver.call(Call(as_is, "cancel", (self.keys.make("owners"),), (task_id, actor, reason)))

    # A worker's

    def beat(self, worker_id: str, name: str, owner: str, fields: dict[str, str]) -> str:
        """Say that a worker is there; returns its mode, or `taken` when a live worker has the name."""
        cells = [cell for pair in fields.items() for cell in pair]
        call = Call(
            as_is, "worker_beat", (self.keys.make("workers"),), (worker_id, name, owner, LEASE_MS, *cells)
        )
        return text(self.driver.call(call)[0])

    def worker_gone(self, worker_id: str, actor: str, silence_ms: int = 0) -> bool:
        """Mark a worker as gone; with `silence_ms` only if it has been silent that long."""
        call = Call(as_is, "worker_gone", (self.keys.make("workers"),), (worker_id, silence_ms, actor))
        return bool(self.driver.call(call))

    def slot_run(self, worker_id: str, slot: int) -> tuple[str, int] | None:
        """Return the task and attempt a slot is said to run."""
        key = self.keys.make("worker", worker=worker_id)
        reply = self.driver.call(Call(as_is, command=("HGET", key, f"slot:{slot}")))
        if reply is None:
            return None
        task_id, attempt, _ = text(reply).split(" ")
        return task_id, int(attempt)

    def limits_of(self, task_id: str) -> tuple[Limits, int] | None:
        """Return a task's limits and how often it was lost, or None when it is unknown."""
        reply = self.driver.call(Call(as_is, "task", (self.keys.make("owners"),), (task_id,)))
        if reply is None:
            return None
        got = pairs(reply[2])
        return _known_limits(got.get("spec", "")), int(got.get("losses", 0))

    # A controller's

    def lead(self, token: str, lease_ms: int) -> int:
        """Become or stay the leader: 2 just begun, 1 still, 0 another leads; a lease of 0 steps down."""
        return int(self.driver.call(Call(as_is, "lead", (self.keys.make("leader"),), (token, lease_ms))))

    def expired_leases(self, limit: int = 200) -> list[ExpiredLease]:
        """Return runs whose lease has ended."""
        reply = self.driver.call(Call(as_is, "expired", self._leases(), (limit,)))
        return [_expired(row) for row in reply]

    def release_due(self, token: str, limit: int = 500) -> tuple[int, int] | None:
        """Queue what is due; returns how many and ms until the next (-1 none), or None when not leading."""
        reply = self.driver.call(Call(as_is, "release", (self.keys.make("due"),), (token, limit)))
        return None if reply is None else (int(reply[0]), int(reply[1]))

    def to_reconcile(self) -> list[TaskStatus]:
        """Return the statuses whose tasks are not all where they belong, by counting; a count costs no walk."""
        prefix = self.keys.make("rq_queue", queue=self.keys.queue_name_prefix)
        queues = self.driver.call(Call(as_is, command=("SMEMBERS", self.keys.make("rq_queues"))))
        ours = [text(queue) for queue in queues if text(queue).startswith(prefix)]
        statuses = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.SCHEDULED)
        commands: list[tuple[Argument, ...]] = [
            ("ZCARD", self.keys.make("index", status=one)) for one in statuses
        ]
        commands.append(("ZCARD", self.keys.make("leases")))
        commands += [("LLEN", queue) for queue in ours]
        counted = self.driver.batch(Batch(tuple(Call(int, command=command) for command in commands)))
        queued, running, scheduled, leases, *lengths = counted
        found = {
            TaskStatus.QUEUED: queued != sum(lengths),
            TaskStatus.RUNNING: running != leases,
            # What expires has a due time too, so the two counts prove nothing; but this look is a cheap one.
            TaskStatus.SCHEDULED: scheduled > 0,
        }
        return [status for status in statuses if found[status]]

    def reconcile(self, token: str, status: TaskStatus, first: int, count: int) -> tuple[int, int] | None:
        """Mend a slice of a status; returns how many were mended and seen, or None when not leading."""
        args = (token, LEASE_MS, status.value, first, count)
        reply = self.driver.call(Call(as_is, "reconcile", self._leases(), args))
        return None if reply is None else (int(reply[0]), int(reply[1]))

    def trim(self, silent_ms: int) -> int:
        """Drop what RQ's registries and the worker list keep past their time; returns how many went."""
        args = (self.keys.queue_name_prefix, silent_ms)
        return int(self.driver.call(Call(as_is, "trim", (self.keys.make("rq_queues"),), args)))

    def silent_workers(self, silent_ms: int) -> dict[str, int]:
        """Return the ids of workers that have been silent for a time, with when they were last seen (ms)."""
        now = self.driver.call(
            Call(lambda reply: int(reply[0]) * 1000 + int(reply[1]) // 1000, command=("TIME",))
        )
        key = self.keys.make("workers")
        command = ("ZRANGEBYSCORE", key, "-inf", now - silent_ms, "WITHSCORES")
        return {worker: int(float(seen)) for worker, seen in self.driver.call(Call(scored, command=command))}


def _expired(row: Sequence[Any]) -> ExpiredLease:
    limits = _known_limits(text(row[3]))
    return ExpiredLease(text(row[0]), int(text(row[1]) or 0), text(row[2]), limits, int(text(row[4])))


def _known_limits(spec: str) -> Limits:
    try:
        return Limits.model_validate(json.loads(spec or "{}").get("limits", {}))
    except ValueError:
        # A newer submitter's limits: the run is lost all the same, by the limits this version knows.
        return Limits()
