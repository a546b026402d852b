"""A scrollable text of wrapped lines: logs that grow, facts, runs and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from .bars import width_of_line
from .paint import Line, Span, paint, wrap


def wrap_line(lead: Line, said: Span, width: int) -> list[Line]:
    """Return a lead and a text as lines; what is wrapped hangs under the text, not under the lead."""
    room = width - width_of_line(lead)
    if room < 12:
        return [(*lead, said)]
    indent: Line = ((" " * width_of_line(lead), "text"),)
    text, tone = said
    pieces = wrap(text.replace("\t", "    "), room)
    return [(*(indent if place else lead), (piece, tone)) for place, piece in enumerate(pieces)]


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines of text; stays at the end while `following`, until somebody scrolls up."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, following: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.following = following
        self._source: list[tuple[Line, Span]] = []
        self._lines: list[Line] = []
        self._wrapped_for = 0

    def show(self, lines: Sequence[tuple[Line, Span]]) -> None:
        """Show these lines instead of the ones before; nothing is drawn when they are the same."""
        if list(lines) != self._source:
            self._source = list(lines)
            self._wrap_all()

    def extend(self, lines: Iterable[tuple[Line, Span]], keep: int) -> None:
        """Add lines at the end and keep the last `keep` of all."""
        fresh = list(lines)
        self._source += fresh
        if len(self._source) > keep:
            del self._source[: len(self._source) - keep]
            self._wrap_all()
        else:
            self._add(fresh)

    def _wrap_all(self) -> None:
        self._lines = []
        self._wrapped_for = self.scrollable_content_region.width
        self._add(self._source)

    def _add(self, lines: Sequence[tuple[Line, Span]]) -> None:
        width = self._wrapped_for or 80
        for lead, said in lines:
            self._lines += wrap_line(lead, said, width)
        self.virtual_size = Size(0, len(self._lines))
        if self.following:
            self.call_after_refresh(self.scroll_end, animate=False)
        self.refresh()

    def on_resize(self, _: events.Resize) -> None:
        if self.scrollable_content_region.width != self._wrapped_for:
            self._wrap_all()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and self.is_mounted and self._can_follow:
            self.following = new_value >= self.max_scroll_y
        elif new_value >= self.max_scroll_y and self._can_follow:
            self.following = True

    @property
    def _can_follow(self) -> bool:
        return self.has_class("-follows")

    def scroll_lines(self, lines: int) -> None:
        """Scroll by some lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        return paint(self, self._lines[index] if index < len(self._lines) else (), width)
