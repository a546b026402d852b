from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from shraga_models import NewTask, NewWorkflow, Shell
from shraga_queue.config import Settings
from shraga_queue.errors import InvalidInput, NotFound
from shraga_queue.templates import EXAMPLES, StoredTemplate, Templates, examine
from shraga_tui.cli.app import run

GOOD = """\
name: greet
description: Say hello.
parameters:
  who: {description: whom to greet}
  times: {type: int, default: 2}
task:
  name: Greet ${who}
  action:
    type: shell
    command: echo "hello $WHO $${HOME} ${env:TOKEN}"
    env: {WHO: "${who}", TIMES: "${times}"}
  limits:
    retries: ${times}
"""


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "greet.yaml").write_text(GOOD)
    return Templates(folder)


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_template_becomes_a_task(templates: Templates) -> None:
    stored = templates.load("greet")
    task = stored.instance({"who": "Ada; rm -rf /", "times": "3"})
    assert isinstance(task, NewTask)
    assert isinstance(task.action, Shell)
    assert task.name == "Greet Ada; rm -rf /"
    assert task.action.command == 'echo "hello $WHO ${HOME} ${env:TOKEN}"'
    assert task.action.env == {"WHO": "Ada; rm -rf /", "TIMES": "3"}
    assert task.limits.retries == 3
    assert task.template == stored.ref


def test_a_missing_and_an_unknown_parameter_are_named(templates: Templates) -> None:
    stored = templates.load("greet")
    with pytest.raises(InvalidInput, match=r"^who: it is missing: give one \(whom to greet\)\.$") as caught:
        stored.instance({})
    assert caught.value.field == "who"
    with pytest.raises(InvalidInput, match=r"^whom: .* it has who, times\.$"):
        stored.instance({"whom": "x"})


def test_a_template_that_is_not_there_is_named(templates: Templates) -> None:
    with pytest.raises(NotFound, match="no template 'nope'"):
        templates.load("nope")


def test_the_revision_is_the_commit_while_the_file_is_as_committed(templates: Templates) -> None:
    file = templates.folder / "greet.yaml"
    assert templates.load("greet").revision.startswith("sha256:")
    git(templates.folder, "init", "-q")
    assert templates.load("greet").revision.startswith("sha256:")
    git(templates.folder, "add", ".")
    git(templates.folder, "commit", "-q", "-m", "one")
    commit = git(templates.folder, "rev-parse", "HEAD")
    assert templates.load("greet").revision == commit
    (templates.folder / "other.txt").write_text("x")
    git(templates.folder, "add", ".")
    git(templates.folder, "commit", "-q", "-m", "two")
    assert templates.load("greet").revision == commit
    file.write_text(GOOD + "  priority: high\n")
    assert templates.load("greet").revision.startswith("sha256:")


@pytest.mark.parametrize(
    ("change", "line", "field", "said"),
    [
        (("times: {type: int", "times: {type: number"), 5, "parameters.times.type", "none of those known"),
        (("default: 2", "default: two"), 5, "parameters.times.default", "no whole number"),
        (("  who: {", "  who is: {"), 4, "parameters.who is", "no digit first"),
        (("description: Say", "colour: Say"), 2, "colour", "remove it"),
        (("name: greet", "name: great"), 1, "name", "that of the file"),
        (("Greet ${who}", "Greet ${whom}"), 7, "task.name", "$${whom}"),
        (("    type: shell\n", "    type: magic\n"), 8, "task.action", "magic"),
        (("    retries: ${times}", "    retrys: ${times}"), 13, "task.limits.retrys", "correct its name"),
        (("    retries: ${times}", "    retries: -1 # ${times}"), 13, "task.limits.retries", "at least 0"),
        (("who: {", "idle: {default: x}\n  who: {"), 4, "parameters.idle", "used nowhere"),
        (("\ntask:", "\ntasks:"), 6, "tasks", "correct its name"),
    ],
)
def test_a_fault_names_file_line_and_field(
    templates: Templates, change: tuple[str, str], line: int, field: str, said: str
) -> None:
    file = templates.folder / "greet.yaml"
    assert change[0] in GOOD
    file.write_text(GOOD.replace(*change, 1))
    found = examine(file)
    assert not isinstance(found, StoredTemplate)
    fault = next(one for one in found if one.field == field)
    assert (fault.file, fault.line) == (file, line)
    assert said in fault.message
    with pytest.raises(InvalidInput, match=f"greet.yaml:{found[0].line}: "):
        templates.load("greet")


MANY_FAULTS = """\
name: other
colour: blue
parameters:
  who: {type: text}
  times: {type: int, default: two}
  idle: {}
  kind: {type: choice}
  1st: {}
task:
  name: ${whom} ${who} ${times}
  priority: ${kind}
  urgency: high
  action: {type: "${sort}", command: x}
  limits: {retries: many, timeout: -1}
"""


def test_all_kinds_of_faults_are_told_in_one_go(templates: Templates) -> None:
    file = templates.folder / "many.yaml"
    file.write_text(MANY_FAULTS)
    found = examine(file)
    assert not isinstance(found, StoredTemplate)
    assert [(fault.line, fault.field) for fault in found] == [
        (1, "name"),
        (2, "colour"),
        (4, "parameters.who.type"),
        (5, "parameters.times.default"),
        (6, "parameters.idle"),
        (7, "parameters.kind.choices"),
        (8, "parameters.1st"),
        (10, "task.name"),
        (12, "task.urgency"),
        (13, "task.action.type"),
        (14, "task.limits.timeout"),
        (14, "task.limits.retries"),
    ]


