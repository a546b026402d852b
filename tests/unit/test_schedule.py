"""When a task runs: exactly one form, in a zone that exists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shraga_models import Schedule

FORMS: dict[str, Any] = {"cron": "0 2 * * *", "interval": 60, "at": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize("form", FORMS)
def test_one_form_is_a_schedule(form: str) -> None:
    assert Schedule.model_validate({form: FORMS[form]}).is_recurring == (form != "at")


@pytest.mark.parametrize(
    "forms", [(), ("cron", "at"), ("interval", "at"), ("cron", "interval"), tuple(FORMS)]
)
def test_any_other_number_of_forms_is_refused(forms: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="give exactly one of cron, interval and at"):
        Schedule.model_validate({form: FORMS[form] for form in forms})


@pytest.mark.parametrize("interval", [0, -1, "soon"])
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
    assert schedule.at_ms == int(at.replace(tzinfo=UTC).timestamp() * 1000)


def test_recurring_schedule_has_no_single_time() -> None:
    assert Schedule(interval=60).at_ms is None
