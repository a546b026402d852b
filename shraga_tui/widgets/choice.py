"""A choice between a few words on one line, made with the arrow keys or the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from .paint import Span, paint


class Choice(Widget, can_focus=True):
    """Shows all options and marks the chosen one."""

    ALLOW_SELECT = False
    BINDINGS = [
        Binding("right,space,l", "step(1)", "next", show=False),
        Binding("left,h", "step(-1)", "previous", show=False),
        Binding("enter", "submit", "submit", show=False),
    ]

    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another option was chosen."""

        origin: Choice
        value: str

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(
        self,
        options: Sequence[str],
        value: str,
        *,
        id: str | None = None,  # noqa: A002
        name: str | None = None,
    ) -> None:
        super().__init__(id=id, name=name)
        self._options = tuple(options)
        self.set_reactive(Choice.value, value)

    def watch_value(self, value: str) -> None:
        self.post_message(self.Changed(self, value))

    def action_step(self, step: int) -> None:
        """Choose the next or the previous option."""
        place = self._options.index(self.value)
        self.value = self._options[(place + step) % len(self._options)]

    def action_submit(self) -> None:
        """Say that Enter was pressed."""
        self.post_message(self.Submitted())

    def render_line(self, y: int) -> Strip:
        spans: list[Span] = []
        for option in self._options:
            chosen = option == self.value
            tone = ("tab" if self.has_focus else "accent") if chosen else "faint"
            spans.append((f"‹{option}›" if chosen else f" {option} ", tone))
        return paint(self, spans if y == 0 else (), self.size.width)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        end = 0
        for option in self._options:
            end += len(option) + 2
            if event.x < end:
                self.value = option
                return
