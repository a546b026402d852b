"""The horse: a process that runs one task after another for its slot and holds no connection of its own.

It reads claims from a channel, begins each once it is permitted to, and answers with log lines, sayings and the
outcome. It dies with the slot, and stops itself before its lease can end.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit

from shraga_models import ExecutionDetails, RunStatus

from . import context, proctree
from .actions import run_action
from .actions.secrets import run_secrets
from .briefing import Briefing
from .channel import Channel
from .context import RunContext
from .conversation import Conversation, Suspended
from .deadline import Deadline
from .engine import Claim, LogLine, Outcome
from .errors import InvalidInput
from .output import OutputPump
from .permits import Permits
from .step_inputs import filled_action, inputs_of

_RUN_VARIABLES = (os.fsencode(proctree.RUN_MARK), b"SHRAGA_TASK", b"SHRAGA_ATTEMPT")
SAY_EVERY = 0.1
"""Seconds between two sayings on the channel; the last one is never dropped."""

_NOTHING_TOLD = Briefing()


class StopRun(BaseException):
    """The run was asked to stop; not an `Exception`, so that a broad except clause does not swallow it."""


@dataclass(frozen=True)
class HorseSetup:
    """What a horse is given when it is made."""

    worker_id: str
    home: Path
    modules: tuple[str, ...]
    deadline: Deadline
    url: str = ""
    """The server's address; its password is masked in what tasks print."""


def run_horse(channel: Channel, permits: Permits, setup: HorseSetup, parent: int) -> NoReturn:
    """Serve runs until the slot closes the channel; never returns."""
    proctree.die_with_parent(parent)
    os.setsid()
    proctree.name_process("shraga-horse")
    proctree.adopt_orphans()
    proctree.close_inherited_sockets(channel.fileno(), permits.fileno())
    for sig in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        # A handler, not "ignore": that would be inherited by the programs a task starts.
        signal.signal(sig, _pass_over)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    os.register_at_fork(after_in_child=_be_ordinary)
    os.environ[proctree.WORKER_MARK] = setup.worker_id
    own_stderr = os.fdopen(os.dup(2), "w")
    try:
        Horse(channel, permits, setup, parent).serve()
    except BaseException:
        traceback.print_exc(file=own_stderr)
    finally:
        with suppress(OSError, ValueError):
            own_stderr.flush()
        proctree.kill_below(os.getpid())
        os._exit(1)


def _pass_over(signum: int, frame: FrameType | None) -> None:
    """Let a signal from the terminal pass; the supervisor relays what it means."""


def _be_ordinary() -> None:
    # A process that a task forks is the task's own: it ends when it is told to.
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(sig, signal.SIG_DFL)


