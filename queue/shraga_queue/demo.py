"""Functions for the demo and for measuring; each is a real Python task."""

from __future__ import annotations

import math
import random
import time

from .context import log, progress, thought


def noop() -> None:
    """Do nothing, for measuring."""


def crunch(steps: int = 20, pause: float = 0.25) -> dict[str, float]:
    """Estimate pi by throwing darts, telling how far it is; returns the estimate and its error."""
    inside = total = 0
    for step in range(steps):
        for _ in range(2_000):
            inside += random.random() ** 2 + random.random() ** 2 <= 1
        total += 2_000
        time.sleep(pause)
        progress(step + 1, steps, thought=f"{total:,} darts thrown, pi is about {4 * inside / total:.4f}")
    estimate = 4 * inside / total
    log("estimated pi", estimate=estimate)
    return {"pi": estimate, "error": abs(estimate - math.pi)}


def review(files: int = 6, pause: float = 0.6) -> str:
    """Read through some files as a reviewer would, thinking aloud."""
    findings = 0
    for number in range(1, files + 1):
        thought(f"reading file {number} of {files}: does every caller handle the empty case?")
        time.sleep(pause)
        if random.random() < 0.3:
            findings += 1
            log(f"file {number}: a boundary check is missing", level="warning", file=number)
        progress(number, files)
    return f"{findings} finding(s) in {files} files"


def flaky(chance: float = 0.6) -> str:
    """Fail with a probability, as services do; a retry usually helps."""
    thought("asking the payment sandbox for a receipt")
    time.sleep(0.4)
    if random.random() < chance:
        raise ConnectionError("the payment sandbox answered 503")
    return "receipt stored"


def sleep(seconds: float = 1.0) -> None:
    """Sleep, in small steps so that progress shows."""
    steps = max(1, int(seconds / 0.25))
    for step in range(steps):
        time.sleep(seconds / steps)
        progress(step + 1, steps)
