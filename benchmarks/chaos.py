"""Work that flows while processes are killed and frozen at random, and a verdict on the promises.

Everything random comes from one seed. Two runs of one task at once are seen by a file lock each run holds
(`soak_jobs`), which the kernel drops with the process: nothing has to be noted by what was killed.
"""

from __future__ import annotations

import heapq
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from redis.exceptions import RedisError

from benchmarks.memory import Memory
from benchmarks.soak_jobs import hold_command, is_free
from shraga_models import Limits, NewTask, Python, Schedule, Shell, Task, TaskStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.connect import resolve_url
from shraga_queue.embedded import Embedded
from shraga_queue.errors import NotFound, Refused, ShragaError
from shraga_queue.up import House, Part, part_arguments
from tests.factories import Ledger

KILLS = ("horse", "slot", "worker", "controller", "server", "keeper")
FREEZES = ("freeze-horse", "freeze-slot", "freeze-worker", "freeze-controller", "freeze-server")
BROKEN = (
    "unfinished",
    "failed",
    "completed_without_end",
    "canceled_unasked",
    "ran_beside_itself",
    "told_twice",
    "keys_disagree",
    "left_running",
)
"""The figures of a verdict that have to be zero."""
DETECT_WITHIN = 10.0


@dataclass(frozen=True)
class Plan:
    """What a run of chaos does; times in seconds."""

    seed: int
    tasks: int = 150
    seconds: float = 12.0
    fault_every: float = 1.0
    """Mean time between faults; 0 for none."""
    faults: tuple[str, ...] = KILLS
    frozen_for: float = 8.0
    cancels: float = 0.1
    """The share of tasks that are asked to stop, at a random moment."""
    patience: float = 120.0
    undisturbed_kills: int = 0
    """How many workers are killed one by one afterwards, with nothing else hurt, to see when it is noticed."""
    workers: int = 2
    slots: int = 2


@dataclass
class Killed:
    """A worker that was killed, and the runs it had."""

    at: float
    runs: list[tuple[str, int]]


@dataclass
class Submitted:
    """What is known of the tasks from outside."""

    notes: dict[str, Path] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    due: list[tuple[float, str]] = field(default_factory=list)
    """When to ask which task to stop."""


