"""`shraga show`, `audit` and `why` about what people are asked and what they decided, against a real server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shraga_models import NewQuestion, Permission, RunStatus, Schedule, TaskOutput, Verdict
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import Engine
from shraga_tui.cli.app import run
from tests.factories import Hand, hire, new_task

Cli = Callable[..., list[str]]


@pytest.fixture
def cli(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*words: str) -> list[str]:
        place = ["--url", settings.redis_url or "", "--prefix", settings.prefix, "--user", "ann"]
        capsys.readouterr()
        code = run([*words, *place])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out.splitlines()

    return call


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def test_show_has_the_claim_and_the_decision_and_audit_the_reason(
    cli: Cli, shraga: Shraga, hand: Hand
) -> None:
    task = shraga.submit_task(new_task(permission=Permission.SUPERVISED))
    verdict = Verdict(approved=True, testing_done="make test", results="all green")
    hand.commit(hand.claim(), output=TaskOutput(summary="did it", verdict=verdict))
    assert "accept" in cli("why", task.id)[-1]
    cli("accept", task.id, "--note", "fine by me")
    shown = [line.split(None, 1) for line in cli("show", task.id) if line]
    for fact in (["verdict", "approved"], ["tested", "make test"], ["results", "all green"]):
        assert fact in shown
    assert ["permission", "supervised"] in shown
    (review,) = (said for name, said in shown if name == "review")
    assert review.startswith("accepted by ann 20")
    assert review.endswith("of try 1: fine by me")
    assert cli("audit", "--tail", "1")[0].endswith("awaiting_approval\tcompleted\tfine by me")


def test_show_says_what_is_asked_instead_of_what_was_thought(cli: Cli, shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task())
    claim = hand.claim()
    hand.engine.ask(claim, NewQuestion(text="Where to?", options=("north", "south")))
    hand.commit(claim, RunStatus.SUSPENDED)
    lines = cli("show", task.id)
    assert any(line.split(None, 1) == ["asks", "Where to? [north | south]"] for line in lines if line)
    assert not any(line.startswith("thought") for line in lines)


def test_show_says_when_a_task_repeats(cli: Cli, shraga: Shraga) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(interval=300)))
    cli("schedule", "pause", task.id)
    assert any(
        line.split(None, 1) == ["repeats", "every 5 minutes, paused"] for line in cli("show", task.id) if line
    )
