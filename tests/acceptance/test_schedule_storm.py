"""Real controllers that are killed while schedules fire: each slot runs exactly once."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.schedules import Plan, Storm, is_exact
from shraga_models import Python, Reminder, Shell
from shraga_queue.client import Shraga
from tests.processes import Processes
from tests.waiting import wait_until


def test_each_slot_runs_once_while_controllers_are_killed(tmp_path: Path) -> None:
    """A short one; the long one is `benchmarks/schedules.py`."""
    seed = random.SystemRandom().randrange(1 << 31)
    counts = Storm(Plan(schedules=20, seconds=10, kill_every=2, seed=seed), tmp_path).run()
    assert is_exact(counts), f"seed {seed}: {counts}\n{(tmp_path / 'log').read_text()[-3000:]}"
    assert counts["slots"] >= 20 * 8
    assert counts["controllers_killed"] >= 3


def test_a_run_knows_its_occurrence_and_the_data_of_its_event_and_the_next_one_does_not(
    shraga: Shraga, processes: Processes
) -> None:
    called = shraga.submit("called", Python("tests.jobs:heard"), schedule={"on": "go"})
    command = shraga.submit(
        "command", Shell('echo "$SHRAGA_OCCURRENCE $SHRAGA_EVENT_DATA"'), schedule={"on": "go"}
    )
    once = Python("tests.jobs:heard")
    processes.worker(shraga)
    shraga.emit("go", {"name": "a.csv"}, key="a")
    plain = shraga.submit("once", once)
    wait_until(lambda: shraga.get(plain.id).status.is_final, what="the plain task")
    wait_until(lambda: all(shraga.runs(one.id)[0].finished_at for one in (called, command)), what="both runs")
    assert shraga.runs(called.id)[0].result == [f"{called.id}@a", {"name": "a.csv"}, f"{called.id}@a"]
    said = [line.message for line in shraga.logs(command.id, attempt=1)]
    assert f'{command.id}@a {{"name": "a.csv"}}' in said
    assert shraga.runs(plain.id)[0].result == [plain.id, None, None]


def test_a_reminder_says_its_words_in_the_chat(shraga: Shraga, processes: Processes) -> None:
    task = shraga.submit("call back", Reminder("Call Bo back."))
    processes.worker(shraga)
    ended = shraga.wait(task.id, 30)
    assert ended.output is not None
    assert (ended.status, ended.output.summary) == ("completed", "Call Bo back.")
    assert [(one.sender_type, one.text) for one in shraga.chat(task.id)] == [("system", "Call Bo back.")]
    assert "Call Bo back." in [event.content for event in shraga.events() if event.type == "agent.message"]
