"""Limits: how waits grow, where they end, and what is no limit at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shraga_models import Limits


def test_each_wait_is_twice_as_long_up_to_the_longest() -> None:
    limits = Limits(backoff=2, backoff_max=30)
    assert [limits.delay_before(retry, chance=0) for retry in range(1, 7)] == [2, 4, 8, 16, 30, 30]


@given(
    backoff=st.floats(0, 86400),
    longest=st.floats(0, 7 * 86400),
    jitter=st.floats(0, 1),
    retry=st.integers(1, 5000),
    chance=st.none() | st.floats(0, 1),
)
def test_wait_is_within_its_jitter_below_the_cap(
    backoff: float, longest: float, jitter: float, retry: int, chance: float | None
) -> None:
    limits = Limits(backoff=backoff, backoff_max=longest, jitter=jitter)
    full = Limits(backoff=backoff, backoff_max=longest, jitter=0).delay_before(retry)
    assert full <= longest
    assert full * (1 - jitter) - 1e-6 <= limits.delay_before(retry, chance) <= full


def test_chance_takes_its_share_of_the_wait() -> None:
    assert Limits(backoff=10, jitter=0.5).delay_before(1, chance=1) == 5


@pytest.mark.parametrize(("failures", "tried_again"), [(1, True), (2, True), (3, False)])
def test_failed_run_is_tried_again_as_often_as_allowed(failures: int, tried_again: bool) -> None:
    assert (Limits(retries=2).retry_after_failure(failures) is not None) == tried_again


def test_failed_run_is_not_tried_again_by_default() -> None:
    assert Limits().retry_after_failure(1) is None


def test_lost_run_is_tried_again_at_once_then_ever_later() -> None:
    limits = Limits(backoff=2, jitter=0, lost_retries=3)
    assert [limits.retry_after_loss(losses) for losses in range(1, 5)] == [0, 2, 4, None]


def test_lost_run_fails_where_the_policy_says_so() -> None:
    assert Limits(on_lost="fail").retry_after_loss(1) is None


@pytest.mark.parametrize(
    ("field", "text", "seconds"),
    [("timeout", "1h30m", 5400), ("grace", "0s", 0), ("expires_in", "2d", 172800)],
)
def test_durations_may_be_words(field: str, text: str, seconds: float) -> None:
    assert getattr(Limits.model_validate({field: text}), field) == seconds


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout": 0}, {"timeout": -1}, {"timeout": "31d"}, {"timeout": float("inf")}, {"timeout": float("nan")},
        {"grace": -1}, {"grace": 601}, {"retries": -1}, {"retries": 1001}, {"backoff": -1}, {"jitter": 1.1},
        {"on_lost": "shrug"}, {"lost_retries": -1}, {"expires_in": 0}, {"expires_in": float("inf")},
        {"expires_in": "9" * 400}, {"log_bytes": 1}, {"timeout": "soon"}, {"unknown": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_limit_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        Limits.model_validate(fields)
