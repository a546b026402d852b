"""The part of the submit form that fills in a template: its name, then a row for each parameter."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from shraga_models import Parameter, ParameterType, Template

from .choice import Choice


class TemplateFields(Vertical):
    """Knows the templates once `offer` has brought them."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._known: dict[str, Template] = {}
        self._shown = ""

    def compose(self) -> ComposeResult:
        yield _row("Template", _input(id="template"))
        yield Static("", id="template-says", markup=False)
        yield Vertical(id="parameters")

    def offer(self, templates: Sequence[Template]) -> None:
        """Let one of these be chosen; the only one is chosen at once."""
        self._known = {template.name: template for template in templates}
        box = self.query_one("#template", Input)
        box.suggester = SuggestFromList(self._known)
        box.placeholder = ", ".join(self._known) or "there is none: shraga template new NAME"
        if len(self._known) == 1:
            box.value = next(iter(self._known))

    @property
    def chosen(self) -> str:
        """The name of the template, as it is typed."""
        return self.query_one("#template", Input).value.strip()

    @property
    def values(self) -> dict[str, str]:
        """What is filled in; an empty row counts as left out."""
        rows = self.query_one("#parameters")
        typed = {box.name or "": box.value for box in rows.query(Input) if box.value}
        return typed | {choice.name or "": choice.value for choice in rows.query(Choice)}

    def field(self, parameter: str) -> Widget:
        """Return the field of a parameter, that of the template where there is none."""
        for field in self.query_one("#parameters").query("Input, Choice"):
            if field.name == parameter:
                return field
        return self.query_one("#template")

    @on(Input.Changed, "#template")
    def _named(self) -> None:
        if self.chosen != self._shown:
            self._shown = self.chosen
            self._show(self._known.get(self._shown))

    @work(exclusive=True, group="parameters")
    async def _show(self, template: Template | None) -> None:
        said = "" if template is None else template.description
        self.query_one("#template-says", Static).update(said)
        rows = self.query_one("#parameters")
        async with rows.batch():
            await rows.remove_children()
            for name, parameter in template.parameters.items() if template else ():
                await rows.mount(_row(name, _field(name, parameter)))


def _row(label: str, field: Widget) -> Widget:
    return Horizontal(Label(label, classes="form-label", markup=False), field, classes="form-row")


def _input(hint: str = "", *, id: str | None = None, name: str | None = None) -> Input:  # noqa: A002
    box = Input(placeholder=hint, id=id, name=name, compact=True)
    box.cursor_blink = False
    return box


def _field(name: str, parameter: Parameter) -> Widget:
    default = "" if parameter.default is None else str(parameter.default)
    options = parameter.choices
    if parameter.type is ParameterType.BOOL:
        options, default = ("true", "false"), default.lower()
    # Whether something optional is said at all needs a text.
    if options and (default or parameter.is_required):
        return Choice(options, default or options[0], name=name)
    needed = default or ("" if parameter.is_required else "may be left out")
    return _input(" · ".join(filter(None, (needed, parameter.description))) or parameter.type, name=name)
