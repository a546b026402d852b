"""The dashboard: wires the feed to the screens, and nothing more."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.timer import Timer

from shraga_models.text import clean_line
from shraga_tui.desk import Desk
from shraga_tui.feed import Feed
from shraga_tui.palette import OperatorCommands
from shraga_tui.preferences import Preferences
from shraga_tui.screens.base import ShragaScreen
from shraga_tui.source import HarmlessSource, Source
from shraga_tui.theme import SHRAGA, status_variables

TICK = 0.08
"""Seconds between two paints of news, at least; what somebody waits for is painted at once."""
WATCHDOG = 5.0


def _board() -> Screen[Any]:
    from shraga_tui.screens.board import BoardScreen

    return BoardScreen()


def _tasks() -> Screen[Any]:
    from shraga_tui.screens.tasks import TasksScreen

    return TasksScreen()


def _workers() -> Screen[Any]:
    from shraga_tui.screens.workers import WorkersScreen

    return WorkersScreen()


def _schedules() -> Screen[Any]:
    from shraga_tui.screens.schedules import SchedulesScreen

    return SchedulesScreen()


def _inbox() -> Screen[Any]:
    from shraga_tui.screens.inbox import InboxScreen

    return InboxScreen()


def _events() -> Screen[Any]:
    from shraga_tui.screens.events import EventsScreen

    return EventsScreen()


def _workflows() -> Screen[Any]:
    from shraga_tui.screens.workflows import WorkflowsScreen

    return WorkflowsScreen()


def _rq() -> Screen[Any]:
    from shraga_tui.screens.rq import RqScreen

    return RqScreen()


class ShragaApp(App[int]):
    """The control room for one connection."""

    TITLE = "shraga"
    CSS_PATH = [
        "styles/app.tcss",
        "styles/board.tcss",
        "styles/tasks.tcss",
        "styles/task.tcss",
        "styles/workflows.tcss",
        "styles/dialogs.tcss",
    ]
    MODES = {
        "board": _board,
        "tasks": _tasks,
        "workers": _workers,
        "events": _events,
        "schedules": _schedules,
        "workflows": _workflows,
        "inbox": _inbox,
        "rq": _rq,
    }
    DEFAULT_MODE = "board"
    COMMANDS = {OperatorCommands} | App.COMMANDS
    PAUSE_GC_ON_SCROLL = True
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        source: Source,
        *,
        user: str,
        label: str,
        notice: str | None = None,
        preferences: Preferences | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_terminal: bool = False,
        settle_s: float = 0.0,
    ) -> None:
        super().__init__()
        harmless = HarmlessSource(source)
        feed = Feed(harmless, self.feed_changed, clock, settle_s)
        self.desk = Desk(harmless, feed, user, clean_line(label, 40), preferences or Preferences())
        self._notice = notice
        self._on_terminal = on_terminal
        self._gaps = 0
        self._settled = False
        self._next_paint: Timer | None = None
        self._painted_at = 0.0
        self.register_theme(SHRAGA)
        self.theme = "shraga"
        self._problems = [*self.desk.preferences.problems, *self._take_theme(self.desk.preferences.theme)]

    def _take_theme(self, name: str) -> list[str]:
        if name not in self.available_themes:
            return [f"theme: {name!r} is unknown: use one of {', '.join(sorted(self.available_themes))}."]
        self.theme = name
        return []

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        self.theme_variables = status_variables(variables, self.current_theme.ansi) | variables
        return self.theme_variables

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command

    def on_mount(self) -> None:
        self.run_worker(self.desk.feed.run(), name="feed", exit_on_error=False)
        self.set_interval(1.0, self._paint_news)
        if self._on_terminal:
            self.set_interval(WATCHDOG, self._leave_if_orphaned)
        if self._notice:
            self.notify(clean_line(self._notice, 400), markup=False, timeout=6)
        for problem in self._problems:
            self.notify(clean_line(problem, 600), severity="warning", markup=False, timeout=15)

    def _settle(self) -> None:
        # Not before there is something to see: it would stand in the way of the first answer.
        self._settled = True
        if self._on_terminal:
            _settle_memory()
        self.run_worker(_load_screens, thread=True, group="imports", exit_on_error=False)

    # News

    def feed_changed(self, urgent: bool) -> None:
        """Paint the news: at once where somebody waits for them, else with the next tick."""
        if urgent:
            self.call_later(self._paint_news)
        elif self._next_paint is None:
            self._paint_in(self._painted_at + TICK - time.perf_counter())

    def _paint_in(self, seconds: float) -> None:
        self._next_paint = self.set_timer(max(0.001, seconds), self._paint_news)

    def _paint_news(self) -> None:
        if self._next_paint is not None:
            # One that is due besides this one would be the first of a second row of ticks.
            self._next_paint.stop()
            self._next_paint = None
        if self._terminal_is_behind():
            # A frame more would only queue up behind the ones a slow link has not taken yet.
            self._paint_in(TICK)
            return
        self._painted_at = time.perf_counter()
        if self._exit:
            return
        if front := self._front():
            front.show_feed()
        if not self._settled and (self.desk.feed.board or self.desk.feed.fault):
            self.call_after_refresh(self._settle)
        if self.desk.feed.gaps > self._gaps:
            self._gaps = self.desk.feed.gaps
            said = "Some events are gone from the stream unseen. Everything on the screen was read anew."
            self.notify(said, severity="warning", markup=False, timeout=12)

    def _front(self) -> ShragaScreen | None:
        screens = [screen for screen in self.screen_stack if isinstance(screen, ShragaScreen)]
        return screens[-1] if screens else None

    def _terminal_is_behind(self) -> bool:
        writer = getattr(self._driver, "_writer_thread", None)
        queue = getattr(writer, "_queue", None)
        return queue is not None and queue.qsize() > 0

    def _leave_if_orphaned(self) -> None:
        if not sys.stdin.isatty():
            self.exit(1)

    # Going places

    def go_to(self, mode: str) -> None:
        """Show a screen by its name, without anything opened on top of it."""
        self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def reveal(self, task_id: str) -> None:
        """Put the board's cursor on a task as soon as it is seen there."""
        from shraga_tui.screens.board import BoardScreen

        for screen in self.screen_stack:
            if isinstance(screen, BoardScreen):
                screen.reveal(task_id)


def _load_screens() -> None:
    # What is typed while a screen is still being imported would go to the one behind it.
    for name in (
        "tasks",
        "submit",
        "task",
        "confirm",
        "help",
        "workers",
        "events",
        "schedules",
        "workflows",
        "inbox",
        "answer",
        "rq",
    ):
        import_module(f"shraga_tui.screens.{name}")


def _settle_memory() -> None:
    # What start-up made stays for good: collecting it again and again would cost frames.
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
