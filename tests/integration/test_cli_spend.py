"""`shraga spend`, `budget`, `brake` and `submit --prompt` against a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shraga_models import ModelCall
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import Engine
from shraga_tui.cli.app import run
from tests.factories import Hand, hire, new_task

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*words: str) -> tuple[int, str, str]:
        place = ["--url", settings.redis_url or "", "--prefix", settings.prefix, "--user", "ann"]
        capsys.readouterr()
        code = run([*words, *place])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return call


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def loads(said: tuple[int, str, str]) -> Any:
    assert said[0] == 0, said[2]
    return json.loads(said[1])


def test_spend_is_summed_and_listed(cli: Cli, shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(), owner="alice")
    call = ModelCall(
        provider="p", model="m\x1b[31m", prompt_tokens=7, response_tokens=2, cost=0.5, is_estimated=True
    )
    hand.engine.record_call(hand.claim(), call, 1)
    (line,) = loads(cli("spend", "--by", "owner", "--json"))
    assert line == {"name": "alice", "calls": 1, "prompt_tokens": 7, "response_tokens": 2, "cost": 0.5}
    assert cli("spend", "--by", "task", "--days", "2")[1] == f"{task.id}\t1\t7\t2\t0.50\n"
    assert "\x1b" not in cli("spend", "--by", "model")[1]
    assert loads(cli("spend", "--owner", "bob", "--days", "1", "--json"))[0]["cost"] == 0
    (one,) = loads(cli("spend", "--task", task.id[-8:], "--json"))
    assert (one["task_id"], one["cost"]) == (task.id, 0.5)
    assert "\t~7\t~2\t0.50\t0.0\t" in cli("spend", "--task", task.id)[1]
    shown = loads(cli("show", task.id, "--json"))
    assert (shown["cost"], shown["prompt_tokens"], shown["budget"]) == (0.5, 7, None)


def test_a_budget_is_set_shown_and_removed(cli: Cli) -> None:
    assert "there is no budget" in cli("budget")[2]
    assert cli("budget", "set", "--owner", "alice", "--day", "2.5")[1] == "alice\t2.50\t0.00\t0.00\n"
    both = loads(cli("budget", "set", "--day", "20", "--json"))
    assert [(one["owner"], one["day"]) for one in both] == [(None, 20), ("alice", 2.5)]
    assert loads(cli("budget", "set", "--day", "none", "--json"))[0]["owner"] == "alice"
    assert cli("budget", "show")[1].startswith("alice")


def test_a_brake_is_put_on_shown_and_released(cli: Cli, shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(), owner="alice")
    assert cli("brake", "on", "--owner", "alice", "--reason", "dear") == (0, "on owner alice\n", "")
    assert (
        cli("brake", "on", "--owner", "alice", "--reason", "dear")[1] == "on owner alice (it was already)\n"
    )
    assert hand.try_claim() is None
    assert cli("brake", "on", "--task", task.id[-8:])[1] == f"on task {task.id}\n"
    assert cli("brake", "on")[1] == "on all\n"
    brakes = loads(cli("brake", "show", "--json"))
    assert [(one["owner"], one["task_id"], one["parked"], one["by"]) for one in brakes] == [
        (None, None, 0, "ann"), ("alice", None, 1, "ann"), (None, task.id, 0, "ann"),
    ]  # fmt: skip
    assert "owner alice\tann\t" in cli("brake")[1]
    for words in (["--owner", "alice"], ["--task", task.id], []):
        assert cli("brake", "off", *words)[0] == 0
    assert "no brake is on" in cli("brake", "show")[2]
    assert hand.claim().task_id == task.id


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["spend", "--by", "hour"], 2, "use day, owner, model or task"),
        (["spend", "--days", "500"], 2, "days: give 1 to 400"),
        (["spend", "--task", "nothing"], 3, "There is no task"),
        (["budget", "set", "--day", "much"], 2, "write US dollars as 12.50, or none"),
        (["budget", "set", "--day", "-1"], 2, "from 0 to 1,000,000"),
        (["budget", "set", "--day", "1", "--owner", "a b"], 2, "is no user name"),
        (["brake", "on", "--task", "nothing"], 3, "There is no task"),
        (["brake", "on", "--task", "nothing", "--owner", "a"], 2, "not both"),
        (
            ["submit", "x", "--shell", "true", "--model", "m"],
            2,
            "--model goes with --prompt or --agent, not with --shell",
        ),
        (
            ["submit", "x", "--shell", "true", "--budget", "0"],
            2,
            "limits.budget: it is too small: give more than 0",
        ),
    ],
)
def test_what_a_user_gets_wrong(cli: Cli, words: list[str], code: int, said: str) -> None:
    found = cli(*words)
    assert found[0] == code
    assert said in found[2]


def test_a_prompt_is_submitted(cli: Cli, shraga: Shraga) -> None:
    words = [
        "--prompt",
        "Why?",
        "--system",
        "Be brief.",
        "--model",
        "m",
        "--endpoint",
        "local",
        "--budget",
        "0.5",
    ]
    (task_id,) = cli("submit", "ask", *words)[1].split()
    task = shraga.get(task_id)
    assert task.action.model_dump(exclude_defaults=True) == {
        "type": "prompt", "prompt": "Why?", "system": "Be brief.", "model": "m", "endpoint": "local",
    }  # fmt: skip
    assert (task.limits.budget, task.budget) == (0.5, 0.5)
