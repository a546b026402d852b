"""A store with as many tasks as wanted, made by the operations that people and workers use, a batch a round trip.

`python benchmarks/fill.py --tasks 1000000 --home DIR` fills and keeps one for `benchmarks/dashboard.py --home DIR`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from shraga_models import LocalMachine, NewTask, Priority, Python, RunStatus, TaskKind, TaskOutput, new_id
from shraga_queue.calls import Batch, Call, Flow
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.embedded import Embedded
from shraga_queue.engine import EndedRun, Engine, Outcome, SlotName
from shraga_queue.slot import queue_names

OWNERS = ("alice", "bob", "carol", "dave")
VERBS = ("Fix", "Refactor", "Review", "Document", "Import", "Retrain", "Test", "Migrate")
THINGS = (
    "login redirect",
    "billing",
    "webhook",
    "ranking model",
    "Dataverse sync",
    "nightly backup",
    "search",
)
CHUNK = 5_000
CANCELED = 0.7
"""The share of the tasks that is canceled, the ones submitted first."""
RUN = 2_000
"""How many are run by a worker played here; some of them fail, the last ones go on running."""


def tasks() -> Iterator[NewTask]:
    """Yield tasks of all kinds and priorities, for ever."""
    kinds, priorities = list(TaskKind), list(Priority)
    for n in count():
        yield NewTask(
            name=f"{VERBS[n % len(VERBS)]} {THINGS[n % len(THINGS)]} {n:,}",
            action=Python("shraga_queue.demo:noop"),
            kind=kinds[n % len(kinds)],
            priority=priorities[n // 3 % len(priorities)],
            labels=("nightly",) if n % 50 == 0 else (),
        )


def fill(shraga: Shraga, wanted: int) -> None:
    """Submit `wanted` tasks, cancel most of them, run some."""
    more, ids = tasks(), list[str]()
    for number, start in enumerate(range(0, wanted, CHUNK)):
        chunk = list(islice(more, min(CHUNK, wanted - start)))
        ids += [task.id for task in shraga.submit_many(chunk, owner=OWNERS[number % len(OWNERS)])]
    for start in range(0, int(wanted * CANCELED), CHUNK):
        shraga.driver.run(_cancel(shraga, ids[start : min(start + CHUNK, int(wanted * CANCELED))]))
    _run(Engine(shraga.driver), min(RUN, wanted // 10))


def _cancel(shraga: Shraga, ids: list[str]) -> Flow[None]:
    steps = [next(shraga.operations.ask_cancel(task_id)) for task_id in ids]
    yield Batch(tuple(step for step in steps if isinstance(step, Call)))


def _run(engine: Engine, wanted: int) -> None:
    worker = new_id()
    record = {"details": LocalMachine(hostname="box").model_dump_json(), "slots": "1"}
    engine.beat(worker, "filler", "bench", record)
    slot = SlotName(worker, 1, f"filler.1.{engine.keys.prefix}", tuple(queue_names(engine.keys, ())))
    for n in range(wanted):
        _, claims = engine.turn(slot, 1)
        if not claims or n > wanted * 0.99:
            continue
        failed = n % 10 == 0
        status = RunStatus.FAILED if failed else RunStatus.COMPLETED
        error = "exit 1: connection reset by peer" if failed else ""
        outcome = Outcome(status, error=error, output=TaskOutput(summary="done"))
        now = time.monotonic()
        engine.turn(slot, ended=[EndedRun(claims[0], outcome.sealed(), now - 0.01, now)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, required=True)
    given = parser.parse_args()
    settings = Settings(home=given.home, user="alice", redis_url=None, context=None)
    with Shraga.connect(settings=settings) as shraga:
        started = time.perf_counter()
        fill(shraga, given.tasks)
        seconds = time.perf_counter() - started
        print(f"{shraga.counts().total:,} tasks in {seconds:,.1f} s: {shraga.counts().by_status}")
    Embedded.release(settings)
    Embedded.stop(settings)


if __name__ == "__main__":
    main()
