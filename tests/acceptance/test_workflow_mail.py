"""What is said to a workflow reaches its agents: those that run at once, the next try and later ones by prompt."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Phase, TaskOutput
from shraga_queue import proctree
from shraga_queue.client import Shraga
from tests.processes import Processes
from tests.waiting import wait_until

AGENT = """
import json, sys

def tell(**message):
    print(json.dumps(message), flush=True)

start = json.loads(sys.stdin.readline())
words = "hold the door"
if start["prompt"].count(words) == 1:
    how = "read it in the prompt"
else:
    tell(type="thought", text="listening")
    how = "heard " + json.loads(sys.stdin.readline())["text"]
tell(type="finished", ok=True, summary=how)
"""
LISTENER: dict[str, Any] = {"action": {"type": "agent", "agent": "listener", "prompt": "Listen."}}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """What a worker is given to know the agent that listens."""
    program, config = tmp_path / "listener.py", tmp_path / "agents.toml"
    program.write_text(AGENT)
    command = json.dumps([sys.executable, str(program)])
    config.write_text(f'[agents.listener]\ncommand = {command}\nadapter = "lines"\n')
    return {"SHRAGA_AGENTS_FILE": str(config)}


def summary(shraga: Shraga, task_id: str) -> str:
    output = shraga.get(task_id).output
    assert isinstance(output, TaskOutput)
    return output.summary


def test_a_message_is_heard_by_those_that_run_and_read_by_those_that_begin_later(
    processes: Processes, shraga: Shraga, env: dict[str, str]
) -> None:
    processes.controller()
    worker = processes.worker(shraga, slots=2, env=env)
    names = ("left", "right", "lost")
    steps = [
        {"name": "left"} | LISTENER,
        {"name": "right", "after": []} | LISTENER,
        {"name": "later", "after": ["left", "right"]} | LISTENER,
        {"name": "lost", "after": [], "capability": "lonely"} | LISTENER,
    ]
    lonely = processes.worker(shraga, "w2", 1, "--capability=lonely", env=env)
    flow = shraga.submit_workflow("t", steps=steps)
    ids = [flow.task_id(name) for name in names]
    wait_until(lambda: all(shraga.get(task).thought == "listening" for task in ids), what="all to listen")
    # What is frozen reads nothing, until it is killed.
    frozen = [lonely.pid, *proctree.descendants(lonely.pid)]
    proctree.send(frozen, signal.SIGSTOP)
    said = shraga.workflow_say(flow.id, "hold the door")
    assert said.told == names
    proctree.send(frozen, signal.SIGKILL)
    lonely.wait()
    processes.worker(shraga, "w3", 1, "--capability=lonely", env=env)
    wait_until(
        lambda: shraga.workflow(flow.id).workflow.phase is Phase.COMPLETED,
        60,
        what=f"the end: {processes.log()}",
    )
    assert {name: summary(shraga, flow.task_id(name)) for name in (*names, "later")} == {
        "left": "heard hold the door",
        "right": "heard hold the door",
        "later": "read it in the prompt",
        "lost": "read it in the prompt",
    }
    assert [run.status for run in shraga.runs(flow.task_id("lost"))] == ["lost", "completed"]
    assert worker.poll() is None
