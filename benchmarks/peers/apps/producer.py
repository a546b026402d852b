"""The producer of every system: `producer.py APP` submits through the `one` and, where there is one, `many` of APP.

It obeys one JSON line after another on standard input and answers each with one:

{"do": "one", "count": n}      submit n tasks, each in a call of its own     -> {"seconds": s}
{"do": "many", "count": n}     submit n tasks by the bulk call               -> {"seconds": s}
{"do": "starts", "count": n, "pause": [low, high]}
                               n times: pause, submit one, await its start   -> {"ms": [...]}

The first line it writes says whether there is a bulk call: {"bulk": true}. Imports the standard library only.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from mark import STAMP

Submit = Callable[[int], object]
PATIENCE = 20.0


def timed(submit: Submit, count: int) -> dict[str, float]:
    """Return how long submitting `count` tasks took."""
    began = time.perf_counter()
    submit(count)
    return {"seconds": time.perf_counter() - began}


def start_after(submit: Submit) -> float:
    """Return the milliseconds from the begin of the submitting call to the first line of the task."""
    path = os.environ["BENCH_MARKS"]
    size = os.stat(path).st_size
    began = time.monotonic()
    submit(1)
    while os.stat(path).st_size == size:
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(f"a task had not started after {PATIENCE} s")
        time.sleep(0.0005)
    with open(path, "rb") as file:
        file.seek(size)
        (started,) = STAMP.unpack(file.read(STAMP.size))
    return round(float((started - began) * 1000), 3)


def starts(submit: Submit, count: int, pause: tuple[float, float]) -> dict[str, list[float]]:
    """Return the milliseconds to the start of each of `count` tasks."""
    took = []
    for _ in range(count):
        # Of random length, so that no poller can fall into step.
        time.sleep(random.uniform(*pause))
        took.append(start_after(submit))
    return {"ms": took}


def obey(order: dict[str, Any], one: Submit, many: Submit | None) -> object:
    """Carry out one order."""
    if order["do"] == "starts":
        return starts(one, order["count"], order["pause"])
    return timed(many if order["do"] == "many" and many else one, order["count"])


def main() -> None:
    app = importlib.import_module(sys.argv[1])
    one, many = app.one, getattr(app, "many", None)
    print(json.dumps({"bulk": many is not None}), flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line), one, many)), flush=True)


if __name__ == "__main__":
    main()
