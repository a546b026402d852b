"""A horse by itself, without a slot: how it ends when nobody extends its deadline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shraga_queue import proctree
from shraga_queue.deadline import Deadline, lease_clock
from shraga_queue.engine import Claim
from shraga_queue.horse import HorseSetup, order_json
from shraga_queue.work_horse import WorkHorse

NAP = json.dumps({"action": {"type": "shell", "command": "echo begun; sleep 60"}})


def test_a_horse_that_ends_itself_does_not_call_that_the_end_of_its_run(tmp_path: Path) -> None:
    deadline = Deadline()
    horse = WorkHorse(HorseSetup("w", tmp_path, (), deadline), lambda runs: None)
    claim = Claim("t", "tester", 1, 1, {"name": "nap", "spec": NAP})
    deadline.set(lease_clock() + 60)
    horse.begin(lambda number: order_json(number, claim, None))
    while b"begun" not in horse.channel.receive():
        pass
    deadline.set(lease_clock() - 1)
    said: list[str] = []
    with pytest.raises(EOFError):
        while True:
            said.append(json.loads(horse.channel.receive())[1])
    assert "done" not in said
    assert proctree.how_it_ended(horse.pid) == "ended with exit code 70"
    assert deadline.missed
    horse.close()
