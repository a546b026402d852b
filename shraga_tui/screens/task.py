"""One task: where it stands and why, its facts, its live log, its runs and its record."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from shraga_tui import acts, detail
from shraga_tui.actions import bindings_of
from shraga_tui.desk import TaskRef
from shraga_tui.follow import LOG_KEEP, Follower
from shraga_tui.look import attempt_word
from shraga_tui.widgets.bars import Bar, PressBar
from shraga_tui.widgets.line_view import LineView
from shraga_tui.widgets.paint import Line

from .base import ShragaScreen

PANES = (("overview", "Overview"), ("log", "Log"), ("chat", "Chat"), ("runs", "Runs"), ("json", "JSON"))


class TaskScreen(ShragaScreen):
    """The detail of a task; follows it and the log of one attempt until it is closed."""

    SCOPE = "task"
    BINDINGS = bindings_of("task")
    AUTO_FOCUS = "#facts"

    def __init__(self, task_id: str, mode: str) -> None:
        super().__init__()
        self.MODE = mode  # type: ignore[misc]
        self._task_id = task_id
        self._pane = "overview"
        self._log_shown = (0, 0)
        self._follower: Follower | None = None

    def body(self) -> ComposeResult:
        yield Bar(id="headline")
        yield LineView(id="sentence")
        yield Bar(id="progress")
        yield PressBar(id="panes")
        with Container(id="panels"):
            yield LineView(id="facts")
            yield LineView(id="log", following=True)
            yield LineView(id="chat", following=True)
            yield LineView(id="runs")
            yield LineView(id="json")

    # Following

    def on_mount(self) -> None:
        self.query_one("#log").add_class("-follows")
        self.query_one("#sentence", LineView).can_focus = False
        self._follower = Follower(self.desk.feed, self._task_id, self._news)
        self.app.run_worker(self._follower.follow_task(), group="follow", exit_on_error=False)
        self._show_pane()

    def on_unmount(self) -> None:
        if self._follower:
            self._follower.close()

    def _news(self) -> None:
        follower = self._follower
        if follower and follower.found and not follower.attempt:
            self._choose(follower.found.task.attempt)
        self.shraga.feed_changed(False)

    def _choose(self, attempt: int) -> None:
        if self._follower:
            generation = self._follower.choose(attempt)
            self.query_one("#log", LineView).show([])
            self._log_shown = (generation, 0)
            self.app.run_worker(self._follower.follow_log(generation), group="follow", exit_on_error=False)

    # Drawing

    @property
    def task_ref(self) -> TaskRef | None:
        found = self._follower.found if self._follower else None
        return TaskRef(self._task_id, found.task.name, found.task.status) if found else None

    def draw(self) -> None:
        follower = self._follower
        if follower is None or follower.found is None:
            said = follower.sentence if follower else ""
            self.query_one("#sentence", LineView).show(
                [(((" ", "text"),), (said or "Reading the task…", "text"))]
            )
            return
        found = follower.found
        self.query_one("#headline", Bar).show(*detail.headline(found))
        said = follower.sentence or detail.sentence(found, follower.why)
        self.query_one("#sentence", LineView).show([(((" ", "text"),), (said.replace("\n", " "), "text"))])
        progress = self.query_one("#progress", Bar)
        progress.show(detail.progress_line(found.task, self.size.width))
        progress.display = bool(detail.progress_line(found.task, self.size.width))
        self._draw_panes(follower)

    def _draw_panes(self, follower: Follower) -> None:
        found = follower.found
        if found is None:
            return
        tabs: list[tuple[str, Line]] = [
            (name, ((f" {title} ", "tab" if name == self._pane else "faint"), (" ", "text")))
            for name, title in PANES
        ]
        tail: Line = ((f"{attempt_word(found.task)} {follower.attempt} of {found.task.attempt} ", "faint"),)
        if found.task.attempt > 1:
            tail = (("[ ] ", "accent"), *tail)
        self.query_one("#panes", PressBar).place(((" ", "text"),), tabs, at_end=False, tail=tail)
        self.query_one("#facts", LineView).show(detail.facts(found, follower.why, follower.around))
        if self._pane == "chat":
            self.query_one("#chat", LineView).show(detail.chat_facts(follower.chat))
        elif self._pane == "runs":
            self.query_one("#runs", LineView).show(detail.run_facts(found.runs, follower.attempt, found.now))
        elif self._pane == "json":
            self.query_one("#json", LineView).show(detail.json_facts(found))
        self._draw_log(follower)

    def _draw_log(self, follower: Follower) -> None:
        view = self.query_one("#log", LineView)
        generation, seen = self._log_shown
        fresh = follower.log_seen - seen if generation == follower.generation else follower.log_seen
        self._log_shown = (follower.generation, follower.log_seen)
        if fresh:
            entries = list(follower.log)[-fresh:]
            view.extend(detail.log_facts(entries), LOG_KEEP)
        cut = " (its last lines)" if follower.log_cut else ""
        word = attempt_word(follower.found.task) if follower.found else "try"
        state = "waiting for the first line…" if follower.is_running and not follower.log_seen else ""
        if follower.log_read and not follower.log_seen and not follower.is_running:
            state = f"this {word} wrote nothing"
        view.border_title = f" log of {word} {follower.attempt}{cut} "
        view.border_subtitle = f" {state} " if state else ("" if view.following else " paused: G follows ")

    # Actions

    def _show_pane(self) -> None:
        for name, _ in PANES:
            self.set_class(name == self._pane, f"-pane-{name}")
        # The log has a tab of its own, and follows its end unasked; the facts have no other place to be read.
        focus = "#facts" if self._pane == "overview" else f"#{self._pane}"
        self.query_one(focus, LineView).focus()
        if self._follower:
            self._follower.reads_chat = self._pane == "chat"
            self._follower.refresh()
        self.show_feed()

    def _pane_by(self, step: int) -> None:
        names = [name for name, _ in PANES]
        self._pane = names[(names.index(self._pane) + step) % len(names)]
        self._show_pane()

    def on_press_bar_pressed(self, event: PressBar.Pressed) -> None:
        """Go to the tab that was pressed."""
        if event.name in dict(PANES):
            self._pane = event.name
            self._show_pane()

    def action_next_pane(self) -> None:
        """Go to the next tab."""
        self._pane_by(1)

    def action_previous_pane(self) -> None:
        """Go to the tab before."""
        self._pane_by(-1)

    def _attempt_by(self, step: int) -> None:
        follower = self._follower
        if follower and follower.found:
            wanted = max(1, min(follower.attempt + step, follower.found.task.attempt))
            if wanted != follower.attempt:
                self._choose(wanted)
                self.show_feed()

    def action_say(self) -> None:
        """Say something to the task."""
        from .answer import SayScreen

        if ref := self.task_ref:
            self.app.push_screen(SayScreen(self.desk, ref))

    def action_earlier_attempt(self) -> None:
        """Show the log of the attempt before."""
        self._attempt_by(-1)

    def action_later_attempt(self) -> None:
        """Show the log of the attempt after."""
        self._attempt_by(1)

    def action_copy_paths(self) -> None:
        """Copy where the task's files are."""
        if self._follower and self._follower.found:
            self.in_background(acts.copy_paths(self.shraga, self._follower.found.task))

    @property
    def _view(self) -> LineView:
        return self.focused if isinstance(self.focused, LineView) else self.query_one("#log", LineView)

    def action_down(self) -> None:
        """Scroll one line down."""
        self._view.scroll_lines(1)

    def action_up(self) -> None:
        """Scroll one line up."""
        self._view.scroll_lines(-1)

    def action_page_down(self) -> None:
        """Scroll one page down."""
        self._view.scroll_lines(max(1, self._view.size.height - 1))

    def action_page_up(self) -> None:
        """Scroll one page up."""
        self._view.scroll_lines(-max(1, self._view.size.height - 1))

    def action_first(self) -> None:
        """Go to the start."""
        self._view.scroll_home(animate=False)

    def action_last(self) -> None:
        """Go to the end, and follow it."""
        self._view.scroll_end(animate=False)
