from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shraga_models import Shell
from shraga_queue.errors import InvalidInput
from shraga_tui.cli.errors import UsageError
from shraga_tui.cli.submit import check, json_or_text, task_fields
from shraga_tui.cli.timing import timed


def checked(**options: Any) -> dict[str, Any]:
    return check(task_fields({"name": "n"} | options)).model_dump(mode="json", exclude_defaults=True)


def test_shell_takes_folder_and_variables() -> None:
    action = checked(shell="make", cwd="/srv", env=["A=1", "B=x=y"])["action"]
    assert action == {"type": "shell", "command": "make", "cwd": "/srv", "env": {"A": "1", "B": "x=y"}}


def test_http_takes_method_headers_body_and_expected_statuses() -> None:
    action = checked(
        http="http://x.test/", method="post", header=["A: b: c"], body="hi", expect=["201"], save_as="f"
    )["action"]
    assert action["method"] == "POST"
    assert action["headers"] == {"A": "b: c"}
    assert (action["body"], action["expect_status"], action["save_as"]) == ("hi", [201], "f")


def test_python_arguments_are_json_where_they_parse() -> None:
    action = checked(python="a.b:c", arg=["n=3", "s=word", 'd={"k": [1]}', "e="])["action"]
    assert action["args"] == {"n": 3, "s": "word", "d": {"k": [1]}, "e": ""}


def test_an_agent_takes_goal_model_variables_repository_and_check() -> None:
    task = checked(
        agent="claude", goal="Fix it", model="opus", env=["A=${env:B}"], repository="https://host/r.git",
        branch="fix", check="make test",
    )  # fmt: skip
    assert task["action"] == {
        "type": "agent", "agent": "claude", "prompt": "Fix it", "model": "opus", "env": {"A": "${env:B}"},
    }  # fmt: skip
    assert (task["repository_url"], task["branch"]) == ("https://host/r.git", "fix")
    assert task["input"] == {"check": "make test"}


def test_absurd_nesting_stays_text() -> None:
    deep = "[" * 100_000
    assert json_or_text(deep) == deep


def test_options_become_fields() -> None:
    task = checked(
        shell="x", priority="high", capability="gpu", label=["a", "b"], kind="docs", description="d",
        timeout="5m", retries=2, expires_in="1h", document=["d1"], document_tag=["style", "api"],
    )  # fmt: skip
    assert task["limits"] == {"timeout": 300.0, "retries": 2, "expires_in": 3600.0}
    assert (task["priority"], task["capability"], task["kind"]) == ("high", "gpu", "docs")
    assert (task["labels"], task["description"]) == (["a", "b"], "d")
    assert (task["documents"], task["document_tags"]) == (["d1"], ["style", "api"])


def test_file_is_overridden_by_options(tmp_path: Any) -> None:
    file = tmp_path / "task.yaml"
    file.write_text(
        "name: from file\naction: {type: shell, command: ls}\nlimits: {timeout: 5m, retries: 1}\n"
    )
    task = check(task_fields({"file": str(file), "timeout": "9s"}))
    assert (task.name, task.limits.timeout, task.limits.retries) == ("from file", 9.0, 1)
    assert check(task_fields({"file": str(file), "name": "mine"})).name == "mine"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "none was given"),
        ({"shell": "a", "http": "b"}, "--shell and --http"),
        ({"shell": "a", "method": "GET"}, "--method goes with --http"),
        ({"http": "a", "arg": ["a=1"]}, "--arg goes with --python"),
        ({"python": "a:b", "env": ["A=1"]}, "--env goes with --shell or --agent"),
        ({"shell": "a", "goal": "x"}, "--goal goes with --agent"),
        ({"python": "a:b", "cwd": "/"}, "--cwd goes with --shell"),
        ({"shell": "a", "save_as": "x"}, "--save-as goes with --http"),
    ],
)
def test_wrong_usage_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        task_fields({"name": "n"} | options)


