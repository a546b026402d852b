"""Long and random: work flows while horses, slots, workers, controllers and the server are killed.

`make soak` runs an hour; `python benchmarks/soak.py --seconds 60 --seed 7` is shorter and repeatable in its choices.
Prints the seed first, the counts and the verdict at the end; exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from shraga_models import Limits, NewTask, Python, Shell, TaskStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.connect import resolve_url
from shraga_queue.embedded import Embedded
from shraga_queue.errors import ShragaError
from shraga_queue.up import House, Part, part_arguments

FAULTS = ("horse", "slot", "worker", "controller", "server", "freeze-slot", "freeze-horse", "freeze-server")
FROZEN_FOR = 8.0


class Soak:
    """One run: a house, a flow of tasks that note their begin and end, and a hand that kills."""

    def __init__(self, seed: int, seconds: float, tasks: int, fault_every: float) -> None:
        self.random = random.Random(seed)
        self.seconds, self.tasks, self.fault_every = seconds, tasks, fault_every
        self.home = Path(tempfile.mkdtemp(prefix="shraga-soak-"))
        self.settings = Settings(home=self.home, user="soak")
        self.notes = self.home / "notes"
        self.notes.mkdir()
        self.faults: Counter[str] = Counter()
        self.thaws: list[threading.Timer] = []

    def house(self, log: int) -> House:
        worker = part_arguments("worker", "--slots=2", "--allow-module=benchmarks.soak_jobs")
        controller = part_arguments("controller")
        parts = [Part("w1", worker), Part("w2", worker), Part("c1", controller), Part("c2", controller)]
        return House(self.settings, parts, output=log)

    def run(self) -> dict[str, object]:
        os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
        resolve_url(self.settings)
        log = (self.home / "log").open("wb")
        house = self.house(log.fileno())
        submitted: list[str] = []
        try:
            house.tick()
            with Shraga.connect(settings=self.settings) as shraga:
                self._flow(shraga, house, submitted)
                return self._verdict(shraga, house, submitted)
        finally:
            for thaw in self.thaws:
                thaw.join()
            house.stop(patience=2)
            log.close()
            Embedded.release(self.settings)
            Embedded.stop(self.settings)
            shutil.rmtree(self.home, ignore_errors=True)

    def _flow(self, shraga: Shraga, house: House, submitted: list[str]) -> None:
        end = time.monotonic() + self.seconds
        next_fault = time.monotonic() + 5
        pause = self.seconds / self.tasks
        while time.monotonic() < end and len(submitted) < self.tasks:
            house.tick()
            try:
                submitted.append(shraga.submit_task(self._task(len(submitted))).id)
            except ShragaError as error:
                print(f"  submit waits: {error}", file=sys.stderr)
            if time.monotonic() >= next_fault:
                self._hurt(shraga, house)
                next_fault = time.monotonic() + self.random.expovariate(1 / self.fault_every)
            time.sleep(self.random.uniform(0.2, 1.8) * pause)

    def _task(self, number: int) -> NewTask:
        note = str(self.notes / f"{number:06}")
        seconds = self.random.choice([0.0, 0.05, 0.2, 1.0])
        limits = Limits(lost_retries=50, backoff=0.1)
        if self.random.random() < 0.3:
            command = f"echo begin $$ >> {note}; sleep {seconds}; echo end $$ >> {note}"
            return NewTask(name=f"shell {number}", action=Shell(command), limits=limits)
        action = Python("benchmarks.soak_jobs:hold", args={"path": note, "seconds": seconds})
        return NewTask(name=f"python {number}", action=action, limits=limits)

    # Faults

    def _hurt(self, shraga: Shraga, house: House) -> None:
        fault = self.random.choice(FAULTS)
        pid = self._victim(fault, house, shraga)
        if pid is None:
            return
        self.faults[fault] += 1
        if fault.startswith("freeze"):
            os.kill(pid, signal.SIGSTOP)
            thaw = threading.Timer(FROZEN_FOR, proctree.send, ([pid], signal.SIGCONT))
            thaw.start()
            self.thaws.append(thaw)
        else:
            os.kill(pid, signal.SIGKILL)

    def _victim(self, fault: str, house: House, shraga: Shraga) -> int | None:
        workers = [part.process.pid for part in house.parts if part.process and part.name.startswith("w")]
        controllers = [part.process.pid for part in house.parts if part.process and part.name.startswith("c")]
        slots = [pid for worker in workers for pid in proctree.children(worker) if _is(pid, "shraga-slot")]
        pools = {
            "horse": [horse for slot in slots for horse in proctree.children(slot)],
            "slot": slots,
            "worker": workers,
            "controller": controllers,
            "server": self._server(shraga),
        }
        pool = pools[fault.removeprefix("freeze-")]
        return self.random.choice(sorted(pool)) if pool else None

    def _server(self, shraga: Shraga) -> list[int]:
        try:
            return [int(shraga.driver.connection.info("server")["process_id"])]
        except Exception:
            return []

    # Verdict

    def _verdict(self, shraga: Shraga, house: House, submitted: list[str]) -> dict[str, object]:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            house.tick()
            try:
                counts = shraga.counts().by_status
                if not any(counts[status] for status in TaskStatus if not status.is_final):
                    break
            except ShragaError:
                pass
            time.sleep(0.2)
        tasks = [shraga.get(task_id) for task_id in submitted]
        ended = Counter(task.status.value for task in tasks)
        overlaps = [number for number in range(len(submitted)) if self._overlap(number)]
        unrun = [task.id for n, task in enumerate(tasks) if task.status == "completed" and not self._ended(n)]
        return {
            "submitted": len(submitted),
            "ended": dict(ended),
            "faults": dict(self.faults),
            "lost_runs_retried": sum(task.losses for task in tasks),
            "lost": sum(not task.status.is_final for task in tasks),
            "failed": ended["failed"],
            "completed_without_end": len(unrun),
            "concurrent_double_runs": len(overlaps),
        }

    def _lines(self, number: int) -> list[str]:
        path = self.notes / f"{number:06}"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def _ended(self, number: int) -> bool:
        return any(line.startswith("end") for line in self._lines(number))

    def _overlap(self, number: int) -> bool:
        """Whether a run noted its end after another one had begun, so both were alive."""
        last = ""
        for line in self._lines(number):
            word, pid = line.split()
            if word == "begin":
                last = pid
            elif pid != last:
                return True
        return False


def _is(pid: int, text: str) -> bool:
    try:
        return psutil.Process(pid).name().startswith(text)
    except psutil.Error:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--tasks", type=int, default=0, help="default: five a second")
    parser.add_argument("--fault-every", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 31) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    tasks = given.tasks or int(given.seconds * 5)
    verdict = Soak(seed, given.seconds, tasks, given.fault_every).run()
    broken = [
        name
        for name in ("lost", "failed", "completed_without_end", "concurrent_double_runs")
        if verdict[name]
    ]
    print(json.dumps({"seed": seed, **verdict, "broken": broken}, indent=2))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
