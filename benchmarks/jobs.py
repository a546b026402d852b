"""What the benchmarks run as Python tasks."""

from __future__ import annotations

import time


def clock() -> float:
    """Return the monotonic clock, which all processes of a host share."""
    return time.monotonic()
