"""The feed: what it keeps, when it asks, and what it does while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from shraga_models import Brake, TaskStatus
from shraga_queue.board import BoardQuery, Column
from shraga_tui.chrome import warning
from shraga_tui.feed import Feed, Poke, Ring
from tests.fakes import AWAY, NOW, NOW_MS, FakeSource, busy_source, make_event

QUERY = BoardQuery((Column((TaskStatus.RUNNING,), 0, 10),))


@pytest.fixture
def source() -> FakeSource:
    """A busy store."""
    return busy_source()


@pytest.fixture
async def feed(source: FakeSource) -> AsyncIterator[Feed]:
    """A feed that runs while the test does."""
    feed = Feed(source, lambda urgent: None)
    running = asyncio.create_task(feed.run())
    yield feed
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def until(condition: Callable[[], object]) -> None:
    """Let the loop work until a condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_it_reads_everything_at_the_start(feed: Feed) -> None:
    feed.look_at(QUERY)
    await until(lambda: feed.board and feed.counts and feed.workers and feed.ring.seen)
    assert feed.board is not None
    assert feed.board.columns[0].total == 3
    assert abs(feed.now_ms - NOW_MS) < 60_000
    assert feed.fault is None


async def test_one_question_serves_all_windows_and_the_same_one_is_not_asked_twice(
    feed: Feed, source: FakeSource
) -> None:
    feed.look_at(QUERY)
    await until(lambda: feed.board)
    feed.look_at(QUERY)
    wider = BoardQuery((*QUERY.columns, Column((TaskStatus.FAILED,), 5, 3)))
    feed.look_at(wider)
    await until(lambda: feed.board_asked == wider)
    assert [call[1] for call in source.calls if call[0] == "board"] == [QUERY, wider]


async def test_a_new_window_is_read_at_once_although_the_last_answer_is_fresh(feed: Feed) -> None:
    feed.look_at(QUERY)
    await until(lambda: feed.board)
    started = asyncio.get_running_loop().time()
    feed.look_at(BoardQuery((Column((TaskStatus.QUEUED,), 0, 5),)))
    await until(lambda: feed.board_asked != QUERY)
    assert asyncio.get_running_loop().time() - started < 0.15


async def test_events_make_the_board_be_read_anew(feed: Feed, source: FakeSource) -> None:
    feed.look_at(QUERY)
    await until(lambda: feed.board and feed.ring.seen)
    started = asyncio.get_running_loop().time()
    source.move("t-run", TaskStatus.COMPLETED)
    await until(lambda: feed.board and feed.board.columns[0].total == 2)
    await until(lambda: feed.ring.events[-1].task_id == "t-run")
    assert feed.ring.seen == 5
    assert asyncio.get_running_loop().time() - started < 1.0


async def test_a_store_that_is_away_is_a_fault_until_it_is_back(feed: Feed, source: FakeSource) -> None:
    feed.look_at(QUERY)
    await until(lambda: feed.counts and feed.ring.seen)
    source.away = AWAY
    source.tell()
    await until(lambda: feed.fault)
    assert feed.fault is not None
    assert feed.fault.sentence == AWAY
    source.away, source.gap = "", True
    source.tell(make_event(500, "task.completed", task_id="t-run"))
    await until(lambda: feed.fault is None and feed.ring.events[-1].type == "task.completed")
    assert feed.gaps == 1


async def test_an_answer_that_cannot_be_read_is_a_fault_and_not_the_end(
    feed: Feed, source: FakeSource
) -> None:
    async def broken() -> list[object]:
        raise KeyError("name")

    source.workers = broken  # type: ignore[method-assign, assignment]
    await until(lambda: feed.fault)
    assert feed.fault is not None
    assert "cannot be read (KeyError" in feed.fault.sentence


async def test_names_of_tasks_are_known_from_events_and_the_board(feed: Feed) -> None:
    feed.look_at(QUERY)
    await until(lambda: feed.board and feed.ring.seen)
    assert feed.task_names()["t-run"] == "Refactor billing"
    assert feed.task_names()["t-mute"] == "Crawl the docs"


def test_the_ring_keeps_the_newest_and_counts_what_it_dropped() -> None:
    ring = Ring(3)
    ring.extend(tuple(make_event(n, "x") for n in range(5)))
    assert (ring.first, ring.seen, len(ring.events)) == (2, 5, 3)
    assert [event.id for event in ring.since(4)] == [make_event(4, "x").id]
    assert len(ring.since(0)) == 3
    assert ring.since(5) == []


async def test_a_poke_before_the_pause_is_over_is_kept() -> None:
    poke = Poke()
    poke.poke()
    async with asyncio.timeout(5):
        await poke.wait(0.001, 100)
        poke.poke(urgent=True)
        await poke.wait(100, 200)
    assert not poke._asked.is_set()


async def test_a_brake_is_told_from_the_first_answer_and_after_what_is_missing() -> None:
    now, source = [100.0], FakeSource()
    source.brakes = (Brake(by="bob", at=NOW),)
    feed = Feed(source, lambda urgent: None, lambda: now[0], settle_s=8.0)
    running = asyncio.create_task(feed.run())
    await until(lambda: feed.counts and feed.workers is not None)
    assert warning(feed) == "Braked by bob: no task starts until `shraga brake off`."
    now[0] += 8.0
    assert warning(feed).startswith("No worker: start one")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_nobody_is_missed_while_workers_of_its_own_may_still_be_coming_up() -> None:
    now = [100.0]
    feed = Feed(FakeSource(), lambda urgent: None, lambda: now[0], settle_s=8.0)
    running = asyncio.create_task(feed.run())
    await until(lambda: feed.counts and feed.workers is not None)
    assert warning(feed) == ""
    now[0] += 8.0
    assert warning(feed).startswith("No worker: start one")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