def test_a_task_needs_a_name() -> None:
    with pytest.raises(UsageError, match="needs a name"):
        task_fields({"shell": "ls"})


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"shell": "a", "env": ["A"]}, "env"),
        ({"shell": "a", "env": ["=1"]}, "env"),
        ({"python": "a:b", "arg": ["x"]}, "arg"),
        ({"http": "http://x.test", "header": ["nope"]}, "header"),
        ({"shell": "a", "timeout": "soon"}, "limits.timeout"),
        ({"shell": "a", "retries": -1}, "limits.retries"),
        ({"shell": "a", "priority": "urgent"}, "priority"),
        ({"shell": "a", "kind": "magic"}, "kind"),
        ({"shell": "a", "label": ["two words"]}, "labels.0"),
        ({"shell": "a", "capability": "ga pu"}, "capability"),
        ({"shell": ""}, "action.shell.command"),
        ({"python": "nocolon"}, "action.python.callable"),
        ({"http": "ftp://x"}, "action.http.url"),
        ({"http": "http://x.test", "method": "BREW"}, "action.http.method"),
        ({"http": "http://x.test", "expect": ["99"]}, "action.http.expect_status.0"),
    ],
)
def test_bad_values_name_their_field(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(**options)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "at", ["tomorrow", "+soon", "+", "2030-13-01", "+999999999h", "+" + "9" * 400, "+9e9d"]
)
def test_bad_times_are_refused_before_connecting(at: str) -> None:
    with pytest.raises(InvalidInput, match="--at") as caught:
        timed({}, {"at": at}, datetime.now(UTC))
    assert caught.value.field == "at"


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00+12:00", "9999-12-31T23:59:59"])
def test_times_that_no_clock_reaches_are_refused(at: str) -> None:
    with pytest.raises(InvalidInput, match="the years 1 to 9998") as caught:
        check({"name": "n", "action": Shell("x"), "schedule": {"at": at}})
    assert caught.value.field == "schedule.at"


@pytest.mark.parametrize("at", ["2030-01-31T08:00", "2030-01-31T08:00Z", "2030-01-31T08:00+02:00", "+1h30m"])
def test_good_times_pass(at: str) -> None:
    now = datetime.now(UTC)
    found = check(timed(task_fields({"name": "n", "shell": "ls"}), {"at": at}, now)).schedule
    assert found is not None
    expected = now + timedelta(hours=1.5) if at.startswith("+") else datetime.fromisoformat(at)
    assert found.at == (expected if expected.tzinfo else expected.replace(tzinfo=UTC))


@pytest.mark.parametrize("due", ["2030-01-31T08:00", "2030-01-31T08:00+02:00", "+2d"])
def test_due_is_a_time_as_a_start_is_and_no_schedule(due: str) -> None:
    now = datetime.now(UTC)
    found = check(timed(task_fields({"name": "n", "shell": "ls"}), {"due": due}, now))
    expected = now + timedelta(days=2) if due.startswith("+") else datetime.fromisoformat(due)
    assert found.due_at == (expected if expected.tzinfo else expected.replace(tzinfo=UTC))
    assert found.schedule is None


def test_due_that_is_no_time_names_its_option() -> None:
    with pytest.raises(InvalidInput, match=re.escape("--due 'friday' is no time: write 2030-01-31T08:00")):
        timed({}, {"due": "friday"}, datetime.now(UTC))


def test_options_of_repetition_become_a_schedule() -> None:
    options = {
        "cron": "0 2 * * mon-fri", "tz": "Europe/Berlin", "missed": "all", "overlap": "queue", "jitter": "30s",
        "until": "2030-01-01", "paused": True,
    }  # fmt: skip
    found = check(timed(task_fields({"name": "n", "shell": "ls"}), options, datetime.now(UTC))).schedule
    assert found is not None
    assert (found.cron, found.time_zone, found.missed, found.overlap) == (
        "0 2 * * mon-fri", "Europe/Berlin", "all", "queue",
    )  # fmt: skip
    assert (found.jitter, found.ends_at, found.is_active) == (30, datetime(2030, 1, 1, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"every": "5m", "cron": "* * * * *"}, "schedule: give exactly one of cron, interval, at and on."),
        ({"tz": "UTC"}, "schedule: give exactly one of cron, interval, at and on."),
        ({"cron": "daily"}, "schedule.cron: 'daily' is no cron expression: write five fields"),
        ({"every": "soon"}, "schedule.interval: 'soon' is no duration"),
        ({"every": "5m", "overlap": "maybe"}, "schedule.overlap: it is none of those known: use 'skip'"),
    ],
)
def test_repetition_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)):
        check(timed(task_fields({"name": "n", "shell": "ls"}), options, datetime.now(UTC)))
