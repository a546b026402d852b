"""The screen of plain RQ: what other programs have, and acting on it."""

from __future__ import annotations

import asyncio

import pytest

from shraga_models import ForeignJob, ForeignQueue
from shraga_queue.foreign import QueueJobs
from tests.fakes import FakeSource
from tests.tui import dashboard, expect_shown, screen_text, toasts, until

SIZE = (100, 30)


@pytest.fixture
def source() -> FakeSource:
    source = FakeSource()
    jobs = (
        ForeignJob(
            id="j-1", queue="mail", status="failed", description="send()", error="Trace\nValueError: no"
        ),
        ForeignJob(id="j-2", queue="mail", status="queued", description="late\x1b[31m\njob"),
    )
    source.rq_queues = [QueueJobs(ForeignQueue(name="mail", queued=1, failed=1), jobs)]
    return source


async def test_the_queues_are_shown_with_their_jobs_harmless(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("0")
        await expect_shown(pilot, "mail  1 queued  1 failed")
        await expect_shown(pilot, "ValueError: no")
        assert "\x1b" not in screen_text(app)
        assert "Trace" not in screen_text(app)


async def test_an_empty_server_says_so() -> None:
    app = dashboard(FakeSource())
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("0")
        await expect_shown(pilot, "No other program has a queue here.")


async def test_an_empty_server_that_is_slow_says_so_too() -> None:
    source, answered = FakeSource(), asyncio.Event()

    async def slow() -> list[QueueJobs]:
        await answered.wait()
        return []

    source.plain_rq = slow  # type: ignore[method-assign]
    app = dashboard(source)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("0")
        await expect_shown(pilot, "Reading…")
        answered.set()
        await expect_shown(pilot, "No other program has a queue here.")


async def test_requeue_acts_at_once_and_says_so(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("0")
        await expect_shown(pilot, "send()")
        await pilot.press("j", "r")
        await until(pilot, lambda: ("requeue", "j-1") in source.calls)
        await until(pilot, lambda: "“send()” waits in its queue again." in toasts(app))


@pytest.mark.parametrize(
    ("moves", "key", "call"), [("jj", "c", ("cancel", "j-2")), ("j", "D", ("delete", "j-1"))]
)
async def test_what_destroys_asks_first(
    source: FakeSource, moves: str, key: str, call: tuple[str, str]
) -> None:
    app = dashboard(source)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("0")
        await expect_shown(pilot, "send()")
        await pilot.press(*moves, key)
        await expect_shown(pilot, "this RQ job?")
        await pilot.press("n")
        assert call not in source.calls
        await pilot.press(key, "y")
        await until(pilot, lambda: call in source.calls)


async def test_a_refusal_is_told_and_what_cannot_be_done_is_off(source: FakeSource) -> None:
    source.refuses = "The job j-1 was just taken by a worker; look again in a moment."
    app = dashboard(source)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("0")
        await expect_shown(pilot, "send()")
        await pilot.press("r", "j", "c")
        assert not [call for call in source.calls if call[0] in ("requeue", "cancel")]
        await pilot.press("r")
        await until(pilot, lambda: source.refuses in toasts(app))
