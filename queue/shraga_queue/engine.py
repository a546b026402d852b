"""What workers and controllers ask of the store: claim, keep, end, lose, lead, reap."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from pydantic import ValidationError

from shraga_models import (
    ANY_CAPABILITY,
    ExecutionDetails,
    Limits,
    Priority,
    RunStatus,
    TaskOutput,
    TaskSpec,
    TaskStatus,
    run_id,
)
from shraga_models.base import Model

from .calls import Argument, Batch, Call, Stream, as_is
from .codec import pairs, read_spec, scored, text
from .operations import LEASE_MS
from .run_spend import RunSpend
from .run_talk import RunTalk
from .submission import invalid
from .worker_codec import held_runs

TRIM_BATCH = 5_000
log = structlog.get_logger("shraga.engine")

STALE = "stale"
"""The answer to a write for a run that is no longer the caller's."""
ASKED = ("name", "spec", "labels", "kind", "priority", "capability")
"""The fields of a task's hash that say what was asked, in the order of a claim."""

OCCURRENCE = ("occurrence", "event_data")
"""The fields that say what a task that repeats runs for, after those of a claim."""


@dataclass(frozen=True, slots=True)
class SlotName:
    """Who a slot is: its worker, its number, its name at RQ, and the queues it serves, best first."""

    worker_id: str
    number: int
    name: str
    queues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bell:
    """What rings for an idle slot: the lists, and the seconds to wait at most."""

    keys: tuple[str, ...]
    patience: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that a slot holds: the task, its fence, and how often it has failed and was lost before.

    `fields` are those of the task's hash that say what was asked, as the store has them.
    """

    task_id: str
    owner: str
    attempt: int
    fence: int
    fields: dict[str, str]
    failures: int = 0
    losses: int = 0
    resume: str = ""
    """Where it goes on, as the record has it; empty for a run that begins anew."""
    mail: int = 0
    """How much people have said to the task."""
    holder: str = ""
    """The RQ name of the slot that took it: part of the fence, where given."""

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return run_id(self.task_id, self.attempt)

    @property
    def limits(self) -> Limits:
        """The task's limits; those this version knows, where a newer one wrote others."""
        return known_limits(self.fields.get("spec", ""))

    @property
    def spec(self) -> TaskSpec:
        """What was asked; raises InvalidInput where this version cannot read it."""
        try:
            return TaskSpec.model_validate(read_spec(self.fields))
        except ValidationError as error:
            raise invalid(error) from None


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

    def sealed(self) -> SealedOutcome:
        """Return the outcome as texts, for the way to the store."""
        return SealedOutcome(
            self.status.value,
            "" if self.exit_code is None else str(self.exit_code),
            self.error,
            _model_json(self.output),
            _model_json(self.execution),
            json.dumps(self.metrics) if self.metrics else "",
            self.result,
            self.retry,
            self.output.summary if self.output else "",
        )


class SealedOutcome(NamedTuple):
    """An outcome as texts, empty for what there is none of: as the channel and the script carry it."""

    status: str
    exit_code: str
    error: str
    output: str
    execution: str
    metrics: str
    result: str
    retry: bool
    summary: str


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that was seen through, on its way to the store."""

    claim: Claim
    outcome: SealedOutcome
    started: float
    ended: float
    """Both on this host's monotonic clock; the store is told how long ago they were."""
    word: str = ""
    """The last thing it said or printed."""

    def cells(self) -> tuple[Argument, ...]:
        """Return what the script `turn` takes of it."""
        outcome, delay = self.outcome, None
        if outcome.retry and outcome.status in (RunStatus.FAILED, RunStatus.TIMEOUT):
            delay = self.claim.limits.retry_after_failure(self.claim.failures + 1)
        wait = -1 if delay is None else int(delay * 1000)
        now = time.monotonic()
        ago = (int((now - self.started) * 1000), int((now - self.ended) * 1000))
        word = (outcome.summary or self.word)[:500]
        return (self.claim.task_id, self.claim.fence, *outcome[:7], wait, *ago, word)


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
    fence: int
    limits: Limits
    losses: int


