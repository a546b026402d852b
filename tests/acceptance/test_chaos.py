"""A short storm: work flows over four slots while everything is killed at random; the long one is `make soak`."""

from __future__ import annotations

import json
import random
from pathlib import Path

from benchmarks.chaos import Chaos, Plan, broken


def test_no_promise_breaks_while_everything_is_killed_at_random(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    chaos = Chaos(Plan(seed=seed, tasks=150, seconds=12, fault_every=1.2, patience=60), tmp_path)
    verdict = chaos.run()
    log = (tmp_path / "log").read_text(errors="replace")[-3000:]
    assert broken(verdict) == [], f"seed {seed}\n{json.dumps(verdict, indent=2)}\n{log}"
    assert verdict["ended"]["completed"] > 100
    assert len(verdict["faults"]) > 2
