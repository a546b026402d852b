"""All keys of a screen and the meaning of every glyph, from the registry."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from shraga_tui.actions import EVERYWHERE, Scope, actions_of
from shraga_tui.look import TASK_LOOKS, WORKER_LOOKS
from shraga_tui.widgets.line_view import LineView
from shraga_tui.widgets.paint import Line, Span

Entry = tuple[Line, Span]


def help_lines(scope: Scope) -> list[Entry]:
    """Return the keys of a screen, those of every screen, and the legend."""
    own = [action for action in actions_of(scope) if action.scopes != EVERYWHERE]
    common = [action for action in actions_of(scope) if action.scopes == EVERYWHERE]
    lines: list[Entry] = []
    for title, actions in ((f"On this screen ({scope})", own), ("Everywhere", common)):
        lines.append((((f" {title}", "accent"),), ("", "text")))
        for action in actions:
            text = action.help + (
                " Asks first." if action.destructive and "asks first" not in action.help else ""
            )
            lines.append((((f"   {_keys(action.keys):<22}", "strong"),), (text, "text")))
        lines.append(((), ("", "text")))
    lines.append((((" Signs", "accent"),), ("", "text")))
    for look in (*TASK_LOOKS.values(), *WORKER_LOOKS.values()):
        lines.append((((f"   {look.glyph} ", look.tone),), (look.word, "text")))
    return lines


_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def _keys(keys: tuple[str, ...]) -> str:
    return "  ".join(_NAMES.get(key, key) for key in keys)


class HelpScreen(ModalScreen[None]):
    """The help of a screen."""

    BINDINGS = [
        Binding("escape,q,question_mark,f1,enter", "dismiss(None)", "close", id="help.close"),
        Binding("j,down", "scroll(1)", "down", id="help.down", show=False),
        Binding("k,up", "scroll(-1)", "up", id="help.up", show=False),
        Binding("pagedown,space,ctrl+d", "scroll(10)", "page down", id="help.page_down", show=False),
        Binding("pageup,ctrl+u", "scroll(-10)", "page up", id="help.page_up", show=False),
    ]

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def compose(self) -> ComposeResult:
        view = LineView(id="help")
        view.border_title = " Help "
        view.border_subtitle = " j k scroll · esc close "
        yield view

    def on_mount(self) -> None:
        self.query_one(LineView).show(help_lines(self._scope))

    def action_scroll(self, lines: int) -> None:
        """Scroll by some lines."""
        self.query_one(LineView).scroll_lines(lines)
