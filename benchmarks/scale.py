"""How far one Redis goes: rates, the server's own time, memory and connections. `python -m benchmarks.scale`.

On a machine of few cores clients, workers and server share them, so the rates seen here are the machine's. What the
server itself can do is told by its processor time per task, since it runs scripts on one core: that is the limit once
clients and workers have cores of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shraga_models import NewTask, Python, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.embedded import Embedded
from tests.processes import Processes

NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))
SLOTS = (1, 2, 4, 8, 16)


@contextmanager
def house(slots: int = 0) -> Iterator[tuple[Processes, Shraga]]:
    """Yield a client on a throw-away server, and what starts workers for it; one with `slots` runs already."""
    home = Path(tempfile.mkdtemp(prefix="shraga-scale-"))
    settings = Settings(home=home, user="bench", redis_url=None, context=None)
    with Shraga.connect(settings=settings) as shraga, Processes(settings) as processes:
        if slots:
            processes.worker(shraga, slots=slots)
        yield processes, shraga
    Embedded.release(settings)
    Embedded.stop(settings)
    shutil.rmtree(home, ignore_errors=True)


class Meter:
    """What the server used while a block ran."""

    def __init__(self, shraga: Shraga) -> None:
        self._connection = shraga.driver.connection
        self.seconds = self.server_seconds = 0.0
        self.octets = 0
        self.memory = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure a block."""
        before, started = self._connection.info(), time.perf_counter()
        yield
        self.seconds = time.perf_counter() - started
        after = self._connection.info()
        self.server_seconds = _server_time(after) - _server_time(before)
        names = ("total_net_input_bytes", "total_net_output_bytes")
        self.octets = sum(after[name] - before[name] for name in names)
        self.memory = after["used_memory"] - before["used_memory"]

    def figures(self, count: int) -> dict[str, float]:
        """Return rates and costs of one of `count` tasks."""
        return {
            "tasks_per_s_here": round(count / self.seconds),
            "server_us_per_task": round(self.server_seconds / count * 1e6),
            "tasks_per_s_of_server": round(count / self.server_seconds),
            "bytes_on_the_wire_per_task": round(self.octets / count),
            "bytes_of_memory_per_task": round(self.memory / count),
        }


def _server_time(info: dict[str, Any]) -> float:
    return float(info["used_cpu_user_main_thread"] + info["used_cpu_sys_main_thread"])


def submitting(count: int) -> dict[str, Any]:
    """Return what submitting costs, one by one and in bulk; nothing runs meanwhile."""
    with house() as (_, shraga):
        ways: dict[str, Callable[[], object]] = {
            "one by one": lambda: [shraga.submit_task(NOOP) for _ in range(count)],
            "in bulk": lambda: shraga.submit_many([NOOP] * count),
        }
        found = {}
        # The streams of events and audit are bounded; full, they grow no more.
        shraga.submit_many([NOOP] * 20_000)
        for name, submit in ways.items():
            meter = Meter(shraga)
            with meter.running():
                submit()
            found[name] = meter.figures(count)
        return found


def running(slots: int, count: int) -> dict[str, Any]:
    """Return what it costs to submit and run no-op tasks with so many slots."""
    with house(slots) as (_, shraga):
        connections = len(shraga.driver.connection.client_list())
        done = shraga.counts().by_status[TaskStatus.COMPLETED]
        meter = Meter(shraga)
        with meter.running():
            shraga.submit_many([NOOP] * count)
            while shraga.counts().by_status[TaskStatus.COMPLETED] - done < count:
                time.sleep(0.05)
        return meter.figures(count) | {"connections": connections}


def idling(slots: int, seconds: float = 10.0) -> dict[str, float]:
    """Return what an idle slot costs the server, in a second."""
    with house(slots) as (_, shraga):
        meter = Meter(shraga)
        with meter.running():
            time.sleep(seconds)
        return {
            "server_us_per_s_and_slot": round(meter.server_seconds / seconds / slots * 1e6),
            "bytes_per_s_and_slot": round(meter.octets / seconds / slots),
        }


def keeping(count: int) -> dict[str, Any]:
    """Return the memory of queued and finished tasks, of an event, an audit entry and a log line."""
    with house() as (processes, shraga):
        connection, keys = shraga.driver.connection, shraga.driver.keys
        events, audit = keys.make("events"), keys.make("audit")
        streams = (events, audit, keys.make("user_events", owner="bench"))

        def memory() -> int:
            told = sum(connection.memory_usage(key, samples=0) or 0 for key in streams)
            return int(connection.info("memory")["used_memory"]) - told

        shraga.submit(NOOP.name, NOOP.action)
        start = memory()
        tasks = shraga.submit_many([NOOP] * count)
        queued = (memory() - start) / count
        worker = processes.worker(shraga)
        while shraga.counts().by_status[TaskStatus.COMPLETED] <= count:
            time.sleep(0.05)
        worker.terminate()
        worker.wait()
        finished = (memory() - start) / count
        rq_job = connection.memory_usage(keys.make("rq_job", task=tasks[0].id), samples=0) or 0
        per = {
            name: (connection.memory_usage(key, samples=0) or 0) / connection.xlen(key)
            for name, key in (("event", events), ("audit entry", audit))
        }
        return {
            "bytes_per_queued_task": round(queued),
            "bytes_per_finished_task": round(finished),
            "of_which_for_RQs_view_for_a_day": rq_job,
            "finished_tasks_per_GiB": round(2**30 / finished),
            "finished_tasks_per_GiB_after_a_day": round(2**30 / (finished - rq_job)),
            "bytes_per_event": round(per["event"]),
            "bytes_per_audit_entry": round(per["audit entry"]),
            "events_kept": connection.xlen(events),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--slots", type=int, nargs="*", default=SLOTS)
    given = parser.parse_args()
    os.environ.pop("SHRAGA_REDIS_URL", None)
    found = {
        "cores": os.cpu_count(),
        "submit": submitting(given.tasks),
        "submit and run, by slots": {slots: running(slots, given.tasks) for slots in given.slots},
        "idle, 16 slots": idling(16),
        "keep": keeping(given.tasks),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
