"""`shraga workflow`: each verb on a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shraga_models import ModelCall, Phase, WorkflowStep
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.workflow_codec import check_workflow
from shraga_queue.yamlfile import read_yaml
from shraga_tui.cli.app import run
from tests.crew import Crew
from tests.factories import hire

STEPS = ["--step", "a=echo 1", "--step", "b=echo 2"]
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "workflows.md"


class House:
    """The command line against the test's own prefix."""

    def __init__(self, shraga: Shraga, capsys: pytest.CaptureFixture[str]) -> None:
        self.place = ["--url", shraga.settings.redis_url or "", "--prefix", shraga.settings.prefix]
        self.capsys = capsys
        self.told = ""

    def __call__(self, *words: str, code: int = 0) -> str:
        self.capsys.readouterr()
        assert run([*self.place, "workflow", *words]) == code
        said = self.capsys.readouterr()
        self.told = said.err
        return said.err if code else said.out

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))


@pytest.fixture
def house(shraga: Shraga, capsys: pytest.CaptureFixture[str]) -> House:
    return House(shraga, capsys)


def test_a_workflow_is_submitted_listed_and_shown(house: House, shraga: Shraga) -> None:
    flow = house("submit", "--title", "Ship it", "--branch", "main", *STEPS).strip()
    assert house("list").split("\t")[:3] == [flow, "executing", "Ship it"]
    assert [one["id"] for one in house.json("list", "--phase", "executing")] == [flow]
    assert house.json("list", "--phase", "failed") == []
    shown = house("show", flow)
    task = shraga.workflow(flow).workflow.task_id
    assert f"a\tqueued\t\t{task('a')}\t1\t\n" in shown
    assert f"b\tblocked\ta\t{task('b')}\t1\t\n" in shown
    tree = house.json("show", flow)
    assert (tree["phase"], [step["name"] for step in tree["tree"]]) == ("executing", ["a", "b"])


def test_what_it_cost_is_shown(house: House, shraga: Shraga, engine: Engine) -> None:
    flow = house("submit", "--title", "t", *STEPS).strip()
    assert "spent" not in house("show", flow)
    call = ModelCall(prompt_tokens=1200, response_tokens=30, cost=0.0125)
    assert engine.record_call(hire(engine).claim(), call, 1) == "ok"
    assert "spent      0.0125 USD, 1200 prompt and 30 response tokens\n" in house("show", flow)
    shown = house.json("show", flow)
    assert (shown["cost"], shown["prompt_tokens"], shown["response_tokens"]) == (0.0125, 1200, 30)


def test_a_workflow_is_steered(house: House, shraga: Shraga) -> None:
    flow = house.json("submit", "--title", "t", *STEPS)["id"]
    assert house.json("pause", flow)["paused"] is True
    assert house.json("resume", flow)["paused"] is False
    assert house.json("skip", flow, "a")["skipped"] == ["a"]
    assert house.json("retry", flow, "--from", "a")["skipped"] == []
    added = house.json("add", flow, "c", "--shell", "echo 3", "--after", "a", "--capability", "gpu")
    assert [step["name"] for step in added["steps"]] == ["a", "b", "c"]
    assert shraga.get(shraga.workflow(flow).workflow.task_id("c")).capability == "gpu"
    assert house.json("cancel", flow, "--reason", "no")["phase"] == "canceled"
    assert {entry.action for entry in shraga.audit() if entry.entity == "workflow"} == {
        "submit", "pause", "resume", "skip", "retry", "add", "cancel",
    }  # fmt: skip


def test_a_workflow_is_talked_about(house: House) -> None:
    flow = house("submit", "--title", "t", *STEPS).strip()
    assert house.json("chat", flow) == []
    first = house("say", flow, "wait for \x1b[31mme").strip()
    said = house.json("say", flow, "why?", "--reply-to", first, "--attach", "file:///x/plan.md")
    assert (said["workflow_id"], said["parent_id"]) == (flow, first)
    assert said["attachments"][0]["name"] == "plan.md"
    house("say", flow, "wait for \x1b[31mBob", "--edit", first)
    shown = house("chat", flow)
    assert "\x1b" not in shown
    assert "(told no step)" in shown
    assert "31mBob" in shown.splitlines()[0]
    assert "(edited)" in shown.splitlines()[0]
    assert [one["text"] for one in house.json("chat", flow, "--tail", "1")] == ["why?"]
    assert "no workflow 'nope'" in house("say", "nope", "hello", code=3)
    assert "no workflow 'nope'" in house("chat", "nope", code=3)


