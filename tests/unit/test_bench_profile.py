from __future__ import annotations

from pathlib import Path

from benchmarks.profile_slot import read

RECORDED = """\
process 7:"python -m part";thread (7): MainThread;serve (slot.py:1);wait (slot.py:2) 60
process 7:"python -m part";thread (7): MainThread;serve (slot.py:1) 40
process 7:"python -m part";process 8:"python -m part";thread (8): MainThread;run (horse.py:1);run (horse.py:1) 5
process 7:"python -m part";process 8:"python -m part";thread (9): lease;watch (horse.py:9) 100
process 7:"python -m part";process 8:"python -m part";process 9:"sh; x";thread (9): MainThread;main (a.py:1) 3
"""


def test_slot_and_horse_are_told_apart_and_other_threads_and_programs_left_out(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_text(RECORDED)
    slot, horse = read(path).values()
    assert slot.samples == 100
    assert slot.own == {"wait (slot.py:2)": 60, "serve (slot.py:1)": 40}
    assert slot.total == {"wait (slot.py:2)": 60, "serve (slot.py:1)": 100}
    assert horse.total == {"run (horse.py:1)": 5}