class Chaos:
    """One run: a house, a flow of tasks, and a hand that hurts."""

    def __init__(self, plan: Plan, home: Path) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.home = home
        self.settings = Settings(home=home / "home", user="soak", redis_url=None, context=None)
        self.notes = home / "notes"
        self.notes.mkdir(parents=True)
        self.known = Submitted()
        self.faults: list[tuple[float, str]] = []
        self._unhurt = list(plan.faults) if plan.fault_every else []
        self.killed: list[Killed] = []
        self.events: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
        self.memory = Memory()
        self._tried = 0
        self._last_event = "0-0"
        self._frozen: tuple[int, threading.Timer] | None = None

    def run(self) -> dict[str, Any]:
        """Run the plan; returns the verdict."""
        os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
        resolve_url(self.settings)
        log = (self.home / "log").open("wb")
        self.house = House(self.settings, self._parts(), output=log.fileno())
        try:
            self.house.tick()
            with Shraga.connect(settings=self.settings) as shraga:
                self.shraga = shraga
                self._flow()
                self._drain()
                for _ in range(self.plan.undisturbed_kills):
                    self._kill_alone()
                self._drain()
                return self._verdict()
        finally:
            self._thaw()
            self.house.stop(patience=2)
            log.close()
            Embedded.release(self.settings)
            Embedded.stop(self.settings)

    def _parts(self) -> list[Part]:
        worker = part_arguments("worker", f"--slots={self.plan.slots}", "--allow-module=benchmarks.soak_jobs")
        controller = part_arguments("controller")
        workers = [Part(f"w{number}", worker) for number in range(self.plan.workers)]
        return [*workers, Part("c1", controller), Part("c2", controller)]

    # The flow of work

    def _flow(self) -> None:
        end = time.monotonic() + self.plan.seconds
        fault_at = time.monotonic() + min(3.0, self.plan.seconds / 4)
        pause = self.plan.seconds / self.plan.tasks
        while time.monotonic() < end or self._tried < self.plan.tasks or self._spares_some(end):
            if self._tried < self.plan.tasks:
                self._submit()
            self._tend()
            if self.plan.fault_every and time.monotonic() >= fault_at:
                self._hurt()
                fault_at = time.monotonic() + self.random.expovariate(1 / self.plan.fault_every)
            time.sleep(self.random.uniform(0.2, 1.8) * pause)

    def _spares_some(self, end: float) -> bool:
        """Whether a kind of fault has not been seen yet; whoever waits for it does so for the plan's patience."""
        return bool(self._unhurt) and time.monotonic() < end + self.plan.patience

    def _tend(self) -> None:
        self.house.tick()
        try:
            self._cancel_due()
            self._read_events()
            self.memory.sample(self.house, self.shraga)
        except (ShragaError, RedisError, OSError):
            # The server is what was hurt; what was missed comes with the next look.
            pass

    def _submit(self) -> None:
        # A number of its own for every try: a refused one may have been accepted all the same.
        self._tried += 1
        note = self.notes / f"{self._tried:06}"
        try:
            task = self.shraga.submit_task(self._task(note))
        except ShragaError:
            return
        self.known.notes[task.id] = note
        if self.random.random() < self.plan.cancels:
            heapq.heappush(self.known.due, (time.monotonic() + self.random.uniform(0, 1.5), task.id))

    def _task(self, note: Path) -> NewTask:
        seconds = self.random.choice([0.0, 0.05, 0.2, 0.5, 1.5])
        flaky = self.random.random() < 0.1
        limits = Limits(lost_retries=50, retries=1 if flaky else 0, backoff=0.5, grace=1)
        at = None
        if self.random.random() < 0.1:
            at = self.shraga.driver.run(self.shraga.operations.now()) + timedelta(seconds=1)
        schedule = Schedule(at=at) if at else None
        if self.random.random() < 0.3:
            command = hold_command(str(note), seconds, fail_first=flaky)
            return NewTask(name=note.name, action=Shell(command), limits=limits, schedule=schedule)
        args = {"path": str(note), "seconds": seconds, "fail_first": flaky}
        action = Python("benchmarks.soak_jobs:hold", args=args)
        return NewTask(name=note.name, action=action, limits=limits, schedule=schedule)

    def _cancel_due(self) -> None:
        while self.known.due and self.known.due[0][0] <= time.monotonic():
            _, task_id = self.known.due[0]
            self.known.asked.add(task_id)
            try:
                self.shraga.driver.run(self.shraga.operations.ask_cancel(task_id, "chaos"))
            except (Refused, NotFound):
                pass
            heapq.heappop(self.known.due)

    def _kill_alone(self) -> None:
        """Kill one worker in the middle of its tasks, and wait until they have all ended elsewhere."""
        started = time.monotonic()
        for _ in range(self.plan.workers * self.plan.slots):
            self._tried += 1
            note = self.notes / f"{self._tried:06}"
            action = Python("benchmarks.soak_jobs:hold", args={"path": str(note), "seconds": 2.0})
            task = self.shraga.submit_task(
                NewTask(name=note.name, action=action, limits=Limits(lost_retries=50))
            )
            self.known.notes[task.id] = note
        while time.monotonic() < started + self.plan.patience and not self._all_busy():
            self._tend()
            time.sleep(0.05)
        time.sleep(self.random.uniform(0, 1))
        pid = self.random.choice(sorted(self._pool("worker")))
        self._note_runs_of(pid)
        self.faults.append((time.time(), "worker alone"))
        proctree.send([pid], signal.SIGKILL)
        self._drain()

    def _all_busy(self) -> bool:
        return self.shraga.counts().leases >= self.plan.workers * self.plan.slots

    def _read_events(self) -> None:
        while True:
            page = self.shraga.driver.run(self.shraga.operations.events_after(self._last_event))
            for event in page.events:
                if event.task_id and event.attempt is not None:
                    told = (event.type, event.attempt, event.at.timestamp())
                    self.events[event.task_id].append(told)
            self._last_event = page.last_id
            if not page.events:
                return

    # Faults

    def _hurt(self) -> None:
        fault = self.random.choice(self._unhurt or self.plan.faults)
        freeze = fault.startswith("freeze-")
        if freeze and self._frozen is not None and self._frozen[1].is_alive():
            return
        pool = sorted(self._pool(fault.removeprefix("freeze-")))
        if not pool:
            return
        pid = self.random.choice(pool)
        if fault == "worker":
            self._note_runs_of(pid)
        self.faults.append((time.time(), fault))
        self._unhurt = [kind for kind in self._unhurt if kind != fault]
        if freeze:
            self._freeze(pid)
        else:
            proctree.send([pid], signal.SIGKILL)

    def _freeze(self, pid: int) -> None:
        proctree.send([pid], signal.SIGSTOP)
        thaw = threading.Timer(self.plan.frozen_for, proctree.send, ([pid], signal.SIGCONT))
        thaw.start()
        self._frozen = pid, thaw

    def _thaw(self) -> None:
        if self._frozen is not None:
            self._frozen[1].cancel()
            proctree.send([self._frozen[0]], signal.SIGCONT)

    def _pool(self, kind: str) -> list[int]:
        if kind in ("worker", "controller"):
            parts = [part for part in self.house.parts if part.name.startswith(kind[0])]
            return [part.process.pid for part in parts if part.process and part.process.poll() is None]
        if kind == "server":
            return self._server()
        if kind == "keeper":
            return [psutil.Process(pid).ppid() for pid in self._server() if psutil.pid_exists(pid)]
        workers = self._pool("worker")
        slots = [
            pid for worker in workers for pid in proctree.children(worker) if is_named(pid, "shraga-slot")
        ]
        if kind == "slot":
            return slots
        return [horse for slot in slots for horse in proctree.children(slot)]

    def _server(self) -> list[int]:
        try:
            return [int(self.shraga.driver.connection.info("server")["process_id"])]
        except (RedisError, OSError):
            return []

    def _note_runs_of(self, pid: int) -> None:
        try:
            record = next((one for one in self.shraga.workers() if one.pid == pid), None)
        except ShragaError:
            return
        if record is not None:
            runs = [(run.task_id, run.attempt) for run in record.current_tasks]
            self.killed.append(Killed(time.time(), runs))

    # The verdict

    def _drain(self) -> None:
        deadline = time.monotonic() + self.plan.patience
        while time.monotonic() < deadline:
            self._tend()
            try:
                counts = self.shraga.counts().by_status
                if not any(counts[status] for status in TaskStatus if not status.is_final):
                    break
            except ShragaError:
                pass
            time.sleep(0.1)
        self._read_events()

    def _verdict(self) -> dict[str, Any]:
        tasks = {task_id: self.shraga.get(task_id) for task_id in self.known.notes}
        ended = Counter(task.status.value for task in tasks.values())
        return {
            "submitted": len(tasks),
            "ended": dict(ended),
            "faults": dict(Counter(fault for _, fault in self.faults)),
            "asked_to_stop": len(self.known.asked),
            "lost_runs_retried": sum(task.losses for task in tasks.values()),
            "unfinished": sum(not task.status.is_final for task in tasks.values()),
            "failed": ended["failed"],
            "completed_without_end": self._count(tasks, TaskStatus.COMPLETED, without="end"),
            "canceled_unasked": sum(
                task.status is TaskStatus.CANCELED and task.id not in self.known.asked
                for task in tasks.values()
            ),
            "ran_beside_itself": sum("beside" in self._noted(task_id) for task_id in tasks),
            "told_twice": sum(self._told_twice(task) for task in tasks.values()),
            "keys_disagree": len(Ledger(self.shraga.driver).disagreements()),
            "left_running": sum(not is_free(str(note)) for note in self.known.notes.values()),
            "detection": self._detection(),
            "memory": self.memory.report(sum(ended.values())),
        }

    def _noted(self, task_id: str) -> str:
        note = self.known.notes[task_id]
        return note.read_text() if note.exists() else ""

    def _count(self, tasks: dict[str, Task], status: TaskStatus, without: str) -> int:
        return sum(task.status is status and without not in self._noted(task.id) for task in tasks.values())

    def _told_twice(self, task: Task) -> bool:
        """Whether a task's end was not told once, a loss twice, or a begin while the run before had not ended."""
        told = [(kind, attempt) for kind, attempt, _ in self.events[task.id]]
        ends = [one for one in told if one[0] in ("task.completed", "task.failed", "task.canceled")]
        losses = [one for one in told if one[0] == "task.lost"]
        on, begun_twice = False, False
        for kind, _ in told:
            begun_twice = begun_twice or (on and kind == "task.started")
            # A run that was claimed and not begun may be given back: queued, and started again.
            on = kind == "task.started" or (on and kind not in ("task.queued", "task.retrying"))
        return len(ends) != 1 or len(losses) != len(set(losses)) or begun_twice

    def _detection(self) -> dict[str, Any]:
        """How long killed workers' runs were not noticed (s); apart where server or leader were hurt near by."""
        calm, near = list[float](), list[float]()
        for killed in self.killed:
            hurt = any(
                -10 < at - killed.at < 12 and fault.endswith(("server", "keeper", "controller"))
                for at, fault in self.faults
            )
            for task_id, attempt in killed.runs:
                ends = [
                    at
                    for kind, run, at in self.events[task_id]
                    if kind in ("task.lost", "task.canceled") and run == attempt and at > killed.at
                ]
                if ends:
                    (near if hurt else calm).append(ends[0] - killed.at)
        return {"undisturbed": spread(calm), "with_other_faults_near": spread(near)}


def spread(seconds: list[float]) -> dict[str, float]:
    """Return how many there are, the 95th percentile and the largest."""
    if not seconds:
        return {"runs": 0}
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"runs": len(ordered), "p95": round(p95, 2), "max": round(ordered[-1], 2)}


def broken(verdict: dict[str, Any]) -> list[str]:
    """Return the promises a verdict shows broken."""
    found = [name for name in BROKEN if verdict[name]]
    if verdict["detection"]["undisturbed"].get("max", 0) > DETECT_WITHIN:
        found.append("detection")
    return found + [f"memory of {kind}" for kind in verdict["memory"]["growing"]]


def is_named(pid: int, text: str) -> bool:
    """Return whether a live process's name begins so."""
    try:
        return psutil.Process(pid).name().startswith(text)
    except psutil.Error:
        return False
