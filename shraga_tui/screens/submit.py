"""The submit form: type a command, press Enter; everything else has a default."""

from __future__ import annotations

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from shraga_models import Priority
from shraga_models.text import clean_line
from shraga_queue.errors import InvalidInput, ShragaError
from shraga_tui.desk import Desk
from shraga_tui.form import default_name, field_of, read_form
from shraga_tui.widgets.choice import Choice

KINDS = ("shell", "http", "python")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OWN_FIELDS = {"shell": ("command",), "http": ("url", "method"), "python": ("callable", "args")}
INPUTS: tuple[tuple[str, str, str], ...] = (
    ("command", "Command", "pytest -q"),
    ("url", "URL", "https://example.org/hook"),
    ("callable", "Function", "package.module:function"),
    ("args", "Arguments", "count=3 name=Ada, or JSON"),
    ("name", "Name", ""),
    ("capability", "Needs", "any worker"),
    ("labels", "Labels", "nightly, slow"),
    ("timeout", "Timeout", "1h"),
    ("retries", "Retries", "0"),
)


class SubmitScreen(ModalScreen[str | None]):
    """Returns the id of the task once the store has accepted it, or None."""

    AUTO_FOCUS = "#command"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]
    BINDINGS = [
        Binding("escape", "dismiss(None)", "close", id="submit.close"),
        Binding("down", "app.focus_next", "next", id="submit.next", show=False),
        Binding("up", "app.focus_previous", "previous", id="submit.previous", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._sending = False
        self._early = ""

    def compose(self) -> ComposeResult:
        texts = {name: (label, hint) for name, label, hint in INPUTS}
        with Vertical(id="form") as form:
            form.border_title = " New task "
            form.border_subtitle = " ⏎ submit · ⇥ next field · esc close "
            yield self._row("what", "What", Choice(KINDS, "shell", id="what"))
            for name in ("command", "url"):
                yield self._input_row(name, *texts[name])
            yield self._row("method", "Method", Choice(METHODS, "GET", id="method"))
            for name in ("callable", "args", "name"):
                yield self._input_row(name, *texts[name])
            yield self._row("priority", "Priority", Choice(tuple(Priority), Priority.NORMAL, id="priority"))
            for name in ("capability", "labels", "timeout", "retries"):
                yield self._input_row(name, *texts[name])
            yield Static("", id="form-error", markup=False)

    def _row(self, name: str, label: str, field: Widget) -> Widget:
        return Horizontal(Label(label, classes="form-label"), field, id=f"row-{name}", classes="form-row")

    def _input_row(self, name: str, label: str, hint: str) -> Widget:
        box = Input(placeholder=hint, id=name, compact=True)
        box.cursor_blink = False
        return self._row(name, label, box)

    def on_mount(self) -> None:
        self._show_own_fields("shell")
        self._suggest_name()

    def on_key(self, event: events.Key) -> None:
        """Keep what is typed before the form is ready."""
        if self.focused is None and event.is_printable and event.character:
            self._early += event.character
            event.stop()

    def on_descendant_focus(self) -> None:
        """Put what was typed early where it was meant to go."""
        if self._early:
            self.query_one("#command", Input).insert_text_at_cursor(self._early)
            self._early = ""

    @property
    def _texts(self) -> dict[str, str]:
        typed = {box.id or "": box.value for box in self.query(Input)}
        chosen = {choice.id or "": choice.value for choice in self.query(Choice)}
        return typed | chosen

    def _show_own_fields(self, what: str) -> None:
        for kind, fields in OWN_FIELDS.items():
            for field in fields:
                self.query_one(f"#row-{field}").display = kind == what

    @on(Choice.Changed)
    def _chosen(self, event: Choice.Changed) -> None:
        if event.origin.id == "what":
            self._show_own_fields(event.value)
            self._suggest_name()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.input.remove_class("-bad")
        self._suggest_name()

    def _suggest_name(self) -> None:
        suggested = clean_line(default_name(self._texts)) or "taken from the command"
        self.query_one("#name", Input).placeholder = suggested

    # Submitting

    @on(Input.Submitted)
    @on(Choice.Submitted)
    def _entered(self) -> None:
        if not self._sending:
            self._check_and_send()

    def _check_and_send(self) -> None:
        try:
            new = read_form(self._texts)
        except InvalidInput as error:
            self._show_error(error)
            return
        self._sending = True
        self._say("Submitting…", bad=False)
        fields = {name: getattr(new, name) for name in ("priority", "capability", "labels", "limits")}
        self._send(new.name, new.action, fields)

    @work(exit_on_error=False, group="submit")
    async def _send(self, name: str, action: object, fields: dict[str, object]) -> None:
        try:
            task = await self._desk.source.submit(name, action, **fields)  # type: ignore[arg-type]
        except InvalidInput as error:
            self._show_error(error)
        except ShragaError as error:
            self._say(str(error), bad=True)
        else:
            self.app.notify(f"Submitted “{clean_line(task.name, 60)}” as {task.id}.", markup=False, timeout=5)
            self.dismiss(task.id)
        finally:
            self._sending = False

    def _show_error(self, error: InvalidInput) -> None:
        texts = self._texts
        shown = {name for name in texts if self.query_one(f"#row-{name}").display}
        field = field_of(error, shown) or OWN_FIELDS[texts["what"]][0]
        bad = self.query_one(f"#{field}")
        bad.add_class("-bad")
        bad.focus()
        message = str(error)
        label = next((label for name, label, _ in INPUTS if name == field), field)
        self._say(f"{label}: {message.partition(': ')[2] or message}", bad=True, after=field)

    def _say(self, sentence: str, *, bad: bool, after: str = "") -> None:
        line = self.query_one("#form-error", Static)
        line.set_class(bad, "-bad")
        line.update(("✗ " if bad else "") + clean_line(sentence, 400))
        if after:
            line.parent.move_child(line, after=self.query_one(f"#row-{after}"))  # type: ignore[union-attr]
