"""When a task runs: exactly one form, in a zone that exists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shraga_models import Overlap, Schedule

FORMS: dict[str, Any] = {"cron": "0 2 * * *", "interval": 60, "at": "2030-01-01T00:00:00Z", "on": "go"}


@pytest.mark.parametrize("form", FORMS)
def test_one_form_is_a_schedule(form: str) -> None:
    assert Schedule.model_validate({form: FORMS[form]}).is_recurring == (form != "at")


@pytest.mark.parametrize(
    "forms", [(), ("cron", "at"), ("interval", "at"), ("cron", "on"), ("cron", "interval"), tuple(FORMS)]
)
def test_any_other_number_of_forms_is_refused(forms: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="give exactly one of cron, interval, at and on"):
        Schedule.model_validate({form: FORMS[form] for form in forms})


@pytest.mark.parametrize("interval", [0, -1, 0.5, "soon"])
def test_interval_that_is_no_time_is_refused(interval: object) -> None:
    with pytest.raises(ValidationError, match="interval"):
        Schedule.model_validate({"interval": interval})


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe", "/etc/localtime", "a\0b"])
def test_unknown_time_zone_is_refused_with_an_example(zone: str) -> None:
    with pytest.raises(ValidationError, match="is no IANA time zone: write one such as Europe/Berlin"):
        Schedule(interval=60, time_zone=zone)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_time_zone_of_iana_is_accepted(zone: str) -> None:
    assert Schedule(interval=60, time_zone=zone).time_zone == zone


@given(st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1)))
def test_naive_time_is_utc_and_is_given_in_milliseconds(at: datetime) -> None:
    schedule = Schedule(at=at)
    assert schedule.at_ms == (at - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    assert schedule.at == at.replace(tzinfo=UTC)


def test_recurring_schedule_has_no_single_time() -> None:
    assert Schedule(interval=60).at_ms is None


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("* * *", "is no cron expression: write five fields, minute hour day month weekday"),
        ("* 25 * * *", "is no cron expression"),
        ("* * * * * *", "is no cron expression"),
        ("H * * * *", "is no cron expression"),
        ("R * * * *", "is no cron expression"),
        ("@reboot", "is no cron expression"),
        ("", "is no cron expression"),
        ("daily", "is no cron expression"),
        ("0 0 30 2 *", "never comes: name a day that its month has"),
    ],
)
def test_cron_that_cannot_be_kept_is_refused_with_the_form(cron: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Schedule(cron=cron)


@pytest.mark.parametrize(
    "cron", ["0 2 * * mon-fri", "@daily", "*/5 * * * *", "0  9,17 1-7 * 1", "0 0 29 2 *"]
)
def test_cron_that_other_crons_know_is_taken(cron: str) -> None:
    assert Schedule(cron=cron.upper()).cron == " ".join(cron.split())


def test_trigger_hears_each_event_unless_something_else_is_said() -> None:
    assert Schedule(on="go").overlap is Overlap.QUEUE
    assert Schedule(on="go", overlap="skip").overlap is Overlap.SKIP
    assert Schedule(interval=60).overlap is Overlap.SKIP


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"interval": 60, "jitter": 61}, "jitter is longer than the interval: give less"),
        ({"on": "two words"}, "on"),
        ({"interval": 60, "missed": "sometimes"}, "missed"),
        ({"interval": 60, "missed_max": 0}, "missed_max"),
    ],
)
def test_schedule_that_makes_no_sense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Schedule.model_validate(fields)
