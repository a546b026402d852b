"""The one-line bars around every screen, and the banner that says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from .paint import Line, Span, crop, ends, paint, width_of


class Bar(Widget):
    """One line with something at its start and something at its end."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Bar { height: 1; width: 100%; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._left: Line = ()
        self._right: Line = ()

    def show(self, left: Line, right: Line = ()) -> None:
        """Show two ends; nothing is drawn when they are as before."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        return paint(self, self._line() if y == 0 else (), self.size.width)

    def _line(self) -> Line:
        width = self.size.width
        return ends(self._left, self._right, width) if self._right else crop(self._left, width)


class PressBar(Bar):
    """A bar of things to press with the mouse; each is a group of spans with a name."""

    @dataclass
    class Pressed(Message):
        """Something was pressed."""

        name: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []

    def place(self, left: Line, groups: list[tuple[str, Line]], *, at_end: bool, tail: Line = ()) -> None:
        """Show `left`, then the groups directly after it or at the end of the bar, then `tail` at the end."""
        spans: list[Span] = [span for _, group in groups for span in group]
        start = width_of_line(left) if not at_end else self.size.width - width_of_line(tuple(spans))
        self._places = []
        for name, group in groups:
            end = start + width_of_line(group)
            self._places.append((start, end, name))
            start = end
        if at_end:
            self.show(left, tuple(spans))
        else:
            self.show((*left, *spans), tail)

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Pressed(name))


def width_of_line(line: Line) -> int:
    """Return how many cells a line takes."""
    return sum(width_of(text) for text, _ in line)


class Banner(Static):
    """Says across the whole width what is wrong; hidden when nothing is."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._said = ""
        self.display = False

    def say(self, sentence: str) -> None:
        """Show a sentence, or hide for an empty one."""
        if sentence != self._said:
            self._said = sentence
            self.display = bool(sentence)
            self.update(sentence)
