"""The controller: any number may run, one leads; it releases, reaps, mends, trims, forgets, and tells webhooks."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog
from redis.exceptions import RedisError

from .calls import Call
from .client import SyncDriver
from .config import Settings
from .connect import connect_sync, explain, refuse_unfit, refuses, resolve_url
from .delivery import Delivery
from .engine import TRIM_BATCH, Engine
from .firing import fire_due
from .keys import Keys
from .mending import Mender
from .operations import LEASE_MS
from .retention import BATCH, Retention, remove_folders
from .workflow_duty import WorkflowDuty

log = structlog.get_logger("shraga.controller")

LEADER_LEASE_MS = 5_000
RENEW_EVERY = 1.0
REAP_EVERY = 0.5
IDLE_TICK = 0.25
"""Seconds a due time may be late when nothing is known to be due sooner."""
RECONCILE_EVERY = 60.0
TRIM_EVERY = 300.0
FORGET_EVERY = 60.0
DELIVER_EVERY = 1.0
FORGET_BATCHES = 5
"""Batches of ended tasks deleted in one turn, so that what is due and what is lost wait for a moment only."""
RECONCILE_SLICE = 500
WORKER_SILENCE_MS = LEASE_MS
WORKER_REMEMBERED_MS = 3_600_000
AWAY_PAUSE = 0.5
"""Seconds between two tries while Redis is away; short, since due and lost tasks wait for it."""
AWAY_TOLD_EVERY = 60.0
GAP = 2.0
"""Seconds by which the loop or Redis's clock may jump before leases are distrusted."""


@dataclass
class Duty:
    """Something the leader does now and then."""

    name: str
    every: float
    do: Callable[[], None]
    due: float = 0.0