def test_a_body_too_many_or_none_is_told_beside_other_faults(templates: Templates) -> None:
    file = templates.folder / "bare.yaml"
    file.write_text("name: bare\ncolour: blue\nparameters: {who: {}}\n")
    found = examine(file)
    assert not isinstance(found, StoredTemplate)
    assert [(fault.field, fault.message) for fault in found if fault.field != "colour"] == [
        ("workflow", "give exactly one of task and workflow")
    ]
    file.write_text("name: bare\nparameters: []\ntask: {name: '${a}'}\nworkflow: {titel: t}\n")
    found = examine(file)
    assert not isinstance(found, StoredTemplate)
    assert [(fault.line, fault.field) for fault in found] == [
        (2, "parameters"), (3, "task.action"), (4, "workflow"), (4, "workflow.title"), (4, "workflow.titel"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [("a: [", "line 1"), ("- a\n", "holds no template")])
def test_what_is_no_template_at_all_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    found = examine(file)
    assert not isinstance(found, StoredTemplate)
    assert said in found[0].message


def test_what_a_missing_value_would_decide_is_not_judged(templates: Templates) -> None:
    file = templates.folder / "ask.yaml"
    file.write_text(
        "name: ask\nparameters: {url: {}}\ntask: {name: a, action: {type: http, url: '${url}'}}\n"
    )
    found = examine(file)
    assert isinstance(found, StoredTemplate)
    with pytest.raises(InvalidInput, match="no HTTP address"):
        found.instance({"url": "x"})


def test_the_examples_are_good_and_hidden_by_ones_of_the_same_name(templates: Templates) -> None:
    names = [file.stem for file in EXAMPLES.glob("*.yaml")]
    assert names
    found = templates.all()
    assert all(isinstance(one, StoredTemplate) for one in found)
    assert templates.find(names[0]).parent == EXAMPLES
    (templates.folder / f"{names[0]}.yaml").write_text(GOOD)
    assert templates.find(names[0]).parent == templates.folder


def test_the_page_about_templates_shows_a_good_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "templates.md").read_text()
    (tmp_path / "backup.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    found = examine(tmp_path / "backup.yaml")
    assert isinstance(found, StoredTemplate), found
    task = found.instance({"folder": "/srv"})
    assert isinstance(task, NewTask)
    assert (task.limits.retries, task.input.description) == (7, "")


def test_a_template_may_make_a_workflow(templates: Templates) -> None:
    file = templates.folder / "flow.yaml"
    text = """\
name: flow
parameters: {what: {}}
workflow:
  title: Do ${what}
  steps:
    - {name: a, action: {type: shell, command: x}}
    - {name: b, action: {type: shell, command: "y ${steps.a.output}"}}
"""
    file.write_text(text)
    flow = templates.load("flow").instance({"what": "it"})
    assert isinstance(flow, NewWorkflow)
    assert (flow.title, [step.name for step in flow.steps]) == ("Do it", ["a", "b"])
    assert flow.template is not None
    file.write_text(text.replace("name: b", "name: a"))
    found = examine(file)
    assert not isinstance(found, StoredTemplate)
    assert (found[0].line, found[0].field) == (5, "workflow.steps")
    assert "'a' is taken" in found[0].message


def test_files_below_are_found_and_hidden_ones_are_not(templates: Templates) -> None:
    for place in ("below", ".github"):
        (templates.folder / place).mkdir()
    (templates.folder / "below" / "deep.yml").write_text(GOOD)
    (templates.folder / ".github" / "ci.yaml").write_text(GOOD)
    assert "deep" in templates.files()
    assert "ci" not in templates.files()


def test_the_folder_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(home=tmp_path).template_folder == tmp_path / "templates"
    monkeypatch.setenv("SHRAGA_TEMPLATES", str(tmp_path / "mine"))
    assert Settings(home=tmp_path).template_folder == tmp_path / "mine"


# The command


@pytest.fixture
def folder(templates: Templates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SHRAGA_TEMPLATES", str(templates.folder))
    monkeypatch.setenv("SHRAGA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHRAGA_CONFIG", "")
    return templates.folder


def test_a_new_template_is_good_and_is_not_written_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["template", "new", "mine"]) == 0
    file = Path(capsys.readouterr().out.strip())
    assert file == folder / "mine.yaml"
    assert isinstance(examine(file), StoredTemplate)
    assert run(["template", "new", "mine"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(["template", "new", "../mine"]) == 2
    assert "--name" in capsys.readouterr().err


def test_check_prints_each_fault_and_exits_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["template", "check", "greet"]) == 0
    capsys.readouterr()
    (folder / "greet.yaml").write_text(GOOD.replace("retries: ${times}", "retries: -${times}"))
    assert run(["template", "check"]) == 1
    said = capsys.readouterr()
    assert said.out == f"{folder}/greet.yaml:13: task.limits.retries: it is too small: give at least 0\n"
    assert "faulty" in said.err
    assert run(["template", "check", "--json"]) == 1
    (fault,) = json.loads(capsys.readouterr().out)
    assert (fault["line"], fault["field"]) == (13, "task.limits.retries")


def test_list_and_show_tell_what_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yaml").write_text("name: bad\n")
    assert run(["template", "list"]) == 0
    said = capsys.readouterr()
    assert "greet\twho [times]\tSay hello.\n" in said.out
    assert "template check bad" in said.err
    assert run(["template", "show", "greet"]) == 0
    assert "who\tstring\t(required)\twhom to greet\n" in capsys.readouterr().out
    assert run(["template", "show", "greet", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["parameters"]["who"]["required"] is True
    assert shown["revision"].startswith("sha256:")
    assert run(["template", "show", "nope"]) == 3
