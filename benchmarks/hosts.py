"""Workers and Redis on hosts of their own: what distance costs, and what cuts, loss and failovers break.

`make soak-hosts` runs all of it; `python -m benchmarks.hosts weather --seconds 60 --seed 7` a part, repeatable in its
choices. Prints the seed first, then figures and verdicts as JSON; exit code 1 when a promise was broken, 2 when this
machine cannot play several hosts. Takes root on Linux (namespaces, see `tests/hosts.py`).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.hosts_soak import sentinel, split, weather
from shraga_models import NewTask, Python, Shell, TaskStatus, WorkerMode
from tests.hosts import why_not
from tests.sites import Site

NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))
TRIPS = (0.0, 0.005, 0.02, 0.1)
IDLE_SECONDS = 20.0


def measure(folder: Path, seconds: float, seed: int) -> dict[str, Any]:
    """Return latencies and rates over lines of several round trips, and what a worker sends when idle."""
    with Site(folder, seed) as site:
        site.controller("control")
        site.worker("a", 1, "--allow-module=time")
        far = {f"{trip * 1000:g} ms": _at(site, trip) for trip in TRIPS}
        site.worker("b", 8, "--allow-module=time")
        for trip in TRIPS:
            site.lan.weather(round_trip=trip)
            far[f"{trip * 1000:g} ms"]["noop_per_s_with_9_slots"] = round(_drain(site, 400))
        site.lan.weather(round_trip=0.0)
        return {"by_round_trip": far, "traffic": _resting(site), "broken": []}


def _at(site: Site, trip: float) -> dict[str, float]:
    site.lan.weather(round_trip=trip)
    _drain(site, 5)
    submit, start = [], []
    for _ in range(30):
        before = time.monotonic()
        task = site.shraga.submit("clock", Python("time:monotonic"))
        submit.append((time.monotonic() - before) * 1000)
        output = site.shraga.wait(task.id, 20).output
        assert output is not None
        start.append((float(str(output.result)) - before) * 1000)
    return {
        "submit_ms_p50": round(statistics.median(submit), 2),
        "submit_to_start_ms_p50": round(statistics.median(start), 2),
        "submit_to_start_ms_max": round(max(start), 2),
        "noop_per_s_with_1_slot": round(_drain(site, 60), 1),
    }


def _drain(site: Site, count: int) -> float:
    done = site.shraga.counts().by_status[TaskStatus.COMPLETED]
    site.shraga.submit_many([NOOP] * count)
    started = time.monotonic()
    while site.shraga.counts().by_status[TaskStatus.COMPLETED] - done < count:
        time.sleep(0.02)
    return count / (time.monotonic() - started)


def _traffic(site: Site, *names: str) -> dict[str, dict[str, float]]:
    before = {name: site.host(name).line.meter() for name in names}
    time.sleep(IDLE_SECONDS)
    found = {}
    for name in names:
        frames, octets = site.host(name).line.meter()
        found[name] = {
            "frames_per_s": round((frames - before[name][0]) / IDLE_SECONDS, 1),
            "bytes_per_s": round((octets - before[name][1]) / IDLE_SECONDS),
        }
    return found


def _resting(site: Site) -> dict[str, Any]:
    """Return what idle workers, a controller and a running task send and receive, and their connections."""
    idle = _traffic(site, "a", "b", "control")
    clients = site.shraga.driver.connection.client_list()
    here = Counter(client["addr"].split(":")[0] for client in clients)
    for name, found in idle.items():
        found["connections"] = here[site.host(name).address]
    site.shraga.set_worker_mode("b", WorkerMode.DRAINING)
    task = site.shraga.submit("long", Shell("sleep 600"))
    busy = _traffic(site, "a")["a"]
    site.shraga.cancel(task.id, timeout=10)
    return {
        "worker of 1 slot, idle": idle["a"],
        "worker of 1 slot, running": busy,
        "worker of 8 slots, idle": idle["b"],
        "controller": idle["control"],
    }


PARTS: dict[str, Callable[[Path, float, int], dict[str, Any]]] = {
    "measure": measure,
    "weather": weather,
    "sentinel": sentinel,
    "split": split,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--seconds", type=float, default=300, help="of each soak")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    if said := why_not():
        print(said, file=sys.stderr)
        return 2
    seed = random.SystemRandom().randrange(1 << 31) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    broken: list[str] = []
    for name in given.part or PARTS:
        folder = Path(tempfile.mkdtemp(prefix="shraga-hosts-"))
        found = PARTS[name](folder, given.seconds, seed)
        broken += [f"{name}: {what}" for what in found["broken"]]
        print(json.dumps({name: found}, indent=2), flush=True)
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"seed": seed, "verdict": "broken" if broken else "kept", "broken": broken}))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
