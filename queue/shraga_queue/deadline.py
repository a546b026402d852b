"""Until when a slot surely holds the lease of what its horse runs, for each process that may have to end that run."""

from __future__ import annotations

import struct
import time
from mmap import mmap

UNKEPT = "the lease could not be kept, as Redis was not reached in time"
"""What is said of a run that was ended because its deadline passed."""
_DEADLINE = struct.Struct("d")


def lease_clock() -> float:
    """Return seconds on a clock that goes on while the host sleeps, since the lease does too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Deadline:
    """The moment until which the slot's lease is surely held, in shared memory, on the lease clock."""

    def __init__(self) -> None:
        self._memory = mmap(-1, _DEADLINE.size + 1)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Say that there is a new horse, which has missed nothing."""
        self.set(0)
        self._memory[_DEADLINE.size] = False

    def set(self, at: float) -> None:
        """Say until when the lease is held; 0 says that no run is on."""
        self._memory[: _DEADLINE.size] = _DEADLINE.pack(at)

    @property
    def passed(self) -> bool:
        """Whether the lease may have ended; whoever sees that ends the horse, so it is kept as `missed`."""
        (at,) = _DEADLINE.unpack_from(self._memory)
        has_passed = bool(0 < at < lease_clock())
        if has_passed:
            self._memory[_DEADLINE.size] = True
        return has_passed

    @property
    def missed(self) -> bool:
        """Whether the horse is ended, by itself, its slot or the supervisor, because the deadline passed."""
        return bool(self._memory[_DEADLINE.size])
