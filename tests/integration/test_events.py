"""The event streams: read on from a place, told of gaps, waited for."""

from __future__ import annotations

import threading

import pytest

from shraga_models import Shell
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine, LogLine
from shraga_queue.operations import EventPage
from tests.factories import execute, hire
from tests.waiting import wait_until


def submit(shraga: Shraga, *names: str, owner: str | None = None) -> list[str]:
    """Submit tasks and return the ids of their events."""
    for name in names:
        shraga.submit(name, Shell("true"), owner=owner)
    return [event.id for event in shraga.events(tail=len(names))]


def after(shraga: Shraga, last_id: str, owner: str | None = None) -> EventPage:
    return shraga.driver.run(shraga.operations.events_after(last_id, owner))


def names(page: EventPage) -> list[str]:
    return [event.name for event in page.events]


def trim(shraga: Shraga, kept: int) -> None:
    execute(shraga, "XTRIM", shraga.driver.keys.make("events"), "MAXLEN", kept)


def test_events_are_the_last_ones_oldest_first(shraga: Shraga) -> None:
    submit(shraga, "a", "b", "c")
    page = shraga.driver.run(shraga.operations.events(tail=2))
    assert (names(page), page.last_id) == (["b", "c"], page.events[-1].id)


def test_what_followed_an_event_is_read_without_gap(shraga: Shraga) -> None:
    first, _, last = submit(shraga, "a", "b", "c")
    page = after(shraga, first)
    assert (names(page), page.last_id, page.gap) == (["b", "c"], last, False)
    assert after(shraga, last) == EventPage((), last)


def test_gap_is_told_when_what_followed_was_trimmed_away(shraga: Shraga) -> None:
    first, *_ = submit(shraga, "a", "b", "c", "d")
    trim(shraga, 2)
    page = after(shraga, first)
    assert (names(page), page.gap) == (["c", "d"], True)


def test_no_gap_is_told_as_long_as_the_place_is_still_there(shraga: Shraga) -> None:
    _, second, *_ = submit(shraga, "a", "b", "c", "d")
    trim(shraga, 3)
    assert after(shraga, second).gap is False


def test_reader_from_the_beginning_has_no_gap(shraga: Shraga) -> None:
    submit(shraga, "a", "b")
    trim(shraga, 1)
    assert (names(after(shraga, "0-0")), after(shraga, "0-0").gap) == (["b"], False)


def test_page_of_events_is_bounded_and_goes_on(shraga: Shraga) -> None:
    submit(shraga, "a", "b", "c")
    page = shraga.driver.run(shraga.operations.events_after("0-0", count=2))
    assert names(page) == ["a", "b"]
    assert names(after(shraga, page.last_id)) == ["c"]


def test_owner_reads_its_own_stream(shraga: Shraga) -> None:
    submit(shraga, "hers", owner="alice")
    submit(shraga, "his", owner="bob")
    assert names(after(shraga, "0-0", "alice")) == ["hers"]
    assert [event.name for event in shraga.events()] == ["hers", "his"]


def test_more_events_waits_for_the_next(shraga: Shraga) -> None:
    (last,) = submit(shraga, "a")
    pages: list[EventPage] = []
    reader = threading.Thread(
        target=lambda: pages.append(shraga.driver.run(shraga.operations.more_events(last, block_ms=4000)))
    )
    reader.start()
    wait_until(lambda: execute(shraga, "INFO", "clients")["blocked_clients"] > 0, what="a reader that waits")
    assert pages == []
    submit(shraga, "b")
    reader.join(10)
    assert [names(page) for page in pages] == [["b"]]


def test_more_events_returns_empty_handed_when_time_is_up(shraga: Shraga) -> None:
    (last,) = submit(shraga, "a")
    assert shraga.driver.run(shraga.operations.more_events(last, block_ms=1)) == EventPage((), last)


@pytest.mark.parametrize("tail", [1, 2])
def test_follow_events_begins_with_the_last_ones_and_goes_on(shraga: Shraga, tail: int) -> None:
    submit(shraga, "a", "b")
    following = shraga.follow_events(tail=tail)
    assert [next(following).name for _ in range(tail)] == ["a", "b"][-tail:]
    submit(shraga, "c")
    assert next(following).name == "c"


def test_follow_events_of_nothing_yields_the_first_that_comes(shraga: Shraga) -> None:
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.append(next(shraga.follow_events()).name))
    reader.start()
    wait_until(lambda: execute(shraga, "INFO", "clients")["blocked_clients"] > 0, what="a reader that waits")
    submit(shraga, "a")
    reader.join(10)
    assert seen == ["a"]


def test_logs_are_followed_to_the_end_of_the_run(shraga: Shraga, engine: Engine) -> None:
    task = shraga.submit("n", Shell("true"))
    hand = hire(engine)
    claim = hand.claim()
    engine.append_log(claim, [LogLine("stdout", "one")])
    following = shraga.follow_logs(task.id)
    assert next(following).message == "one"
    engine.append_log(claim, [LogLine("stdout", "two")])
    assert next(following).message == "two"
    engine.append_log(claim, [LogLine("stdout", "three")])
    hand.commit(claim)
    assert [line.message for line in following] == ["three"]


def test_streams_are_trimmed_to_their_bounds(shraga: Shraga) -> None:
    from shraga_queue.client import SyncDriver
    from shraga_queue.operations import Operations
    from shraga_queue.scripts import Bounds
    from tests.factories import new_task

    keys = shraga.driver.keys
    driver = SyncDriver(shraga.driver.connection, keys, Bounds(events=100, user_events=100, audit=100))
    driver.run(Operations(keys, "tester").submit_many([new_task() for _ in range(600)]))
    lengths = [
        execute(shraga, "XLEN", key)
        for key in (keys.make("events"), keys.make("user_events", owner="tester"), keys.make("audit"))
    ]
    assert all(100 <= length < 400 for length in lengths)


def test_name_of_an_event_is_cut_between_two_characters(shraga: Shraga, engine: Engine) -> None:
    shraga.submit("x" + "ü" * 500, Shell("true"))
    hire(engine).claim()
    started = shraga.events()[-1]
    assert (started.type, started.name.rstrip("ü")) == ("task.started", "x")
