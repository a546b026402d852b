"""A slot's side of its horse: the process, the way to it, and the runs it has been sent ahead."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from . import proctree
from .channel import Channel
from .horse import HorseSetup, run_horse
from .permits import Permits

if TYPE_CHECKING:
    from .active import ActiveRun

MOST_AHEAD_BYTES = 1 << 16
"""What is sent ahead fits into the socket: a slot must not wait for a horse that is at another run."""


class WorkHorse:
    """A forked process that runs one thing after another; `put_back` takes what it was sent and did not begin."""

    def __init__(self, setup: HorseSetup, put_back: Callable[[Sequence[ActiveRun]], None]) -> None:
        self.sent: dict[int, ActiveRun] = {}
        """Sent ahead by number, in order: it may have begun some, each of them once the run before had ended."""
        self.count = 0
        """How many runs it has been given."""
        self._last_number = self._followed = 0
        self._put_back = put_back
        self._permits = Permits()
        self.channel, its = Channel.pair()
        slot = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self.channel.close()
            self._permits.only_take()
            run_horse(its, self._permits, setup, slot)
        its.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return proctree.is_running_child(self.pid)

    def begin(self, message: Callable[[int], bytes]) -> None:
        """Have it begin a run now; `message` makes the order of a number. Raises OSError when it is gone."""
        self.count += 1
        self._last_number += 1
        self._followed = self._last_number
        order = message(self._followed)
        # The permit first: without one the horse does not read, and what the socket does not hold would never be sent.
        self._permits.give((self._followed,))
        self.channel.send(order)

    def send_ahead(self, runs: Sequence[ActiveRun]) -> int:
        """Send what is to be run after what it is at; returns how many of them were sent."""
        sending: dict[int, ActiveRun] = {}
        try:
            if runs and self.channel.send_soon():
                sending = self._put_in_line(runs)
            # An order without a permit is passed over, be it that a part of it is still on its way.
            if not sending or not self.channel.send_soon():
                return 0
        except OSError:
            # It is gone, which shows in what it still had to say.
            return 0
        self.sent |= sending
        self.count += len(sending)
        self._permits.give(list(sending))
        return len(sending)

    def _put_in_line(self, runs: Sequence[ActiveRun]) -> dict[int, ActiveRun]:
        numbered: dict[int, ActiveRun] = {}
        size = 0
        for run in runs:
            message = run.order(self._last_number + 1)
            size += len(message)
            if size > MOST_AHEAD_BYTES:
                break
            self._last_number += 1
            self.channel.add(message)
            numbered[self._last_number] = run
        return numbered

    def next(self) -> ActiveRun:
        """Return the first that was sent ahead, for the slot to follow."""
        self._followed = next(iter(self.sent))
        return self.sent.pop(self._followed)

    def take_back(self) -> None:
        """Put back what it has not begun; of what is left in `sent` it has begun all, and ended all but the last."""
        left = self._permits.take_back() if self.sent else set()
        if self._followed in left:
            # It has not even begun the one that the slot follows, which it is to run all the same.
            self._permits.give((self._followed,))
        unbegun = [self.sent.pop(number) for number in list(self.sent) if number in left]
        self.count -= len(unbegun)
        self._put_back(unbegun)

    def forgo(self) -> bool:
        """Let it begin nothing more; returns whether it has not begun the run that the slot follows."""
        self.take_back()
        return self._followed in self._permits.take_back()

    def is_last(self, run: ActiveRun) -> bool:
        """Whether it has been sent nothing to begin after a run."""
        return not self.sent or next(reversed(self.sent.values())) is run

    def keeps_to(self, run: ActiveRun) -> bool:
        """Take back what is to come after a run; False where it has gone on to that, so that a signal would hit it."""
        self.take_back()
        return self.is_last(run)

    def close(self) -> None:
        """Let go of it once its process is dead."""
        self.channel.close()
        self._permits.close()
