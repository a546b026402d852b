"""A run in a slot's hands: its lease, its limits, its stop, and how it ended."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from shraga_models import RunStatus
from shraga_models.durations import format_duration

from . import proctree
from .correspondence import Correspondence
from .deadline import UNKEPT, Deadline, lease_clock
from .engine import STALE, Claim, EndedRun, Engine, LogLine, Outcome, SealedOutcome
from .horse import order_json
from .operations import LEASE_MS
from .outage import server_is_down
from .step_inputs import with_inputs
from .work_horse import WorkHorse

LEASE = LEASE_MS / 1000
MARGIN = 1.0
"""Seconds before the lease's end at which the horse stops itself."""
BEAT_EVERY = 1.5
FIRST_BEAT = 0.25
TELL_EVERY = 0.5
MAX_KEPT_LINES = 5_000
LOG_BATCH = 250
SETTLE_PAUSE = 0.25


class ActiveRun:
    """One claim from its start to its end; `step` does what is due and never blocks for long."""

    def __init__(
        self,
        engine: Engine,
        claim: Claim,
        name: str,
        horse: WorkHorse,
        deadline: Deadline,
        asked: float,
    ) -> None:
        self.engine = engine
        self.claim = claim
        self.limits = claim.limits
        self.asked = asked
        self._name = name
        self._horse = horse
        self._channel = horse.channel
        self._deadline = deadline
        self._started = time.monotonic()
        self._ended = 0.0
        self._is_followed = False
        self._beat_at = self._started + FIRST_BEAT
        self._told_at = 0.0
        self._fresh = False
        self._progress: float | None = None
        self._thought = ""
        self._printed = ""
        self._lines: list[LogLine] = []
        self._letters = Correspondence(engine, claim, horse.channel)
        self._dropped = 0
        self._stop_reason: RunStatus | None = None
        self._kill_at: float | None = None
        self._outcome: SealedOutcome | None = None
        self._where = self.lost = ""
        self._stale = False
        self._worn = False
        self._run_id = claim.run_id

    @property
    def ended(self) -> bool:
        """Whether the horse is done with it, one way or another."""
        return self._outcome is not None or bool(self.lost) or self._stale

    @property
    def spoiled(self) -> bool:
        """Whether the horse must not serve another run."""
        return self._stop_reason is not None or bool(self.lost) or self._stale or self._worn

    @property
    def running_for(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self._started

    @property
    def listens(self) -> bool:
        """Whether it takes more of what the horse says; not while lines enough wait for the server."""
        return len(self._lines) < LOG_BATCH

    @property
    def needs_no_reading(self) -> bool:
        """Whether all that the run has to know at its start is in its claim."""
        return self._letters.needs_no_reading

    def order(self, number: int) -> bytes:
        """Return what the horse is sent; Redis's errors pass through."""
        claim = with_inputs(self.engine.driver, self.claim)
        return order_json(number, claim, self._letters.briefing())

    def begin(self) -> None:
        """Hand the claim to the horse; the lease is surely held from when the claim was asked for."""
        self.follow()
        if self._deadline.passed:
            self.lost = "the answer to the claim came too late"
            return
        try:
            self._horse.begin(self.order)
        except RedisError:
            self.lost = "what the run has to know could not be read"
        except OSError:
            self.lost = "the process for the task ended before the task began"

    def follow(self) -> None:
        """Look after the run from now on: the horse begins it now, or has been sent it ahead and may be at it."""
        if self._is_followed:
            return
        self._is_followed = True
        self._deadline.set(self.asked + LEASE - MARGIN)
        self._started = time.monotonic()
        self._beat_at = self._started + FIRST_BEAT

    def due_in(self) -> float:
        """Return the seconds until something is due."""
        due = [self._beat_at, self._kill_at or self._started + self.limits.timeout]
        if not self.listens:
            due.append(time.monotonic() + SETTLE_PAUSE)
        elif self._channel.is_ready:
            return 0.0
        if self._fresh:
            due.append(self._told_at + TELL_EVERY)
        return max(0.0, min(due) - time.monotonic())

    def step(self) -> None:
        """Read what the horse said, keep the lease, see to the limits."""
        gone = time.monotonic() >= self._beat_at and not proctree.is_alive(self._horse.pid)
        self._read(math.inf if gone else LOG_BATCH)
        if gone and not self.ended:
            # The channel does not say so where a process that the task forked holds the other end open.
            self._horse_ended()
        if not self.ended and self._deadline.passed:
            # The horse watches too, but a task that never lets go of the interpreter keeps it from looking.
            self.abandon(UNKEPT)
        if self.ended:
            return
        self._write_down()
        self._let_go_where_it_is_dear()
        now = time.monotonic()
        if now >= self._beat_at or (self._fresh and now >= self._told_at + TELL_EVERY):
            self._beat()
        if self._stop_reason is None and now - self._started >= self.limits.timeout:
            self._ask_to_stop(RunStatus.TIMEOUT)
        if self._kill_at is not None and now >= self._kill_at:
            self._end_by_force()

    def look_now(self) -> None:
        """Ask the store at the next step whether the run was asked to stop."""
        self._beat_at = 0.0

    def give_up(self, error: Exception) -> None:
        """Fail the run for a reason that is this worker's own, so that it does not go round for ever."""
        self._lines = []
        self._outcome = unrecorded(error)
        self._thought = self._printed = ""

    def abandon(self, why: str) -> None:
        """End the run at once; it is lost and tried again by its limits."""
        if not self.ended:
            self.lost = why
            proctree.kill_below(os.getpid())

    # The horse's words

    def catch_up(self) -> None:
        """Read what a horse that is dead by now has said of the run, as its last word."""
        self._read(math.inf)
        self.abandon("the process running the task was ended")

    def _read(self, lines: float = LOG_BATCH) -> None:
        try:
            while not self.ended and len(self._lines) < lines:
                message = self._channel.receive_now()
                if message is None:
                    return
                run, kind, body = json.loads(message)
                if run == self._run_id:
                    self._hear(kind, body)
        except (EOFError, OSError):
            self._horse_ended()
        except Exception as error:
            # A task can write into the channel too; who says what is no message is not listened to any further.
            proctree.kill_below(os.getpid())
            self._worn = True
            self.give_up(error)

    def _hear(self, kind: str, body: Any) -> None:
        if kind == "log":
            lines = [LogLine(*cells) for cells in body]
            self._lines += lines
            printed = (
                line.message for line in reversed(lines) if line.source == "stdout" and line.message.strip()
            )
            self._printed = next(printed, self._printed)
        elif kind in ("ask", "chat", "spend"):
            self._letters.hear(kind, body)
        elif kind == "where":
            self._where = body
        elif kind == "say":
            self._fresh = True
            self._progress = self._progress if body[0] is None else body[0]
            self._thought = body[1] or self._thought
        else:
            self._worn, self._started, self._ended, *outcome = body
            self._take_outcome(SealedOutcome(*outcome))

    def _take_outcome(self, outcome: SealedOutcome) -> None:
        if self._stop_reason is not None and outcome.status != RunStatus.COMPLETED:
            self._where = outcome.execution or self._where
            outcome = self._stopped(outcome.exit_code)
        if outcome.status == RunStatus.CANCELED and self._stop_reason is None:
            self.lost = "the process running the task was told to stop, but not by this worker"
        else:
            self._outcome = outcome

    def _stopped(self, exit_code: str = "") -> SealedOutcome:
        if self._stop_reason is RunStatus.TIMEOUT:
            said = f"The run took longer than its limit of {format_duration(self.limits.timeout)}."
            outcome = Outcome(RunStatus.TIMEOUT, error=said)
        elif self._stop_reason is RunStatus.SUSPENDED:
            outcome = Outcome(RunStatus.SUSPENDED)
        else:
            outcome = Outcome(RunStatus.CANCELED, error="The run was stopped.", retry=False)
        # Where it was, for the run that goes on.
        return outcome.sealed()._replace(exit_code=exit_code, execution=self._where)

    def _horse_ended(self) -> None:
        if self._stop_reason is not None:
            self._outcome = self._stopped()
        else:
            said = f"the process running the task {proctree.how_it_ended(self._horse.pid)}"
            self.lost = UNKEPT if self._deadline.missed else said

    @property
    def _last_word(self) -> str:
        """What the board shows of it: what the task said, else what it last printed."""
        return self._thought or self._printed[:200]

    # The lease

    def _beat(self) -> None:
        before, asked = time.monotonic(), lease_clock()
        tell = self._fresh and before >= self._told_at + TELL_EVERY
        try:
            answer = self.engine.heartbeat(
                self.claim,
                self._name,
                int((before - self._started) * 1000),
                self._progress,
                self._last_word,
                tell=tell,
                mail=self._letters.seen,
            )
        except (RedisError, OSError) as error:
            self._beat_at = time.monotonic() + 0.3
            if server_is_down(error):
                self._deadline.set(lease_clock() + LEASE - MARGIN)
            return
        if self._horse.is_last(self):
            # Of what was sent ahead the horse may begin the next, whose lease was not extended.
            self._deadline.set(asked + LEASE - MARGIN)
        self._beat_at = before + BEAT_EVERY
        if tell:
            self._told_at, self._fresh = before, False
        if answer == STALE:
            self._stale = True
        elif answer == "cancel" and self._stop_reason is None:
            self._ask_to_stop(RunStatus.CANCELED)
        elif answer == "mail":
            self._read_mail()

    def _read_mail(self) -> None:
        try:
            self._letters.fetch()
        except (RedisError, OSError):
            # It is still unread, so the next heartbeat says so again.
            pass

    def _let_go_where_it_is_dear(self) -> None:
        """Ask about a budget that was exceeded, and have the run let go of its slot until that is answered."""
        question = self._letters.spending.take_question()
        if question is not None and self._stop_reason is None:
            self._letters.put(question)
            self._ask_to_stop(RunStatus.SUSPENDED)

    def _ask_to_stop(self, reason: RunStatus) -> None:
        if not self._horse.keeps_to(self):
            # It is done with this run: its end is on the way, and the signal would hit the next.
            return
        self._stop_reason = reason
        self._kill_at = time.monotonic() + self.limits.grace
        proctree.send([self._horse.pid], signal.SIGTERM)

    def _end_by_force(self) -> None:
        proctree.kill_below(os.getpid())
        self._outcome = self._stopped("137")

    # The store

    def _write_down(self) -> bool:
        """Write lines and letters; returns whether the store was reached."""
        if not self._flush_lines():
            return False
        if self._letters and not self._stale:
            try:
                self._stale = self._letters.flush() == STALE
            except (RedisError, OSError):
                return False
        return True

    def _flush_lines(self) -> bool:
        while self._lines:
            batch = self._lines[:LOG_BATCH]
            try:
                answer = self.engine.append_log(self.claim, batch)
            except (RedisError, OSError):
                self._bound_lines()
                return False
            if answer == STALE:
                self._stale = True
                return True
            self._lines = self._lines[LOG_BATCH:]
        return True

    def _bound_lines(self) -> None:
        spare = len(self._lines) - MAX_KEPT_LINES
        if spare > 0:
            self._dropped += spare
            said = f"{self._dropped:,} lines were dropped while Redis was away."
            self._lines = [LogLine("system", said, "warning"), *self._lines[spare:]]

    def settle(self, give_up: Callable[[], bool], meanwhile: Callable[[], None]) -> EndedRun | None:
        """Write what the run printed, however long Redis is away, and return its end for the store.

        None where nothing is left to write: the run was lost, and has been recorded so, or was taken away.
        Only the fence or `give_up` ends the trying; `meanwhile` is called in the pauses.
        """
        ended = self._ended or time.monotonic()
        while not self._stale:
            try:
                if self._write_down() and not self._stale:
                    return self._end(ended)
            except (RedisError, OSError):
                pass
            if give_up():
                return None
            meanwhile()
            time.sleep(SETTLE_PAUSE)
        return None

    def _end(self, ended: float) -> EndedRun | None:
        if self._outcome is not None:
            return EndedRun(self.claim, self._outcome, self._started, ended, self._last_word)
        claim, why = self.claim, f"Lost: {self.lost}."
        self.engine.lose(claim.task_id, claim.fence, self.limits, claim.losses, why, self._name)
        return None


def unrecorded(error: Exception) -> SealedOutcome:
    """Return the outcome of a run that this worker could not record for a reason of its own."""
    said = f"The worker could not record the run: {type(error).__name__}: {error}"
    said = said.encode("utf-8", "replace").decode()[:2000]
    return Outcome(RunStatus.FAILED, error=said, retry=False).sealed()
