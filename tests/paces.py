"""When the runs of a task were alive, as they noted it themselves (`tests.jobs:pace`)."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Pace:
    """One run's process: when it began, when it was last seen alive (CLOCK_MONOTONIC), whether it ended."""

    pid: int
    begin: float
    last: float
    ended: bool = False

    def silent_for(self, seconds: float) -> bool:
        """Whether it has noted nothing for so long."""
        return time.monotonic() - self.last > seconds


def read_paces(path: Path) -> list[Pace]:
    """Return the runs that noted something, in the order in which they began."""
    found: dict[int, Pace] = {}
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    for line in lines:
        at, pid, word = line.split()
        if word == "begin":
            found[int(pid)] = Pace(int(pid), float(at), float(at))
        else:
            found[int(pid)].last, found[int(pid)].ended = float(at), word == "end"
    return list(found.values())


def overlaps(paces: list[Pace]) -> list[tuple[Pace, Pace]]:
    """Return the pairs of neighbouring runs of which the second began before the first was last alive."""
    return [(one, next_) for one, next_ in itertools.pairwise(paces) if next_.begin <= one.last]
