"""All tasks, as many as there are: filtered by the server, opened, selected, canceled and retried."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from shraga_models import TaskFilter
from shraga_queue.errors import ShragaError
from shraga_queue.listing import ListQuery
from shraga_tui import acts
from shraga_tui.actions import Scope, bindings_of
from shraga_tui.bulk import Act
from shraga_tui.desk import TaskRef
from shraga_tui.pager import MOST_FOUND, TaskPager
from shraga_tui.widgets.bars import Bar
from shraga_tui.widgets.filter_bar import FilterBar
from shraga_tui.widgets.paint import Line, Span
from shraga_tui.widgets.task_table import COLUMNS, TaskTable, TaskTitles
from shraga_tui.widgets.virtual_list import VirtualList

from .lists import ListScreen

MOST_SELECTED = 10_000
MORE_MATCH = (
    f"The first {MOST_SELECTED:,} are selected, and more match: narrow the filter, or go on after these."
)
SEARCH_LOOK = 0.05
NOTHING = "There is no task yet.\nPress n to submit one."


class TasksScreen(ListScreen):
    """The table of tasks under a filter; `text` is the filter as it was typed."""

    SCOPE: ClassVar[Scope] = "tasks"
    MODE = "tasks"
    BINDINGS = bindings_of("tasks")
    AUTO_FOCUS = "#tasks"
    EMPTY = NOTHING
    COLUMNS = COLUMNS

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._seen_events = 0
        self._selecting = False

    def body(self) -> ComposeResult:
        self.pager = TaskPager(self.desk.source, self._take)
        yield FilterBar(self._known_values)
        titles = TaskTitles(id="task-titles")
        titles.shown = self.COLUMNS
        yield titles
        yield TaskTable(self.pager, lambda: self.desk.feed.now_ms, self.COLUMNS)
        yield Bar(id="list-state")

    @property
    def main_list(self) -> VirtualList[Any]:
        return self.table

    @property
    def table(self) -> TaskTable:
        """The table."""
        return self.query_one(TaskTable)

    @property
    def filter_bar(self) -> FilterBar:
        """The line with the filter."""
        return self.query_one(FilterBar)

    @property
    def task_ref(self) -> TaskRef | None:
        row = self.table.row if self.is_mounted else None
        return TaskRef(row.id, row.name, row.status) if row else None

    def on_mount(self) -> None:
        self.run_worker(self.pager.run(), name="pager", exit_on_error=False)
        self._seen_events = self.desk.feed.ring.seen

    # Drawing

    def draw(self) -> None:
        if self.desk.feed.ring.seen != self._seen_events and self.is_current:
            self._seen_events = self.desk.feed.ring.seen
            self.pager.refresh()
        self.table.tick()
        self._draw_state()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.pager.now is not None:
            self.pager.refresh()

    def _take(self) -> None:
        if self.is_mounted:
            search = self.pager.search
            looking = search is not None and not search.ended
            self.table.empty = "Searching…" if looking else "No task matches." if self.text else self.EMPTY
            self.table.take()
            self._draw_state()

    def _draw_state(self) -> None:
        pager, marked = self.pager, len(self.table.marked)
        selected: Line = ((f" ✔ {marked:,} selected ", "accent"),) if marked else ()
        if self._selecting:
            selected = ((" ◌ selecting all that match… ", "accent"),)
        if pager.fault:
            said: Line = ((f" ✗ {pager.fault}", "failed"),)
        elif pager.search is not None:
            said = self._search_state()
        else:
            said = self._list_state()
        rank = f"{self.table.cursor + 1:,} of {pager.total:,} " if pager.total else ""
        self.query_one("#list-state", Bar).show((*selected, *said), ((rank, "faint"),))

    def _list_state(self) -> Line:
        pager = self.pager
        order = "oldest" if pager.query.oldest_first else "newest"
        state: Span = ("● live", "done")
        if pager.pin is not None:
            state = (f"‖ pinned, {pager.newer:,} new", "waiting")
        more = ((" · . shows them", "faint"),) if pager.newer else ()
        return ((" ", "text"), state, *more, (f"  by last move, {order} first", "faint"))

    def _search_state(self) -> Line:
        search = self.pager.search
        assert search is not None
        scanned = f"looked at {search.scanned:,} of {search.total:,}"
        if not search.ended:
            return ((f" ◌ {len(search.ids):,} found", "running"), (f" · {scanned} so far", "faint"))
        if search.is_full:
            return (
                (f" ✓ the first {MOST_FOUND:,} found", "waiting"),
                (f" · {scanned}; narrow the filter for more", "faint"),
            )
        return ((f" ✓ {len(search.ids):,} found", "done"), (f" · {scanned} · . searches again", "faint"))

    @on(VirtualList.Highlighted)
    def _highlighted(self) -> None:
        self.show_keys()
        self._draw_state()

    @on(VirtualList.Selected)
    def _selected(self) -> None:
        self.action_open()

    # The filter

    def _known_values(self) -> Mapping[str, Iterable[str]]:
        rows = list(self.pager.rows_here())
        return {
            "owner:": [self.desk.user, *(row.owner for row in rows)],
            "label:": [label for row in rows for label in row.labels],
            "capability:": [row.capability for row in rows],
            "worker:": [worker.name for worker in self.desk.feed.workers or ()],
        }

    @on(FilterBar.Changed)
    def _filtered(self, event: FilterBar.Changed) -> None:
        self.text = event.text
        self._show(event.wanted, self.pager.query.oldest_first)

    def _show(self, wanted: TaskFilter, oldest_first: bool) -> None:
        self.pager.show(ListQuery(wanted, oldest_first))
        titles = self.query_one(TaskTitles)
        titles.oldest_first = oldest_first
        titles.refresh()
        self.table.move_to(0)
        self._take()

    @on(FilterBar.Left)
    def _filter_done(self) -> None:
        self.table.focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.filter_bar.open()

    def action_sort(self) -> None:
        """Turn the order round."""
        self._show(self.pager.query.wanted, not self.pager.query.oldest_first)

    def action_live(self) -> None:
        """Show what has moved meanwhile, or search again."""
        self.table.move_to(0)
        self.pager.go_live()
        self._draw_state()

    def action_back(self) -> None:
        """Drop the selection, then the filter, then go back to the board."""
        if self.filter_bar.is_open and not self.table.has_focus:
            self._drop_filter()
        elif self.table.marked:
            self.table.mark({})
            self._marked()
        elif self.filter_bar.is_open:
            self._drop_filter()
        else:
            self.shraga.go_to("board")

    def _drop_filter(self) -> None:
        self.filter_bar.put("")
        self.table.focus()

    # Selecting

    def action_select(self) -> None:
        """Select the task, or no longer."""
        self.table.toggle_mark()
        self._marked()

    def action_select_all(self) -> None:
        """Select all that match now, by their exact ids."""
        if not self._selecting:
            self._selecting = True
            self._draw_state()
            self.run_worker(self._select_all(), name="select", exit_on_error=False)

    async def _select_all(self) -> None:
        try:
            found = await self._matching()
        except ShragaError as error:
            acts.say(self.shraga, str(error), bad=True)
            found = None
        self._selecting = False
        if found is not None:
            names = {row.id: row.name for row in self.pager.rows_here()}
            self.table.mark({task_id: names.get(task_id, "") for task_id in found[:MOST_SELECTED]})
            if len(found) > MOST_SELECTED:
                acts.say(self.shraga, MORE_MATCH)
        self._marked()

    async def _matching(self) -> list[str] | None:
        """The ids of all that match, one more than can be selected at most; None when the list is another by then."""
        pager, query, search = self.pager, self.pager.query, self.pager.search
        if search is not None:
            while search is pager.search and not search.ended:
                await asyncio.sleep(SEARCH_LOOK)
            return search.ids if search is pager.search else None
        found, after = list[str](), None
        while pager.query == query and len(found) <= MOST_SELECTED:
            step = await self.desk.source.search(query, after)
            found += step.ids
            if (after := step.after) is None:
                break
        return found if pager.query == query else None

    # Acting on many

    def _marked(self) -> None:
        self.show_keys()
        self._draw_state()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("cancel", "retry", "copy_id") and self.is_mounted and self.table.marked:
            return True
        return super().check_action(action, parameters)

    def action_cancel(self) -> None:
        """Stop the task, or all selected ones."""
        if self.table.marked:
            self.in_background(self._act_on_marked("cancel"))
        else:
            super().action_cancel()

    def action_retry(self) -> None:
        """Run the task again, or all selected ones."""
        if self.table.marked:
            self.in_background(self._act_on_marked("retry"))
        else:
            super().action_retry()

    def action_copy_id(self) -> None:
        """Copy the id of the task, or of all selected ones."""
        if self.table.marked:
            self.in_background(acts.copy_ids(self.shraga, list(self.table.marked)))
        else:
            super().action_copy_id()

    async def _act_on_marked(self, act: Act) -> None:
        self.table.mark(await acts.act_on_many(self.shraga, act, dict(self.table.marked)))
        self.pager.refresh(at_once=True)
        self._marked()

    def action_views(self) -> None:
        """Open a saved view, or save this filter as one."""
        from .views import ViewsScreen

        self.app.push_screen(
            ViewsScreen(self.desk.preferences.views, self.desk.user, self.text), self._view_chosen
        )

    def _view_chosen(self, text: str | None) -> None:
        if text is not None:
            self.filter_bar.put(text)
            self.table.focus()
