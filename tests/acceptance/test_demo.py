"""The demo, headless: the same house and work, summed up."""

from __future__ import annotations

import json
import subprocess
import sys


def test_the_headless_demo_sums_up_and_loses_nothing() -> None:
    command = [sys.executable, "-m", "shraga_tui", "demo", "--headless", "--seconds", "14"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["lost"] == 0
    assert summary["unfinished"] == 0
    assert summary["submitted"] >= 8
    assert summary["completed"] >= 4
    assert summary["failed"] >= 1
    # The one that hangs, and the two schedules once the time is over.
    assert summary["canceled"] == 3
    assert summary["asked"] == summary["answered"] >= 1
    assert summary["approved"] >= 1
    assert summary["accepted"] >= 1
    assert summary["fired"] >= 1
    assert summary["workflows"] >= 1
