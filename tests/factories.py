"""What store tests need again and again: tasks, a worker played by the test, and a look at whether all keys agree."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from shraga_models import (
    Action,
    Http,
    Limits,
    LocalMachine,
    NewTask,
    Priority,
    Prompt,
    Python,
    RunStatus,
    Schedule,
    Shell,
    Task,
    TaskInput,
    TaskKind,
    TaskOutput,
    TaskStatus,
    new_id,
)
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.codec import rests
from shraga_queue.engine import Claim, EndedRun, Engine, Outcome, SlotName
from shraga_queue.keys import Keys
from shraga_queue.slot import queue_names

DETAILS = LocalMachine(hostname="box").model_dump_json()
RQ_STATUS = {
    TaskStatus.QUEUED: "queued",
    TaskStatus.SCHEDULED: "scheduled",
    TaskStatus.AWAITING_APPROVAL: "deferred",
    TaskStatus.WAITING_FOR_INPUT: "deferred",
    TaskStatus.BLOCKED: "deferred",
    TaskStatus.RUNNING: "started",
    TaskStatus.COMPLETED: "finished",
    TaskStatus.FAILED: "failed",
    TaskStatus.CANCELED: "canceled",
    TaskStatus.SKIPPED: "canceled",
}
RQ_REGISTRY = {
    TaskStatus.SCHEDULED: "rq_scheduled",
    TaskStatus.AWAITING_APPROVAL: "rq_deferred",
    TaskStatus.WAITING_FOR_INPUT: "rq_deferred",
    TaskStatus.BLOCKED: "rq_deferred",
    TaskStatus.RUNNING: "rq_started",
    TaskStatus.COMPLETED: "rq_finished",
    TaskStatus.FAILED: "rq_failed",
    TaskStatus.CANCELED: "rq_canceled",
    TaskStatus.SKIPPED: "rq_canceled",
}
REGISTRIES = ("rq_scheduled", "rq_started", "rq_finished", "rq_failed", "rq_canceled", "rq_deferred")


def new_task(name: str = "a task", action: Action | None = None, **fields: Any) -> NewTask:
    """Return a task to submit."""
    return NewTask(name=name, action=action or Shell("true"), **fields)


def fresh_prefix() -> str:
    """Return a prefix nobody uses."""
    return f"t{uuid.uuid4().hex[:10]}"


# Strategies


plain_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_text, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(plain_text, json_values, max_size=3)
commands = plain_text.filter(lambda text: bool(text) and "\0" not in text)
actions = st.one_of(
    st.builds(
        lambda command, env: Shell(command, env=env),
        commands,
        st.dictionaries(plain_text, plain_text, max_size=2),
    ),
    st.builds(
        lambda body, json_body: Http("https://example.org/x", body=body, json_body=json_body),
        plain_text,
        json_values,
    ),
    st.builds(lambda text: Prompt(f"{text}?", system=text, temperature=0.5), plain_text),
    st.builds(lambda args: Python("package.module:function", args=args), json_objects),
)
moments = st.datetimes(max_value=datetime(9998, 1, 1), timezones=st.timezones())
tasks_to_submit = st.builds(
    NewTask,
    name=plain_text.filter(lambda text: bool(text.strip())),
    action=actions,
    description=plain_text,
    kind=st.sampled_from(TaskKind),
    input=st.builds(TaskInput, description=plain_text, contact_rules=plain_text),
    priority=st.sampled_from(Priority),
    capability=st.sampled_from(["any", "gpu", "big.box-2"]),
    labels=st.lists(st.from_regex(r"\A[^\s,:]{1,8}\Z"), max_size=3).map(tuple),
    due_at=st.none() | moments,
    schedule=st.none() | st.builds(lambda at: Schedule(at=at), moments),
    limits=st.builds(Limits, timeout=st.floats(0.5, 86400), retries=st.integers(0, 5)),
    context=json_objects,
    metadata=json_objects,
)


# A worker's hands


@dataclass
class Hand:
    """One slot of a worker, played by the test."""

    engine: Engine
    worker_id: str
    worker: str
    slot: int = 1
    capabilities: tuple[str, ...] = ()
    queues: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.queues = queue_names(self.engine.keys, self.capabilities)

    @property
    def name(self) -> str:
        """The slot's name at RQ."""
        return f"{self.worker}.{self.slot}.{self.engine.keys.prefix}"

    @property
    def slot_name(self) -> SlotName:
        """Who the slot is."""
        return SlotName(self.worker_id, self.slot, self.name, tuple(self.queues))

    def try_claim(self) -> Claim | None:
        """Claim what comes next, if anything does."""
        claims = self.engine.turn(self.slot_name, wanted=1)[1]
        return claims[0] if claims else None

    def claim(self) -> Claim:
        """Claim what comes next; there has to be something."""
        claim = self.try_claim()
        assert claim is not None
        return claim

    def heartbeat(
        self, claim: Claim, progress: float | None = None, thought: str = "", *, tell: bool = False
    ) -> str:
        """Beat for a run."""
        return self.engine.heartbeat(claim, self.name, 10, progress, thought, tell=tell, mail=claim.mail)

    def commit(self, claim: Claim, status: RunStatus = RunStatus.COMPLETED, **fields: Any) -> str:
        """End a run."""
        now = time.monotonic()
        ended = EndedRun(claim, Outcome(status, **fields).sealed(), now - 0.01, now)
        return self.engine.turn(self.slot_name, ended=[ended])[0][0]

    def lose(self, claim: Claim, token: str = "") -> str:
        """Give a run up as lost."""
        limits = claim.limits
        return self.engine.lose(claim.task_id, claim.fence, limits, claim.losses, "gone", self.name, token)


