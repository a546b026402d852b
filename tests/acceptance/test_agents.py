"""An agent under a real worker: it works on a branch, asks, lets its slot go, and goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Agent, MessageType, TaskStatus
from shraga_queue.client import Shraga
from tests.clocks import Clock
from tests.plain_server import PlainServer
from tests.processes import Processes, alive_with
from tests.repositories import git, make_repository
from tests.waiting import wait_until

SCRIPT: list[dict[str, Any]] = [
    {"say": "Looking at the two flows."},
    {"edit": "login.py", "text": "flow = None\n"},
    {"commit": "Begin"},
    {"ask": "Which flow?", "options": ["redirect", "popup"]},
    {"edit": "login.py", "text": "flow = '{answer}'\n"},
    {"commit": "Use the {answer}"},
    {"deliver": "login.py"},
    {"finish": "The {answer} is used now.", "verdict": {"approved": True, "testing_done": "none"}},
]


@pytest.fixture
def clock(stepped_clock: Path, tmp_path: Path) -> Clock:
    """The server's clock."""
    return Clock(stepped_clock, tmp_path / "step")


@pytest.fixture
def plain_server(tmp_path: Path, clock: Clock) -> Iterator[PlainServer]:
    """A server whose clock the test sets."""
    server = PlainServer(tmp_path / "server", clock.environment)
    server.start()
    yield server
    server.kill()


def test_an_agent_that_asked_goes_on_an_hour_and_two_workers_later(
    away: Shraga, away_processes: Processes, clock: Clock, tmp_path: Path
) -> None:
    shraga, processes = away, away_processes
    processes.controller()
    origin = make_repository(tmp_path / "origin")
    first = processes.worker(shraga, "w1")
    task = shraga.submit(
        "Fix login",
        Agent(json.dumps(SCRIPT), agent="scripted"),
        repository_url=str(origin),
        input={"check": "grep -q popup login.py"},
        permission="supervised",
    )
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.WAITING_FOR_INPUT, 30, what="the question")
    question = shraga.get(task.id).question
    assert question is not None and question.options == ("redirect", "popup")
    # The slot is free for others while it waits.
    assert shraga.wait(
        shraga.submit("other", Agent('[{"finish": "ok"}]', agent="scripted")).id, 30
    ).status == (TaskStatus.COMPLETED)
    first.kill()
    first.wait()
    second = processes.worker(shraga, "w2")
    second.terminate()
    second.wait(20)
    clock.set(3600)
    processes.worker(shraga, "w3")
    shraga.answer(task.id, "popup")
    wait_until(lambda: shraga.get(task.id).awaits_verdict, 30, what="the result")
    done = shraga.get(task.id)
    asked, resumed = shraga.runs(task.id)
    assert asked.finished_at is not None and resumed.claimed_at is not None
    assert (resumed.claimed_at - asked.finished_at).total_seconds() > 3600
    assert done.output is not None and done.output.summary == "The popup is used now."
    evidence = done.output.evidence
    assert evidence is not None and evidence.changes is not None and evidence.check is not None
    assert (evidence.changes.commits, evidence.changes.uncommitted, evidence.check.exit_code) == (2, 0, 0)
    assert [one.name for one in evidence.artifacts] == ["login.py"]
    assert done.execution_details.session_id is not None
    folder = Path(done.execution_details.execution_folder or "")
    assert git(folder, "log", "--format=%s", "-2").splitlines() == ["Use the popup", "Begin"]
    assert shraga.review(task.id, "accept").status is TaskStatus.COMPLETED
    said = [(message.type, message.text) for message in shraga.chat(task.id)]
    assert said == [
        (MessageType.TEXT, "Looking at the two flows."),
        (MessageType.QUESTION, "Which flow?"),
        (MessageType.RESPONSE, "popup"),
        (MessageType.TEXT, "The popup is used now."),
    ]


def test_a_persons_message_reaches_a_running_agent(shraga: Shraga, processes: Processes) -> None:
    processes.worker(shraga)
    script = [{"wait": "Waiting for a word"}, {"finish": "Heard: {answer}"}]
    task = shraga.submit("Listen", Agent(json.dumps(script), agent="scripted"))
    wait_until(lambda: shraga.get(task.id).thought == "Waiting for a word", 20, what="the agent")
    shraga.say(task.id, "use tabs")
    done = shraga.wait(task.id, 30)
    assert done.output is not None and done.output.summary == "Heard: use tabs"


def test_a_canceled_agent_is_ended_with_all_that_it_started(shraga: Shraga, processes: Processes) -> None:
    processes.worker(shraga)
    script = [{"run": "sleep 300.125"}]
    task = shraga.submit("Stop me", Agent(json.dumps(script), agent="scripted"))
    wait_until(lambda: alive_with("sleep 300.125"), 20, what="the agent's command")
    shraga.cancel(task.id)
    assert shraga.wait(task.id, 20).status is TaskStatus.CANCELED
    assert alive_with("sleep 300.125") == []
