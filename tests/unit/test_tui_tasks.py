"""The tasks as a table: a million of them from few pages, pinned or live, filtered, searched, selected."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot

from shraga_models import TaskStatus
from shraga_queue.codec import TaskRow
from shraga_queue.listing import ListQuery, TaskPage
from shraga_tui import pager as pager_module
from shraga_tui.app import ShragaApp
from shraga_tui.completion import completions
from shraga_tui.pager import KEPT_PAGES, PAGE
from shraga_tui.screens.tasks import TasksScreen
from shraga_tui.widgets.task_table import LEAD, columns
from tests.fakes import AWAY, NOW_MS, FakeSource, busy_source, make_row
from tests.tui import dashboard, expect_shown, screen_text, until

WIDE, NARROW = (160, 48), (80, 24)
MILLION = 1_000_000


class EndlessSource(FakeSource):
    """A million tasks made when they are asked for; `slow` holds answers back until the test lets them go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.go_on.set()

    def row(self, rank: int) -> TaskRow:
        return make_row(f"id-{rank:07}", f"task {rank}", TaskStatus.QUEUED, moved_at=NOW_MS - rank)

    async def task_page(self, query: ListQuery, first: int, count: int, pin: int | None = None) -> TaskPage:
        self.calls.append(("page", query, first, count, pin))
        await self.go_on.wait()
        last = min(first + count, MILLION)
        return TaskPage(NOW_MS, MILLION, 0, tuple(map(self.row, range(first, last))))


def tasks_screen(pilot: Pilot[int]) -> TasksScreen:
    screen = next(one for one in pilot.app.screen_stack if isinstance(one, TasksScreen))
    assert isinstance(screen, TasksScreen)
    return screen


def pages_read(source: FakeSource) -> list[int]:
    return [call[2] // PAGE for call in source.calls if call[0] == "page"]


async def opened(pilot: Pilot[int], *keys: str, shown: str) -> TasksScreen:
    """Go to the tasks, press keys, wait for a text."""
    await pilot.press("2")
    await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen), "the tasks")
    screen = tasks_screen(pilot)
    await until(pilot, lambda: screen.pager.total, "the first page")
    for key in keys:
        await pilot.press(key)
    await expect_shown(pilot, shown)
    return screen


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_table_says_status_name_owner_age_and_progress(size: tuple[int, int]) -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=size) as pilot:
        await opened(pilot, shown="Fix login redirect")
        shown = screen_text(app)
        for text in (
            "? asks you",
            "alice",
            "████░░ 71%",
            "exit 137",
            "in 3h",
            "needs gpu",
            "2 Tasks",
            "● live",
        ):
            assert text in shown


async def test_a_wide_table_shows_kind_priority_last_words_and_the_end_of_the_id() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, shown="Fix login redirect")
        shown = screen_text(app)
        assert "connection reset by peer" in shown
        assert "▲▲ critical" in shown
        assert "t-done-0" in shown


@pytest.mark.parametrize("width", range(40, 260, 7))
def test_columns_fit_any_width(width: int) -> None:
    assert sum(cells for _, cells in columns(width)) + LEAD <= max(width, 47)


async def test_an_empty_store_says_what_to_press() -> None:
    app = dashboard(FakeSource())
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "Press n to submit one.")


# A million


async def test_a_million_tasks_are_shown_from_a_page_and_its_neighbour() -> None:
    source = EndlessSource()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="1 of 1,000,000")
        await until(pilot, lambda: 1 in pages_read(source), "the neighbour")
        assert set(pages_read(source)) == {0, 1}
        assert len(pages_read(source)) <= 3
        await pilot.press("G")
        await expect_shown(pilot, "task 999999")
        await expect_shown(pilot, "1,000,000 of 1,000,000")
        assert len(pages_read(source)) <= 6
        assert screen.table.row == source.row(MILLION - 1)


async def test_memory_and_calls_stay_bounded_however_far_somebody_goes() -> None:
    source = EndlessSource()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="1 of 1,000,000")
        before = len(pages_read(source))
        for _ in range(90):
            screen.action_page_down()
            await pilot.pause()
        assert len(screen.pager._pages) <= KEPT_PAGES
        assert len(pages_read(source)) - before <= 90 * 45 // PAGE + 5


async def test_the_latest_wish_wins_and_no_backlog_builds_up() -> None:
    source = EndlessSource()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="1 of 1,000,000")
        await until(pilot, lambda: 1 in pages_read(source), "the neighbour")
        source.go_on.clear()
        before = len(pages_read(source))
        for jump in range(1, 51):
            screen.table.move_to(jump * 10_000)
            await pilot.pause()
        assert len(pages_read(source)) - before <= 2
        source.go_on.set()
        await expect_shown(pilot, "task 500000")
        assert len(pages_read(source)) - before <= 6


async def test_rows_that_are_not_here_yet_are_placeholders_after_a_short_grace() -> None:
    source = EndlessSource()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="1 of 1,000,000")
        source.go_on.clear()
        screen.table.move_to(700_000)
        await until(pilot, lambda: screen.table.cursor == 700_000, "the jump")
        assert "┄" in screen_text(app)
        source.go_on.set()
        await expect_shown(pilot, "task 700000")


# Live and pinned


async def test_at_the_top_the_table_is_live() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="Fix login redirect")
        source.move("t-fail", TaskStatus.QUEUED, moved_at=NOW_MS)
        await until(pilot, lambda: screen.table.row and screen.table.row.id == "t-fail", "the move on top")
        assert screen.table.cursor == 0


