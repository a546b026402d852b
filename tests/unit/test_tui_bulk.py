"""Acting on many tasks: exactly those selected, a receipt each, stopped and resumed, only what is confirmed is done."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from shraga_models import TaskStatus
from shraga_queue.errors import Unreachable
from shraga_tui import bulk as bulk_module
from shraga_tui.bulk import Act, Bulk
from shraga_tui.screens.bulk import BulkScreen
from shraga_tui.screens.tasks import TasksScreen
from tests.fakes import AWAY, FakeSource, busy_source, make_row
from tests.tui import dashboard, expect_shown, screen_text, toasts, until

WIDE, NARROW = (160, 48), (80, 24)


def queued_source(count: int) -> FakeSource:
    """Return a store with queued tasks, the last of them newest."""
    source = FakeSource()
    for n in range(count):
        source.add(make_row(f"t{n}", f"task {n}", TaskStatus.QUEUED, moved_at=1_000_000 + n))
    return source


def many(source: FakeSource, act: Act = "cancel") -> Bulk:
    return Bulk(source, act, {row.id: row.name for row in source.rows})


def acted(source: FakeSource) -> list[str]:
    return [call[1] for call in source.calls if call[0] in ("ask_cancel", "retry")]


def nothing() -> None:
    """Nobody looks."""


async def test_each_task_gets_a_receipt_in_its_order() -> None:
    source = queued_source(5)
    source.refused = {"t3"}
    bulk = many(source)
    await bulk.run(nothing)
    assert acted(source) == ["t0", "t1", "t2", "t3", "t4"]
    assert dict(bulk.counts) == {"done": 4, "refused": 1}
    assert bulk.receipts["t3"].said == "The task t3 is completed already; there is nothing to cancel."
    assert bulk.undone == {"t3": "task 3"}
    assert bulk.is_complete


async def test_a_retry_says_under_which_attempt() -> None:
    source = queued_source(1)
    bulk = many(source, "retry")
    await bulk.run(nothing)
    assert bulk.receipts["t0"].said == "queued again, as try 2"


async def test_a_stopped_bulk_goes_on_where_it_was_and_repeats_nothing() -> None:
    source = queued_source(6)
    bulk = many(source)
    await bulk.run(lambda: bulk.stop() if len(bulk.receipts) == 2 else None)
    assert acted(source) == ["t0", "t1"]
    assert not bulk.is_complete
    await bulk.run(nothing)
    assert acted(source) == [f"t{n}" for n in range(6)]
    assert bulk.is_complete


async def test_a_store_that_goes_away_stops_it_with_the_reason() -> None:
    source = queued_source(3)
    bulk = many(source)

    def leave() -> None:
        source.away = AWAY

    await bulk.run(leave)
    assert (len(bulk.receipts), bulk.trouble) == (1, AWAY)
    source.away = ""
    await bulk.run(nothing)
    assert (bulk.is_complete, bulk.trouble) == (True, "")


async def test_a_running_task_counts_only_when_its_end_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "LOOK_PAUSE", 0.001)
    source = FakeSource()
    for name in ("stops", "completes", "vanishes"):
        source.add(make_row(name, name, TaskStatus.RUNNING))
    bulk, seen = many(source), list[int]()

    def change() -> None:
        seen.append(bulk.counts["done"])
        if bulk.counts["asked"] == 3:
            source.rows = [
                replace(source.rows[0], status=TaskStatus.CANCELED),
                replace(source.rows[1], status=TaskStatus.COMPLETED),
            ]

    await bulk.run(change)
    assert seen[:3] == [0, 0, 0]
    assert {one.id: (one.verdict, one.said) for one in bulk.receipts.values()} == {
        "stops": ("done", "canceled: confirmed"),
        "completes": ("refused", "It completed before it could be stopped."),
        "vanishes": ("refused", "It is gone."),
    }


async def test_a_run_that_does_not_confirm_in_time_is_not_called_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk_module, "PATIENCE", 0.01)
    monkeypatch.setattr(bulk_module, "LOOK_PAUSE", 0.002)
    source = FakeSource()
    source.add(make_row("t", "stubborn", TaskStatus.RUNNING))
    bulk = many(source)
    await bulk.run(nothing)
    assert (dict(bulk.counts), bulk.is_complete) == ({"asked": 1}, False)
    source.rows = [replace(source.rows[0], status=TaskStatus.CANCELED)]
    await bulk.run(nothing)
    assert bulk.is_complete
    assert acted(source) == ["t"]


# On the screen


async def at_tasks(pilot: Pilot[int]) -> TasksScreen:
    await pilot.press("2")
    await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen), "the tasks")
    screen = pilot.app.screen
    assert isinstance(screen, TasksScreen)
    await until(pilot, lambda: screen.table.row, "the first page")
    return screen


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_selected_tasks_are_named_counted_confirmed_and_canceled(size: tuple[int, int]) -> None:
    source = queued_source(30)
    app = dashboard(source)
    async with app.run_test(size=size) as pilot:
        screen = await at_tasks(pilot)
        await pilot.press("space", "space", "j", "space")
        await expect_shown(pilot, "✔ 3 selected")
        await pilot.press("c")
        await expect_shown(pilot, "Cancel 3 tasks?")
        await expect_shown(pilot, "n  No, leave them     y  Yes")
        for name in ("task 29", "task 28", "task 26"):
            assert f"│    {name} " in screen_text(app)
        assert acted(source) == []
        await pilot.press("y")
        await expect_shown(pilot, "3 of 3  ✓ 3 done")
        assert acted(source) == ["t29", "t28", "t26"]
        await pilot.press("escape")
        await until(pilot, lambda: toasts(app), "the outcome")
        assert toasts(app) == ["3 tasks canceled: confirmed."]
        assert screen.table.marked == {}


async def test_no_is_no_and_keeps_the_selection() -> None:
    source = queued_source(3)
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await at_tasks(pilot)
        await pilot.press("space", "r")
        await expect_shown(pilot, "Run again 1 task?")
        await pilot.press("enter", "n")
        await until(pilot, lambda: app.screen is screen, "the table")
        assert (acted(source), list(screen.table.marked), toasts(app)) == ([], ["t2"], [])


async def test_all_that_match_are_selected_by_id_and_what_comes_later_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await at_tasks(pilot)
        await pilot.press("slash", *"status:running", "enter")
        await expect_shown(pilot, "1 of 3")
        await pilot.press("A")
        await expect_shown(pilot, "✔ 3 selected")
        source.add(make_row("t-late", "Too late", TaskStatus.RUNNING))
        source.tell()
        monkeypatch.setattr(bulk_module, "LOOK_PAUSE", 0.01)
        await pilot.press("c", "y")
        await expect_shown(pilot, "3 of 3  ◌ 3 asked to stop")
        assert set(acted(source)) == {"t-run", "t-mute", "t-stop"}
        for task_id in ("t-run", "t-mute", "t-stop"):
            source.move(task_id, TaskStatus.CANCELED)
        await expect_shown(pilot, "3 of 3  ✓ 3 done")
        assert screen.table.marked.keys() == {"t-run", "t-mute", "t-stop"}


async def test_more_than_can_be_selected_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shraga_tui.screens.tasks.MOST_SELECTED", 7)
    app = dashboard(queued_source(30))
    async with app.run_test(size=WIDE) as pilot:
        screen = await at_tasks(pilot)
        await pilot.press("A")
        await until(pilot, lambda: toasts(app), "the note")
        assert "and more match" in toasts(app)[0]
        assert list(screen.table.marked) == [f"t{n}" for n in range(29, 22, -1)]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_escape_stops_after_the_current_one_and_r_goes_on(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    source, gate = queued_source(4), asyncio.Event()
    ask = source.ask_cancel

    async def held(task_id: str, reason: str = "") -> tuple[str, TaskStatus]:
        if len(acted(source)) == 1:
            await gate.wait()
        return await ask(task_id, reason)

    monkeypatch.setattr(source, "ask_cancel", held)
    app = dashboard(source)
    async with app.run_test(size=size) as pilot:
        screen = await at_tasks(pilot)
        await pilot.press("A")
        await expect_shown(pilot, "✔ 4 selected")
        await pilot.press("c", "y")
        await expect_shown(pilot, "1 of 4")
        await pilot.press("escape")
        gate.set()
        await expect_shown(pilot, "r  go on")
        assert len(acted(source)) == 2
        await pilot.press("r")
        await expect_shown(pilot, "4 of 4  ✓ 4 done")
        assert sorted(acted(source)) == ["t0", "t1", "t2", "t3"]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "the table")


async def test_refused_ones_are_shown_first_with_the_reason_and_stay_selected() -> None:
    source = queued_source(20)
    source.refused = {"t0"}
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await at_tasks(pilot)
        await pilot.press("A")
        await expect_shown(pilot, "✔ 20 selected")
        await pilot.press("c", "y")
        await expect_shown(pilot, "✓ 19 done  ✗ 1 refused")
        await expect_shown(pilot, "The task t0 is completed already")
        await pilot.press("escape")
        await until(pilot, lambda: toasts(app), "the outcome")
        assert toasts(app) == ["19 tasks canceled: confirmed, 1 refused."]
        assert list(screen.table.marked) == ["t0"]


async def test_a_lost_store_in_the_middle_is_told_in_the_dialog(monkeypatch: pytest.MonkeyPatch) -> None:
    source = queued_source(2)
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await at_tasks(pilot)
        await pilot.press("A")
        await expect_shown(pilot, "✔ 2 selected")

        async def away(task_id: str, reason: str = "") -> tuple[str, TaskStatus]:
            raise Unreachable(AWAY)

        monkeypatch.setattr(app.desk.source, "ask_cancel", away)
        await pilot.press("c", "y")
        await expect_shown(pilot, "Nothing listens at")
        assert isinstance(app.screen, BulkScreen)
        assert app.screen.state == "stopped"


async def test_selecting_all_of_a_search_waits_for_its_end_and_says_so() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await at_tasks(pilot)
        source.search_goes_on.clear()
        await pilot.press("slash", *"docs", "enter", "A")
        await expect_shown(pilot, "selecting all that match…")
        assert screen.table.marked == {}
        source.search_goes_on.set()
        await expect_shown(pilot, "✔ 13 selected")
        assert screen.pager.search is not None
        assert list(screen.table.marked) == screen.pager.search.ids


async def test_selecting_all_is_given_up_when_the_filter_changes() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await at_tasks(pilot)
        source.search_goes_on.clear()
        await pilot.press("slash", *"docs", "enter", "A", "escape")
        await until(pilot, lambda: not screen._selecting, "the end of selecting")
        assert screen.table.marked == {}
        source.search_goes_on.set()
