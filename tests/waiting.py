"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds after which a condition will not come true any more; a loaded machine takes its time."""


def wait_until(
    condition: Callable[[], T], timeout: float = PATIENCE, interval: float = 0.02, what: str = "condition"
) -> T:
    """Return the first truthy value of `condition`; seconds; raises AssertionError naming `what`."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what} did not come true within {timeout} s; last value: {value!r}")
        time.sleep(interval)
