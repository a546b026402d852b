"""The live feed of everything that happens, with a text filter and a jump to the task."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from shraga_models import TaskStatus
from shraga_tui.actions import bindings_of
from shraga_tui.desk import TaskRef
from shraga_tui.widgets.bars import Bar
from shraga_tui.widgets.event_feed import EventFeed
from shraga_tui.widgets.virtual_list import VirtualList

from .lists import ListScreen


class EventsScreen(ListScreen):
    """The events in the ring, newest last; scrolling up pauses, `G` follows again."""

    SCOPE = "events"
    MODE = "events"
    BINDINGS = bindings_of("events")
    AUTO_FOCUS = "#events"

    def body(self) -> ComposeResult:
        yield Input(placeholder="show only events that hold …", id="filter", compact=True)
        yield EventFeed(id="events")
        yield Bar(id="feed-state")

    @property
    def main_list(self) -> VirtualList[Any]:
        return self.query_one(EventFeed)

    @property
    def feed_list(self) -> EventFeed:
        """The list of events."""
        return self.query_one(EventFeed)

    @property
    def task_ref(self) -> TaskRef | None:
        event = self.feed_list.row if self.is_mounted else None
        if event is None or not event.task_id:
            return None
        return TaskRef(event.task_id, event.name, self._status_now(event.task_id, event.task_status or ""))

    def _status_now(self, task_id: str, then: str) -> str:
        events = reversed(self.desk.feed.ring.events)
        latest = next((event.task_status for event in events if event.task_id == task_id), None)
        return latest or then or TaskStatus.QUEUED

    @property
    def shows_events(self) -> bool:
        return True

    def on_mount(self) -> None:
        self.query_one("#filter", Input).display = False

    def draw(self) -> None:
        self.feed_list.show_ring(self.desk.feed.ring)
        self._draw_state()

    def _draw_state(self) -> None:
        events, ring = self.feed_list, self.desk.feed.ring
        state = (
            ("● following", "done")
            if events.following
            else (f"‖ paused  +{events.missed} new, G to follow", "waiting")
        )
        text = self.query_one("#filter", Input).value
        found = f"{events.total:,} of {len(ring.events):,} shown" if text else f"{len(ring.events):,} kept"
        dropped = f", {ring.first:,} older ones not kept here" if ring.first else ""
        self.query_one("#feed-state", Bar).show(((" ", "text"), state), ((f"{found}{dropped} ", "faint"),))

    @on(VirtualList.Highlighted)
    def _highlighted(self) -> None:
        self.show_keys()
        self._draw_state()

    @on(VirtualList.Selected)
    def _selected(self) -> None:
        self.action_open()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.feed_list.filter_by(event.value, self.desk.feed.ring)
        self._draw_state()

    @on(Input.Submitted)
    def _filtered(self) -> None:
        self.feed_list.focus()

    def action_filter(self) -> None:
        """Type a text to filter by."""
        self.query_one("#filter", Input).display = True
        self.query_one("#filter", Input).focus()

    def action_last(self) -> None:
        self.feed_list.follow()
        self.show_feed()

    def action_back(self) -> None:
        """Drop the filter, or go back to the board."""
        box = self.query_one("#filter", Input)
        if box.display:
            box.value = ""
            box.display = False
            self.feed_list.focus()
        else:
            self.shraga.go_to("board")
