"""A slot's hand: how much it takes, when it takes a turn, and what it may begin."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any, cast

import pytest
import redis

from shraga_models import RunStatus
from shraga_queue.deadline import lease_clock
from shraga_queue.engine import Claim, EndedRun, Engine, Outcome, SlotName
from shraga_queue.hand import HOLD, MOST_HELD, Hand

CLAIM = Claim("task", "tester", 1, 1, {})


class NotedEngine:
    """An engine that notes how many tasks were asked for, or whose answers never come."""

    def __init__(self) -> None:
        self.wanted: list[int] = []
        self.is_cut_off = False

    def turn(self, slot: SlotName, wanted: int, *args: Any) -> tuple[list[str], list[Claim]]:
        self.wanted.append(wanted)
        if self.is_cut_off:
            raise redis.ConnectionError("Connection closed by server.")
        return [], []

    def runs_of(self, worker_id: str, slot: int) -> list[tuple[str, int]]:
        return []


@pytest.fixture
def engine() -> NotedEngine:
    return NotedEngine()


@pytest.fixture
def hand(engine: NotedEngine) -> Hand:
    return Hand(cast(Engine, engine), SlotName("w", 1, "w.1", ()), "redis://", logging.getLogger("test"))


def short_run(ended_before: float = 0.0) -> EndedRun:
    ended = time.monotonic() - ended_before
    return EndedRun(CLAIM, Outcome(RunStatus.COMPLETED).sealed(), ended - 0.0001, ended)


def test_no_more_is_taken_than_can_be_written_in_time(hand: Hand, engine: NotedEngine) -> None:
    for _ in range(20):
        hand.put(short_run())
    hand.refill()
    assert engine.wanted.pop() == MOST_HELD
    hand.put(short_run(), writing=0.1)
    hand.refill()
    assert engine.wanted.pop() == 1


def test_what_has_ended_is_written_down_together(hand: Hand) -> None:
    hand.put(short_run(ended_before=2 * HOLD))
    assert hand.is_worth_a_turn(ahead=30, more_ended=False)
    assert not hand.is_worth_a_turn(ahead=30, more_ended=True)
    for _ in range(MOST_HELD // 2):
        hand.put(short_run(ended_before=2 * HOLD))
    assert hand.is_worth_a_turn(ahead=1, more_ended=True)


def test_what_may_have_been_given_back_is_begun_no_more(hand: Hand, engine: NotedEngine) -> None:
    hand.claims, hand.asked = deque([CLAIM]), lease_clock()
    assert hand.is_fresh
    engine.is_cut_off = True
    # The script may have run: another slot may be at the task by now.
    assert not hand.put_down()
    assert not hand.is_fresh
    engine.is_cut_off = False
    assert hand.refill() and not hand.claims
