"""Spending and the brake with real workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from shraga_models import Limits, Prompt, Python, TaskStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from tests.chat_server import ChatServer, serving, streamed
from tests.factories import assert_agreement
from tests.processes import Processes
from tests.waiting import wait_until


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving() as started:
        yield started


def test_a_prompt_runs_on_a_worker_and_is_paid_for(
    shraga: Shraga, processes: Processes, server: ChatServer, tmp_path: Path
) -> None:
    server.replies = [streamed("It is\n", "so.")]
    config = tmp_path / "config.toml"
    config.write_text(
        f'[endpoints.default]\nurl = "{server.url}"\nkey = "${{env:CHAT_KEY}}"\nmodel = "m"\n'
        "prompt_price = 2.0\nresponse_price = 10.0\n"
    )
    processes.worker(shraga, env={"SHRAGA_ENDPOINTS_FILE": str(config), "CHAT_KEY": "sk-secret-1"})
    task = shraga.submit("ask", Prompt("Why?"), limits=Limits(budget=0.001))
    ended = shraga.wait(task.id, 20)
    assert ended.status is TaskStatus.COMPLETED, ended.error
    assert ended.output is not None
    assert ended.output.result == "It is\nso."
    assert (ended.cost, ended.prompt_tokens, ended.response_tokens) == (0.007, 1000, 500)
    assert server.asked[0][0]["authorization"] == "Bearer sk-secret-1"
    assert [(line.source, line.message) for line in shraga.logs(task.id)] == [
        ("thought", "It is"), ("thought", "so."),
    ]  # fmt: skip
    # It had ended before anybody could be asked about its budget.
    assert [message.text for message in shraga.chat(task.id)] == ["It is\nso."]
    assert [call.model for call in shraga.model_calls(task.id)] == ["m-2030"]


def test_a_run_over_its_budget_parks_is_extended_and_repeats_nothing(
    shraga: Shraga, processes: Processes
) -> None:
    processes.worker(shraga)
    action = Python("tests.jobs:pay", args={"calls": 6, "cost": 0.3})
    task = shraga.submit("dear", action, limits=Limits(budget=1))
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.WAITING_FOR_INPUT, 20, what="it is parked")
    (question,) = shraga.questions()
    assert (question.task_id, question.kind, question.options[0]) == (task.id, "budget", "extend")
    assert 1.2 <= shraga.get(task.id).cost < 1.8
    other = shraga.submit("another", Python("tests.jobs:add", args={"a": 1, "b": 2}))
    assert shraga.wait(other.id, 30).status is TaskStatus.COMPLETED
    shraga.answer(task.id, "extend")
    ended = shraga.wait(task.id, 20)
    assert (ended.status, ended.attempt, ended.cost) == (TaskStatus.COMPLETED, 2, 1.8)
    assert len(shraga.model_calls(task.id)) == 6
    assert_agreement(shraga)


def test_a_brake_holds_within_a_second_and_outlives_its_worker(
    shraga: Shraga, processes: Processes, tmp_path: Path
) -> None:
    worker = processes.worker(shraga, "w1", 2)
    processes.controller()
    noted = tmp_path / "noted"
    action = Python("tests.jobs:hold", args={"path": str(noted), "seconds": 0.05})
    mine = [task.id for task in (shraga.submit(f"m{n}", action, owner="alice") for n in range(40))]
    wait_until(lambda: noted.exists() and noted.read_text().count("end") > 3, what="some are done")
    shraga.set_brake(True, owner="alice", reason="runaway")
    wait_until(lambda: not shraga.find_rows("owner:alice status:running"), 5, what="what ran has ended")
    held = {row.id for row in shraga.find_rows("owner:alice status:queued", limit=100)}
    assert held
    other = shraga.submit("another", Python("tests.jobs:add", args={"a": 1, "b": 2}), owner="bob")
    assert shraga.wait(other.id, 30).status is TaskStatus.COMPLETED
    proctree.send([worker.pid, *proctree.descendants(worker.pid)], signal.SIGKILL)
    os.waitpid(worker.pid, 0)
    again = processes.worker(shraga, "w2", 2)
    assert again.poll() is None
    canceled = sorted(held)[0]
    assert shraga.cancel(canceled).status is TaskStatus.CANCELED
    assert {row.id for row in shraga.find_rows("owner:alice status:queued", limit=100)} == held - {canceled}
    assert_agreement(shraga)
    shraga.set_brake(False, owner="alice")
    for task_id in mine:
        assert shraga.wait(task_id, 20).status is (
            TaskStatus.CANCELED if task_id == canceled else TaskStatus.COMPLETED
        )
    assert noted.read_text().count("begin") == noted.read_text().count("end") == 39
    assert_agreement(shraga)
