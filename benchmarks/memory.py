"""What the house's processes and Redis take while work flows, and whether it grows."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import Any

import psutil
from redis.exceptions import RedisError

from shraga_queue import proctree
from shraga_queue.client import Shraga
from shraga_queue.up import House

EVERY = 1.0
ENOUGH = 40
"""Samples below which nothing is said about growth."""


class Memory:
    """Samples of resident memory by kind of process (the largest of each, MB) and of Redis (MB)."""

    def __init__(self) -> None:
        self.series: dict[str, list[float]] = defaultdict(list)
        self._at = 0.0

    def sample(self, house: House, shraga: Shraga) -> None:
        """Take one sample, at most one a second."""
        if time.monotonic() < self._at:
            return
        self._at = time.monotonic() + EVERY
        largest: dict[str, float] = defaultdict(float)
        for part in house.parts:
            if part.process is None or part.process.poll() is not None:
                continue
            kind = "supervisor" if part.name.startswith("w") else "controller"
            for pid in [part.process.pid, *proctree.descendants(part.process.pid)]:
                own, size = _look(pid)
                what = kind if pid == part.process.pid else _kind(own)
                if what:
                    largest[what] = max(largest[what], size)
        for what, size in largest.items():
            self.series[what].append(size)
        try:
            info: Any = shraga.driver.connection.info()
        except RedisError:
            return
        self.series["server"].append(_look(int(info["process_id"]))[1])
        self.series["redis used_memory"].append(info["used_memory"] / 1e6)

    def report(self, tasks: int) -> dict[str, Any]:
        """Return first and last medians by kind, and the kinds that grew by more than an eighth and 4 MB.

        Redis keeps the tasks, so it is reported per task and not judged.
        """
        found, growing = {}, []
        for what, sizes in self.series.items():
            quarter = max(1, len(sizes) // 4)
            # The first quarter warms up: modules are loaded, pages that were shared become a process's own.
            first = statistics.median(sizes[quarter : 2 * quarter] or sizes)
            last = statistics.median(sizes[-quarter:])
            found[what] = {"first": round(first, 1), "last": round(last, 1), "most": round(max(sizes), 1)}
            judged = "server" not in what and "redis" not in what
            if judged and len(sizes) >= ENOUGH and last > first * 1.125 + 4:
                growing.append(what)
        used = self.series["redis used_memory"] or [0.0]
        per_task = (used[-1] - used[0]) * 1e6 / max(1, tasks)
        return {"mb": found, "redis_bytes_per_task": round(per_task), "growing": growing}


def _kind(name: str) -> str:
    return next((kind for kind in ("slot", "horse") if name.startswith(f"shraga-{kind}")), "")


def _look(pid: int) -> tuple[str, float]:
    try:
        process = psutil.Process(pid)
        return process.name(), process.memory_info().rss / 1e6
    except psutil.Error:
        return "", 0.0
