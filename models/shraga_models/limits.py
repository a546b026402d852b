"""How long a task may take, how often it is tried again, and what happens when its worker is lost."""

from __future__ import annotations

import random
from typing import Annotated, Literal

from pydantic import Field

from .base import Model
from .durations import Seconds


class Limits(Model):
    """The bounds of a task; durations in seconds, or words such as `90s`, `5m`, `1h30m`."""

    timeout: Annotated[Seconds, Field(gt=0, le=30 * 86400)] = 3600.0
    """Seconds a run may take before it is ended (seed: AgentVine timeout_seconds)."""
    grace: Annotated[Seconds, Field(ge=0, le=600)] = 5.0
    """Seconds between asking a run to end (TERM) and ending it (KILL)."""
    retries: Annotated[int, Field(ge=0, le=1000)] = 0
    """How often a failed run is tried again (seed: AgentVine max_retries)."""
    backoff: Annotated[Seconds, Field(ge=0, le=86400)] = 2.0
    """Seconds before the first retry; each later one waits twice as long."""
    backoff_max: Annotated[Seconds, Field(ge=0, le=7 * 86400)] = 600.0
    """The longest wait between two tries, in seconds."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The share of a wait that is left to chance, so that retries do not come in step."""
    on_lost: Literal["retry", "fail"] = "retry"
    """What follows when the worker dies under a run."""
    lost_retries: Annotated[int, Field(ge=0, le=1000)] = 3
    """How often a lost run is started anew before the task fails: it may be what kills the workers."""
    expires_in: Annotated[Seconds, Field(gt=0, le=3650 * 86400)] | None = None
    """Seconds after which a task that has not started is skipped (seed: AgentVine expires_at)."""
    budget: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """US dollars that the calls of models of all its runs may cost; then a person is asked."""
    log_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 5 << 20
    """Bytes that a run's kept output may take, 64 for each line besides its text; what comes after is cut, up to the
    last lines, and the place is marked."""

    def delay_before(self, retry: int, chance: float | None = None) -> float:
        """Return the seconds to wait before retry number `retry` (1 is the first)."""
        wait = min(self.backoff * 2.0 ** min(retry - 1, 40), self.backoff_max)
        return wait * (1 - self.jitter * (random.random() if chance is None else chance))

    def retry_after_failure(self, failures: int) -> float | None:
        """Return the seconds until the next try after `failures` failed runs, or None for none."""
        return self.delay_before(failures) if failures <= self.retries else None

    def retry_after_loss(self, losses: int) -> float | None:
        """Return the seconds until the next try after `losses` lost runs, or None for none."""
        if self.on_lost == "fail" or losses > self.lost_retries:
            return None
        return 0.0 if losses == 1 else self.delay_before(losses - 1)