class Controller:
    """One controller process; only the leader's writes are accepted, since every script compares its token."""

    def __init__(self, engine: Engine, retention: Retention | None = None, home: Path | None = None) -> None:
        self.engine = engine
        self.retention = retention or Retention()
        self.home = home
        self.token = secrets.token_hex(16)
        self.leads = False
        self.stopping = threading.Event()
        self._trust_at = 0.0
        self._last_loop = time.monotonic()
        self._clock_offset: float | None = None
        self._renew_at = 0.0
        self._next_due = 0.0
        self._silent: dict[str, int] = {}
        self.delivery = Delivery(engine.driver, self.token)
        self._forgetting = Duty("forget", FORGET_EVERY, self._forget)
        self._tell_away_at = 0.0
        self.duties = [
            Duty("release", 0.0, self._release),
            Duty("fire", 0.0, self._fire),
            Duty("reap", REAP_EVERY, self._reap),
            Duty("workflows", 0.0, WorkflowDuty(engine.driver)),
            Duty("reconcile", RECONCILE_EVERY, self._reconcile),
            Duty("trim", TRIM_EVERY, self._trim),
            Duty("deliver", DELIVER_EVERY, self.delivery.look),
            self._forgetting,
        ]

    def run(self) -> None:
        """Lead or stand by until told to stop; raises Unreachable or Forbidden where the server will not have us."""
        self._distrust("this controller has just started")
        while not self.stopping.is_set():
            try:
                self._turn()
                pause = max(0.005, min(IDLE_TICK, self._next_due - time.monotonic()))
                self._tell_back()
            except (RedisError, OSError) as error:
                self._bear(error)
                pause = AWAY_PAUSE
            self.stopping.wait(pause)
        self._step_down()

    def _bear(self, error: Exception) -> None:
        said = explain(error, self.engine.driver.url)
        if refuses(error):
            raise said from error
        if time.monotonic() >= self._tell_away_at:
            log.warning("Redis is away; trying again", why=str(said))
            self._tell_away_at = time.monotonic() + AWAY_TOLD_EVERY
        self._distrust("Redis was away")
        self._renew_at = 0.0

    def _tell_back(self) -> None:
        if self._tell_away_at:
            log.info("Redis is back")
            self._tell_away_at = 0.0

    def _turn(self) -> None:
        now = time.monotonic()
        if now - self._last_loop > GAP:
            self._distrust("this process was held up")
            self._renew_at = 0.0
        self._last_loop = now
        if now >= self._renew_at:
            self._renew()
        self._next_due = now + IDLE_TICK
        for duty in self.duties if self.leads else ():
            if now >= duty.due:
                duty.due = now + duty.every
                self._do(duty)

    def _do(self, duty: Duty) -> None:
        try:
            duty.do()
        except (RedisError, OSError):
            raise
        except Exception:
            # One record that cannot be read must not end the duties for all the others.
            log.exception("a duty failed", duty=duty.name)

    # Leading

    def _renew(self) -> None:
        answer = self.engine.lead(self.token, LEADER_LEASE_MS)
        self._renew_at = time.monotonic() + RENEW_EVERY
        if answer and not self.leads:
            log.info("leading")
        if self.leads and not answer:
            log.info("another controller leads")
        self.leads = bool(answer)
        # Who stands by watches too: a controller that saw no trouble for a lease may act as soon as it leads.
        self._watch_clock()

    def _watch_clock(self) -> None:
        # A jump of Redis's clock against ours says that workers may not have been able to renew.
        seconds, micros = self.engine.driver.call(
            Call(lambda reply: (int(reply[0]), int(reply[1])), command=("TIME",))
        )
        offset = seconds + micros / 1e6 - time.monotonic()
        if self._clock_offset is not None and abs(offset - self._clock_offset) > GAP:
            self._distrust("Redis's clock jumped")
        self._clock_offset = offset

    def _distrust(self, why: str) -> None:
        if time.monotonic() >= self._trust_at:
            log.info("leases are not acted on for one lease", why=why)
        self._trust_at = time.monotonic() + LEASE_MS / 1000

    def _step_down(self) -> None:
        self.delivery.stop()
        try:
            self.engine.lead(self.token, 0)
        except (RedisError, OSError):
            log.info("Redis is away; the lead ends by itself")

    # Duties

    def _release(self) -> None:
        self._take_turn(self.engine.release_due(self.token))

    def _take_turn(self, answer: tuple[int, int] | None) -> None:
        if answer is None:
            self.leads = False
            return
        done, wait_ms = answer
        if done:
            self._next_due = time.monotonic()
        elif wait_ms >= 0:
            self._next_due = min(self._next_due, time.monotonic() + wait_ms / 1000)

    def _fire(self) -> None:
        self._take_turn(fire_due(self.engine, self.token))

    def _reap(self) -> None:
        if time.monotonic() < self._trust_at:
            return
        for lease in self.engine.expired_leases():
            why = "Lost: the worker fell silent."
            status = self.engine.lose(
                lease.task_id, lease.fence, lease.limits, lease.losses, why, "controller", self.token
            )
            log.info("reaped a lost run", task=lease.task_id, attempt=lease.attempt, status=status)
        silent = self.engine.silent_workers(WORKER_SILENCE_MS)
        for worker, seen in silent.items():
            # Who was declared gone is still listed for a while; only who has beaten since is looked at again.
            if self._silent.get(worker) != seen:
                self.engine.worker_gone(worker, "controller", WORKER_SILENCE_MS)
        self._silent = silent

    def _reconcile(self) -> None:
        self.engine.unpark(self.token)
        for status in self.engine.to_reconcile():
            first, mender = 0, Mender(self.engine, self.token)
            while (answer := mender.mend(status, first, RECONCILE_SLICE)) is not None:
                mended, seen = answer
                if mended:
                    log.warning("mended", status=status.value, tasks=mended)
                if seen < RECONCILE_SLICE or self.stopping.is_set():
                    break
                first += seen
                if time.monotonic() >= self._renew_at:
                    self._renew()

    def _trim(self) -> None:
        while self.engine.trim(WORKER_REMEMBERED_MS) >= TRIM_BATCH and not self.stopping.is_set():
            if time.monotonic() >= self._renew_at:
                self._renew()

    def _forget(self) -> None:
        for _ in range(FORGET_BATCHES):
            gone = self.retention.forget(self.engine, self.token)
            if gone is None:
                self.leads = False
            if self.home is not None and gone:
                remove_folders(self.home, gone)
            if self.retention.forget_workflows(self.engine, self.token) is None:
                self.leads = False
            if not gone or len(gone) < BATCH:
                return
        self._forgetting.due = self._next_due = time.monotonic()


def run_controller(settings: Settings) -> int:
    """Run a controller until SIGTERM or SIGINT; returns the process's exit code."""
    url = resolve_url(settings)
    engine = Engine(
        SyncDriver(connect_sync(settings, retries=0, socket_timeout=3.0), Keys(settings.prefix), url=url)
    )
    refuse_unfit(engine.driver.connection)
    controller = Controller(engine, Retention.of(settings), settings.home)

    def stop(signum: int, frame: FrameType | None) -> None:
        controller.stopping.set()

    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, stop)
    log.info("controller ready")
    controller.run()
    return 0
