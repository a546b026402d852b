"""Talk about a workflow: its chat, which of its steps were told what, and one line to add."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from shraga_models import Workflow
from shraga_models.text import clean_line
from shraga_queue.errors import ShragaError
from shraga_tui import detail
from shraga_tui.desk import Desk
from shraga_tui.look import where_it_went
from shraga_tui.widgets.line_view import LineView

TAIL = 200


class TalkScreen(ModalScreen[None]):
    """The chat of a workflow; what is typed is added to it and brought to the steps that run and listen."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "close", id="talk.close"),
        Binding("pagedown", "scroll(1)", "more", id="talk.more", show=False),
        Binding("pageup", "scroll(-1)", "back up", id="talk.less", show=False),
    ]

    def __init__(self, desk: Desk, workflow: Workflow) -> None:
        super().__init__()
        self._desk = desk
        self._workflow = workflow

    def compose(self) -> ComposeResult:
        with Vertical(id="answer") as box:
            box.border_title = Content(f" Talk about {clean_line(self._workflow.title, 50)} ")
            view = LineView(id="talk-chat", following=True)
            view.can_focus = False
            yield view
            box_in = Input(placeholder="what to say", id="answer-input", compact=True)
            box_in.cursor_blink = False
            yield box_in
            yield Static("⏎ send · esc close", id="answer-said", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._read()

    @work(exit_on_error=False, exclusive=True, group="read")
    async def _read(self) -> None:
        try:
            said = await self._desk.source.workflow_chat(self._workflow.id, tail=TAIL)
        except ShragaError as error:
            self._say(str(error), bad=True)
        else:
            nothing = "Nothing has been said."
            self.query_one(LineView).show(detail.chat_facts(said, nothing))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._send(event.value)

    @work(exit_on_error=False, exclusive=True, group="say")
    async def _send(self, text: str) -> None:
        try:
            message = await self._desk.source.workflow_say(self._workflow.id, text)
        except ShragaError as error:
            self._say(str(error), bad=True)
        else:
            self.query_one(Input).value = ""
            self._say(f"{where_it_went(message)} esc closes.", bad=False)
            self._read()

    def _say(self, sentence: str, *, bad: bool) -> None:
        line = self.query_one("#answer-said", Static)
        line.set_class(bad, "-bad")
        line.update(("✗ " if bad else "") + clean_line(sentence, 400))

    def action_scroll(self, pages: int) -> None:
        """Scroll the chat by some pages."""
        view = self.query_one(LineView)
        view.scroll_lines(pages * max(1, view.size.height - 1))
