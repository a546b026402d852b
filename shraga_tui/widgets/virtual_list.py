"""A list of any length that holds only the rows around what is visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from .paint import Line, paint, wrap

R = TypeVar("R")
CACHED_ROWS = 400


class VirtualList(ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """A list over rows by rank; says which window it needs and is given the rows by `show_rows`.

    The cursor stays on its row, wherever that moves to. Subclasses say how a row looks.
    """

    ALLOW_SELECT = False
    row_height = 1

    @dataclass
    class WindowChanged(Message):
        """Other rows came into view: these are wanted now."""

        origin: VirtualList[Any]
        first: int
        count: int

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row, or its row has changed."""

        origin: VirtualList[Any]
        row: Any

    @dataclass
    class Selected(Message):
        """A row was chosen with the mouse."""

        origin: VirtualList[Any]
        row: Any

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.total = 0
        self.empty = ""
        self.cursor = 0
        self._rows: dict[int, R] = {}
        self._cursor_key = ""
        self._window = (0, 0)
        self._told: R | None = None
        self._drawn_at = 0
        self._cache: dict[tuple[Any, ...], tuple[R, list[Strip]]] = {}

    # For subclasses

    def key_of(self, row: R) -> str:
        """Return what a row is known by."""
        raise NotImplementedError

    def lines_of(self, row: R, width: int, selected: bool) -> Sequence[Line]:
        """Return the `row_height` lines of a row."""
        raise NotImplementedError

    def moment(self) -> int:
        """Return a number that changes when rows look different although they are the same."""
        return 0

    def state_of(self, row: R) -> Any:
        """Return what else, besides the row itself, decides how it looks."""
        return None

    # Data

    @property
    def row(self) -> R | None:
        """The row under the cursor, where it is known."""
        return self.row_at(self.cursor)

    @property
    def is_in_use(self) -> bool:
        """Whether the operator is at the row under the cursor, which must not change then."""
        return self.screen.focused is self

    def row_at(self, index: int) -> R | None:
        """Return the row at a rank, or None where it is not here yet."""
        return self._rows.get(index)

    @property
    def window(self) -> tuple[int, int]:
        """The first rank and the number of rows wanted: what is visible, and as much on either side."""
        page = max(1, -(-self._height // self.row_height))
        top = self.scroll_offset.y // self.row_height
        first = max(0, top // page * page - page)
        return first, 3 * page + 1

    @property
    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height)

    def index_of(self, key: str) -> int | None:
        """Return the rank of a row that is held, or None."""
        return next((index for index, row in self._rows.items() if self.key_of(row) == key), None)

    def show_rows(self, first: int, total: int, rows: Sequence[R]) -> None:
        """Take the rows of a window; the cursor follows its row."""
        known = {self.key_of(row): row for row in self._rows.values()}
        same = (old if (old := known.get(self.key_of(row))) == row else row for row in rows)
        fresh = {first + offset: row for offset, row in enumerate(same) if row is not None}
        if fresh == self._rows and total == self.total:
            return
        self._rows = fresh
        self.set_total(total)
        self._keep_cursor()
        self.refresh()
        self._tell()

    def set_total(self, total: int) -> None:
        """Take how many rows there are."""
        if total != self.total:
            self.total = total
            self.virtual_size = Size(0, total * self.row_height)

    def resize_rows(self) -> None:
        """Lay the rows out anew after their height has changed."""
        self._cache.clear()
        self.virtual_size = Size(0, self.total * self.row_height)
        self.move_to(self.cursor)
        self._ask_window()
        self.refresh()

    def _keep_cursor(self) -> None:
        index = self.index_of(self._cursor_key) if self._cursor_key else None
        # At the top of a list that the operator is not in, the cursor stays in sight rather than on its row.
        if index is not None and index != self.cursor and (self.scroll_offset.y or self.is_in_use):
            moved, self.cursor = index - self.cursor, index
            if self.scroll_offset.y:
                self._scroll(self.scroll_offset.y + moved * self.row_height)
            else:
                self._bring_into_sight()
        self.cursor = max(0, min(self.cursor, self.total - 1))

    # Moving

    def move_to(self, index: int) -> None:
        """Put the cursor on a rank and bring it into view."""
        before, self.cursor = self.cursor, max(0, min(index, self.total - 1))
        self._bring_into_sight()
        for rank in {before, self.cursor}:
            self.refresh_lines(rank * self.row_height, self.row_height)
        self._tell()

    def _bring_into_sight(self) -> None:
        top, height = self.cursor * self.row_height, self._height
        if top < self.scroll_offset.y:
            self._scroll(top)
        elif top + self.row_height > self.scroll_offset.y + height:
            self._scroll(top + self.row_height - height)

    def _scroll(self, line: int) -> None:
        # At once: after the next frame it would take a second one to show what a key asked for.
        self.scroll_to(y=line, animate=False, force=True, immediate=True)

    def move_by(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self.move_to(self.cursor + rows)

    def move_page(self, direction: int) -> None:
        """Move the cursor by a page, up (-1) or down (1)."""
        self.move_by(direction * max(1, self._height // self.row_height - 1))

    def _tell(self) -> None:
        row = self.row
        if row is not None:
            self._cursor_key = self.key_of(row)
        if row != self._told:
            self._told = row
            self.post_message(self.Highlighted(self, row))

    # Window

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._ask_window()

    def on_resize(self, _: events.Resize) -> None:
        self._cache.clear()
        self._ask_window()

    def _ask_window(self) -> None:
        if self.window != self._window:
            self._window = self.window
            self.post_message(self.WindowChanged(self, *self._window))

    # Drawing

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._cache.clear()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index, line = divmod(y + self.scroll_offset.y, self.row_height)
        if index >= self.total:
            return paint(self, self._empty_line(y, width), width)
        row = self.row_at(index)
        if row is None:
            return paint(self, ((" ┄" if line == 0 else "", "faint"),), width)
        return self._strips(row, index == self.cursor, width)[line]

    def _empty_line(self, y: int, width: int) -> Line:
        said = self.empty.split("\n") if self.total == 0 else []
        lines = [piece for line in said for piece in wrap(line, width)]
        return ((lines[y - 1].center(width), "faint"),) if 0 < y <= len(lines) else ()

    def tick(self) -> None:
        """Draw anew if time alone has changed how rows look."""
        if self.moment() != self._drawn_at:
            self._drawn_at = self.moment()
            self.refresh()

    def _strips(self, row: R, selected: bool, width: int) -> list[Strip]:
        selected = selected and self.has_focus
        # By identity: rows that did not change stay the same objects, and records that hold a dict have no hash.
        key = (id(row), selected, width, self.moment(), self.state_of(row))
        if (cached := self._cache.get(key)) is None:
            if len(self._cache) > CACHED_ROWS:
                self._cache.clear()
            # An empty line is the gap to the next row: it stays plain.
            lines = self.lines_of(row, width, selected)
            strips = [paint(self, line, width, cursor=selected and bool(line)) for line in lines]
            self._cache[key] = cached = (row, strips)
        return cached[1]

    def on_focus(self) -> None:
        self._tell()
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        index = (event.y - self.gutter.top + self.scroll_offset.y) // self.row_height
        if 0 <= index < self.total:
            again = index == self.cursor and self.has_focus
            self.move_to(index)
            if again and self.row is not None:
                self.post_message(self.Selected(self, self.row))
