"""The house: how soon what crashes is started again."""

from __future__ import annotations

import time

from shraga_queue.up import SETTLED, Part


def test_a_part_that_crashes_at_once_is_started_again_ever_more_rarely() -> None:
    part = Part("x", ("x",), started_at=time.monotonic())
    assert [part.crashed() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert part.start_at > time.monotonic() + 29


def test_a_part_that_ran_for_long_is_started_again_soon() -> None:
    part = Part("x", ("x",), started_at=time.monotonic(), pause=30)
    part.started_at -= SETTLED
    assert [part.crashed(), part.pause] == [1, 2]