class Engine(RunTalk, RunSpend):
    """The moves of workers and controllers; Redis's own errors pass through, for the caller to outlast."""

    # A slot's

    def turn(
        self,
        slot: SlotName,
        wanted: int = 0,
        ended: Sequence[EndedRun] = (),
        given_back: Sequence[tuple[str, int]] = (),
        running: str = "",
        bell: Bell | None = None,
    ) -> tuple[list[str], list[Claim]]:
        """End runs, give back what was not begun (task and fence), and take up to `wanted` tasks, in one round trip.

        Returns the new status of each ended and each given back task (`stale` where it was no longer the slot's),
        and the claims; `running` is the id of the task the slot goes on running. With a bell the turn is taken as
        soon as that rings: the server has it by then, and need not be asked once more.
        """
        counts = (wanted, len(ended), len(given_back), len(slot.queues), running)
        args: list[Argument] = [slot.worker_id, slot.number, slot.name, LEASE_MS, *counts]
        for run in ended:
            args += run.cells()
        for task_and_fence in given_back:
            args += task_and_fence
        args += slot.queues
        turn = Call(as_is, "turn", self._leases(), tuple(args))
        if bell is None:
            reply = self.driver.call(turn)
        else:
            rung = Call(as_is, command=("BLPOP", *bell.keys, bell.patience))
            _, reply = self.driver.stream(Stream(iter((rung, turn))))
        answers, claims, foreign = reply
        for job in foreign:
            log.warning("refused a job that is no task: another program put it on our queue", job=text(job))
        return [text(answer) for answer in answers], [_claim(cells, slot.name) for cells in claims]

    def heartbeat(
        self,
        claim: Claim,
        name: str,
        running_ms: int,
        progress: float | None,
        thought: str,
        *,
        tell: bool,
        mail: int = 0,
    ) -> str:
        """Extend a run's lease; returns `ok`, `mail` when people have said more, `cancel` or `stale`."""
        said = "" if progress is None else f"{progress:.4f}"
        told = "1" if tell else "0"
        args = (claim.task_id, claim.fence, LEASE_MS, running_ms, said, thought, told, name, mail)
        return text(self.driver.call(Call(as_is, "heartbeat", self._leases(), args)))

    def append_log(self, claim: Claim, lines: Iterable[LogLine]) -> str:
        """Append lines to a run's log; returns `ok` or `stale`."""
        key = self.keys.make("log", owner=claim.owner, task=claim.task_id, attempt=claim.attempt)
        cells = [cell for line in lines for cell in (line.source, line.level, line.message, line.metadata)]
        args: tuple[Argument, ...] = (claim.task_id, claim.fence, claim.holder, *cells)
        return text(self.driver.call(Call(as_is, "log", (key,), args)))

    def lose(
        self, task_id: str, fence: int, limits: Limits, losses: int, why: str, actor: str, token: str = ""
    ) -> str:
        """End a run whose worker or horse died; returns the task's new status or `stale`.

        With the leader's token only an expired lease is taken.
        """
        delay = limits.retry_after_loss(losses + 1)
        wait = -1 if delay is None else int(delay * 1000)
        args = (task_id, fence, wait, why, actor, token)
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

    def holder_of(self, name: str) -> tuple[str, str, str]:
        """Return the id, process id and host of the worker that has a name; empty for none."""
        held = self.driver.call(Call(as_is, command=("HGET", self.keys.make("worker_names"), name)))
        worker = text(held or b"")
        record = ("HMGET", self.keys.make("worker", worker=worker), "pid", "hostname")
        pid, host = self.driver.call(Call(as_is, command=record))
        return worker, text(pid or b""), text(host or b"")

    def runs_of(self, worker_id: str, slot: int) -> list[tuple[str, int]]:
        """Return the task and fence of each run a slot is said to hold."""
        reply = self.driver.call(Call(as_is, command=("HGETALL", self.keys.make("worker", worker=worker_id))))
        return [(run.task_id, run.fence) for run in held_runs(pairs(reply)) if run.slot == slot]

    def limits_of(self, task_id: str) -> tuple[Limits, int] | None:
        """Return a task's limits and how often it was lost, or None when it is unknown."""
        reply = self.driver.call(Call(as_is, "task", (self.keys.make("owners"),), (task_id,)))
        if reply is None:
            return None
        got = pairs(reply[2])
        return known_limits(got.get("spec", "")), int(got.get("losses", 0))

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

    def queues(self) -> list[str]:
        """Return the keys of our queues that have ever held a task."""
        prefix = self.keys.make("rq_queue", queue=self.keys.queue_name_prefix)
        queues = self.driver.call(Call(as_is, command=("SMEMBERS", self.keys.make("rq_queues"))))
        return [text(queue) for queue in queues if text(queue).startswith(prefix)]

    def to_reconcile(self) -> list[TaskStatus]:
        """Return the statuses whose tasks are not all where they belong, by counting; a count costs no walk."""
        ours = self.queues()
        statuses = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.SCHEDULED, TaskStatus.BLOCKED)
        commands: list[tuple[Argument, ...]] = [
            ("ZCARD", self.keys.make("index", status=one)) for one in statuses
        ]
        commands.append(("ZCARD", self.keys.make("leases")))
        commands += [("LLEN", place) for place in (*ours, *self.parkings())]
        counted = self.driver.batch(Batch(tuple(Call(int, command=command) for command in commands)))
        queued, running, scheduled, blocked, leases, *lengths = counted
        found = {
            TaskStatus.QUEUED: queued != sum(lengths),
            TaskStatus.RUNNING: running != leases,
            # What expires has a due time too, so the two counts prove nothing; but this look is a cheap one.
            TaskStatus.SCHEDULED: scheduled > 0,
            TaskStatus.BLOCKED: blocked > 0,
        }
        return [status for status in statuses if found[status]]

    def trim(self, silent_ms: int, limit: int = TRIM_BATCH) -> int:
        """Drop what RQ's registries and the worker list keep past their time, `limit` of each; returns how many."""
        always = [self.keys.queue_name(ANY_CAPABILITY, priority) for priority in Priority]
        args: tuple[Argument, ...] = (self.keys.queue_name_prefix, silent_ms, limit, *always)
        return int(self.driver.call(Call(as_is, "trim", (self.keys.make("rq_queues"),), args)))

    def silent_workers(self, silent_ms: int) -> dict[str, int]:
        """Return the ids of workers that have been silent for a time, with when they were last seen (ms)."""
        now = self.driver.call(
            Call(lambda reply: int(reply[0]) * 1000 + int(reply[1]) // 1000, command=("TIME",))
        )
        key = self.keys.make("workers")
        command = ("ZRANGEBYSCORE", key, "-inf", now - silent_ms, "WITHSCORES")
        return {worker: int(float(seen)) for worker, seen in self.driver.call(Call(scored, command=command))}


def _model_json(model: Model | None) -> str:
    said = model.model_dump_json(exclude_defaults=True) if model else ""
    return "" if said == "{}" else said


def _claim(cells: Sequence[Any], holder: str) -> Claim:
    (task_id, owner, attempt, fence, *asked), occurrence = cells[:14], cells[14:]
    *values, failures, losses, resume, mail = asked
    fields = {name: text(value) for name, value in zip(ASKED, values, strict=True) if value is not None}
    fields |= {
        name: text(value) for name, value in zip(OCCURRENCE, occurrence, strict=False) if value is not None
    }
    history = int(failures or 0), int(losses or 0), text(resume or b""), int(mail or 0)
    return Claim(text(task_id), text(owner), int(attempt), int(fence), fields, *history, holder)


def _expired(row: Sequence[Any]) -> ExpiredLease:
    limits = known_limits(text(row[3]))
    return ExpiredLease(
        text(row[0]), int(text(row[1]) or 0), int(text(row[2]) or 0), limits, int(text(row[4]))
    )


_USUAL = Limits()


def known_limits(spec: str) -> Limits:
    """Return the limits in a task's `spec`; the usual ones where it has none, or none this version knows."""
    if '"limits"' not in spec:
        return _USUAL
    try:
        return Limits.model_validate(json.loads(spec).get("limits", {}))
    except ValueError:
        # A newer submitter's limits: the run is lost all the same, by the limits this version knows.
        return _USUAL
