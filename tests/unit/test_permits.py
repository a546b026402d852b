"""The right to begin a run: got by the horse or by the slot, never by both."""

from __future__ import annotations

import threading

import pytest

from shraga_queue.permits import Permits


def test_permits_are_taken_in_the_order_they_are_given() -> None:
    permits = Permits()
    permits.give([1, 2])
    permits.give([7])
    assert [permits.take() for _ in range(3)] == [1, 2, 7]
    permits.close()


def test_what_was_not_taken_is_taken_back_and_never_got() -> None:
    permits = Permits()
    assert permits.take_back() == set()
    permits.give([1, 2, 3])
    assert permits.take() == 1
    assert permits.take_back() == {2, 3}
    assert permits.take_back() == set()
    permits.give([4])
    assert permits.take() == 4
    permits.close()


def test_each_permit_goes_to_exactly_one_of_two_who_read_at_once() -> None:
    permits = Permits()
    taken: list[int] = []

    def take() -> None:
        while (number := permits.take()) != 0:
            taken.append(number)

    horse = threading.Thread(target=take)
    horse.start()
    back: list[int] = []
    for first in range(1, 3000, 3):
        permits.give(range(first, first + 3))
        back += permits.take_back()
    permits.give([0])
    horse.join()
    assert sorted([*taken, *back]) == list(range(1, 3001))
    assert taken == sorted(taken)
    permits.close()


def test_a_horse_learns_that_its_slot_is_gone() -> None:
    permits = Permits()
    permits.only_take()
    with pytest.raises(EOFError, match="slot is gone"):
        permits.take()
    permits.close()
