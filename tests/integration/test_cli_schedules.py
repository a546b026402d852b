"""The verbs about tasks that repeat, against a real server."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from shraga_models import Shell
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from tests.integration.test_cli import House


@pytest.fixture
def house(settings: Settings, shraga: Shraga, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> House:
    """The command line in this process, on the session's server."""
    for name, value in {
        "HOME": settings.home, "CONFIG": settings.home / "none.toml", "REDIS_URL": settings.redis_url,
        "PREFIX": settings.prefix, "USER": settings.user,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SHRAGA_{name}", str(value))
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "none.toml").write_text("")
    return House(shraga, capsys)


def repeating(house: House, *options: str) -> str:
    said = house("submit", "nightly", "--shell", "true", *(options or ("--every", "1h")))
    assert said.code == 0, said.err
    return said.out.strip()


def test_what_repeats_is_listed_with_when_and_how(house: House) -> None:
    task = repeating(house, "--cron", "0 2 * * mon-fri", "--tz", "Europe/Berlin")
    bound = repeating(house, "--on", "go")
    lines = [line.split("\t") for line in house("schedules").lines]
    assert [(line[1], line[3]) for line in lines] == [
        (task, "every weekday at 02:00 Europe/Berlin"), (bound, "on go"),
    ]  # fmt: skip
    (timed, _) = house("schedules", "--json").json
    assert (timed["id"], timed["last_status"], timed["schedule"]["overlap"]) == (task, None, "skip")
    assert datetime.fromisoformat(timed["next_run_at"]).minute == 0
    assert house("schedules", "--owner", "nobody").lines == []
    assert house("show", task, "--json").json["next_run_at"][:16] == timed["next_run_at"][:16]


def test_nothing_that_repeats_says_how_to_begin(house: House) -> None:
    said = house("schedules")
    assert (said.code, said.lines) == (0, [])
    assert "submit a task with --every, --cron or --on" in said.err


def test_schedule_is_paused_resumed_and_skipped(house: House) -> None:
    task = repeating(house)
    (before,) = house("schedules", "--json").json
    assert house("schedule", "pause", task[-8:]).out == f"paused {task}\n"
    assert house("schedules").out.startswith("paused\t")
    assert house("schedule", "pause", task).code == 1
    assert house("schedule", "resume", task, "--json").json[0]["ok"] is True
    assert house("schedule", "skip", task).code == 0
    (after,) = house("schedules", "--json").json
    gap = datetime.fromisoformat(after["next_run_at"]) - datetime.fromisoformat(before["next_run_at"])
    assert (gap.total_seconds(), after["schedule"]["skipped"]) == (3600, 1)
    assert house("schedule", "skip", "0" * 8).code == 3
    once = house.submit()
    said = house("schedule", "skip", once)
    assert (said.code, said.err) == (
        1, f"shraga: The task {once} does not repeat; `shraga schedules` shows those that do.\n",
    )  # fmt: skip


def test_emit_starts_what_waits_for_the_event(house: House) -> None:
    task = repeating(house, "--on", "file_uploaded")
    assert (
        house("emit", "file_uploaded", "--data", '{"name": "a.csv"}', "--key", "a").out == f"started {task}\n"
    )
    again = house("emit", "file_uploaded", "--key", "a")
    assert (again.code, again.out) == (0, "")
    assert "has been heard already" in again.err
    assert house("emit", "file_uploaded", "--json").json["waiting"] == [task]
    nothing = house("emit", "another")
    assert "submit one with --on another" in nothing.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("emit", "two words"), "event: use 1 to 64 letters"),
        (("emit", "go", "--data", "[1]"), "--data is no JSON object"),
        (("emit", "go", "--data", "{"), "--data is no JSON:"),
        (
            ("submit", "x", "--shell", "true", "--cron", "never"),
            "schedule.cron: 'never' is no cron expression",
        ),
        (("submit", "x", "--shell", "true", "--every", "1h", "--wait"), "A task that repeats has no end"),
    ],
)
def test_what_cannot_be_is_a_usage_error(house: House, words: tuple[str, ...], said: str) -> None:
    answer = house(*words)
    assert answer.code == 2
    assert said in answer.err


def test_task_that_repeats_may_be_canceled_for_good(house: House) -> None:
    task = repeating(house)
    assert house("cancel", task).out == f"canceled {task}\n"
    assert house("schedules", "--json").json == []


def test_clients_submit_what_repeats(house: House) -> None:
    task = house.shraga.submit("ping", Shell("true"), schedule={"interval": "5m"})
    assert task.schedule is not None
    assert task.schedule.next_run_at == task.next_run_at == house.shraga.get(task.id).next_run_at