class Horse:
    """Runs claims one after another."""

    def __init__(self, channel: Channel, permits: Permits, setup: HorseSetup, parent: int) -> None:
        self._channel = channel
        self._permits = permits
        self._orders: deque[bytes] = deque()
        self._setup = setup
        self._parent = parent
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._run_id = ""
        self._said_at = 0.0
        self._interruptible = False
        self._sending = False
        self._stop_asked = False
        self._is_idle = True
        self._pump = OutputPump(self._send_lines)
        signal.signal(signal.SIGTERM, self._on_stop)
        # The fork has copied the slot's state of chance.
        random.seed()
        self._home_environment = os.environ.copy()
        self._home_bytes: dict[bytes, bytes] = dict(vars(os.environ)["_data"])
        self._home_folder = _working_folder(setup.home)
        run_secrets.always(urlsplit(setup.url).password or "")
        threading.Thread(target=self._watch, name="lease", daemon=True).start()
        self._threads = threading.active_count()

    def _watch(self) -> None:
        while not (self._setup.deadline.passed or os.getppid() != self._parent):
            time.sleep(0.2)
            proctree.reap_adopted()
        # From here on nothing more is said: that the task's programs are killed must not pass for the task's own end.
        # Whoever speaks may wait for a slot that is frozen, and the lease does not wait for both.
        self._lock.acquire(timeout=0.1)
        proctree.kill_below(os.getpid(), patience=0.5)
        os._exit(70)

    def _send(self, kind: str, body: Any) -> None:
        # Half a surrogate pair, as file names hold them, is no UTF-8 and must not stop the run.
        message = json.dumps([self._run_id, kind, body], ensure_ascii=False).encode("utf-8", "replace")
        main = threading.current_thread() is threading.main_thread()
        with self._lock:
            self._sending = main
            self._channel.send(message)
            self._sending = False
        if main and self._stop_asked:
            self._raise_stop()

    def _send_lines(self, lines: list[LogLine]) -> None:
        masked = [[line.source, run_secrets.mask(line.message), line.level, line.metadata] for line in lines]
        self._send("log", masked)

    def _say(self, progress: float | None, thought: str) -> None:
        now = time.monotonic()
        if os.getpid() == self._pid and (now - self._said_at >= SAY_EVERY or progress in (None, 1.0)):
            self._said_at = now
            self._send("say", [progress, run_secrets.mask(thought)])

    def _write(self, source: str, level: str, message: str, metadata: str) -> None:
        if os.getpid() == self._pid:
            self._pump.add(LogLine(source, message, level, metadata))
        else:
            # A process that the task forked has no pump of its own; its output is read like any other.
            sys.stderr.write(f"{message}\n")

    def serve(self) -> None:
        """Run each claim the slot sends; ends when the slot closes the channel."""
        while True:
            try:
                claim, briefing = self._next()
                worn = self._serve_one(claim, briefing)
                while worn:
                    # Another horse runs what may have been sent ahead.
                    self._channel.receive()
            except (EOFError, ConnectionError):
                self._leave()

    def _leave(self) -> NoReturn:
        proctree.kill_below(os.getpid())
        os._exit(0)

    def _next(self) -> tuple[Claim, Briefing]:
        """Wait for a permit, and return its claim; orders before it were taken back."""
        self._is_idle = True
        if self._stop_asked:
            self._leave()
        permitted = self._permits.take()
        self._is_idle = False
        while True:
            message = self._orders.popleft() if self._orders else self._channel.receive()
            order = read_order(message)
            if order is not None and order[0] == permitted:
                return order[1], order[2]

    def _serve_one(self, claim: Claim, briefing: Briefing) -> bool:
        """Run a claim and tell how it ended; returns whether this process must not run another."""
        began = time.monotonic()
        self._before(claim, briefing)
        outcome = self._run(claim)
        if os.getpid() != self._pid:
            # The task forked, and this is the child coming back: the run is its parent's.
            sys.stdout.flush()
            os._exit(0)
        worn = self._after() or self._stop_asked
        sealed = self._without_empty_folder(claim, outcome).sealed()
        sealed = sealed._replace(error=run_secrets.mask(sealed.error))
        run_secrets.clear()
        self._send("done", [worn, began, time.monotonic(), *sealed])
        return worn

    def _before(self, claim: Claim, briefing: Briefing) -> None:
        self._run_id = claim.run_id
        os.environ[proctree.RUN_MARK] = self._run_id
        os.environ["SHRAGA_TASK"] = claim.task_id
        os.environ["SHRAGA_ATTEMPT"] = str(claim.attempt)
        self._pump.open(claim.limits.log_bytes)
        name, home = claim.fields.get("name", ""), str(self._setup.home)
        occurrence, event = _occurrence(claim)
        talk = Conversation(self._run_id, self._channel, briefing, self._send, self._orders.append)
        context.enter(
            RunContext(
                claim.task_id,
                claim.attempt,
                claim.owner,
                name,
                home,
                self._say,
                self._write,
                talk,
                inputs=inputs_of(claim),
                occurrence=occurrence,
                event=event,
            )
        )

    def _run(self, claim: Claim) -> Outcome:
        run = context.current_run()
        assert run is not None
        try:
            spec, inputs = claim.spec, inputs_of(claim)
        except InvalidInput as error:
            said = f"This worker cannot read the task; is it older than who submitted it? {error}."
            return Outcome(RunStatus.FAILED, error=said, retry=False)
        try:
            if inputs:
                spec = spec.model_copy(update={"action": filled_action(spec.action, inputs)})
        except InvalidInput as error:
            return Outcome(RunStatus.FAILED, error=str(error), retry=False)
        try:
            self._interruptible = True
            if self._stop_asked:
                raise StopRun
            return run_action(spec, run, self._setup.modules)
        except StopRun:
            return Outcome(RunStatus.CANCELED, error="The run was asked to stop and did.")
        except Suspended:
            return Outcome(RunStatus.SUSPENDED, execution=_where(run))
        except SystemExit as leaving:
            return Outcome(RunStatus.FAILED, error=f"The task called exit({leaving.code!r}).")
        except BaseException as error:
            return Outcome(RunStatus.FAILED, error=f"{type(error).__name__}: {error}"[:2000])
        finally:
            self._interruptible = False

    def _is_worn(self) -> bool:
        """Whether the run left something in this process that the next one would meet."""
        return (
            self._pump.is_worn
            or threading.active_count() > self._threads
            or signal.getitimer(signal.ITIMER_REAL)[0] > 0
            or signal.getsignal(signal.SIGTERM) != self._on_stop
        )

    def _on_stop(self, signum: int, frame: FrameType | None) -> None:
        if self._is_idle:
            # Nobody's run must be lost for it.
            self._leave()
        # Asked before the run is under way, or in the middle of a message, it is remembered.
        self._stop_asked = True
        if not self._sending:
            self._raise_stop()

    def _raise_stop(self) -> None:
        if self._interruptible:
            self._interruptible = False
            raise StopRun

    def _after(self) -> bool:
        context.enter(None)
        # What a task leaves behind would go on under the next one's name.
        alone = not proctree.has_children() or proctree.kill_below(os.getpid())
        worn = not alone or self._is_worn()
        self._pump.close()
        if self._environment_changed():
            os.environ.clear()
            os.environ.update(self._home_environment)
        with suppress(OSError):
            os.chdir(self._home_folder)
        return worn

    def _environment_changed(self) -> bool:
        # Through its own interface the mapping decodes each name and value, which takes longer than a short task does.
        now: dict[bytes, bytes] = vars(os.environ)["_data"]
        own = {name: now.get(name, b"") for name in _RUN_VARIABLES}
        return now != self._home_bytes | own

    def _without_empty_folder(self, claim: Claim, outcome: Outcome) -> Outcome:
        # Most runs leave nothing; a folder for each would fill the disk with nothing.
        task_folder = f"{self._setup.home}/runs/{claim.task_id}"
        goes_on = outcome.execution is not None and outcome.execution.session_id
        if outcome.status is RunStatus.SUSPENDED or claim.resume or goes_on:
            return outcome
        try:
            os.rmdir(f"{task_folder}/{claim.attempt}")
        except OSError:
            return outcome
        with suppress(OSError):
            os.rmdir(task_folder)
        return replace(outcome, execution=None)


