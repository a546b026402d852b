"""A worker: one supervisor with a process a slot; it beats, restarts what dies, drains and stops."""

from __future__ import annotations

import gc
import json
import os
import platform
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import FrameType

import psutil
import structlog
from redis.exceptions import RedisError

import shraga_models as models
from shraga_models import Capability, LocalMachine, WorkerDetails, WorkerMode, new_id

from . import proctree
from .client import SyncDriver
from .config import Settings, host_name
from .connect import connect_sync, explain, refuse_unfit, refuses, resolve_url
from .deadline import Deadline
from .door import remove_dead
from .engine import Engine
from .errors import Refused
from .keys import Keys
from .slot import SlotSetup
from .slot_process import run_slot
from .up import environment

log = structlog.get_logger("shraga.worker")

BEAT_EVERY = 2.0
TICK = 0.2
RESTART_PAUSE = 1.0
SWEEP_EVERY = 3_600.0
"""Seconds between two looks for folders of deleted tasks."""


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker is run; the name is made up from the host's where none is given."""

    name: str | None = None
    usual_name: str | None = None
    """A name to take where no other worker has it."""
    after: int | None = None
    """The id of a process that has ended, whose place on this host the worker takes."""
    slots: int = 1
    capabilities: tuple[str, ...] = ()
    recycle_after: int = 1000
    """Runs after which a slot's process is made anew."""
    allow_modules: tuple[str, ...] = ()
    """Modules whose functions may be called, besides those of the settings."""
    details: WorkerDetails | None = None


def run_worker(settings: Settings, options: WorkerOptions) -> int:
    """Run a worker until it is told to stop; returns the process's exit code.

    The first SIGTERM or SIGINT lets the tasks in hand finish, the second ends them.
    """
    return Supervisor(settings, options).run()


def _made_up_name() -> str:
    return f"{host_name()}-{secrets.token_hex(2)}"


def _load_what_runs_may_use() -> None:
    """Load what Shraga loads where it is used: a fork has it then, and no horse takes the time for itself."""
    models.load_all()
    for module in ("tomllib", "shraga_queue.board", "shraga_queue.workflows"):
        import_module(module)


def _version() -> str:
    try:
        return version("shraga-tui")
    except PackageNotFoundError:
        return ""


@dataclass
class _Slot:
    """One slot and the process that serves it."""

    number: int
    pid: int
    deadline: Deadline
    code: int | None = None
    restart_at: float = 0.0

    def has_ended(self) -> bool:
        """Whether the process is gone; its exit code is kept."""
        if self.code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None


