"""The engine beside stock RQ, interleaved in one run on the embedded server: `make bench`.

Prints medians over the rounds and the ratio to RQ measured in the same rounds; absolute figures move with the
machine, ratios are what to quote.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rq import Queue
from rq.serializers import JSONSerializer

from shraga_models import NewTask, Python, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.embedded import Embedded
from shraga_queue.up import environment, part_arguments

NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))
ROOT = Path(__file__).parent.parent


@contextmanager
def house() -> Iterator[tuple[Settings, Shraga]]:
    """Yield a client on a throw-away server."""
    home = Path(tempfile.mkdtemp(prefix="shraga-bench-"))
    settings = Settings(home=home, user="bench", redis_url=None, context=None)
    with Shraga.connect(settings=settings) as shraga:
        yield settings, shraga
    Embedded.release(settings)
    Embedded.stop(settings)
    shutil.rmtree(home, ignore_errors=True)


@contextmanager
def worker(settings: Settings, shraga: Shraga, slots: int) -> Iterator[None]:
    """Run a worker that has proved ready by running a task in each slot."""
    env = environment(settings) | {
        "PYTHONPATH": str(ROOT),
        "SHRAGA_PYTHON_MODULES": "shraga_queue.demo,benchmarks.jobs",
    }
    process = subprocess.Popen(
        part_arguments("worker", f"--slots={slots}"), env=env, stderr=subprocess.DEVNULL
    )
    for task in shraga.submit_many([NOOP] * slots * 5):
        shraga.wait(task.id, 30)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def rate(count: int, do: Callable[[], object]) -> float:
    """Return how many a second `do` manages, which does `count`."""
    started = time.perf_counter()
    do()
    return count / (time.perf_counter() - started)


def submitting(rounds: int) -> dict[str, float]:
    single, bulk, rq_single, rq_bulk = [], [], [], []
    with house() as (_, shraga):
        queue = Queue("bench", connection=shraga.driver.connection, serializer=JSONSerializer)
        data = Queue.prepare_data("os.getpid")
        for _ in range(rounds):
            single.append(rate(1000, lambda: [shraga.submit_task(NOOP) for _ in range(1000)]))
            rq_single.append(rate(1000, lambda: [queue.enqueue("os.getpid") for _ in range(1000)]))
            bulk.append(rate(5000, lambda: shraga.submit_many([NOOP] * 5000)))
            rq_bulk.append(rate(5000, lambda: queue.enqueue_many([data] * 5000)))
    return {
        "submit one, tasks/s": statistics.median(single),
        "  ratio to RQ enqueue": statistics.median(a / b for a, b in zip(single, rq_single, strict=True)),
        "submit bulk, tasks/s": statistics.median(bulk),
        "  ratio to RQ enqueue_many": statistics.median(a / b for a, b in zip(bulk, rq_bulk, strict=True)),
    }


def draining(slots: int, count: int) -> dict[str, float]:
    with house() as (settings, shraga), worker(settings, shraga, slots):
        before = shraga.driver.connection.info()
        done = shraga.counts().by_status[TaskStatus.COMPLETED]

        def drain() -> None:
            shraga.submit_many([NOOP] * count)
            while shraga.counts().by_status[TaskStatus.COMPLETED] - done < count:
                time.sleep(0.02)

        per_second = rate(count, drain)
        after = shraga.driver.connection.info()
    reads = after["total_reads_processed"] - before["total_reads_processed"]
    memory = after["used_memory"] - before["used_memory"]
    return {
        f"submit and drain, {slots} slot(s), tasks/s": per_second,
        "  server reads per task, submit and polling included": reads / count,
        "  bytes of Redis memory per finished task, RQ's view included": memory / count,
    }


def rq_draining(count: int) -> float:
    with house() as (_, shraga):
        queue = Queue("bench", connection=shraga.driver.connection, serializer=JSONSerializer)
        queue.enqueue_many([Queue.prepare_data("os.getpid")] * count)
        command = [
            str(Path(sys.executable).parent / "rq"),
            "worker",
            "-q",
            "-b",
            "-S",
            "json",
            "-u",
            shraga.driver.url,
            "bench",
        ]
        return rate(count, lambda: subprocess.run(command, check=True, stderr=subprocess.DEVNULL))


def starting(samples: int) -> dict[str, float]:
    took = []
    with house() as (settings, shraga), worker(settings, shraga, 1):
        for _ in range(samples):
            action = Python("benchmarks.jobs:clock")
            before = time.monotonic()
            done = shraga.wait(shraga.submit("clock", action).id, 10)
            assert done.output is not None
            took.append((done.output.result - before) * 1000)
    ordered = sorted(took)
    return {
        "submit to start, p50 ms": statistics.median(ordered),
        "submit to start, p99 ms": ordered[int(len(ordered) * 0.99) - 1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=3000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    os.environ.pop("SHRAGA_REDIS_URL", None)
    results = submitting(given.rounds) | starting(300)
    one = draining(1, given.tasks)
    rq_rate = rq_draining(200)
    results |= one | draining(2, given.tasks)
    results["RQ fork worker, tasks/s"] = rq_rate
    results["  ratio of one slot to it"] = one["submit and drain, 1 slot(s), tasks/s"] / rq_rate
    if given.json:
        print(json.dumps(results, indent=2))
    else:
        for name, value in results.items():
            print(f"{name:<66}{value:>12,.2f}")


if __name__ == "__main__":
    main()
