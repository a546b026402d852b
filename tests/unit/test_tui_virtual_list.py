"""The list over a million rows: it holds a window, and its cursor stays on its row."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App, ComposeResult

from shraga_tui.widgets.line_view import LineView, wrap_line
from shraga_tui.widgets.paint import Line
from shraga_tui.widgets.virtual_list import VirtualList
from tests.tui import until

MILLION = 1_000_000


class Numbers(VirtualList[str]):
    """Rows that are their own key."""

    def key_of(self, row: str) -> str:
        return row

    def lines_of(self, row: str, width: int, selected: bool) -> Sequence[Line]:
        return [((f"{'>' if selected else ' '}{row}", "strong"),)]


class ListApp(App[None]):
    """One list that is given what it asks for."""

    CSS = "Numbers { height: 10; }"

    def __init__(self, total: int = MILLION) -> None:
        super().__init__()
        self.rows = total
        self.asked: list[tuple[int, int]] = []
        self.offset = 0

    def compose(self) -> ComposeResult:
        yield Numbers()

    @property
    def numbers(self) -> Numbers:
        return self.query_one(Numbers)

    def on_virtual_list_window_changed(self, event: VirtualList.WindowChanged) -> None:
        self.asked.append((event.first, event.count))
        self.give()

    def give(self) -> None:
        """Answer the latest question; `offset` new rows have come in at the top."""
        first, count = self.numbers.window
        last = min(first + count, self.rows)
        self.numbers.show_rows(first, self.rows, [f"row {n - self.offset}" for n in range(first, last)])

    def shown(self) -> list[str]:
        """Return the lines of the list."""
        numbers = self.numbers
        return [numbers.render_line(y).text.rstrip() for y in range(numbers.size.height)]


async def test_a_million_rows_are_shown_from_a_window_of_a_few_pages() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        await pilot.pause()
        assert app.shown()[:2] == [">row 0", " row 1"]
        app.numbers.move_to(500_000)
        await pilot.pause()
        assert ">row 500000" in app.shown()
        assert all(count <= 40 for _, count in app.asked)
        assert len(app.asked) <= 3
        assert len(app.numbers._rows) <= 40


async def test_going_down_a_hundred_pages_asks_once_a_page_at_most() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        app.asked.clear()
        for _ in range(100):
            app.numbers.move_page(1)
        await pilot.pause()
        assert len(app.asked) <= 100
        assert app.shown()[-1] == ">row 900"


async def test_rows_that_are_not_here_yet_are_drawn_as_placeholders() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        app.numbers.show_rows(0, MILLION, ["row 0"])
        await pilot.pause()
        assert app.shown()[:2] == [">row 0", " ┄"]


async def test_the_cursor_follows_its_row_when_rows_come_in_above_it() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        app.numbers.move_to(4)
        app.offset, app.rows = 3, MILLION + 3
        app.give()
        await pilot.pause()
        assert app.numbers.cursor == 7
        assert ">row 4" in app.shown()


async def test_the_cursor_stays_in_sight_when_rows_push_it_below_the_fold() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        app.numbers.move_to(4)
        for pushed in (8, 15):
            app.offset, app.rows = pushed, MILLION + pushed
            app.give()
            await pilot.pause()
            assert app.numbers.cursor == 4 + pushed
            assert ">row 4" in app.shown()


async def test_a_list_that_is_not_used_keeps_its_cursor_at_the_top() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        app.screen.set_focus(None)
        app.offset, app.rows = 15, MILLION + 15
        app.give()
        app.numbers.focus()
        await pilot.pause()
        assert app.shown()[0] == ">row -15"


async def test_the_view_stays_where_it_is_when_rows_come_in_above_it() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        app.numbers.move_to(30)
        await pilot.pause()
        before = app.shown()
        app.offset, app.rows = 2, MILLION + 2
        app.give()
        await pilot.pause()
        app.give()
        await pilot.pause()
        assert app.shown() == before


async def test_the_cursor_stays_within_a_list_that_shrinks_and_empties() -> None:
    app = ListApp(20)
    async with app.run_test(size=(40, 20)) as pilot:
        app.give()
        app.numbers.move_to(19)
        app.numbers.show_rows(0, 2, ["row 0", "row 1"])
        await pilot.pause()
        assert app.numbers.row == "row 1"
        app.numbers.empty = "nothing"
        app.numbers.show_rows(0, 0, [])
        await pilot.pause()
        assert app.numbers.row is None
        assert app.shown()[1].strip() == "nothing"
        app.numbers.move_by(1)
        assert app.numbers.cursor == 0


async def test_a_log_follows_its_end_until_somebody_scrolls_up() -> None:
    class LogApp(App[None]):
        CSS = "LineView { height: 5; }"

        def compose(self) -> ComposeResult:
            yield LineView(following=True, id="log")

    app = LogApp()
    async with app.run_test(size=(40, 20)) as pilot:
        view = app.query_one(LineView)
        view.add_class("-follows")
        view.extend([((), (f"line {n}", "text")) for n in range(50)], keep=100)
        await until(pilot, lambda: view.scroll_offset.y == view.max_scroll_y == 45)
        view.scroll_lines(-3)
        await pilot.pause()
        view.extend([((), ("more", "text"))] * 80, keep=100)
        await pilot.pause()
        assert not view.following
        assert len(view._lines) == 100
        view.scroll_end(animate=False)
        await pilot.pause()
        assert view.following


def test_wrapped_lines_hang_under_the_text() -> None:
    lines = wrap_line((("12:00 ", "faint"),), ("aaaa bbbb cccc dddd", "text"), 20)
    assert lines == [
        (("12:00 ", "faint"), ("aaaa bbbb cccc", "text")),
        (("      ", "text"), ("dddd", "text")),
    ]
