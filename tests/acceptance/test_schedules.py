"""Real controllers that are killed while schedules fire: each slot runs exactly once."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.schedules import Plan, Storm, is_exact


def test_each_slot_runs_once_while_controllers_are_killed(tmp_path: Path) -> None:
    """A short one; the long one is `benchmarks/schedules.py`."""
    seed = random.SystemRandom().randrange(1 << 31)
    counts = Storm(Plan(schedules=20, seconds=10, kill_every=2, seed=seed), tmp_path).run()
    assert is_exact(counts), f"seed {seed}: {counts}\n{(tmp_path / 'log').read_text()[-3000:]}"
    assert counts["slots"] >= 20 * 8
    assert counts["controllers_killed"] >= 3
