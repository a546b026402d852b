"""The schedules: what repeats, when it comes next, how it went last; pause, resume, run now, skip."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from textual import on
from textual.app import ComposeResult

from shraga_queue.errors import ShragaError
from shraga_queue.scheduling import ScheduleRow, Schedules
from shraga_tui import acts
from shraga_tui.actions import bindings_of
from shraga_tui.desk import TaskRef
from shraga_tui.widgets.bars import Bar
from shraga_tui.widgets.paint import Span
from shraga_tui.widgets.schedule_list import HOUR_MS, ScheduleList, ScheduleTitles, timeline
from shraga_tui.widgets.virtual_list import VirtualList

from .lists import ListScreen

MOST = 500
"""Schedules that are read and shown; the first ones that were submitted."""
EVERY = 1.0
"""Seconds between two looks at them while the screen is in front."""


class SchedulesScreen(ListScreen):
    """A table of the tasks that repeat, the next due first, and the coming day of the one under the cursor."""

    SCOPE = "schedules"
    MODE = "schedules"
    BINDINGS = bindings_of("schedules")

    def __init__(self) -> None:
        super().__init__()
        self._found: Schedules | None = None
        # Drawing comes with every piece of news; the day ahead changes with the slot alone.
        self._timeline = lru_cache(maxsize=64)(lambda row, hour: timeline(row, hour * HOUR_MS))

    def body(self) -> ComposeResult:
        yield ScheduleTitles(id="schedule-titles")
        yield ScheduleList(lambda: self.desk.feed.now_ms)
        yield Bar(id="schedule-day")

    def on_mount(self) -> None:
        self.set_interval(EVERY, self._read)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._read()

    def _read(self) -> None:
        if self.is_current:
            self.run_worker(self._ask, group="schedules", exclusive=True, exit_on_error=False)  # type: ignore[arg-type]

    async def _ask(self) -> None:
        try:
            self._found = await self.desk.source.schedules(count=MOST)
        except ShragaError:
            # The feed says what is wrong, across the whole screen.
            return
        self.show_feed()

    @property
    def main_list(self) -> VirtualList[Any]:
        return self.query_one(ScheduleList)

    def draw(self) -> None:
        if self._found is None:
            return
        self.query_one(ScheduleList).show_schedules(self._found.rows)
        self.query_one("#schedule-day", Bar).show(self._day())

    def _day(self) -> tuple[Span, ...]:
        row = self.row
        if row is None:
            return ()
        if row.last_error:
            return ((" last: ", "faint"), (row.last_error, "failed"))
        marks = self._timeline(row, self.desk.feed.now_ms // HOUR_MS)
        lead: tuple[Span, ...] = ((" next 24 h ", "faint"), (marks, "planned")) if marks else ()
        # A narrow terminal cuts the words in the table.
        return (*lead, (f" {row.words}", "faint"))

    @property
    def row(self) -> ScheduleRow | None:
        """The schedule under the cursor."""
        return self.query_one(ScheduleList).row if self.is_mounted else None

    @property
    def task_ref(self) -> TaskRef | None:
        row = self.row
        return None if row is None else TaskRef(row.id, row.name, row.status)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        usable = super().check_action(action, parameters)
        row = self.row
        if not usable or row is None or action not in acts.SCHEDULE_SAID:
            return usable
        if action == "resume_schedule":
            return None if row.schedule.is_active else True
        timed = row.next_run_at is not None
        return True if row.schedule.is_active and (timed or action == "pause_schedule") else None

    @on(VirtualList.Highlighted)
    def _highlighted(self) -> None:
        self.query_one("#schedule-day", Bar).show(self._day())
        self.show_keys()

    def _change(self, action: str) -> None:
        if ref := self.task_ref:
            self.in_background(acts.change_schedule(self.shraga, ref, action))

    def action_pause_schedule(self) -> None:
        """Let nothing start the task."""
        self._change("pause_schedule")

    def action_resume_schedule(self) -> None:
        """Let the task repeat again."""
        self._change("resume_schedule")

    def action_skip_slot(self) -> None:
        """Leave the next slot out."""
        self._change("skip_slot")