def hire(engine: Engine, worker: str = "w1", *, slot: int = 1, capabilities: tuple[str, ...] = ()) -> Hand:
    """Register a worker and return one of its slots."""
    worker_id = new_id()
    assert engine.beat(worker_id, worker, "tester", {"details": DETAILS, "slots": "1"}) == "accepting"
    return Hand(engine, worker_id, worker, slot, capabilities)


def bring_to(shraga: Shraga, hand: Hand, status: TaskStatus, **fields: Any) -> Task:
    """Return a task that has come to a status by legal moves."""
    if status is TaskStatus.SCHEDULED:
        fields |= {"schedule": Schedule(at="2099-01-01T00:00:00Z")}
    if status is TaskStatus.BLOCKED:
        first = shraga.submit_task(new_task("first", schedule=Schedule(at="2099-01-01T00:00:00Z")))
        fields |= {"depends_on": [first.id]}
    if status is TaskStatus.SKIPPED:
        fields |= {"limits": Limits(expires_in=3600)}
    task = shraga.submit_task(new_task(**fields))
    if status is TaskStatus.CANCELED:
        shraga.cancel(task.id)
    if status is TaskStatus.SKIPPED:
        make_due(shraga, f"expire:{task.id}")
        lead_and_release(hand.engine)
    if status in (TaskStatus.RUNNING, TaskStatus.COMPLETED, TaskStatus.FAILED):
        claim = hand.claim()
        assert claim.task_id == task.id
        if status is not TaskStatus.RUNNING:
            hand.commit(claim, RunStatus(status.value), output=TaskOutput(summary="out"), error="why")
    found = shraga.get(task.id)
    assert found.status is status
    return found


# The passing of time, and the leader


def make_due(shraga: Shraga, member: str) -> None:
    """Let the time come that a due entry waits for."""
    execute(shraga, "ZADD", shraga.driver.keys.make("due"), "XX", 1, member)
    if member.startswith("expire:"):
        task = shraga.get(member.removeprefix("expire:"))
        execute(
            shraga, "HSET", shraga.driver.keys.make("task", owner=task.owner, task=task.id), "expires_at", 1
        )


def end_lease(shraga: Shraga, task_id: str) -> None:
    """Let a run's lease be over."""
    execute(shraga, "ZADD", shraga.driver.keys.make("leases"), "XX", 1, task_id)


def lead_and_release(engine: Engine, token: str = "test") -> tuple[int, int]:
    """Do, as the leader, what is due."""
    assert engine.lead(token, 60_000) > 0
    answer = engine.release_due(token)
    assert answer is not None
    return answer


def execute(shraga: Shraga, *command: Any) -> Any:
    """Send a plain command."""
    return shraga.driver.connection.execute_command(*command)


# Rows out of nothing, for lists larger than it would be quick to submit


@dataclass(frozen=True)
class Planted:
    """A task as the lists see it."""

    id: str
    status: str
    score: int
    owner: str = "tester"
    name: str = "planted"
    fields: tuple[str, ...] = ()


def plant(driver: SyncDriver, rows: Iterable[Planted]) -> None:
    """Write tasks straight into record, owner and indexes."""
    keys = driver.keys
    pipeline = driver.connection.pipeline(transaction=False)
    for row in rows:
        pipeline.execute_command("HSET", keys.make("owners"), row.id, row.owner)
        pipeline.execute_command(
            "HSET", keys.make("task", owner=row.owner, task=row.id), "name", row.name, "status", row.status,
            "owner", row.owner, "moved_at", row.score, "created_at", row.score, "attempt", 1, *row.fields,
        )  # fmt: skip
        pipeline.execute_command("ZADD", keys.make("index", status=row.status), row.score, row.id)
        pipeline.execute_command(
            "ZADD", keys.make("user_index", owner=row.owner, status=row.status), row.score, row.id
        )
    pipeline.execute()


