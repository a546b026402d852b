"""The real Claude Code under a real worker, with its model's API on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Agent, Python, Task, TaskStatus
from shraga_queue.client import Shraga
from tests.claude_stub import ModelStub, bash, claude_binary, words
from tests.processes import Processes
from tests.repositories import make_repository
from tests.waiting import wait_until

BINARY = claude_binary()
pytestmark = pytest.mark.skipif(
    BINARY is None,
    reason="Claude Code is not here: `make agent-test` fetches it from npm and runs these tests",
)

StartWorker = Callable[..., Any]


@pytest.fixture
def model() -> Iterator[ModelStub]:
    with ModelStub(lambda body: [words("Done.")]) as stub:
        yield stub


@pytest.fixture
def worker(shraga: Shraga, processes: Processes, model: ModelStub, tmp_path: Path) -> StartWorker:
    """Start a worker whose agent `claude` speaks to the stub."""
    home = tmp_path / "claude-home"
    home.mkdir()
    env = {
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": "${env:MODEL_KEY}",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in env.items()]
    config = tmp_path / "agents.toml"

    def start(name: str = "w1", idle: str = "1m") -> Any:
        head = ["[agents.claude]", f'command = ["{BINARY}", "--allowedTools", "Bash"]', 'adapter = "claude"']
        config.write_text("\n".join([*head, f'idle_timeout = "{idle}"', "[agents.claude.env]", *lines]))
        given = {"SHRAGA_AGENTS_FILE": str(config), "MODEL_KEY": "a-key-of-nobody"}
        return processes.worker(shraga, name, env=given)

    return start


def said_to(body: dict[str, Any]) -> str:
    """Return all that a request tells the model."""
    return json.dumps(body["messages"])


def submit(shraga: Shraga, **fields: Any) -> Task:
    """Submit a task for the agent."""
    return shraga.submit("Greet", Agent("Write the greeting.", agent="claude"), **fields)


def test_a_whole_run(shraga: Shraga, worker: StartWorker, model: ModelStub, tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin")
    command = "echo hello > out.txt && git add out.txt && git commit -qm greet && ls"

    def turn(body: dict[str, Any]) -> list[dict[str, Any]]:
        if "tool_result" not in said_to(body):
            return [words("Looking at the folder."), bash(command)]
        return [words("Done: the file is there.")]

    model.turn = turn
    worker()
    task = submit(
        shraga,
        repository_url=str(origin),
        input={"contact_rules": "Never at night.", "check": "test -f out.txt"},
    )
    done = shraga.wait(task.id, 60)
    assert done.status is TaskStatus.COMPLETED, done.error
    assert done.output is not None and done.output.summary == "Done: the file is there."
    evidence = done.output.evidence
    assert evidence is not None and evidence.changes is not None and evidence.check is not None
    assert (evidence.exit_code, evidence.changes.commits, evidence.check.exit_code) == (0, 1, 0)
    assert "Write the greeting." in said_to(model.requests[0])
    assert "Never at night." in said_to(model.requests[0])
    assert [one.text for one in shraga.chat(task.id)] == [
        "Looking at the folder.",
        "Done: the file is there.",
    ]
    (run,) = shraga.get_with_runs(task.id).runs
    assert run.metrics["prompt_tokens"] == 50 and run.metrics["response_tokens"] == 30
    assert run.metrics["cost"] > 0


def test_a_question_suspends_it_and_the_answer_resumes_its_session(
    shraga: Shraga, worker: StartWorker, model: ModelStub
) -> None:
    def turn(body: dict[str, Any]) -> list[dict[str, Any]]:
        if "The answer: blue" in said_to(body):
            return [words("Blue it is.")]
        return [words("I have to ask."), bash("shraga ask 'Which colour?' --option red --option blue")]

    model.turn = turn
    first = worker("w1")
    task = submit(shraga)

    def question() -> Any:
        now = shraga.get(task.id)
        return now.question if now.status is TaskStatus.WAITING_FOR_INPUT else None

    asked = wait_until(question, 60, what="the question")
    assert (asked.text, asked.options) == ("Which colour?", ("red", "blue"))
    first.terminate()
    first.wait(20)
    worker("w2")
    shraga.answer(task.id, "blue")
    done = shraga.wait(task.id, 60)
    assert done.status is TaskStatus.COMPLETED, done.error
    assert done.output is not None and done.output.summary == "Blue it is."
    # The conversation was kept by the session: the goal is there, without being told again.
    assert "Write the greeting." in said_to(model.requests[-1])
    assert "You asked: Which colour?" in said_to(model.requests[-1])
    assert done.attempt == 2


def test_over_a_budget_it_is_parked_and_goes_on_in_its_session(
    shraga: Shraga, worker: StartWorker, model: ModelStub
) -> None:
    def turn(body: dict[str, Any]) -> list[dict[str, Any]]:
        if "The answer: extend" in said_to(body):
            return [words("Done after all.")]
        return [words("It takes a while."), bash("sleep 300")]

    model.turn = turn
    worker()
    paid = shraga.submit("paid", Python("tests.jobs:pay", args={"calls": 1, "cost": 1.2}))
    assert shraga.wait(paid.id, 20).status is TaskStatus.COMPLETED
    shraga.set_budget(1.0, owner=paid.owner)
    task = submit(shraga)
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.WAITING_FOR_INPUT, 60, what="it is parked")
    shraga.answer(task.id, "extend")
    done = shraga.wait(task.id, 60)
    assert (done.status, done.attempt) == (TaskStatus.COMPLETED, 2), done.error
    assert done.output is not None and done.output.summary == "Done after all."
    assert "Write the greeting." in said_to(model.requests[-1])
    assert "It takes a while." in said_to(model.requests[-1])


def test_a_message_reaches_it_while_it_runs(
    shraga: Shraga, worker: StartWorker, model: ModelStub, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    def turn(body: dict[str, Any]) -> list[dict[str, Any]]:
        if "tool_result" not in said_to(body):
            return [bash(f"while [ ! -e {gate} ]; do sleep 0.05; done")]
        return [words("Heard." if "tester says: use tabs" in said_to(body) else "Nobody spoke.")]

    model.turn = turn
    worker()
    task = submit(shraga)
    wait_until(lambda: model.requests, 30, what="the first turn")
    shraga.say(task.id, "use tabs")
    wait_until(
        lambda: any("Told the agent" in line.message for line in shraga.logs(task.id)), 20, what="the telling"
    )
    gate.touch()
    done = shraga.wait(task.id, 60)
    assert done.output is not None and done.output.summary == "Heard."


def test_an_api_that_is_away_fails_the_run_within_its_idle_time(
    shraga: Shraga, worker: StartWorker, model: ModelStub
) -> None:
    model.away = True
    worker(idle="4s")
    done = shraga.wait(submit(shraga).id, 60)
    assert done.status is TaskStatus.FAILED
    assert "did nothing for 4s" in done.error and "The model's API does not answer" in done.error