def test_it_says_which_steps_were_told(house: House, shraga: Shraga, engine: Engine) -> None:
    agent = {"type": "agent", "prompt": "do it"}
    many = [{"name": f"s{number}", "action": agent, "after": []} for number in range(12)]
    flow = shraga.submit_workflow("t", steps=many).id
    hand = hire(engine)
    hand.claim()
    house("say", flow, "one")
    assert "shraga: Told s0; steps that begin later find it" in house.told
    while hand.try_claim():
        pass
    house("say", flow, "all")
    assert "Told s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 2 more; steps" in house.told
    assert "(told s0): one" in house("chat", flow)
    assert run([*house.place, "chat", shraga.workflow(flow).steps[0].task_id]) == 0
    assert " (from its workflow's chat): one" in house.capsys.readouterr().out
    shraga.cancel_workflow(flow)
    other = shraga.submit_workflow("t", steps=[{"name": "a", "action": {"type": "shell", "command": "x"}}])
    house("say", other.id, "nobody")
    assert "No step runs that listens; those that begin later find it in their prompt." in house.told


def test_what_is_wrong_with_a_plan_is_shown_and_answered(
    house: House, shraga: Shraga, engine: Engine
) -> None:
    flow = house("submit", "--title", "t", "--plan", "echo no").strip()
    crew = Crew(shraga, engine)
    crew.work(shraga.workflow(flow).workflow, "plan", result="no")
    assert "planning: plan: the plan is no JSON" in house("show", flow)
    assert "asks you" in house("show", flow)
    house.capsys.readouterr()
    assert run([*house.place, "inbox"]) == 0
    assert "[plan again | cancel | your own words]" in house.capsys.readouterr().out
    assert run([*house.place, "answer", shraga.workflow(flow).steps[0].task_id, "use make"]) == 0
    assert shraga.chat(shraga.workflow(flow).steps[0].task_id)[-1].text == "use make"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["submit"], 2, "needs a title"),
        (["submit", "--title", "t"], 2, "workflow: give exactly one of steps and plan"),
        (["submit", "--title", "t", "--step", "a=x", "--step", "a=y"], 2, "--step 'a' is given twice"),
        (["submit", "--title", "t", "--step", "a b=x"], 2, "steps.0.name"),
        (["submit", "/nowhere.yaml"], 2, "cannot be read"),
        (["show", "nope"], 3, "no workflow 'nope'"),
        (["list", "--phase", "done"], 2, "use one of created"),
        (["add", "nope", "a b", "--shell", "x"], 2, "name"),
    ],
)
def test_what_is_wrong_is_said(house: House, words: list[str], code: int, said: str) -> None:
    assert said in house(*words, code=code)


def test_a_refusal_is_said(house: House) -> None:
    flow = house("submit", "--title", "t", *STEPS).strip()
    house("cancel", flow)
    assert "is canceled already" in house("pause", flow, code=1)
    assert house.json("retry", flow, "--from", "z", code=2)["error"]["field"] == "step"


def test_a_file_is_read_and_options_override_it(house: House, tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(PAGE.read_text().partition("```yaml\n")[2].partition("```")[0])
    made = house.json("submit", str(file), "--title", "Mine")
    assert (made["title"], made["item_id"], made["phase"]) == (
        "Mine",
        "github:example/shop#12",
        Phase.EXECUTING,
    )
    steps = [WorkflowStep.model_validate(step) for step in read_yaml(file).value["steps"]]
    assert [step.name for step in steps] == ["build", "test", "docs", "tell"]


def test_the_second_example_of_the_page_is_good_too(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(PAGE.read_text().split("```yaml\n")[2].partition("```")[0])
    assert check_workflow(read_yaml(file).value).plan is not None