# Whether all keys agree


class Ledger:
    """Everything the store and RQ say of the tasks under a prefix, read at one moment."""

    def __init__(self, driver: SyncDriver) -> None:
        self.driver = driver
        self.keys: Keys = driver.keys
        owners = driver.connection.execute_command("HGETALL", self.keys.make("owners"))
        self.owners = {task.decode(): owner.decode() for task, owner in owners.items()}
        who = sorted(set(self.owners.values()))
        self.hashes = self._hashes("task")
        self.jobs = self._hashes("rq_job")
        self.runs = self._hashes("runs")
        self.needs = self._hashes("needs")
        self.releasing = set(
            _texts(driver.connection.execute_command("HGETALL", self.keys.make("releasing")))
        )
        self.unmet = self._sets("SMEMBERS", "unmet")
        self.dependents = self._sets("ZRANGE", "dependents", 0, -1)
        self.index = {status: self._zset("index", status=status.value) for status in TaskStatus}
        self.user_index = {
            (owner, status): self._zset("user_index", owner=owner, status=status.value)
            for owner in who for status in TaskStatus
        }  # fmt: skip
        self.leases = self._zset("leases")
        self.due = self._zset("due")
        self.questions = self._zset("questions")
        self.timed = self._zset("slots")
        self.repeating = self._zset("repeating")
        events = sorted({got["event"] for got in self.hashes.values() if got.get("event")})
        self.bound = {event: self._zset("on", event=event) for event in events}
        queues = sorted({got["queue"] for got in self.hashes.values()})
        lists = self._many([("LRANGE", self.keys.make("rq_queue", queue=queue), 0, -1) for queue in queues])
        self.lists = {
            queue: Counter(task.decode() for task in tasks)
            for queue, tasks in zip(queues, lists, strict=True)
        }
        self.parked = {queue: self._parked(queue) for queue in queues}
        self.registries = {
            (name, queue): self._zset(name, queue=queue) for queue in queues for name in REGISTRIES
        }
        workers = sorted({got["worker"] for got in self.hashes.values() if got.get("worker")})
        found = self._many([("HGETALL", self.keys.make("worker", worker=worker)) for worker in workers])
        self.slots = {
            worker: {name: value for name, value in _texts(got).items() if name.startswith("run:")}
            for worker, got in zip(workers, found, strict=True)
        }

    def _many(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        pipeline = self.driver.connection.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return list(pipeline.execute()) if commands else []

    def _parked(self, queue: str) -> Counter[str]:
        places = [
            one.decode().split(" ") for one in self._many([("SMEMBERS", self.keys.make("parkings"))])[0]
        ]
        lists = [self.keys.make("parking", brake=brake, queue=of) for brake, of in places if of == queue]
        found = self._many([("LRANGE", one, 0, -1) for one in lists])
        return Counter(task.decode() for tasks in found for task in tasks)

    def _hashes(self, name: str) -> dict[str, dict[str, str]]:
        commands = [
            ("HGETALL", self.keys.make(name, owner=owner, task=task)) for task, owner in self.owners.items()
        ]
        return {task: _texts(got) for task, got in zip(self.owners, self._many(commands), strict=True)}

    def _sets(self, command: str, name: str, *rest: int) -> dict[str, set[str]]:
        commands = [
            (command, self.keys.make(name, owner=owner, task=task), *rest)
            for task, owner in self.owners.items()
        ]
        found = self._many(commands)
        return {task: {one.decode() for one in got} for task, got in zip(self.owners, found, strict=True)}

    def _zset(self, name: str, **parts: str) -> dict[str, float]:
        got = self._many([("ZRANGE", self.keys.make(name, **parts), 0, -1, "WITHSCORES")])[0]
        return {member.decode(): score for member, score in _pairs(got)}

    def disagreements(self) -> list[str]:
        """Return a sentence for each thing that is not where the task's hash says it is."""
        return [said for task in self.owners for said in self._of_task(task)] + self._strangers()

    def _of_task(self, task: str) -> list[str]:
        owner, got = self.owners[task], self.hashes[task]
        status, queue = TaskStatus(got["status"]), got["queue"]
        running, member = status is TaskStatus.RUNNING, f"{task}:{got['attempt']}"
        parked = self.parked[queue][task]
        expected = [(name, member if running else task) for one, name in RQ_REGISTRY.items() if one is status]
        expected += [("rq_deferred", task)] * parked
        slot = self.slots.get(got.get("worker", ""), {}).get(f"run:{task}", "")
        facts = {
            "owner's name": got["owner"] == owner,
            "index": [s for s in TaskStatus if task in self.index[s]] == [status],
            "owner's index": [s for s in TaskStatus if task in self.user_index[owner, s]] == [status],
            "score": self.index[status].get(task) == float(got["moved_at"]),
            "owner's score": self.user_index[owner, status].get(task) == float(got["moved_at"]),
            "lease": (task in self.leases) == running,
            "due time": (task in self.due) == (status is TaskStatus.SCHEDULED and not rests(got)),
            "next slot": (task in self.timed) == ("next_slot" in got and "paused" not in got),
            "event": [event for event in self.bound if task in self.bound[event]]
            == ([got["event"]] if "event" in got else []),
            "repetition": (task in self.repeating) == ("next_slot" in got or "event" in got),
            "expiry": (f"expire:{task}" in self.due) == ("expires_at" in got and not status.is_final),
            "queue": self.lists[queue][task] + parked == (status is TaskStatus.QUEUED),
            "job status": self.jobs[task].get("status") == ("deferred" if parked else RQ_STATUS[status]),
            "slot": slot.startswith(f"{got.get('slot')} {got['attempt']} {got.get('fence')} ") == running,
            "runs": sorted(map(int, self.runs[task])) == list(range(1, int(got["attempt"]))),
            "question": (task in self.questions) == ("question" in got),
            "wait": status is not TaskStatus.WAITING_FOR_INPUT or "question" in got,
            "registries": self._registered(task, queue) == expected,
            "edges": all(task in self.needs[one] for one in self.dependents[task])
            and all(task in self.dependents[one] for one in self.needs[task] if one in self.owners),
            "waiting": status is not TaskStatus.BLOCKED or bool(self.unmet[task]),
            # A paused workflow holds its tasks by a prerequisite that nothing meets.
            "prerequisites": self.unmet[task] - {"(paused)"} <= self._blocking(task),
            "release": status is not TaskStatus.BLOCKED
            or not any(self._is_decided(task, one) for one in self.unmet[task]),
        }  # fmt: skip
        return [f"{task} ({status}): {name} disagrees" for name, holds in facts.items() if not holds]

    def _is_decided(self, task: str, need: str) -> bool:
        """Whether a prerequisite has ended in a way that should have moved the task."""
        if need not in self.owners or need in self.releasing:
            return False
        status = TaskStatus(self.hashes[need]["status"])
        if not status.is_final:
            return False
        met = status is TaskStatus.COMPLETED or self.needs[task][need] == "finished"
        return met or self.hashes[task].get("on_prerequisite_failure") != "block"

    def _blocking(self, task: str) -> set[str]:
        return {one for one, kind in self.needs[task].items() if kind in ("success", "finished")}

    def _registered(self, task: str, queue: str) -> list[tuple[str, str]]:
        return [
            (name, member)
            for name in REGISTRIES
            for member in self.registries[name, queue]
            if member.partition(":")[0] == task
        ]

    def _strangers(self) -> list[str]:
        known = set(self.owners)
        places = {
            "index": [task for index in self.index.values() for task in index],
            "owner's index": [task for index in self.user_index.values() for task in index],
            "leases": list(self.leases),
            "slots": [*self.timed, *self.repeating],
            "parkings": [task for tasks in self.parked.values() for task in tasks],
            "due": [member.partition(":")[2] or member for member in self.due],
            "questions": list(self.questions),
            "lists": [task for tasks in self.lists.values() for task in tasks],
            "registries": [task.partition(":")[0] for found in self.registries.values() for task in found],
        }
        return [
            f"{task} is unknown, but in {place}"
            for place, found in places.items()
            for task in found
            if task not in known
        ]


def _pairs(got: list[Any]) -> list[tuple[bytes, float]]:
    if got and isinstance(got[0], (list, tuple)):
        return [(member, float(score)) for member, score in got]
    return [(got[i], float(got[i + 1])) for i in range(0, len(got), 2)]


def _texts(got: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode(errors="replace") for name, value in got.items()}


def assert_agreement(shraga: Shraga) -> None:
    """Fail, naming each disagreement, unless everything agrees on every task."""
    found = Ledger(shraga.driver).disagreements()
    assert not found, "\n".join(found)
