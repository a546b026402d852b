"""`shraga submit --after`, `depend`, `undepend`, `why`, and what `show` and `submit-many` make of dependencies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Shell, TaskStatus, WorkflowStep
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import Engine
from shraga_tui.cli.app import run
from tests.factories import lead_and_release

Said = tuple[int, str, str]
Command = Callable[..., Said]


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs one command line; returns its exit code and what it printed."""
    monkeypatch.setenv("SHRAGA_HOME", str(settings.home))
    monkeypatch.setenv("SHRAGA_REDIS_URL", settings.redis_url or "")
    monkeypatch.setenv("SHRAGA_PREFIX", settings.prefix)
    monkeypatch.setenv("SHRAGA_USER", "ann")

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = run(words)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def record(said: Said) -> Any:
    assert said[0] == 0, said
    return json.loads(said[1])


def test_submit_after_waits_by_the_end_of_an_id(command: Command, shraga: Shraga) -> None:
    first = shraga.submit("first", Shell("true")).id
    said = command("submit", "second", "--shell", "true", "--after", f"{first[-8:]}:finished", "--json")
    task = record(said)
    assert (task["status"], task["depends_on"]) == ("blocked", [{"task_id": first, "kind": "finished"}])


def test_submit_after_takes_the_policy_and_adds_to_a_file(
    command: Command, shraga: Shraga, tmp_path: Path
) -> None:
    one, two = (shraga.submit(name, Shell("true")).id for name in ("one", "two"))
    file = tmp_path / "task.yaml"
    file.write_text(f"name: n\naction: {{type: shell, command: 'true'}}\ndepends_on: [{one}]\n")
    words = ("--file", str(file), "--after", two, "--on-prerequisite-failure", "block")
    task = record(command("submit", *words, "--json"))
    assert [one["task_id"] for one in task["depends_on"]] == [one, two]
    assert task["on_prerequisite_failure"] == "block"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--after", "01a20000-0000-7000-8000-000000000000"), 3, "there is no task '01a20000-"),
        (("--after", "{first}:later"), 2, "it is none of those known: use 'success', 'finished'"),
        (("--after", "{first}", "--after", "{first}"), 2, "depends_on names a task twice: give each once"),
        (("--on-prerequisite-failure", "wait"), 2, "use 'skip' or 'block'"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(
    command: Command, shraga: Shraga, words: tuple[str, ...], code: int, said: str
) -> None:
    first = shraga.submit("first", Shell("true")).id
    given = command("submit", "n", "--shell", "true", *(word.format(first=first) for word in words))
    assert (given[0], given[1]) == (code, "")
    assert said in given[2]
    assert shraga.counts().total == 1


def test_depend_and_undepend_tell_the_status_then(command: Command, shraga: Shraga) -> None:
    first, task = (shraga.submit(name, Shell("true")).id for name in ("first", "task"))
    assert command("depend", task, "--on", first)[1] == f"blocked {task}\n"
    assert record(command("depend", task, "--on", f"{first}:finished", "--json"))["status"] == "blocked"
    assert command("undepend", task, "--on", first)[1] == f"queued {task}\n"


def test_cycle_is_refused_with_the_field(command: Command, shraga: Shraga) -> None:
    first = shraga.submit("first", Shell("true")).id
    task = shraga.submit("task", Shell("true"), depends_on=[first]).id
    code, out, err = command("depend", first, "--on", task, "--json")
    error = json.loads(err)["error"]
    assert (code, out, error["kind"], error["field"]) == (2, "", "invalid_input", "depends_on")
    assert f"'first' ({first}) -> 'task' ({task}) -> 'first' ({first})" in error["message"]


def test_a_kind_of_edge_that_there_is_not_is_named(command: Command, shraga: Shraga) -> None:
    first, task = (shraga.submit(name, Shell("true")).id for name in ("first", "task"))
    code, out, err = command("depend", task, "--on", f"{first}:later", "--json")
    error = json.loads(err)["error"]
    assert (code, out, error["kind"], error["field"]) == (2, "", "invalid_input", "depends_on")
    assert f"'{first}:later': it is none of those known: use 'success', 'finished'" in error["message"]


def test_without_another_task_the_usage_is_told(command: Command, shraga: Shraga) -> None:
    task = shraga.submit("task", Shell("true")).id
    code, _, err = command("depend", task)
    assert code == 2
    assert "--on" in err


def test_why_says_it_for_people_and_programs(command: Command, shraga: Shraga) -> None:
    first = shraga.submit("first \x1b[31m", Shell("true")).id
    task = shraga.submit("task", Shell("true"), depends_on=[first]).id
    code, out, _ = command("why", task[-8:])
    assert code == 0
    assert out.splitlines() == [
        f"‖ blocked  task  {task}",
        f"- It waits for the success of “first ” ({first}), which is queued.",
        f"  See why that is not done with `shraga why {first}`.",
    ]
    assert [one["code"] for one in record(command("why", first, "--json"))["reasons"]] == ["no_worker"]


def test_why_of_an_unknown_task_is_not_found(command: Command) -> None:
    assert command("why", "01a20000-0000-7000-8000-000000000000")[0] == 3


def codes(said: Said) -> tuple[list[str], list[list[str]]]:
    """Return the codes of a workflow's own reasons, and those of each of its steps at hand."""
    found = record(said)
    own, steps = found["reasons"], found["steps"]
    return [one["code"] for one in own], [[one["code"] for one in step["reasons"]] for step in steps]


def test_why_of_a_workflow_tells_what_it_waits_for(command: Command, shraga: Shraga, engine: Engine) -> None:
    made = command("workflow", "submit", "--title", "Ship", "--step", "a=false", "--step", "b=true")[
        1
    ].strip()
    assert codes(command("why", made, "--json")) == (["controller"], [["no_worker"]])
    lead_and_release(engine)
    code, out, _ = command("why", made)
    assert (code, out.splitlines()) == (
        0,
        [
            f"▶ executing  Ship  {made}",
            f"… queued  a: Ship  {shraga.workflow(made).at_hand[0].task_id}",
            "- No worker is running.",
            "  Start one with `shraga worker`.",
        ],
    )
    shraga.pause_workflow(made)
    assert codes(command("why", made, "--json"))[0] == ["pause"]
    shraga.cancel_workflow(made, "enough")
    code, out, _ = command("why", made)
    assert f"or go on with `shraga workflow retry {made}`." in out
    assert codes(command("why", made, "--json")) == (["ended"], [])


def test_why_of_a_workflow_names_some_of_many_steps(command: Command, shraga: Shraga) -> None:
    steps = [WorkflowStep(name=f"s{n}", action=Shell("true"), after=()) for n in range(7)]
    made = shraga.submit_workflow("Wide", steps=steps)
    code, out, err = command("why", made.id)
    assert (code, out.count("… queued")) == (0, 5)
    assert f"and 2 more steps; `shraga workflow show {made.id}` lists them" in err


def test_show_names_both_ends(command: Command, shraga: Shraga) -> None:
    first = shraga.submit("first", Shell("true")).id
    task = shraga.submit("task", Shell("true"), depends_on=[first]).id
    last = shraga.submit("last", Shell("true"), depends_on=[f"{task}:finished"]).id
    lines = command("show", task)[1].splitlines()
    assert f"{first}\tsuccess\twaits\tqueued\tfirst" in lines
    assert f"{last}\tfinished\twaits\tblocked\tlast" in lines
    around = record(command("show", task, "--json"))["dependencies"]
    assert (around["prerequisites"][0]["id"], around["dependents"][0]["id"]) == (first, last)


def test_submit_many_knows_the_names_of_earlier_lines(
    command: Command, shraga: Shraga, tmp_path: Path
) -> None:
    shell = {"type": "shell", "command": "true"}
    rows = [
        {"name": "a", "id": "a", "action": shell},
        *({"name": f"n{n}", "action": shell} for n in range(2500)),
        {"name": "b", "action": shell, "depends_on": ["a"]},
    ]
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    ids = command("submit-many", str(file))[1].split()
    assert len(ids) == 2502
    last = shraga.get(ids[-1])
    assert (last.status, last.depends_on[0].task_id) == (TaskStatus.BLOCKED, ids[0])


def test_submit_many_names_the_line_that_waits_for_nothing(
    command: Command, shraga: Shraga, tmp_path: Path
) -> None:
    shell = {"type": "shell", "command": "true"}
    rows = [
        {"name": "a", "action": shell, "id": "a", "depends_on": ["later"]},
        {"name": "b", "action": shell, "depends_on": ["a"]},
        {"name": "c", "action": shell, "id": "later"},
    ]
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    code, out, err = command("submit-many", str(file))
    assert (code, out, shraga.counts().total) == (2, "", 0)
    assert "line 1: depends_on: no earlier line has the id 'later'" in err
    assert "line 2: depends_on: no earlier line has the id 'a'" in err
    assert command("submit-many", str(file), "--skip-bad")[0] == 1
    assert shraga.counts().total == 1
