"""A day's load in a quarter of an hour: 86,400 tasks through two workers, and whether any memory grows with it.

`soak.py --day` runs it. Ended tasks are kept for a minute, which is an hour and a half of that day. What Redis keeps by
another policy than that (streams and the list of deleted tasks, bounded by length or by a month) is told apart.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.memory import Memory
from shraga_models import Limits, NewTask, Python, Schedule, Shell, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.connect import resolve_url
from shraga_queue.embedded import Embedded
from shraga_queue.up import House, Part, part_arguments

KEPT = 60.0
BACKLOG = 2_000
"""Tasks waiting above which nothing is submitted: a busy machine makes the day longer, not the queue."""
TICK = 0.1
WARM = 0.25
"""The share of the samples, from the first, in which modules are loaded and shared pages become a process's own."""
DAY_HOURS = 24.0
STREAMS = ("events", "user_events", "audit", "forgotten")
_NOOP = Python("shraga_queue.demo:noop")


def growth(sizes: Sequence[float]) -> dict[str, Any]:
    """Judge a series of sizes (MB) over one day: the line through all but the warm-up, and whether it is flat.

    Flat is what grows, from the warm-up's end to the day's, by no more than 2 MB and a twentieth.
    """
    judged = sizes[int(len(sizes) * WARM) :]
    slope = statistics.linear_regression(range(len(judged)), judged).slope if len(judged) > 1 else 0.0
    grown, median = slope * len(judged), statistics.median(judged)
    return {
        "median": round(median, 1),
        "most": round(max(sizes), 1),
        "mb_per_hour_of_the_day": round(grown / (DAY_HOURS * (1 - WARM)), 3),
        "flat": grown <= 2 + median / 20,
    }


class Day:
    """One accelerated day; `seconds` is how long it lasts here, if the machine keeps up."""

    def __init__(self, home: Path, tasks: int = 86_400, seconds: float = 900.0) -> None:
        self.tasks = tasks
        self.seconds = seconds
        self.home = home
        self.settings = Settings(
            home=home / "home", user="soak", redis_url=None, context=None, keep_finished=KEPT
        )
        self.memory = Memory()
        self._submitted = 0

    def run(self) -> dict[str, Any]:
        """Run the day; returns the verdict."""
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(Path(__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        resolve_url(self.settings)
        log = (self.home / "log").open("wb")
        worker, controller = part_arguments("worker", "--slots=2"), part_arguments("controller")
        parts = [Part("w1", worker), Part("w2", worker), Part("c1", controller)]
        self.house = House(self.settings, parts, output=log.fileno())
        try:
            with Shraga.connect(settings=self.settings) as shraga:
                self.shraga = shraga
                return self._verdict(self._flow())
        finally:
            self.house.stop()
            log.close()
            Embedded.release(self.settings)
            Embedded.stop(self.settings)

    def _flow(self) -> float:
        """Submit at an even pace and wait for all to end; returns the seconds it took."""
        begin = time.monotonic()
        owed_from, counts = begin, self.shraga.counts()
        while self._submitted < self.tasks or not self._all_ended():
            self.house.tick()
            self._sample()
            waits = counts.by_status[TaskStatus.QUEUED]
            if waits < BACKLOG:
                due = int((time.monotonic() - owed_from) * self.tasks / self.seconds)
                owed_from = time.monotonic() if due else owed_from
                self._submit(min(due, self.tasks - self._submitted))
            else:
                owed_from = time.monotonic()
            time.sleep(TICK)
            counts = self.shraga.counts()
        return time.monotonic() - begin

    def _all_ended(self) -> bool:
        counts = self.shraga.counts().by_status
        return not any(counts[status] for status in TaskStatus if not status.is_final)

    def _submit(self, count: int) -> None:
        new = [self.new_task(number) for number in range(self._submitted, self._submitted + count)]
        if new:
            # One by one and in bulk: both are ways work arrives.
            self.shraga.submit_task(new[0])
            self.shraga.submit_many(new[1:])
        self._submitted += count

    def new_task(self, number: int) -> NewTask:
        """Return a task: mostly a short call; of twenty one prints, one thinks aloud, one fails twice, one waits."""
        name, kind = f"task {number}", number % 20
        if kind == 0:
            return NewTask(name=name, action=Shell("echo one; echo two >&2"))
        if kind == 1:
            crunch = Python("shraga_queue.demo:crunch", args={"steps": 1, "pause": 0.0})
            return NewTask(name=name, action=crunch)
        if kind == 2:
            return NewTask(name=name, action=Shell("exit 7"), limits=Limits(retries=1, backoff=0.1))
        if kind == 3:
            at = self.shraga.driver.run(self.shraga.operations.now()) + timedelta(seconds=2)
            return NewTask(name=name, action=_NOOP, schedule=Schedule(at=at))
        return NewTask(name=name, action=_NOOP)

    def _sample(self) -> None:
        before = len(self.memory.series["redis used_memory"])
        self.memory.sample(self.house, self.shraga)
        if len(self.memory.series["redis used_memory"]) == before:
            return
        redis, make = self.shraga.driver.connection, self.shraga.driver.keys.make
        bounded = 0.0
        for name in STREAMS:
            key = make(name, owner=self.settings.user) if name == "user_events" else make(name)
            size = (redis.memory_usage(key, samples=0) or 0) / 1e6
            bounded += size
            self.memory.series[f"redis, {name}"].append(size)
        self.memory.series["redis, the rest"].append(self.memory.series["redis used_memory"][-1] - bounded)

    def _verdict(self, took: float) -> dict[str, Any]:
        series = {what: growth(sizes) for what, sizes in sorted(self.memory.series.items())}
        bounded = [f"redis, {name}" for name in STREAMS]
        # What holds the bounded streams grows until they are full; they have bounds, and tests of those.
        judged = [what for what in series if what not in ("server", "redis used_memory", *bounded)]
        workers = self.shraga.workers()
        failing = len(range(2, self.tasks, 20))
        return {
            "tasks": self.tasks,
            "seconds": round(took),
            "samples": len(self.memory.series["server"]),
            "ended": {
                "completed": sum(worker.completed for worker in workers),
                "failed": sum(worker.failed for worker in workers),
            },
            # Runs, as the workers count them: who fails is tried twice.
            "expected": {"completed": self.tasks - failing, "failed": 2 * failing},
            "kept_at_the_end": self.shraga.counts().total,
            "folders_at_the_end": len(list((self.home / "home" / "runs").glob("*"))),
            "mb": series,
            "growing": [what for what in judged if not series[what]["flat"]],
        }
