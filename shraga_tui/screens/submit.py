"""The submit form: type a command, press Enter; everything else has a default."""

from __future__ import annotations

from collections.abc import Awaitable

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from shraga_models import Priority, Task, Workflow
from shraga_models.text import clean_line
from shraga_queue.errors import InvalidInput, ShragaError
from shraga_tui.desk import Desk
from shraga_tui.form import SAYS_MOST, default_name, field_of, read_form
from shraga_tui.widgets.choice import Choice
from shraga_tui.widgets.template_fields import TemplateFields

KINDS = ("shell", "http", "python", "agent", "prompt", "template")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OWN_FIELDS = {
    "shell": ("command",),
    "http": ("url", "method"),
    "python": ("callable", "args"),
    "agent": ("prompt", "agent", "repository_url", "model"),
    "prompt": ("prompt", "endpoint", "model"),
}
"""The fields that only some kinds of action have; the first one is blamed where an error names none."""
OF_TEMPLATES = "template"
SENT = ("priority", "capability", "labels", "limits", "repository_url")
"""The fields of a task that the form fills in besides its name and action."""
INPUTS: tuple[tuple[str, str, str], ...] = (
    ("command", "Command", "pytest -q"),
    ("url", "URL", "https://example.org/hook"),
    ("callable", "Function", "package.module:function"),
    ("args", "Arguments", "count=3 name=Ada, or JSON"),
    ("agent", "Agent", "an agent that a worker has, such as default"),
    ("endpoint", "Endpoint", "default"),
    ("prompt", "Prompt", "what it is to do, or to answer"),
    ("repository_url", "Repository", "none · https://example.org/app.git"),
    ("model", "Model", "the usual one"),
    ("name", "Name", ""),
    ("capability", "Needs", "any worker"),
    ("labels", "Labels", "nightly, slow"),
    ("timeout", "Timeout", "1h"),
    ("retries", "Retries", "0"),
)


class OneLine(Input):
    """Takes a pasted text of several lines as one, where a usual input drops all but the first."""

    def _on_paste(self, event: events.Paste) -> None:
        super()._on_paste(events.Paste(" ".join(event.text.split())))
        event.stop()
        event.prevent_default()


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
            for name in (
                "callable",
                "args",
                "agent",
                "endpoint",
                "prompt",
                "repository_url",
                "model",
                "name",
            ):
                yield self._input_row(name, *texts[name])
            yield self._row("priority", "Priority", Choice(tuple(Priority), Priority.NORMAL, id="priority"))
            for name in ("capability", "labels", "timeout", "retries"):
                yield self._input_row(name, *texts[name])
            yield TemplateFields(id="row-template")
            yield Static("", id="form-error", markup=False)

    def _row(self, name: str, label: str, field: Widget) -> Widget:
        return Horizontal(Label(label, classes="form-label"), field, id=f"row-{name}", classes="form-row")

    def _input_row(self, name: str, label: str, hint: str) -> Widget:
        box = (OneLine if name == "prompt" else Input)(placeholder=hint, id=name, compact=True)
        box.cursor_blink = False
        return self._row(name, label, box)

    def on_mount(self) -> None:
        self._show_own_fields("shell")
        self._suggest_name()
        self._offer_names()
        self._offer_templates()

    def _offer_names(self) -> None:
        known = self._desk.preferences
        for field, names in (("agent", known.agents), ("endpoint", known.endpoints)):
            box = self.query_one(f"#{field}", Input)
            box.suggester = SuggestFromList(names)
            if names:
                box.value = "default" if "default" in names else names[0]

    @work(exit_on_error=False, group="templates")
    async def _offer_templates(self) -> None:
        self.query_one(TemplateFields).offer(await self._desk.source.templates())

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

    def _is_shown(self, field: str) -> bool:
        return any(row.display for row in self.query(f"#row-{field}"))

    @property
    def _texts(self) -> dict[str, str]:
        typed = {box.id: box.value for box in self.query(Input) if box.id}
        chosen = {choice.id: choice.value for choice in self.query(Choice) if choice.id}
        return typed | chosen

    def _show_own_fields(self, what: str) -> None:
        hidden = {field for fields in OWN_FIELDS.values() for field in fields} - {*OWN_FIELDS.get(what, ())}
        for row in self.query("#form > .form-row"):
            field = (row.id or "").removeprefix("row-")
            row.display = field == "what" or (what != OF_TEMPLATES and field not in hidden)
        self.query_one(TemplateFields).display = what == OF_TEMPLATES

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
        texts = self._texts
        if texts["what"] == OF_TEMPLATES:
            return
        suggested = clean_line(default_name(texts)) or f"taken from the {SAYS_MOST[texts['what']]}"
        self.query_one("#name", Input).placeholder = suggested

    # Submitting

    @on(Input.Submitted)
    @on(Choice.Submitted)
    def _entered(self) -> None:
        if not self._sending:
            self._check_and_send()

    def _check_and_send(self) -> None:
        texts = self._texts
        if texts["what"] == OF_TEMPLATES:
            template = self.query_one(TemplateFields)
            self._begin(self._desk.source.run_template(template.chosen, template.values))
            return
        try:
            new = read_form(texts)
        except InvalidInput as error:
            self._show_error(error)
            return
        fields = {name: getattr(new, name) for name in SENT}
        self._begin(self._desk.source.submit(new.name, new.action, **fields))

    def _begin(self, submitting: Awaitable[Task | Workflow]) -> None:
        self._sending = True
        self._say("Submitting…", bad=False)
        self._send(submitting)

    @work(exit_on_error=False, group="submit")
    async def _send(self, submitting: Awaitable[Task | Workflow]) -> None:
        try:
            task = await submitting
        except InvalidInput as error:
            self._show_error(error)
        except ShragaError as error:
            self._say(str(error), bad=True)
        else:
            name = task.name if isinstance(task, Task) else task.title
            self.app.notify(f"Submitted “{clean_line(name, 60)}” as {task.id}.", markup=False, timeout=5)
            self.dismiss(task.id if isinstance(task, Task) else None)
        finally:
            self._sending = False

    def _show_error(self, error: InvalidInput) -> None:
        texts = self._texts
        if texts["what"] == OF_TEMPLATES:
            self._blame(self.query_one(TemplateFields).field(error.field), str(error), OF_TEMPLATES)
            return
        shown = {name for name in texts if self._is_shown(name)}
        field = field_of(error, shown) or OWN_FIELDS[texts["what"]][0]
        message = str(error)
        label = next((label for name, label, _ in INPUTS if name == field), field)
        self._blame(self.query_one(f"#{field}"), f"{label}: {message.partition(': ')[2] or message}", field)

    def _blame(self, bad: Widget, sentence: str, after: str) -> None:
        bad.add_class("-bad")
        bad.focus()
        self._say(sentence, bad=True, after=after)

    def _say(self, sentence: str, *, bad: bool, after: str = "") -> None:
        line = self.query_one("#form-error", Static)
        line.set_class(bad, "-bad")
        line.update(("✗ " if bad else "") + clean_line(sentence, 400))
        if after:
            line.parent.move_child(line, after=self.query_one(f"#row-{after}"))  # type: ignore[union-attr]
