"""What all screens share: the bars around them, the keys of the registry, and the actions open everywhere."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.screen import Screen

from shraga_models import TaskStatus
from shraga_tui import acts, chrome
from shraga_tui.actions import Scope, actions_of
from shraga_tui.desk import Desk, TaskRef
from shraga_tui.widgets.bars import Banner, Bar, PressBar, width_of_line

if TYPE_CHECKING:
    from shraga_tui.app import ShragaApp

WIDE = 120
TALL = 34


class ShragaScreen(Screen[None]):
    """A screen between a header and a footer; subclasses give `body` and draw themselves in `draw`."""

    SCOPE: ClassVar[Scope]
    MODE: ClassVar[str]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]

    @property
    def shraga(self) -> ShragaApp:
        """The app."""
        return cast("ShragaApp", self.app)

    @property
    def desk(self) -> Desk:
        """The services of this dashboard."""
        return self.shraga.desk

    def compose(self) -> ComposeResult:
        self._take_keys()
        yield PressBar(id="header")
        yield Banner()
        yield from self.body()
        yield Bar(id="status")
        yield PressBar(id="keys")

    def _take_keys(self) -> None:
        # Not by the app's keymap: that one lets a changed key through to where a text is typed, and drops
        # the other binding of a clash without a word.
        keymap = self.desk.preferences.keymap
        if not keymap.changed:
            return
        usual = self._bindings.key_to_bindings.items()
        own = f"{self.SCOPE}."
        kept = {key: [one for one in known if not (one.id or "").startswith(own)] for key, known in usual}
        mine = BindingsMap(keymap.bindings_of(self.SCOPE)).key_to_bindings
        self._bindings.key_to_bindings = {key: known for key, known in kept.items() if known} | mine

    def body(self) -> ComposeResult:
        """Return what stands between the bars."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the state of the feed."""

    # Drawing

    def show_feed(self) -> None:
        """Draw the state of the feed, bars and all."""
        if not self.is_mounted or self.query_one_optional("#header") is None:
            # Before it is composed, and while it is taken apart.
            return
        feed, wide = self.desk.feed, self.size.width >= WIDE
        left, tabs = chrome.header(self.desk, self.MODE, self.size.width)
        self.query_one("#header", PressBar).place(left, tabs, at_end=True)
        self.query_one(Banner).say(chrome.banner(feed))
        self.query_one("#status", Bar).show(
            chrome.status_left(feed, with_events=not self.shows_events), chrome.status_right(feed, wide=wide)
        )
        self.draw()
        self.show_keys()

    def show_keys(self) -> None:
        """Draw the footer."""
        actions = self.desk.preferences.keymap.actions_of(self.SCOPE)
        usable = {action.name for action in actions if self.check_action(action.name, ())}
        tail = ((f"{self.desk.user} ", "faint"),) if self.size.width >= WIDE else ()
        room = self.size.width - (width_of_line(tail) + 1 if tail else 0)
        groups = chrome.key_groups(actions, usable, room)
        self.query_one("#keys", PressBar).place((), groups, at_end=False, tail=tail)

    def on_screen_resume(self) -> None:
        self.show_feed()

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self.show_feed)

    @property
    def shows_events(self) -> bool:
        """Whether events are to be seen on this screen already."""
        return False

    # Actions

    @property
    def task_ref(self) -> TaskRef | None:
        """The task that actions are about, or None."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action can be done right now; None where it is shown but off."""
        wanted = next((one for one in actions_of(self.SCOPE) if one.name == action), None)
        if wanted is None or wanted.needs != "task":
            return True
        ref = self.task_ref
        if ref is None or (ref.status not in set(TaskStatus) and action in ("cancel", "retry")):
            return None
        open_now = {
            "cancel": lambda: ref.can_cancel,
            "retry": lambda: ref.can_retry,
            "answer": lambda: ref.waits_on_people,
        }
        return True if open_now.get(action, lambda: True)() else None

    def in_background(self, act: Coroutine[None, None, None]) -> None:
        """Do something that outlives this screen."""
        self.app.run_worker(act, group="acts", exit_on_error=False)

    @on(PressBar.Pressed)
    async def _pressed(self, event: PressBar.Pressed) -> None:
        if self.check_action(event.name, ()):
            await self.run_action(event.name)

    def action_submit(self) -> None:
        """Open the submit form."""
        from .submit import SubmitScreen

        self.app.push_screen(SubmitScreen(self.desk), self._submitted)

    def _submitted(self, task_id: str | None) -> None:
        if task_id:
            self.shraga.reveal(task_id)

    def action_open(self) -> None:
        """Open the task under the cursor."""
        from .task import TaskScreen

        if ref := self.task_ref:
            self.app.push_screen(TaskScreen(ref.id, self.MODE))

    def action_cancel(self) -> None:
        """Stop the task."""
        if ref := self.task_ref:
            self.in_background(acts.cancel_task(self.shraga, ref))

    def action_retry(self) -> None:
        """Run the task again."""
        if ref := self.task_ref:
            self.in_background(acts.retry_task(self.shraga, ref))

    def action_answer(self) -> None:
        """Answer, approve or judge."""
        from .answer import AnswerScreen

        if ref := self.task_ref:
            self.app.push_screen(AnswerScreen(self.desk, ref))

    def action_copy_id(self) -> None:
        """Copy the task's id."""
        if ref := self.task_ref:
            self.in_background(acts.copy_ids(self.shraga, [ref.id]))

    def action_board(self) -> None:
        """Go to the board."""
        self.shraga.go_to("board")

    def action_tasks(self) -> None:
        """Go to the tasks."""
        self.shraga.go_to("tasks")

    def action_workers(self) -> None:
        """Go to the workers."""
        self.shraga.go_to("workers")

    def action_events(self) -> None:
        """Go to the events."""
        self.shraga.go_to("events")

    def action_schedules(self) -> None:
        """Go to the schedules."""
        self.shraga.go_to("schedules")

    def action_workflows(self) -> None:
        """Go to the workflows."""
        self.shraga.go_to("workflows")

    def action_inbox(self) -> None:
        """Go to the inbox."""
        self.shraga.go_to("inbox")

    def action_rq(self) -> None:
        """Go to plain RQ."""
        self.shraga.go_to("rq")

    def action_back(self) -> None:
        """Go one level back."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_command_palette(self) -> None:
        """Open the palette."""
        self.app.action_command_palette()

    def action_help(self) -> None:
        """Show all keys."""
        from .help import HelpScreen

        self.app.push_screen(HelpScreen(self.SCOPE, self.desk.preferences.keymap))

    async def action_quit(self) -> None:
        """Leave the dashboard."""
        await self.app.action_quit()
