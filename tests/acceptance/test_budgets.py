"""Spending and the brake with real workers."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Agent, Limits, Prompt, Python, Task, TaskStatus
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
    # Milliseconds decide whether somebody is still asked about its budget; its result counts all the same.
    assert "It is\nso." in [message.text for message in shraga.chat(task.id)]
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


SESSION = "9b853937-d2d9-4f1b-8c2d-d960254db334"
CLAUDE = """#!/bin/sh
echo "$*" >> {home}/started
head -n 1 >> {home}/told
cat {home}/lines
case "$*" in *--resume*) cat {home}/result ;; *) exec sleep 300 ;; esac
"""
DEAF = """#!/bin/sh
trap '' TERM
head -n 1 >> {home}/told
if grep -q here {home}/told; then echo '{{"type": "finished", "summary": "Done."}}'; exit; fi
echo '{{"type": "session", "id": "here"}}'
echo '{{"type": "usage", "model": "m", "cost": 1.2}}'
while :; do sleep 0.1; done
"""


def park(shraga: Shraga, task: Task) -> None:
    """Wait until a task's run has let its slot go over a budget, and another task has had it."""
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.WAITING_FOR_INPUT, 20, what="it is parked")
    assert [(one.task_id, one.kind) for one in shraga.questions()] == [(task.id, "budget")]
    other = shraga.submit("another", Python("tests.jobs:add", args={"a": 1, "b": 2}))
    assert shraga.wait(other.id, 30).status is TaskStatus.COMPLETED


@pytest.mark.parametrize("answer", ["extend", "finish up", "stop"])
def test_an_agent_over_its_budget_parks_and_goes_on_after_its_last_step(
    shraga: Shraga, processes: Processes, tmp_path: Path, answer: str
) -> None:
    done, gate = tmp_path / "done", tmp_path / "gate"
    script: list[dict[str, Any]] = [
        {"ask": "Which?", "key": "which"},
        {"run": f"echo 1 {{answer}} >> {done}"},
        {"usage": {"model": "m", "cost": 0.6}},
        {"run": f"echo 2 {{answer}} >> {done}"},
        {"usage": {"model": "m", "cost": 0.6}},
        {"run": f"while [ ! -e {gate} ]; do sleep 0.05; done; echo 3 {{answer}} >> {done}"},
        {"finish": "All three are {answer}."},
    ]
    processes.worker(shraga)
    task = shraga.submit("dear", Agent(json.dumps(script), agent="scripted"), limits=Limits(budget=1))
    wait_until(shraga.questions, 20, what="its own question")
    shraga.answer(task.id, "red")
    wait_until(lambda: [one for one in shraga.questions() if one.kind == "budget"], 20, what="the budget's")
    park(shraga, task)
    assert done.read_text() == "1 red\n2 red\n"
    gate.touch()
    shraga.answer(task.id, answer)
    ended = shraga.wait(task.id, 20)
    assert ended.cost == 1.2
    if answer == "stop":
        assert (ended.status, done.read_text()) == (TaskStatus.CANCELED, "1 red\n2 red\n")
    else:
        assert ended.status is TaskStatus.COMPLETED, ended.error
        assert done.read_text() == "1 red\n2 red\n3 red\n"
        assert ended.output is not None and ended.output.summary == "All three are red."
    assert shraga.questions() == []
    assert_agreement(shraga)


def test_an_agent_that_has_to_be_ended_by_force_keeps_its_session(
    shraga: Shraga, processes: Processes, tmp_path: Path
) -> None:
    start_agent(shraga, processes, tmp_path, DEAF, "lines")
    task = shraga.submit("deaf", Agent("Go.", agent="own"), limits=Limits(budget=1, grace=0.5))
    park(shraga, task)
    shraga.answer(task.id, "extend")
    ended = shraga.wait(task.id, 20)
    assert (ended.status, ended.attempt, ended.cost) == (TaskStatus.COMPLETED, 2, 1.2)
    first, second = map(json.loads, (tmp_path / "told").read_text().splitlines())
    assert (first["session"], second["session"], second["message"]) == (None, "here", "extend")


def test_claude_code_over_its_owners_budget_goes_on_in_its_session(
    shraga: Shraga, processes: Processes, tmp_path: Path
) -> None:
    init = {"type": "system", "subtype": "init", "session_id": SESSION}
    said = {"type": "text", "text": "Looking."}
    call = {"id": "msg_1", "model": "m", "content": [said], "usage": {"input_tokens": 25, "output_tokens": 1}}
    lines = [init, {"type": "assistant", "message": call, "session_id": SESSION}]
    (tmp_path / "lines").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "result").write_text(
        json.dumps({"type": "result", "subtype": "success", "result": "Done."}) + "\n"
    )
    start_agent(shraga, processes, tmp_path, CLAUDE, "claude")
    paid = shraga.submit("paid", Python("tests.jobs:pay", args={"calls": 1, "cost": 1.2}))
    assert shraga.wait(paid.id, 20).cost == 1.2
    # What a call of Claude Code costs is told at its end alone, so that another task has to have used the day up.
    shraga.set_budget(1.0, owner=paid.owner)
    task = shraga.submit("greet", Agent("Greet.", agent="own"))
    park(shraga, task)
    shraga.answer(task.id, "extend")
    ended = shraga.wait(task.id, 20)
    assert (ended.status, ended.attempt) == (TaskStatus.COMPLETED, 2), ended.error
    first, second = (tmp_path / "started").read_text().splitlines()
    assert "--resume" not in first and f"--resume {SESSION}" in second
    opening, resumed = (
        json.loads(line)["message"]["content"] for line in (tmp_path / "told").read_text().splitlines()
    )
    assert opening.startswith("Greet.") and resumed.endswith("The answer: extend")


def start_agent(shraga: Shraga, processes: Processes, home: Path, program: str, adapter: str) -> None:
    """Start a worker whose agent `own` is a shell program."""
    path, config = home / "own", home / "agents.toml"
    path.write_text(program.format(home=home))
    path.chmod(stat.S_IRWXU)
    config.write_text(f'[agents.own]\ncommand = ["{path}"]\nadapter = "{adapter}"\n')
    processes.worker(shraga, env={"SHRAGA_AGENTS_FILE": str(config)})


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
