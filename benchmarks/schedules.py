"""Schedules at one slot a second under two controllers, one of which is killed with SIGKILL every few seconds.

Prints how many slots there were, how many ran once, never and twice, and how late they began. `--schedules 100
--seconds 120` is what the issue asks for. A slot "ran" where its task noted the occurrence's id in a file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from shraga_models import NewTask, Python, Schedule, Task, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.connect import resolve_url
from shraga_queue.embedded import Embedded
from shraga_queue.timetable import slot_name
from shraga_queue.up import environment, part_arguments

ROOT = Path(__file__).parent.parent
STEP = 1000
CONTROLLERS = 2


@dataclass(frozen=True)
class Plan:
    """What a run does; times in seconds."""

    schedules: int = 100
    seconds: float = 120.0
    kill_every: float = 4.0
    slots: int = 2
    patience: float = 60.0
    seed: int = 0


class Storm:
    """Schedules, a worker, two controllers, and a hand that kills the one that leads or the one that stands by."""

    def __init__(self, plan: Plan, home: Path) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.notes = home / "notes"
        self.log = home / "log"
        self.settings = Settings(home=home / "home", user="bench", redis_url=None, context=None)
        self.controllers: list[subprocess.Popen[bytes]] = []
        self.kills = 0

    def run(self) -> dict[str, Any]:
        """Run the plan; returns the counts."""
        resolve_url(self.settings)
        parts = [
            self._start("worker", f"--slots={self.plan.slots}", "--allow-module=benchmarks.schedule_jobs")
        ]
        try:
            self.controllers = [self._start("controller") for _ in range(CONTROLLERS)]
            with Shraga.connect(settings=self.settings) as shraga:
                tasks = shraga.submit_many(self._tasks())
                self._kill_for(self.plan.seconds)
                self._catch_up(shraga, tasks)
                last = [shraga.pause_schedule(task.id) for task in tasks]
                self._drain(shraga)
                return self._counts(tasks, last)
        finally:
            for process in (*parts, *self.controllers):
                process.send_signal(signal.SIGTERM)
            for process in (*parts, *self.controllers):
                process.wait()
            Embedded.release(self.settings)
            Embedded.stop(self.settings)

    def _tasks(self) -> list[NewTask]:
        action = Python("benchmarks.schedule_jobs:note", args={"path": str(self.notes)})
        schedule = Schedule(interval=STEP / 1000, overlap="queue", missed="all", missed_max=1000)
        return [
            NewTask(name=f"every second {number}", action=action, schedule=schedule)
            for number in range(self.plan.schedules)
        ]

    def _start(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(str(ROOT / part) for part in ("", "queue", "models"))
        with self.log.open("ab") as log:
            return subprocess.Popen(
                part_arguments(kind, *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | environment(self.settings) | {"PYTHONPATH": path},
            )

    def _kill_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self.plan.kill_every * self.random.uniform(0.5, 1.5)))
            victim = self.random.randrange(CONTROLLERS)
            self.controllers[victim].kill()
            self.controllers[victim].wait()
            self.controllers[victim] = self._start("controller")
            self.kills += 1

    def _catch_up(self, shraga: Shraga, tasks: list[Task]) -> None:
        """Wait until each schedule has come to where it would be had nobody been killed."""
        now = int(time.time() * 1000)
        end = time.monotonic() + self.plan.patience
        while any(_slot(shraga.get(task.id)) <= now for task in tasks) and time.monotonic() < end:
            time.sleep(0.1)

    def _drain(self, shraga: Shraga) -> None:
        """Wait until all that was started has ended."""
        end = time.monotonic() + self.plan.patience
        busy = (TaskStatus.QUEUED, TaskStatus.RUNNING)
        while sum(shraga.counts().by_status[status] for status in busy) and time.monotonic() < end:
            time.sleep(0.1)

    def _counts(self, first: list[Task], last: list[Task]) -> dict[str, Any]:
        lines = [line.split() for line in self.notes.read_text().splitlines()] if self.notes.exists() else []
        ran = Counter(occurrence for occurrence, _ in lines)
        expected = {
            f"{before.id}@{slot_name(slot)}"
            for before, after in zip(first, last, strict=True)
            for slot in range(_slot(before), _slot(after), STEP)
        }
        late = sorted(float(at) - _time_of(occurrence) for occurrence, at in lines)
        return {
            "schedules": len(first),
            "slots": len(expected),
            "ran_once": sum(ran[one] == 1 for one in expected),
            "never": sum(ran[one] == 0 for one in expected),
            "twice": sum(count > 1 for count in ran.values()),
            "unexpected": len(set(ran) - expected),
            "controllers_killed": self.kills,
            "late_median_s": round(late[len(late) // 2], 3) if late else None,
            "late_most_s": round(late[-1], 3) if late else None,
        }


def _slot(task: Task) -> int:
    assert task.schedule is not None
    assert task.schedule.next_ms is not None
    return task.schedule.next_ms


def _time_of(occurrence: str) -> float:
    return datetime.fromisoformat(occurrence.rpartition("@")[2]).timestamp()


def is_exact(counts: dict[str, Any]) -> bool:
    """Whether each slot ran exactly once."""
    wrong = ("never", "twice", "unexpected")
    return counts["ran_once"] == counts["slots"] > 0 and not any(counts[name] for name in wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--kill-every", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    given = parser.parse_args()
    print(f"seed {given.seed}", file=sys.stderr)
    plan = Plan(
        schedules=given.schedules, seconds=given.seconds, kill_every=given.kill_every, seed=given.seed
    )
    with tempfile.TemporaryDirectory(prefix="shraga-schedules-") as home:
        counts = Storm(plan, Path(home)).run()
    print(
        json.dumps(
            {"seed": given.seed, **counts, "verdict": "kept" if is_exact(counts) else "broken"}, indent=2
        )
    )
    return 0 if is_exact(counts) else 1


if __name__ == "__main__":
    sys.exit(main())
