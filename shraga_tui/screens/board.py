"""The board: what waits on you, what is queued, what runs, what is done, what failed."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal

from shraga_queue.board import BoardQuery
from shraga_queue.codec import TaskRow
from shraga_tui.actions import bindings_of
from shraga_tui.desk import TaskRef
from shraga_tui.look import BOARD_COLUMNS
from shraga_tui.widgets.bars import PressBar
from shraga_tui.widgets.card_column import CardColumn
from shraga_tui.widgets.event_feed import EventFeed
from shraga_tui.widgets.paint import Line
from shraga_tui.widgets.virtual_list import VirtualList

from .base import TALL, WIDE, ShragaScreen

NARROW_COLUMNS = {
    "queued": ("waiting", "queued", "running"),
    "done": ("running", "done", "failed"),
}
"""Which three columns a narrow terminal shows while one of these has the focus."""
NARROW_DEFAULT = ("waiting", "running", "failed")
FIRST_FOCUS = ("waiting", "running", "failed", "queued", "done")


class BoardScreen(ShragaScreen):
    """Five columns of cards; three at a time where the terminal is narrow."""

    SCOPE = "board"
    MODE = "board"
    BINDINGS = bindings_of("board")
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self._mine = False
        self._wanted_id = ""
        self._settled = False

    def body(self) -> ComposeResult:
        yield PressBar(id="summary")
        with Horizontal(id="columns"):
            for column in BOARD_COLUMNS:
                yield CardColumn(column, lambda: self.desk.feed.now_ms)
        yield EventFeed(id="ticker")

    @property
    def columns(self) -> list[CardColumn]:
        """The columns, from left to right."""
        return list(self.query(CardColumn))

    @property
    def focused_column(self) -> CardColumn:
        """The column with the cursor."""
        found = self.focused if isinstance(self.focused, CardColumn) else None
        return found or self._column("running")

    def _column(self, name: str) -> CardColumn:
        return self.query_one(f"#column-{name}", CardColumn)

    @property
    def task_ref(self) -> TaskRef | None:
        row = self.focused_column.row if self.is_mounted else None
        return TaskRef(row.id, row.name, row.status) if row else None

    @property
    def shows_events(self) -> bool:
        return self.size.height >= TALL

    # Drawing

    def on_mount(self) -> None:
        self._column("running").focus()
        ticker = self.query_one("#ticker", EventFeed)
        ticker.can_focus = False
        ticker.border_title = " events "

    def draw(self) -> None:
        self._lay_out()
        self._take_board()
        self._draw_summary()
        self.query_one("#ticker", EventFeed).show_ring(self.desk.feed.ring)

    def _lay_out(self) -> None:
        wide, tall = self.size.width >= WIDE, self.size.height >= TALL
        shown = NARROW_COLUMNS.get(self.focused_column.column.name, NARROW_DEFAULT)
        for column in self.columns:
            column.display = wide or column.column.name in shown
            column.set_row_height(4 if tall else 3)
        self._look()

    def _look(self) -> None:
        owner = self.desk.user if self._mine else None
        self.desk.feed.look_at(BoardQuery(tuple(column.query_window() for column in self.columns), owner))

    def _take_board(self) -> None:
        board, query = self.desk.feed.board, self.desk.feed.board_asked
        if board is None or query is None:
            return
        for column, asked, page in zip(self.columns, query.columns, board.columns, strict=True):
            column.show_page(asked, page)
            column.tick()
        if not self._settled:
            self._settled = True
            self._focus_first()
        self._reveal_wanted()

    def _focus_first(self) -> None:
        for name in FIRST_FOCUS:
            if self._column(name).known_total:
                self._column(name).focus()
                return

    def _draw_summary(self) -> None:
        groups: list[tuple[str, Line]] = []
        focused = self.focused_column.column.name
        for column in self.columns:
            spec = column.column
            tone = spec.tone if column.known_total else "faint"
            look = "tab" if spec.name == focused else tone
            count = f"{column.known_total:,}" if self.desk.feed.board else "–"
            groups.append((spec.name, ((f" {spec.glyph} {count} {spec.short_title} ", look),)))
        mine = ((f" {self.desk.user} only ", "accent"),) if self._mine else ()
        self.query_one("#summary", PressBar).place((), groups, at_end=False, tail=mine)

    def on_descendant_focus(self, _: events.DescendantFocus) -> None:
        self.show_feed()

    @on(PressBar.Pressed)
    def _summary_pressed(self, event: PressBar.Pressed) -> None:
        if event.name in {column.name for column in BOARD_COLUMNS}:
            event.stop()
            self._wanted_id = ""
            self._go(self._column(event.name))

    @on(VirtualList.WindowChanged)
    def _window_changed(self) -> None:
        self._look()

    @on(VirtualList.Highlighted)
    def _highlighted(self) -> None:
        self.show_keys()

    @on(VirtualList.Selected)
    def _selected(self) -> None:
        self.action_open()

    # Revealing a task

    def reveal(self, task_id: str) -> None:
        """Put the cursor on a task as soon as it is seen, and keep it there until the operator moves it."""
        self._wanted_id = task_id
        self._reveal_wanted()

    def _reveal_wanted(self) -> None:
        row = self.focused_column.row
        if not self._wanted_id or (row is not None and row.id == self._wanted_id):
            return
        for column in self.columns:
            index = self._index_in(column)
            if index is not None:
                self._go(column)
                column.move_to(index)
                return

    def _index_in(self, column: CardColumn) -> int | None:
        board, query = self.desk.feed.board, self.desk.feed.board_asked
        if board is None or query is None:
            return None
        place = self.columns.index(column)
        rows: tuple[TaskRow, ...] = board.columns[place].rows
        ranks = (
            rank for rank, row in enumerate(rows, query.columns[place].first) if row.id == self._wanted_id
        )
        return next(ranks, None)

    # Actions

    def _go(self, column: CardColumn) -> None:
        column.display = True
        column.focus()

    def on_click(self) -> None:
        """Let the cursor be where it was clicked."""
        self._wanted_id = ""

    def _steer(self) -> CardColumn:
        """Leave the cursor to the operator and return the column it is in."""
        self._wanted_id = ""
        return self.focused_column

    def _go_by(self, step: int) -> None:
        columns = self.columns
        place = columns.index(self._steer())
        self._go(columns[(place + step) % len(columns)])

    def action_next_pane(self) -> None:
        """Go to the next column."""
        self._go_by(1)

    def action_previous_pane(self) -> None:
        """Go to the column before."""
        self._go_by(-1)

    def action_toggle_mine(self) -> None:
        """Show only the user's own tasks, or everybody's."""
        self._mine = not self._mine
        self._look()
        self.show_feed()

    def action_down(self) -> None:
        """Go one card down."""
        self._steer().move_by(1)

    def action_up(self) -> None:
        """Go one card up."""
        self._steer().move_by(-1)

    def action_page_down(self) -> None:
        """Go one page down."""
        self._steer().move_page(1)

    def action_page_up(self) -> None:
        """Go one page up."""
        self._steer().move_page(-1)

    def action_first(self) -> None:
        """Go to the newest card."""
        self._steer().move_to(0)

    def action_last(self) -> None:
        """Go to the oldest card."""
        self._steer().move_to(self.focused_column.total - 1)
