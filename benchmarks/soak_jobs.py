"""What the soak runs as Python tasks."""

from __future__ import annotations

import os
import time


def hold(path: str, seconds: float) -> None:
    """Note begin and end, so that overlapping runs of one task can be seen."""
    mark = f"{os.getpid()}.{time.monotonic_ns()}"
    with open(path, "a") as file:
        file.write(f"begin {mark}\n")
    time.sleep(seconds)
    with open(path, "a") as file:
        file.write(f"end {mark}\n")
