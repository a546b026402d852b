"""The live feed: events as lines, newest at the end, followed until somebody scrolls up."""

from __future__ import annotations

from shraga_models import Event
from shraga_tui.chrome import event_line
from shraga_tui.feed import RING, Ring

from .paint import Line
from .virtual_list import VirtualList


class EventFeed(VirtualList[Event]):
    """The events of a ring that hold a text; `paused` counts what came since it was left."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.empty = "No events yet."
        self.following = True
        self.missed = 0
        self._events: list[Event] = []
        self._numbers: list[int] = []
        self._next = 0
        self._words: tuple[str, ...] = ()

    def show_ring(self, ring: Ring) -> None:
        """Take what is new in the ring; what it dropped goes."""
        if ring.seen == self._next:
            return
        start = max(self._next, ring.first)
        fresh = [
            (start + place, event) for place, event in enumerate(ring.since(start)) if self._shows(event)
        ]
        self._next = ring.seen
        gone = 0
        while gone < len(self._numbers) and self._numbers[gone] < ring.first:
            gone += 1
        self._events = [*self._events[gone:], *(event for _, event in fresh)][-RING:]
        self._numbers = [*self._numbers[gone:], *(number for number, _ in fresh)][-RING:]
        self.missed = 0 if self.following else self.missed + len(fresh)
        self._show(gone)

    def filter_by(self, text: str, ring: Ring) -> None:
        """Show only the events that hold all words of `text`."""
        self._words = tuple(text.lower().split())
        self.empty = "No event holds this text." if self._words else "No events yet."
        self._events, self._numbers, self._next = [], [], 0
        self.following, self.missed = True, 0
        self.set_total(0)
        self.show_ring(ring)
        self.refresh()

    def _shows(self, event: Event) -> bool:
        if not self._words:
            return True
        said = f"{event.type} {event.name} {event.content} {event.task_id} {event.created_by}".lower()
        return all(word in said for word in self._words)

    def _show(self, gone: int) -> None:
        # What the ring dropped moves everything up, the cursor's row and the view with it.
        at = self.scroll_offset.y
        self.set_total(len(self._events))
        self.cursor = max(0, self.cursor - gone)
        if self.following:
            self.follow()
        elif gone:
            self.scroll_to(y=max(0, at - gone), animate=False)
        self.refresh()

    def follow(self) -> None:
        """Go to the newest event and stay there."""
        self.following, self.missed = True, 0
        self.move_to(self.total - 1)

    def key_of(self, row: Event) -> str:
        return row.id

    def row_at(self, index: int) -> Event | None:
        return self._events[index] if 0 <= index < len(self._events) else None

    def lines_of(self, row: Event, width: int, selected: bool) -> list[Line]:
        return [event_line(row, lead="▌" if selected and self.can_focus else " ")]

    def move_to(self, index: int) -> None:
        super().move_to(index)
        if self.can_focus:
            self.following = self.cursor >= self.total - 1
            self.missed = 0 if self.following else self.missed
