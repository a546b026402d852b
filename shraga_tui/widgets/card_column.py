"""One column of the board: the tasks of some statuses as cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shraga_queue.board import Column, ColumnPage
from shraga_queue.codec import TaskRow
from shraga_tui.cards import card_lines, look_of
from shraga_tui.look import BoardColumn

from .paint import Line
from .virtual_list import VirtualList

READING = "Reading…"
"""What a column says before the store has answered: nobody knows yet that it is empty."""


class CardColumn(VirtualList[TaskRow]):
    """A column of cards, three lines each and a free one between; its title carries the true count."""

    row_height = 4

    def __init__(self, column: BoardColumn, now_ms: Callable[[], int]) -> None:
        super().__init__(id=f"column-{column.name}", classes=f"column column-{column.name}")
        self.column = column
        self.empty = READING
        self._now_ms = now_ms
        self.known_total = 0
        self.border_title = f" {column.glyph} {column.short_title} "

    def show_total(self, total: int) -> None:
        """Show the true count in the title."""
        self.known_total = total
        name = self.column.title if self.size.width >= 26 else self.column.short_title
        title = f" {self.column.glyph} {name}  {total:,} "
        if title != self.border_title:
            self.border_title = title

    def set_row_height(self, lines: int) -> None:
        """Give each card this many lines; the fourth is a free one."""
        if lines != self.row_height:
            self.row_height = lines
            self.resize_rows()

    def query_window(self) -> Column:
        """Return what to ask of the store; only the count while the column is hidden."""
        first, count = self.window
        return Column(self.column.statuses, first, count if self.display else 0)

    def show_page(self, asked: Column, page: ColumnPage) -> None:
        """Take an answer of the store."""
        self.show_total(page.total)
        if self.empty is not self.column.empty:
            self.empty = self.column.empty
            self.refresh()
        if asked.count:
            self.show_rows(asked.first, page.total, page.rows)

    def key_of(self, row: TaskRow) -> str:
        return row.id

    def lines_of(self, row: TaskRow, width: int, selected: bool) -> Sequence[Line]:
        edge = ("▌" if selected else "▎", look_of(row.status).tone)
        lines = card_lines(row, width - 3, self._now_ms())
        return [*((edge, (" ", "text"), *line) for line in lines), ()][: self.row_height]

    def moment(self) -> int:
        return self._now_ms() // 1000
