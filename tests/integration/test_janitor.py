"""What a killed worker left running is found, also where it did not show its mark at first."""

from __future__ import annotations

import signal
import subprocess

import pytest

from shraga_queue import janitor, proctree
from tests.waiting import PATIENCE


def test_a_process_that_shows_its_mark_late_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        looks = iter([[], [], [child.pid]])
        monkeypatch.setattr(proctree, "marked", lambda name, value: next(looks, []))
        monkeypatch.setattr(janitor, "LOOK_EVERY", 0.01)
        janitor.end_marked("w1")
        assert child.wait(PATIENCE) == -signal.SIGKILL