async def test_below_the_top_the_view_is_pinned_and_counts_what_is_new() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "j", "j", shown="pinned, 0 new")
        under = screen.table.row
        source.now_ms += 1_000
        source.add(make_row("t-new", "Brand new", TaskStatus.QUEUED, moved_at=NOW_MS + 500))
        source.move("t-mute", TaskStatus.COMPLETED, moved_at=NOW_MS + 600)
        await expect_shown(pilot, "pinned, 2 new · . shows them")
        assert "Brand new" not in screen_text(app)
        assert screen.table.row == under
        await pilot.press("full_stop")
        await expect_shown(pilot, "Brand new")
        assert "● live" in screen_text(app)


async def test_the_cursor_stays_on_its_task_when_those_above_it_leave() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, *"jjj", shown="4 of 20")
        under = screen.table.row
        source.move("t-done-0", TaskStatus.QUEUED, moved_at=NOW_MS + 500)
        await expect_shown(pilot, "3 of 19")
        assert screen.table.row == under


async def test_the_order_can_be_turned_round_and_says_so() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "s", shown="by last move, oldest first")
        await until(pilot, lambda: screen.table.row and screen.table.row.id == "t-stop", "the oldest")
        assert "moved ▲" in screen_text(app)


async def test_a_store_that_is_away_is_told_and_read_again() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="Fix login redirect")
        source.away = AWAY
        screen.pager.refresh(at_once=True)
        await until(pilot, lambda: screen.pager.fault, "the fault")
        assert "Fix login redirect" in screen_text(app)
        source.away = ""
        await until(pilot, lambda: not screen.pager.fault, "the answer")


# Filters


async def test_a_filter_of_statuses_is_paged_without_a_search() -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "slash", *"status:failed", "enter", shown="1 of 1")
        assert screen.table.has_focus
        assert "Import Dataverse" in screen_text(app)
        assert [call for call in source.calls if call[0] == "search"] == []


async def test_a_search_shows_what_it_found_so_far_and_how_far_it_is() -> None:
    source = busy_source()
    source.scan_step = 8
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="Fix login redirect")
        source.search_goes_on.clear()
        await pilot.press("slash", *"docs", "enter")
        await expect_shown(pilot, "Searching…")
        source.search_goes_on.set()
        await expect_shown(pilot, "13 found · looked at 20 of 20")
        assert screen.pager.total == 13
        assert "Fix login redirect" not in screen_text(app)


async def test_typing_is_not_held_up_by_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    source = busy_source()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, shown="Fix login redirect")
        source.search_goes_on.clear()
        await pilot.press("slash", *"docs")
        await until(pilot, lambda: screen.pager.search, "the search")
        await pilot.press(*" for")
        assert screen.filter_bar.box.value == "docs for"
        source.search_goes_on.set()
        await expect_shown(pilot, "12 found")


async def test_a_search_stops_at_the_most_it_keeps_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pager_module, "MOST_FOUND", 7)
    monkeypatch.setattr("shraga_tui.screens.tasks.MOST_FOUND", 7)
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "slash", *"docs", "enter", shown="the first 7 found")
        assert screen.pager.total == 7
        assert "narrow the filter" in screen_text(app)


async def test_a_bad_term_is_named_with_the_fix_and_the_list_stays() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        await opened(
            pilot, "slash", *"colour:red", shown="'colour' in 'colour:red' is unknown: use one of status"
        )
        assert "Fix login redirect" in screen_text(app)


async def test_tab_completes_terms_and_their_values() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "slash", *"st", shown="⇥ status:")
        await pilot.press("tab", "f", "tab", "enter")
        assert screen.filter_bar.box.value == "status:failed"
        await expect_shown(pilot, "1 of 1")


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("o", "owner:"),
        ("kind:b", "kind:bugfix"),
        ("status:failed own", "status:failed owner:"),
        ("status:failed,ca", "status:failed,canceled"),
        ("owner:a", "owner:alice"),
        ("age>", "age>5m"),
        ("assi", "assignee:"),
        ("due:today assignee:", "due:today assignee:me"),
        ("due:o", "due:overdue"),
        ("due<", "due<1h"),
        ("words", None),
        ("", None),
        ('"login st', None),
        ("owner:two", None),
    ],
)
def test_completion_knows_terms_and_values(line: str, first: str | None) -> None:
    found = completions(line, {"owner:": ["alice", "two words", "alice"]})
    assert next(iter(found), None) == first


async def test_escape_drops_the_filter_and_then_goes_to_the_board() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "slash", *"status:failed", "enter", shown="1 of 1")
        await pilot.press("space", "escape")
        assert screen.table.marked == {}
        assert screen.text == "status:failed"
        await pilot.press("escape")
        await expect_shown(pilot, "1 of 20")
        assert not screen.filter_bar.is_open
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, TasksScreen), "the board")


async def test_escape_while_typing_drops_the_filter() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "slash", *"status:fai", "escape", shown="1 of 20")
        assert screen.table.has_focus


async def test_enter_opens_the_task_under_the_cursor() -> None:
    app: ShragaApp = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, "slash", *"status:failed", "enter", shown="1 of 1")
        await pilot.press("enter")
        await expect_shown(pilot, "Import Dataverse")
        await expect_shown(pilot, "Overview")


async def test_what_may_still_become_a_value_is_no_error_but_what_stands_before_it_is() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, "slash", *"status:fa", shown="⇥ status:failed")
        assert "✗ filter" not in screen_text(app)
        screen.filter_bar.box.value = "colour:red status:fa"
        await expect_shown(pilot, "'colour' in 'colour:red' is unknown")
        screen.filter_bar.box.value = "status:fax"
        await expect_shown(pilot, "'fax' is no status: use one of queued")
