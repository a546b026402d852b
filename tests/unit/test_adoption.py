"""What an entry of rq-scheduler becomes, and why it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shraga_models import ForeignJob, SchedulerEntry
from shraga_queue.adoption import Wishes, task_of
from shraga_queue.errors import InvalidInput, Refused

DUE = datetime(2099, 1, 1, tzinfo=UTC)


def entry(job: dict[str, Any] | None = None, **fields: Any) -> SchedulerEntry:
    known = {"status": "scheduled", "function": "shop.jobs.send", "args": [], "kwargs": {"to": "ann"}}
    return SchedulerEntry(
        id="e1", job=ForeignJob(id="e1", queue="mail", **known | (job or {})), next_run_at=DUE, **fields
    )


def test_entry_becomes_a_python_task_at_its_time() -> None:
    task = task_of(entry({"description": "shop.jobs.send(to='ann')", "timeout": 90}))
    assert task.action.model_dump() == {
        "type": "python",
        "callable": "shop.jobs:send",
        "args": {"to": "ann"},
    }
    assert (task.name, task.limits.timeout, task.labels) == (
        "shop.jobs.send(to='ann')",
        90,
        ("rq-scheduler",),
    )
    assert task.schedule is not None and task.schedule.at == DUE
    assert task.metadata == {"rq_scheduler": {"entry": "e1", "queue": "mail"}}


def test_entry_that_repeats_becomes_a_schedule() -> None:
    every = task_of(entry(interval=90)).schedule
    assert every is not None
    assert (every.interval, every.ends_at) == (90, None)
    counted = task_of(entry(interval=90, repeat=3)).schedule
    assert counted is not None
    assert counted.ends_at == DUE + timedelta(seconds=180)
    daily = task_of(entry(cron="0 2 * * *"), Wishes(time_zone="Europe/Berlin")).schedule
    assert daily is not None
    assert (daily.cron, daily.time_zone) == ("0 2 * * *", "Europe/Berlin")


def test_method_of_a_class_is_called_on_its_module() -> None:
    task = task_of(entry({"function": "shop.jobs.Mailer.send"}))
    assert task.action.model_dump()["callable"] == "shop.jobs:Mailer.send"


def test_positional_arguments_are_given_names() -> None:
    task = task_of(entry({"args": [1, [2]]}), Wishes(parameters=("size", "pages")))
    assert task.action.model_dump()["args"] == {"size": 1, "pages": [2], "to": "ann"}


@pytest.mark.parametrize(
    ("job", "fields", "said"),
    [
        ({"status": ""}, {}, "job of the entry e1 is gone; `shraga rq unschedule e1` removes it"),
        ({"function": None}, {}, "cannot be read without loading its pickle, which Shraga never does"),
        ({"function": "__main__.send"}, {}, "which no worker can import; put the function into a module"),
        ({"function": "send"}, {}, "which no worker can import"),
        ({"function": "shop.<lambda>"}, {}, "which no worker can import"),
        ({"args": None}, {}, "has arguments that are no plain values"),
        ({"kwargs": None}, {}, "has arguments that are no plain values"),
        ({}, {"is_readable": False}, "How the entry e1 repeats cannot be read"),
        ({}, {"cron": "0 2 * * *", "repeat": 3}, "runs 3 more time"),
        ({}, {"cron": "0 0 1 * * * 2030"}, "with one of five fields"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_with_what_to_do(
    job: dict[str, Any], fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused, match=said) as refused:
        task_of(entry(job, **fields))
    assert not isinstance(refused.value, InvalidInput)


@pytest.mark.parametrize(
    ("job", "fields", "wishes", "field", "said"),
    [
        ({"args": [1]}, {}, Wishes(), "parameters", "has 1 positional argument.*name each with --parameter"),
        ({}, {}, Wishes(("a",)), "parameters", "has 0 positional argument.*name none"),
        ({"args": [1]}, {}, Wishes(("to",)), "parameters", "'to' is given by name already"),
        ({}, {"cron": "* * * * *"}, Wishes(), "time_zone", "local time of its server: name that zone"),
    ],
)
def test_what_only_a_person_knows_is_asked_for(
    job: dict[str, Any], fields: dict[str, Any], wishes: Wishes, field: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        task_of(entry(job, **fields), wishes)
    assert refused.value.field == field