def _occurrence(claim: Claim) -> tuple[str, str]:
    """Return what the run is for and its event's data, empty for none, and tell the programs it starts."""
    said = claim.fields.get("occurrence", ""), claim.fields.get("event_data", "")
    for name, value in zip(("SHRAGA_OCCURRENCE", "SHRAGA_EVENT_DATA"), said, strict=True):
        if value:
            os.environ[name] = value
    return said


def _working_folder(home: Path) -> str:
    try:
        return os.getcwd()
    except OSError:
        # The folder the worker was started in may be gone, as when a deployment replaces it.
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return str(home)


def _where(run: RunContext) -> ExecutionDetails:
    return ExecutionDetails(execution_folder=str(run.make_folder()))


def order_json(number: int, claim: Claim, briefing: dict[str, Any] | None) -> bytes:
    """Return a claim, and what the run is to know, as the channel carries them; most runs have nothing to be told."""
    cells: list[Any] = [number, claim.task_id, claim.owner, claim.attempt, claim.fence, claim.fields]
    if claim.resume or briefing:
        cells += [claim.resume, briefing]
    return json.dumps(cells).encode()


def read_order(message: bytes) -> tuple[int, Claim, Briefing] | None:
    """Return an order's number, claim and briefing; None for what was meant for a run that has ended."""
    found = json.loads(message)
    if isinstance(found, dict):
        return None
    number, task_id, owner, attempt, fence, fields, *more = found
    if not more:
        return number, Claim(task_id, owner, attempt, fence, fields), _NOTHING_TOLD
    resume, briefing = more
    return number, Claim(task_id, owner, attempt, fence, fields, resume=resume), Briefing.read(briefing)
