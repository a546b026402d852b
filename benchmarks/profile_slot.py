"""Show where the time of one run goes: one slot drains a queue of no-op tasks while it and its horse are sampled.

Times are wall time per run on each process's main thread, waiting included: a slot that waits for the server shows it
in the function that reads the socket, one that waits for its horse in its select. Sampling stops the process for an
instant each time, so that the rate is lower than unobserved; processor time counts what the processes themselves use.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .peers.processes import Marks, marks, processor_seconds, producer, workers
from .peers.server import Server, throwaway_server
from .peers.systems import SHRAGA_PEER, chosen
from .peers.venvs import python_of

MAIN = "MainThread"
PARTS = ("shraga-slot", "shraga-horse")


@dataclass
class Profile:
    """Samples of one kind of process: those in a function itself, and those in it or below it."""

    samples: int = 0
    own: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)

    def add(self, frames: list[str], count: int) -> None:
        """Count one stack, outermost frame first."""
        self.samples += count
        self.own[frames[-1]] += count
        self.total.update(dict.fromkeys(frames, count))


def stacks(path: Path) -> Iterator[tuple[int, list[str], int]]:
    """Yield each main-thread stack of a raw recording: how many forks deep, its frames, its samples."""
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        processes, main_thread, frames = stack.partition(f": {MAIN};")
        if main_thread:
            yield len(re.findall(r'process \d+:"', processes)) - 1, frames.split(";"), int(count)


def find(worker: psutil.Process, name: str) -> psutil.Process:
    """Return the process below the worker whose name begins so."""
    return next(one for one in worker.children(recursive=True) if one.name().startswith(name))


@dataclass
class Recording:
    """What was sampled while so many tasks ran in so many seconds; processor seconds by part."""

    profiles: dict[str, Profile]
    tasks: int
    seconds: float
    processor: float


def record(file: Marks, count: int, worker: psutil.Process, rate: int) -> Recording:
    """Sample the slot and its horses from the first tenth of the tasks to the last."""
    py_spy = python_of("py-spy").with_name("py-spy")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "raw")
        file.wait_for(count // 10)
        slot = find(worker, PARTS[0])
        options = f"--pid {slot.pid} --subprocesses --idle --threads --function --format raw --rate {rate}"
        spy = subprocess.Popen(
            [py_spy, "record", *options.split(), "--output", out],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        began, first, spent = time.monotonic(), file.count(), processor_seconds([slot])
        last = file.wait_for(count * 9 // 10)
        spent, seconds = processor_seconds([slot]) - spent, time.monotonic() - began
        spy.send_signal(signal.SIGINT)
        _, said = spy.communicate(timeout=60)
        if not out.exists():
            raise SystemExit(f"py-spy could not record: {said.decode(errors='replace').strip()}")
        return Recording(read(out), last - first, seconds, spent)


def read(path: Path) -> dict[str, Profile]:
    """Return the profile of each part; what is one fork below the slot is one of its horses."""
    profiles = {part: Profile() for part in PARTS}
    for depth, frames, count in stacks(path):
        if depth < len(PARTS):
            profiles[PARTS[depth]].add(frames, count)
    return profiles


def show(recording: Recording, rows: int) -> None:
    """Print the functions that take most of a run."""
    run = recording.seconds / recording.tasks * 1e6
    used = recording.processor / recording.tasks * 1e6
    print(f"{recording.tasks:,} runs, {run:,.0f} us each, {used:,.0f} us of processor time in slot and horse")
    for part, profile in recording.profiles.items():
        print(f"\n{part} ({profile.samples:,} samples)\n{'own us':>9}{'with callees':>14}  function")
        for name, count in profile.own.most_common(rows):
            own, total = (run * n / profile.samples for n in (count, profile.total[name]))
            print(f"{own:9,.1f}{total:14,.1f}  {name}")
        # What is always on the stack says nothing.
        outer = [(name, n) for name, n in profile.total.most_common() if n < 0.99 * profile.samples]
        print(f"\n{'with callees':>23}  the outer functions")
        for name, count in outer[:rows]:
            print(f"{run * count / profile.samples:23,.1f}  {name}")


def profile(server: Server, tasks: int, rate: int) -> Recording:
    """Fill the queue, then record one slot that drains it."""
    (system,) = chosen(["shraga-1"])
    with marks() as file, tempfile.TemporaryFile() as log:
        with producer(server, SHRAGA_PEER, file, log) as submit:
            submit.many(tasks)
        with workers(server, system, file, log) as (worker,):
            recording = record(file, tasks, worker, rate)
            file.wait_for(tasks)
    return recording


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile_slot", description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=250, help="samples a second")
    parser.add_argument("--rows", type=int, default=25, help="functions to print of each process")
    given = parser.parse_args()
    with throwaway_server() as server:
        show(profile(server, given.tasks, given.rate), given.rows)


if __name__ == "__main__":
    main()
