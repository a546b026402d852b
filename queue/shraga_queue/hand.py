"""What a slot holds besides the run it is at: tasks not begun, ends not written down, and the turns it takes."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Sequence

from redis.exceptions import RedisError

from .active import LEASE, unrecorded
from .connect import explain
from .deadline import lease_clock
from .engine import Bell, Claim, EndedRun, Engine, SlotName

HOLD = 0.02
"""Seconds that the end of a run, or a task that was not begun, may wait in a slot's hands."""
MOST_HELD = 32
"""Tasks that a slot takes at once, where they are short and many wait."""
UNREACHED_PAUSE = 0.3


class Hand:
    """The claims and ends in a slot's hands; `turn` changes them with the store."""

    def __init__(self, engine: Engine, slot: SlotName, url: str, log: logging.Logger) -> None:
        self.claims: deque[Claim] = deque()
        """Claimed and not begun."""
        self.ended: list[EndedRun] = []
        """Seen through and not yet in the store."""
        self.asked = 0.0
        """When the claims were asked for, on the lease clock."""
        self._engine = engine
        self._slot = slot
        self._url = url
        self._log = log
        self._unsure = False
        self._reach_at = 0.0
        self._usual_run = HOLD

    def __bool__(self) -> bool:
        return bool(self.claims or self.ended)

    @property
    def is_fresh(self) -> bool:
        """Whether there are claims, taken so lately that they can be begun."""
        return bool(self.claims) and lease_clock() - self.asked < LEASE / 2

    @property
    def is_due(self) -> bool:
        """Whether an end has waited long enough to be written down."""
        return bool(self.ended) and time.monotonic() - self.ended[0].ended > HOLD

    def is_worth_a_turn(self, ahead: int, more_ended: bool) -> bool:
        """Whether to take a turn while the horse has so many runs ahead: for half a hand, or for an end that is due.

        Where more has ended, that comes first: with a server that is far away each end would take a turn of its own.
        """
        half = len(self.ended) >= MOST_HELD // 2 and ahead <= MOST_HELD // 2
        return (half or (self.is_due and not more_ended)) and time.monotonic() >= self._reach_at

    def due_in(self, running_for: float, ahead: int = 0) -> float:
        """Return the seconds until all of it, and what is ahead, has waited for long enough behind such a run."""
        return max(HOLD - running_for, self._reach_at - time.monotonic()) if self or ahead else math.inf

    def put(self, run: EndedRun, writing: float = 0.0) -> None:
        """Take the end of a run in hand; `writing` is how long it took to write what it printed (s)."""
        self.ended.append(run)
        # A horse that runs faster than the slot can write would leave it with more than a lease gives time for.
        longer = max(run.ended - run.started, writing) - self._usual_run
        # Taking a long run for a short one costs others 20 ms; taking short ones for long makes a turn of each.
        self._usual_run += longer / (8 if longer > 0 else 2)

    def put_back(self, claims: Sequence[Claim], asked: float) -> None:
        """Take in hand again what was not begun, before all else; `asked` is when the first of it was asked for."""
        self.asked = min(self.asked, asked) if self.claims else asked
        self.claims.extendleft(reversed(claims))

    @property
    def _wanted(self) -> int:
        """How many tasks to take at once: as many as are usually done before they have waited for long."""
        return int(min(MOST_HELD, max(1.0, HOLD / 2 / self._usual_run)))

    def refill(self) -> bool:
        """Write down what has ended and take tasks where none is in hand; returns whether the store was reached."""
        if self.is_fresh:
            return not self.ended or self._turn(0, keep=True)
        return self._turn(self._wanted)

    def refill_when_rung(self, bell: Bell) -> bool:
        """Wait for a bell with nothing in hand, and take a task once it has rung, or patience has ended.

        One only: a host that was cut off meanwhile would keep it from others until its lease ends.
        """
        return self._turn(1, bell=bell)

    def refill_beside(self, runs: Sequence[str]) -> bool:
        """Do the same while the horse is at the first of these tasks' runs and has the others ahead."""
        wanted = 0 if self.claims else max(0, self._wanted - len(runs))
        return self._turn(wanted, keep=True, runs=runs)

    def put_down(self, runs: Sequence[str] = ()) -> bool:
        """Write down what has ended and give the claims back; returns whether the store was reached.

        `runs` are the ids of the tasks that go on, the first of them at hand.
        """
        return self._turn(0, runs=runs)

    def _turn(
        self, wanted: int, *, keep: bool = False, runs: Sequence[str] = (), bell: Bell | None = None
    ) -> bool:
        asked = lease_clock()
        back = [] if keep else [(claim.task_id, claim.fence) for claim in self.claims]
        running = runs[0] if runs else ""
        try:
            back += self._strays(runs)
            _, claims = self._engine.turn(self._slot, wanted, self.ended, back, running, bell)
        except (RedisError, OSError) as error:
            if not self._unsure:
                self._log.warning("Worker %s: %s Trying again.", self._slot.name, explain(error, self._url))
            self._unsure = True
            if not keep:
                # The answer alone may have been lost: what another slot may hold by now is not begun here.
                self.asked = 0.0
            self._reach_at = time.monotonic() + UNREACHED_PAUSE
            return False
        except Exception as error:
            self._log.exception("Worker %s: the end of a run could not be recorded", self._slot.name)
            self.ended = [
                EndedRun(run.claim, unrecorded(error), run.started, run.ended) for run in self.ended
            ]
            return False
        self.ended = []
        if not keep:
            self.claims.clear()
        if claims:
            self.claims, self.asked = deque(claims), asked
        return True

    def _strays(self, runs: Sequence[str]) -> list[tuple[str, int]]:
        """Return the runs that the store gave this slot in an answer that never came."""
        if not self._unsure:
            return []
        known = {
            *runs,
            *(run.claim.task_id for run in self.ended),
            *(claim.task_id for claim in self.claims),
        }
        held = self._engine.runs_of(self._slot.worker_id, self._slot.number)
        self._unsure = False
        return [(task_id, fence) for task_id, fence in held if task_id not in known]
