"""The measurements of one system in one round; medians over rounds are taken by `report`."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import IO, Any

import psutil

from .failed import Failed
from .processes import Marks, explained, marks, processor_seconds, producer, workers
from .server import Counters, Server
from .systems import Peer, System

WARM_UP = 100
SETTLE = 0.5
"""Seconds in which a worker records the end of the tasks it has run."""
ASKING = 2
"""Commands, a round trip each, that asking for the counters adds to them."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured in a round."""

    tasks: int
    """Tasks the fastest systems drain; the others get their share."""
    single: int
    bulk: int
    starts: int


def quantile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def slope(times: list[float]) -> float:
    """Return tasks a second between the first and the last tenth, so that neither start nor end counts."""
    first, last = int(len(times) * 0.1), int(len(times) * 0.9)
    return (last - first) / (times[last] - times[first])


def per_task(before: Counters, after: Counters, count: int) -> dict[str, float]:
    """Return what the server counted for each task."""
    return {
        "trips": (after.reads - before.reads - ASKING) / count,
        "commands": (after.commands - before.commands - ASKING) / count,
    }


def submitting(server: Server, peer: Peer, sizes: Sizes) -> dict[str, float]:
    """Measure how fast a producer submits while nothing runs."""
    server.flush()
    with explained(peer.name) as log, marks() as file, producer(server, peer, file, log) as submit:
        submit.one(WARM_UP)
        before = server.counters()
        found = {"one": sizes.single / submit.one(sizes.single)}
        counted = per_task(before, server.counters(), sizes.single)
        found |= {f"submit_{name}": value for name, value in counted.items()}
        if submit.has_bulk:
            submit.many(WARM_UP)
            found["bulk"] = sizes.bulk / submit.many(sizes.bulk)
    return found


def draining(server: Server, system: System, sizes: Sizes) -> dict[str, Any]:
    """Measure a system's workers: on a full queue, then idle; last what all of it left in memory."""
    server.flush()
    count = max(150, int(sizes.tasks * system.share))
    with explained(system.name) as log, marks() as file:
        found = _at_work(server, system, file, log, count, sizes.starts)
    return found | {"tasks": count, "memory": server.data_size() / (count + sizes.starts)}


def _at_work(
    server: Server, system: System, file: Marks, log: IO[bytes], count: int, starts: int
) -> dict[str, Any]:
    with producer(server, system.peer, file, log) as submit:
        submit.many(count)
        full = server.counters()
        with workers(server, system, file, log) as started:
            found = {"cpu": _processor_time(file, count, started)}
            file.wait_for(count)
            time.sleep(SETTLE)
            done = server.counters()
            found |= {"drain": slope(file.times()), **per_task(full, done, count)}
            took = submit.starts(starts)
            found["lone_trips"] = per_task(done, server.counters(), starts)["trips"]
    if file.count() != count + starts:
        raise Failed(f"ran {file.count()} times what was submitted {count + starts} times")
    return found | {"p50": statistics.median(took), "p99": quantile(took, 0.99)}


def _processor_time(file: Marks, count: int, started: list[psutil.Process]) -> float:
    """Return the microseconds of processor time the workers spend on a task, over the middle of the drain."""
    first = file.wait_for(int(count * 0.1))
    before = processor_seconds(started)
    last = file.wait_for(int(count * 0.9))
    return (processor_seconds(started) - before) / max(1, last - first) * 1e6
