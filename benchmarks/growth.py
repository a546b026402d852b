"""What every operation and every screen's read costs as tasks gather: 1,000 to 1,000,000 of them.

`make bench-growth` takes some ten minutes; `--sizes 1000,10000` is a smoke. Half of the tasks (200,000 at most) have
ended, the others wait in one queue; all were submitted, claimed and committed by the scripts themselves. `--markdown
FOLDER` writes growth.md and growth.svg there. Times are lower quartiles of a client on the same machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.growth_page import page, plot
from shraga_models import NewTask, Python, RunStatus, Schedule, TaskStatus
from shraga_queue.board import BoardQuery, Column
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.embedded import Embedded
from shraga_queue.engine import Claim, EndedRun, Engine, LogLine, Outcome
from shraga_queue.listing import SCAN_BUDGET, ListQuery, read_filter
from shraga_queue.mending import Mender
from shraga_queue.retention import Retention
from tests.factories import Hand, hire, make_due

NEW = NewTask(name="a task of the growth benchmark", action=Python("shraga_queue.demo:noop"))
CHUNK = 5_000
TURN = 50
MOST_ENDED = 200_000
"""Ended tasks beyond these cost minutes to make and look like the others."""
COLUMNS = (("queued",), ("running",), ("completed",), ("failed", "canceled", "skipped"), ("scheduled",))


@contextmanager
def empty_store() -> Iterator[Shraga]:
    """Yield a client on a throw-away server."""
    home = Path(tempfile.mkdtemp(prefix="shraga-growth-"))
    settings = Settings(home=home, user="bench", redis_url=None, context=None)
    with Shraga.connect(settings=settings) as shraga:
        yield shraga
    Embedded.release(settings)
    Embedded.stop(settings)
    shutil.rmtree(home, ignore_errors=True)


@dataclass
class Growth:
    """One server that fills up, and what is measured on the way."""

    shraga: Shraga
    engine: Engine
    hand: Hand
    repeats: int
    claims: list[Claim] = field(default_factory=list)

    def fill(self, size: int) -> float:
        """Bring the store to `size` tasks, half of them, 200,000 at most, ended; returns the seconds it took."""
        started = time.perf_counter()
        counts = self.shraga.counts().by_status
        there = sum(counts.values())
        size = max(size, 2 * SCAN_BUDGET)
        for _ in range(max(0, size - there) // CHUNK + 1):
            self.shraga.submit_many([NEW] * min(CHUNK, max(0, size - there)))
            there += CHUNK
        self.finish(min(size // 2, MOST_ENDED) - counts[TaskStatus.COMPLETED])
        return time.perf_counter() - started

    def finish(self, count: int) -> None:
        """Claim and end so many tasks in turns, as a slot does."""
        ended: list[EndedRun] = []
        done = Outcome(RunStatus.COMPLETED).sealed()
        while count > 0 or ended:
            _, claims = self.engine.turn(self.hand.slot_name, min(TURN, count), ended)
            now = time.monotonic()
            ended = [EndedRun(claim, done, now, now) for claim in claims]
            count = count - len(claims) if claims else 0

    def measure(self) -> dict[str, float]:
        """Return the cost of each operation in ms."""
        found = {
            name: self.timed(do, max(5, self.repeats // 20) if slow else self.repeats)
            for name, do, slow in self.operations()
        }
        return (
            found
            | self.in_bulk()
            | {"controller: walk the queue for what is displaced": self.timed(self._walk, 1)}
        )

    def timed(self, do: Callable[[], object], times: int) -> float:
        """Return the time that a quarter of the calls stay under, in ms: what else the machine does counts less."""
        took = []
        for _ in range(times):
            started = time.perf_counter()
            do()
            took.append((time.perf_counter() - started) * 1000)
        return statistics.quantiles(took, n=4)[0] if len(took) > 1 else took[0]

    def in_bulk(self) -> dict[str, float]:
        """Submitting in bulk, per task."""
        return {
            "submit, in bulk, per task": self.timed(lambda: self.shraga.submit_many([NEW] * 500), 5) / 500
        }

    def operations(self) -> Iterator[tuple[str, Callable[[], object], bool]]:
        """Name, call, and whether it is too slow to be repeated often."""
        shraga, engine, hand = self.shraga, self.engine, self.hand
        total = sum(shraga.counts().by_status.values())
        yield "submit", lambda: shraga.submit_task(NEW), False
        yield "claim", lambda: self.claims.append(hand.claim()), False
        yield "heartbeat", lambda: hand.heartbeat(self.claims[-1]), False
        yield "log line", lambda: engine.append_log(self.claims[-1], [LogLine("stdout", "a line")]), False
        ended = list(self.claims)
        yield "commit", lambda: hand.commit(self.claims.pop(), RunStatus.COMPLETED), False
        again = itertools.cycle([one.task_id for one in ended])
        yield "retry", lambda: shraga.retry(next(again)), False
        for name, part in (("oldest", 0.0), ("middle", 0.5), ("newest", 1.0)):
            yield f"cancel, {name} of the queue", self._cancels(part), True
        yield "release of a due task", self._release(), True
        yield "counts", shraga.counts, False
        yield (
            "board: five columns of 50",
            lambda: shraga.board(BoardQuery(tuple(map(Column, COLUMNS)))),
            False,
        )
        deep = BoardQuery((Column(("completed", "failed", "canceled", "skipped"), total // 4, 50),))
        yield "board: a page in the middle", lambda: shraga.board(deep), False
        yield "tasks: first page of 128", lambda: self._page(0), False
        yield "tasks: a page in the middle", lambda: self._page(total // 2), False
        yield f"filter: {SCAN_BUDGET:,} rows looked at, none fits", self._scan(), False
        yield "workers", shraga.workers, False
        yield "events: last 100", lambda: shraga.events(tail=100), False
        yield "task: record, runs, log", lambda: self._show(ended[0].task_id), False
        yield "controller: look for lost runs", engine.expired_leases, False
        yield "controller: count what to mend", engine.to_reconcile, False
        yield "controller: delete 20 ended tasks", self._forget(), True
        yield "controller: trim", lambda: engine.trim(3_600_000), True

    def _page(self, first: int) -> object:
        return self.shraga.driver.run(self.shraga.operations.task_page(ListQuery(), first, 128))

    def _cancels(self, part: float) -> Callable[[], object]:
        index = self.engine.keys.make("index", status=TaskStatus.QUEUED)
        redis: Any = self.shraga.driver.connection
        rank = min(int(part * redis.zcard(index)), redis.zcard(index) - 50)
        ids = iter([one.decode() for one in redis.zrange(index, rank, rank + 49)])
        operations = self.shraga.operations
        return lambda: self.shraga.driver.run(operations.ask_cancel(next(ids)))

    def _release(self) -> Callable[[], object]:
        self.engine.lead("growth", 600_000)
        later = NEW.model_copy(update={"schedule": Schedule(at="2099-01-01")})
        ids = [task.id for task in self.shraga.submit_many([later] * 50)]
        waiting = iter(ids)

        def release() -> None:
            make_due(self.shraga, next(waiting))
            assert self.engine.release_due("growth") is not None

        return release

    def _scan(self) -> Callable[[], object]:
        query = ListQuery(read_filter("status:queued nowhere"))
        return lambda: self.shraga.driver.run(self.shraga.operations.search(query))

    def _forget(self) -> Callable[[], object]:
        ended = sum(count for status, count in self.shraga.counts().by_status.items() if status.is_final)
        kept = itertools.count(ended - 20, -20)
        return lambda: Retention(count=next(kept)).forget(self.engine, "growth", limit=20)

    def _walk(self) -> None:
        mender, first = Mender(self.engine, "growth"), 0
        while (answer := mender.mend(TaskStatus.QUEUED, first, 500)) and answer[1]:
            first += answer[1]

    def _show(self, task_id: str) -> None:
        self.shraga.get_with_runs(task_id)
        self.shraga.logs(task_id, tail=200)


def forget_rq_view(growth: Growth, count: int) -> int:
    """Let the day pass for which RQ's view of the youngest ended tasks is kept; returns the memory used then."""
    redis: Any = growth.shraga.driver.connection
    keys = growth.engine.keys
    pipeline = redis.pipeline(transaction=False)
    for one in redis.zrevrange(keys.make("index", status=TaskStatus.COMPLETED), 0, count - 1):
        pipeline.unlink(keys.make("rq_job", task=one.decode()))
        pipeline.zrem(keys.make("rq_finished", queue=keys.queue_name(NEW.capability, NEW.priority)), one)
    pipeline.execute()
    return int(redis.info("memory")["used_memory"])


