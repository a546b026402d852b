"""The day's soak: what counts as growth, and what a day is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.day import Day, growth


@pytest.mark.parametrize(
    ("sizes", "per_hour", "flat"),
    [
        ([50.0] * 100, 0.0, True),
        ([20.0] * 25 + [50.0] * 75, 0.0, True),
        ([50.0 + 0.06 * number for number in range(100)], 0.25, True),
        ([50.0 + 0.08 * number for number in range(100)], 0.333, False),
        ([60.0 - 0.1 * number for number in range(100)], -0.417, True),
        ([50.0], 0.0, True),
    ],
)
def test_growth_is_judged_after_the_warm_up_and_over_the_day(
    sizes: list[float], per_hour: float, flat: bool
) -> None:
    found = growth(sizes)
    assert (found["mb_per_hour_of_the_day"], found["flat"]) == (per_hour, flat)


def test_a_day_is_mostly_short_calls_and_some_of_everything(tmp_path: Path) -> None:
    day = Day(tmp_path)
    kinds = [day.new_task(number).action.type for number in range(20) if number % 20 != 3]
    assert (kinds.count("python"), kinds.count("shell")) == (17, 2)
    assert day.settings.keep_finished == 60
