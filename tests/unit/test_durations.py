"""Durations as people write and read them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shraga_models import Limits
from shraga_models.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45", 45), ("0.5", 0.5), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h 30m", 5400), ("2d", 172800),
        ("1w", 604800), ("250ms", 0.25), (" 5M ", 300), ("1.5h", 5400), ("0s", 0), ("5 m", 300),
    ],
)  # fmt: skip
def test_duration_is_understood(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", " ", "soon", "5x", "-5m", "5m!", "m5", "1h 30", "5,5m", "1e3"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration: write 90s, 5m, 1h30m or 2d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"), (0, "0s"), (0.9, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (4800, "1h 20m"),
        (86399, "23h 59m"), (86400, "1d"), (90000, "1d"), (31 * 86400, "31d"),
    ],
)  # fmt: skip
def test_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**8))
def test_written_duration_is_understood_and_never_longer(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) <= seconds


def test_timedelta_is_a_duration() -> None:
    assert Limits.model_validate({"timeout": timedelta(minutes=2)}).timeout == 120
