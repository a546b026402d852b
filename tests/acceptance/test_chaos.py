"""A short storm: work flows over four slots while everything is killed at random; the long one is `make soak`."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.chaos import KILLS, Chaos, Plan, broken
from benchmarks.soak_jobs import hold, hold_command, is_free
from shraga_queue import proctree
from tests.waiting import wait_until


def words(note: Path) -> list[str]:
    """What the runs of a task have noted."""
    return [line.split()[0] for line in note.read_text().splitlines()] if note.exists() else []


def test_two_live_runs_are_seen_and_a_killed_one_leaves_no_trace(tmp_path: Path) -> None:
    note = tmp_path / "note"
    code = f"from benchmarks.soak_jobs import hold; hold({str(note)!r}, 60)"
    first = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent.parent.parent)
    wait_until(lambda: words(note) == ["begin"], what="the first run")
    assert not is_free(str(note))
    hold(str(note), 0)
    assert words(note) == ["begin", "beside", "end"]
    first.kill()
    first.wait()
    assert is_free(str(note))
    hold(str(note), 0)
    assert words(note)[3:] == ["begin", "end"]


def test_what_a_killed_command_left_running_counts_as_running(tmp_path: Path) -> None:
    note = tmp_path / "note"
    shell = subprocess.Popen(["sh", "-c", hold_command(str(note), 60)])
    wait_until(lambda: words(note) and proctree.children(shell.pid), what="the command's sleep")
    (sleeper,) = proctree.children(shell.pid)
    shell.kill()
    shell.wait()
    assert not is_free(str(note))
    proctree.send([sleeper], signal.SIGKILL)
    wait_until(lambda: is_free(str(note)), what="the lock to fall")
    assert words(note) == ["begin"]


def test_no_promise_breaks_while_everything_is_killed_at_random(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    chaos = Chaos(Plan(seed=seed, tasks=150, seconds=12, fault_every=1.2, patience=60), tmp_path)
    verdict = chaos.run()
    log = (tmp_path / "log").read_text(errors="replace")[-3000:]
    assert broken(verdict) == [], f"seed {seed}\n{json.dumps(verdict, indent=2)}\n{log}"
    assert verdict["ended"]["completed"] > 100
    assert set(verdict["faults"]) == set(KILLS)