class Supervisor:
    """Owns the slots of one worker and speaks for it."""

    def __init__(self, settings: Settings, options: WorkerOptions) -> None:
        self.settings = settings
        self.options = options
        self.url = resolve_url(settings)
        self.id = new_id()
        self.name = options.name or options.usual_name or _made_up_name()
        # By its address: a client that may revive the embedded server would make its keeper a descendant of
        # this worker, and what is below a worker ends with it.
        there = settings.model_copy(update={"redis_url": self.url})
        connection = connect_sync(there, retries=0, socket_timeout=3.0)
        self.engine = Engine(SyncDriver(connection, Keys(settings.prefix)))
        self.slots: list[_Slot] = []
        self.stops = 0
        self._relayed = 0
        self._beat_at = 0.0
        self._sweep: subprocess.Popen[bytes] | None = None
        self._sweep_at = time.monotonic() + SWEEP_EVERY * random.random()

    def run(self) -> int:
        """Start the slots, keep them, end them; raises Unreachable for a server that cannot be used at all."""
        refuse_unfit(self.engine.driver.connection)
        os.environ[proctree.WORKER_MARK] = self.id
        proctree.adopt_orphans()
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._count_stop)
        signal.signal(signal.SIGALRM, self._end_what_outlives_its_lease)
        if not self._register():
            return 0
        self._janitor = self._start_janitor()
        remove_dead(self.settings.home)
        _load_what_runs_may_use()
        gc.freeze()
        self.slots = [self._new_slot(number) for number in range(1, self.options.slots + 1)]
        log.info(
            "worker ready", name=self.name, slots=self.options.slots, capabilities=self.options.capabilities
        )
        try:
            # By a timer, since the loop may be waiting for a server that does not answer.
            signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
            while self.slots:
                time.sleep(TICK)
                self._tick()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            proctree.kill_below(os.getpid())
            self._say_gone()
        log.info("worker stopped", name=self.name)
        return 0

    def _count_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stops += 1

    def _tick(self) -> None:
        if time.monotonic() >= self._beat_at:
            self._beat()
        if self.stops > self._relayed:
            self._relay_stop()
        if time.monotonic() >= self._sweep_at:
            self._start_sweep()
        for slot in [one for one in self.slots if one.has_ended()]:
            self._slot_ended(slot)

    def _end_what_outlives_its_lease(self, signum: int, frame: FrameType | None) -> None:
        for slot in list(self.slots):
            if slot.code is None and slot.deadline.passed:
                # A slot that is frozen or waits for the server cannot; its horse may be too busy to look.
                proctree.send(proctree.descendants(slot.pid), signal.SIGKILL)

    # The store

    def _register(self) -> bool:
        """Announce the worker; returns whether that was done before it was told to stop."""
        mode, told = "", ""
        while not mode and not self.stops:
            try:
                mode = self.engine.beat(self.id, self.name, self.settings.user, self._record())
            except (RedisError, OSError) as error:
                said = explain(error, self.url)
                if refuses(error):
                    raise said from error
                if told != str(said):
                    log.warning("waiting for Redis", why=(told := str(said)))
                time.sleep(1.0)
            if mode == "taken" and self.name == self.options.usual_name:
                mode = self._resolve_taken_name()
        if mode == "taken":
            raise Refused(
                f"A worker named {self.name!r} is running already; choose another --name, or leave it out."
            )
        return bool(mode)

    def _resolve_taken_name(self) -> str:
        """Succeed the worker that had the usual name, or take another name; returns an empty mode."""
        worker, pid, host = self.engine.holder_of(self.name)
        if host == platform.node() and pid == str(self.options.after):
            # Who started both has seen it end: nothing is gained by waiting until it counts as silent.
            self.engine.worker_gone(worker, self.name, silence_ms=1)
        else:
            self.name = _made_up_name()
        return ""

    def _beat(self) -> None:
        self._beat_at = time.monotonic() + BEAT_EVERY
        try:
            mode = self.engine.beat(self.id, self.name, self.settings.user, self._record())
        except (RedisError, OSError) as error:
            log.warning("Redis is away; the worker goes on", error=str(error))
            return
        if mode == "taken":
            log.error("another worker has taken the name while this one was silent; stopping", name=self.name)
        if mode in (WorkerMode.STOPPING, "taken") and self.stops == 0:
            self.stops = 1

    def _record(self) -> dict[str, str]:
        details = self.options.details or LocalMachine(hostname=socket.gethostname(), platform=sys.platform)
        return {
            "details": details.model_dump_json(),
            "capabilities": json.dumps(
                [Capability(name=one).model_dump() for one in self.options.capabilities]
            ),
            "slots": str(self.options.slots),
            "version": _version(),
            "pid": str(os.getpid()),
            "hostname": platform.node(),
            "load": f"{os.getloadavg()[0]:.2f}",
            "memory_mb": f"{_memory_mb():.1f}",
        }

    def _say_gone(self) -> None:
        try:
            self.engine.worker_gone(self.id, self.name)
        except (RedisError, OSError):
            log.warning("Redis is away; the controller will notice that the worker is gone")

    # The slots

    def _new_slot(self, number: int) -> _Slot:
        deadline = Deadline()
        return _Slot(number, self._start(number, deadline), deadline)

    def _start(self, number: int, deadline: Deadline) -> int:
        setup = SlotSetup(
            url=self.url,
            prefix=self.settings.prefix,
            home=str(self.settings.home),
            user=self.settings.user,
            worker_id=self.id,
            worker_name=self.name,
            slot=number,
            capabilities=self.options.capabilities,
            modules=(*self.settings.python_modules, *self.options.allow_modules),
            recycle_after=self.options.recycle_after,
        )
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            # A group of its own: a Ctrl-C in the terminal is for the supervisor to relay.
            os.setpgid(0, 0)
            assert self._janitor.stdin is not None
            self._janitor.stdin.close()
            run_slot(setup, supervisor, deadline)
        return pid

    def _start_janitor(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != proctree.WORKER_MARK}
        return subprocess.Popen(
            [sys.executable, "-m", "shraga_queue.janitor", self.id, str(os.getpid())],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=environment,
        )

    def _start_sweep(self) -> None:
        # A process of its own: neither a slow disk nor a slow server may hold up the supervisor.
        self._sweep_at = time.monotonic() + SWEEP_EVERY
        if self._sweep is None or self._sweep.poll() is not None:
            self._sweep = subprocess.Popen(
                [sys.executable, "-m", "shraga_queue.part", "sweep"],
                stdin=subprocess.DEVNULL,
                env=environment(self.settings.model_copy(update={"redis_url": self.url})),
            )

    def _relay_stop(self) -> None:
        self._relayed += 1
        log.info(
            "stopping", name=self.name, how="after the tasks in hand" if self._relayed == 1 else "at once"
        )
        proctree.send([slot.pid for slot in self.slots if slot.code is None], signal.SIGTERM)

    def _slot_ended(self, slot: _Slot) -> None:
        if self.stops:
            self.slots.remove(slot)
            return
        if slot.code == 0 and not slot.restart_at:
            log.info("a slot was told to stop through RQ; the worker stops", name=self.name, slot=slot.number)
            self.stops = 1
            self.slots.remove(slot)
        elif not slot.restart_at:
            slot.deadline.set(0)
            log.warning("a slot ended unexpectedly", name=self.name, slot=slot.number, code=slot.code)
            self._end_orphans()
            self._lose_runs_of(slot)
            slot.restart_at = time.monotonic() + RESTART_PAUSE * random.uniform(0.5, 1.5)
        elif time.monotonic() >= slot.restart_at:
            slot.pid, slot.code, slot.restart_at = self._start(slot.number, slot.deadline), None, 0.0

    def _end_orphans(self) -> None:
        ours = {slot.pid for slot in self.slots} | {self._janitor.pid}
        for orphan in set(proctree.children(os.getpid())) - ours:
            proctree.kill_below(orphan)
            proctree.send([orphan], signal.SIGKILL)
            proctree.reap([orphan])

    def _lose_runs_of(self, slot: _Slot) -> None:
        why = "Lost: the slot running the task ended."
        try:
            for task_id, fence in self.engine.runs_of(self.id, slot.number):
                if known := self.engine.limits_of(task_id):
                    self.engine.lose(task_id, fence, *known, why, self.name)
        except (RedisError, OSError):
            log.warning("Redis is away; the controller will notice the lost run")


def _memory_mb() -> float:
    total = 0
    for pid in [os.getpid(), *proctree.descendants(os.getpid())]:
        try:
            total += psutil.Process(pid).memory_info().rss
        except psutil.Error:
            continue
    return total / 1e6
