"""Answering in place: what a task asks, whether it may run, and what its result is worth."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from shraga_models import Task, TaskStatus
from shraga_models.text import clean_line
from shraga_queue.errors import ShragaError
from shraga_tui import waiting
from shraga_tui.desk import Desk, TaskRef
from shraga_tui.widgets.choice import Choice


class AnswerScreen(ModalScreen[None]):
    """Shows what waits on a person and takes the decision; closes once the store has confirmed it."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "close", id="answer.close"),
        Binding("down", "app.focus_next", "next", id="answer.next", show=False),
        Binding("up", "app.focus_previous", "previous", id="answer.previous", show=False),
        Binding("pagedown", "scroll(1)", "more", id="answer.more", show=False),
        Binding("pageup", "scroll(-1)", "back up", id="answer.less", show=False),
    ]

    def __init__(self, desk: Desk, ref: TaskRef) -> None:
        super().__init__()
        self._desk = desk
        self._ref = ref
        self._found: Task | None = None
        self._wait: waiting.Wait | None = None
        self._sending = False

    def compose(self) -> ComposeResult:
        with Vertical(id="answer") as box:
            box.border_title = Content(f" {clean_line(self._ref.name, 60)} ")
            with VerticalScroll(id="answer-what", can_focus=False):
                yield Static("Reading the task…", id="answer-text", markup=False)
            yield Vertical(id="answer-fields")
            yield Static("", id="answer-said", markup=False)

    def on_mount(self) -> None:
        self._read()

    @work(exit_on_error=False, group="answer")
    async def _read(self) -> None:
        try:
            task = (await self._desk.source.get_with_runs(self._ref.id)).task
            alike = await self._alike(task)
        except ShragaError as error:
            self._say(str(error), bad=True)
            return
        self._found, self._wait = task, waiting.of(task, alike)
        await self._show(self._wait)

    async def _alike(self, task: Task) -> int:
        if task.question is None:
            return 0
        asked = await self._desk.source.questions()
        return sum(one.signature == task.question.signature for one in asked)

    async def _show(self, wait: waiting.Wait) -> None:
        self.query_one("#answer-text", Static).update(wait.text)
        fields = self.query_one("#answer-fields", Vertical)
        for name, options in wait.choices.items():
            await fields.mount(Choice(options, options[0], id=name))
        if wait.hint:
            box = Input(placeholder=wait.hint, id="answer-input", compact=True)
            box.cursor_blink = False
            await fields.mount(box)
        if wait.choices or wait.hint:
            first = fields.children[-1] if wait.question_id else fields.children[0]
            first.focus()
            self.call_after_refresh(self._hint)
        else:
            self._say("Nothing waits on a person here any more. esc closes.", bad=False)

    def _hint(self) -> None:
        more = " · PgDn more" if self.query_one("#answer-what").max_scroll_y else ""
        self._say(f"⏎ send · ⇥ next field{more} · esc close", bad=False)

    def action_scroll(self, pages: int) -> None:
        """Scroll what is shown by some pages."""
        what = self.query_one("#answer-what")
        what.scroll_relative(y=pages * max(1, what.size.height - 1), animate=False)

    @on(Input.Submitted)
    @on(Choice.Submitted)
    def _entered(self) -> None:
        if self._sending or self._wait is None or self._found is None:
            return
        chosen = {choice.id or "": choice.value for choice in self.query(Choice)}
        typed = next(iter(self.query(Input))).value if self.query(Input) else ""
        if problem := self._wait.problem(chosen, typed):
            self._say(problem, bad=True)
            return
        self._sending = True
        self._send(self._found, self._wait, chosen, typed)

    @work(exit_on_error=False, group="answer")
    async def _send(self, task: Task, wait: waiting.Wait, chosen: dict[str, str], typed: str) -> None:
        self._say("Sending…", bad=False)
        try:
            said = await waiting.decide(self._desk.source, task, wait, chosen, typed)
        except ShragaError as error:
            self._say(str(error), bad=True)
        else:
            self.app.notify(clean_line(said, 300), markup=False, timeout=5)
            self.dismiss(None)
        finally:
            self._sending = False

    def _say(self, sentence: str, *, bad: bool) -> None:
        line = self.query_one("#answer-said", Static)
        line.set_class(bad, "-bad")
        line.update(("✗ " if bad else "") + clean_line(sentence, 400))


class SayScreen(ModalScreen[None]):
    """One line to say to a task."""

    BINDINGS = [Binding("escape", "dismiss(None)", "close", id="say.close")]

    def __init__(self, desk: Desk, ref: TaskRef) -> None:
        super().__init__()
        self._desk = desk
        self._ref = ref

    def compose(self) -> ComposeResult:
        with Vertical(id="answer") as box:
            box.border_title = Content(f" Say to {clean_line(self._ref.name, 50)} ")
            running = self._ref.status == TaskStatus.RUNNING
            yield Static(
                "A run that listens hears it at once; else it is read when the task next runs."
                if running
                else "It is read when the task next runs.",
                markup=False,
            )
            box_in = Input(placeholder="what to say", id="answer-input", compact=True)
            box_in.cursor_blink = False
            yield box_in
            yield Static("⏎ send · esc close", id="answer-said", markup=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._send(event.value)

    @work(exit_on_error=False, exclusive=True, group="say")
    async def _send(self, text: str) -> None:
        try:
            await self._desk.source.say(self._ref.id, text)
        except ShragaError as error:
            line = self.query_one("#answer-said", Static)
            line.set_class(True, "-bad")
            line.update("✗ " + clean_line(str(error), 400))
        else:
            self.dismiss(None)
