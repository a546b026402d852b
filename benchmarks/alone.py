"""The budgets that concern Shraga alone: crash detection, events, cold start, memory; `make bench` runs it first.

Leaves a file for each in `results/`, which the report beside the peers shows.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from benchmarks.peers.measure import quantile
from benchmarks.peers.server import throwaway_server
from benchmarks.result import put
from shraga_models import NewTask, Python, Shell, TaskStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.up import environment, part_arguments

NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))
MEMORY_TASKS = 2_000
RECORD = re.compile(rb":t:[0-9a-f-]{36}$|:runs$|:tasks:|:owners$")


@contextmanager
def part(settings: Settings, kind: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker or a controller."""
    process = subprocess.Popen(
        part_arguments(kind, *options), env=environment(settings), stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def wait_for(shraga: Shraga, status: TaskStatus, count: int) -> None:
    while shraga.counts().by_status[status] < count:
        time.sleep(0.02)


def crash_detection(settings: Settings, shraga: Shraga, rounds: int) -> None:
    """Kill a busy worker and everything below it, and take the time until its run is declared lost."""
    took = []
    with part(settings, "controller"):
        for _ in range(rounds):
            with part(settings, "worker") as worker:
                task = shraga.submit("held", Shell("sleep 600"), limits={"on_lost": "fail"})
                while shraga.get(task.id).status is not TaskStatus.RUNNING:
                    time.sleep(0.02)
                killed = time.monotonic()
                for pid in [worker.pid, *proctree.descendants(worker.pid)]:
                    psutil.Process(pid).kill()
                shraga.wait(task.id, 60)
                took.append(time.monotonic() - killed)
    figure = f"{statistics.median(took):.1f} s median, {max(took):.1f} s at most, of {rounds}"
    put("crash", "crash detection", "<= 10 s", figure, max(took) <= 10)


def event_latency(settings: Settings, shraga: Shraga, count: int) -> None:
    """Take the time from a submit's begin until another process has read its event."""
    code = (
        "import sys,time\nfrom shraga_queue import Shraga\nshraga=Shraga.connect()\nlast=shraga.driver.run("
        "shraga.operations.last_event_id(shraga.driver.keys.make('events')))\nprint('ready',flush=True)\n"
        "while True:\n    page=shraga.driver.run(shraga.operations.more_events(last))\n    last=page.last_id\n"
        "    for event in page.events: print(event.task_id,time.monotonic(),flush=True)\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(settings), stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    reader.stdout.readline()
    took = []
    for _ in range(count):
        before = time.monotonic()
        shraga.submit_task(NOOP)
        took.append((float(reader.stdout.readline().split()[1]) - before) * 1000)
    reader.kill()
    reader.wait()
    reader.stdout.close()
    p99 = quantile(took, 0.99)
    figure = f"p50 {statistics.median(took):.2f} ms, p99 {p99:.2f} ms, the submit included"
    put("event", "event, writer to dashboard process", "p99 <= 5 ms", figure, p99 <= 5)


def cold_start(settings: Settings, rounds: int) -> None:
    """Take the time of a whole `shraga list`, and look for textual among what it has loaded.

    The modules are found compiled, as those of an installed program are; the first start leaves them so.
    """
    compiled = {"PYTHONPYCACHEPREFIX": str(settings.home / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    given = environment(settings) | compiled
    command = [sys.executable, "-X", "importtime", "-m", "shraga_tui", "list"]
    loaded = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    light = "textual" not in loaded.stderr
    took = []
    for _ in range(rounds):
        before = time.monotonic()
        subprocess.run([*command[:1], *command[3:]], env=given, capture_output=True, check=True)
        took.append((time.monotonic() - before) * 1000)
    figure = f"{statistics.median(took):.0f} ms, textual {'not ' if light else ''}imported"
    met = light and statistics.median(took) <= 250
    put("cold", "cold start of `shraga list`", "textual not imported; <= 250 ms", figure, met)


def memory(settings: Settings, shraga: Shraga) -> None:
    """Sum what a finished task takes: its record with its run and indexes, RQ's view of it, the streams' entries."""
    before = shraga.counts().by_status[TaskStatus.COMPLETED]
    with part(settings, "worker"):
        shraga.submit_many([NOOP] * MEMORY_TASKS)
        wait_for(shraga, TaskStatus.COMPLETED, before + MEMORY_TASKS)
    total = shraga.counts().total
    sizes = Counter[str]()
    connection = shraga.driver.connection
    for key in connection.scan_iter(count=1000):
        kind = "rq" if key.startswith(b"rq:") else "record" if RECORD.search(key) else "streams"
        sizes[kind] += connection.memory_usage(key, samples=0) or 0
    each = {kind: sizes[kind] / total for kind in ("record", "rq", "streams")}
    figure = (
        f"{each['record']:,.0f} bytes; beside it RQ's view {each['rq']:,.0f}, for a day, "
        f"and {each['streams']:,.0f} of events and audit, which are bounded"
    )
    put(
        "memory",
        "memory per finished task, with its run and indexes",
        "<= 1,200 bytes",
        figure,
        each["record"] <= 1200,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with throwaway_server() as server:
        settings = server.settings
        os.environ["SHRAGA_HOME"] = str(settings.home)
        with Shraga.connect(settings=settings) as shraga:
            memory(settings, shraga)
            cold_start(settings, given.rounds * 4)
            event_latency(settings, shraga, given.rounds * 100)
            server.flush()
            crash_detection(settings, shraga, given.rounds)


if __name__ == "__main__":
    main()