def memory(shraga: Shraga, growth: Growth) -> dict[str, float]:
    """Return bytes of Redis memory for a task, an event and a log line; call it where the streams are full."""
    redis: Any = shraga.driver.connection
    count, before = 20_000, redis.info("memory")["used_memory"]
    for _ in range(count // CHUNK):
        shraga.submit_many([NEW] * CHUNK)
    queued = redis.info("memory")["used_memory"]
    growth.finish(count)
    finished = redis.info("memory")["used_memory"]
    without_rq = forget_rq_view(growth, count)
    events = growth.engine.keys.make("events")
    claim = growth.hand.claim()
    for _ in range(20):
        growth.engine.append_log(
            claim, [LogLine("stdout", f"line {n} of what a task prints") for n in range(100)]
        )
    log = growth.engine.keys.make("log", owner=claim.owner, task=claim.task_id, attempt=claim.attempt)
    growth.hand.commit(claim, RunStatus.COMPLETED)
    return {
        "a queued task": (queued - before) / count,
        "a finished task on its first day, with RQ's view of it": (finished - before) / count,
        "a finished task after that day, with its run and indexes": (without_rq - before) / count,
        "an event (100,000 are kept, 20,000 a user)": redis.memory_usage(events, samples=0)
        / redis.xlen(events),
        "a log line of 30 letters": redis.memory_usage(log, samples=0) / redis.xlen(log),
    }


def run(sizes: list[int], repeats: int) -> dict[str, Any]:
    """Return costs by size, the seconds of filling, and memory."""
    costs, filled = {}, {}
    used: dict[str, float] = {}
    with empty_store() as shraga:
        engine = Engine(shraga.driver)
        growth = Growth(shraga, engine, hire(engine, "growth"), repeats)
        for size in sizes:
            filled[size] = growth.fill(size)
            costs[size] = growth.measure()
            if size >= 100_000 and not used:
                used = memory(shraga, growth)
            print(f"{size:>9,} tasks: filled in {filled[size]:.0f} s", file=sys.stderr)
    return {"costs": costs, "filled": filled, "memory": used}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", type=Path, help="a folder for growth.md and growth.svg")
    given = parser.parse_args()
    os.environ.pop("SHRAGA_REDIS_URL", None)
    found = run([int(size) for size in given.sizes.split(",")], given.repeats)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    text = page(found)
    if given.markdown:
        (given.markdown / "growth.md").write_text(text)
        (given.markdown / "growth.svg").write_text(plot(found["costs"]))
    else:
        print(text)


if __name__ == "__main__":
    main()
