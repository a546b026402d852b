"""The submit form: texts in, a checked task out, or the field that is wrong."""

from __future__ import annotations

import pytest

from shraga_models import Agent, Http, Priority, Prompt, Python, Shell
from shraga_queue.errors import InvalidInput
from shraga_tui.form import default_name, field_of, read_arguments, read_form

EMPTY = {
    "what": "shell",
    "command": "",
    "url": "",
    "method": "GET",
    "callable": "",
    "args": "",
    "agent": "",
    "endpoint": "",
    "prompt": "",
    "repository_url": "",
    "model": "",
    "name": "",
    "priority": "normal",
    "capability": "",
    "labels": "",
    "timeout": "",
    "retries": "",
}


def test_a_command_alone_is_enough() -> None:
    new = read_form(EMPTY | {"command": "pytest -q"})
    assert (new.name, new.action, new.priority) == ("pytest -q", Shell("pytest -q"), Priority.NORMAL)


def test_all_fields_reach_the_task() -> None:
    typed = {
        "command": "x",
        "name": "N",
        "priority": "high",
        "capability": "gpu",
        "labels": "a, b",
        "timeout": "5m",
        "retries": "2",
    }
    new = read_form(EMPTY | typed)
    assert (new.name, new.capability, new.labels) == ("N", "gpu", ("a", "b"))
    assert (new.limits.timeout, new.limits.retries) == (300.0, 2)


def test_web_requests_and_calls() -> None:
    assert read_form(EMPTY | {"what": "http", "url": "https://x.org", "method": "PUT"}).action == Http(
        "https://x.org", method="PUT"
    )
    assert read_form(EMPTY | {"what": "python", "callable": "a.b:c", "args": "n=3 who=Ada"}).action == Python(
        "a.b:c", args={"n": 3, "who": "Ada"}
    )


def test_agents_and_prompts() -> None:
    asked = EMPTY | {"prompt": "Fix the login.", "agent": "aider", "endpoint": "", "model": "m"}
    new = read_form(asked | {"what": "agent", "repository_url": " https://x.org/app.git "})
    assert new.action == Agent("Fix the login.", agent="aider", model="m")
    assert (new.name, new.repository_url) == ("Fix the login.", "https://x.org/app.git")
    assert read_form(asked | {"what": "agent", "model": " "}).action == Agent("Fix the login.", agent="aider")
    new = read_form(asked | {"what": "prompt", "repository_url": "https://x.org/app.git"})
    assert (new.action, new.repository_url) == (Prompt("Fix the login.", model="m"), None)
    local = read_form(asked | {"what": "prompt", "endpoint": "local", "model": ""}).action
    assert local == Prompt("Fix the login.", endpoint="local")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "command"),
        ({"what": "http", "url": "not an address"}, "url"),
        ({"what": "python", "callable": "nonsense"}, "callable"),
        ({"what": "python", "callable": "a:b", "args": "loose"}, "args"),
        ({"what": "python", "callable": "a:b", "args": "{"}, "args"),
        ({"what": "python", "callable": "a:b", "args": "x='"}, "args"),
        ({"what": "agent", "agent": "default"}, "prompt"),
        ({"what": "agent", "prompt": "x"}, "agent"),
        ({"what": "agent", "prompt": "x", "agent": "has space"}, "agent"),
        ({"what": "prompt"}, "prompt"),
        ({"what": "prompt", "prompt": "x", "endpoint": "has space"}, "endpoint"),
        ({"command": "x", "capability": "has space"}, "capability"),
        ({"command": "x", "labels": "a:b"}, "labels"),
        ({"command": "x", "timeout": "soon"}, "timeout"),
        ({"command": "x", "retries": "-1"}, "retries"),
        ({"command": "x", "retries": "many"}, "retries"),
        ({"command": "x", "name": "n" * 100_001}, "name"),
        ({"command": "c\0"}, "command"),
    ],
)
def test_a_wrong_text_names_its_field(typed: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_form(EMPTY | typed)
    assert field_of(caught.value, set(EMPTY)) == field


def test_long_and_many_line_commands_get_a_short_name() -> None:
    assert default_name(EMPTY | {"command": "line one\nline two"}) == "line one"
    assert len(default_name(EMPTY | {"command": "x" * 500})) == 60


def test_arguments_may_be_json() -> None:
    assert read_arguments('{"a": [1, 2]}') == {"a": [1, 2]}
    assert read_arguments("") == {}
