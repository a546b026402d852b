"""All keys of a screen and the meaning of every glyph, from the registry."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from shraga_tui.actions import EVERYWHERE, Scope, actions_of
from shraga_tui.keymap import Keymap, key_name
from shraga_tui.look import LOST, TASK_LOOKS, WORKER_LOOKS
from shraga_tui.widgets.line_view import LineView
from shraga_tui.widgets.paint import Line, Span

Entry = tuple[Line, Span]
COMMON = frozenset.intersection(*(frozenset(one.name for one in actions_of(scope)) for scope in EVERYWHERE))
"""What can be done on every screen."""


def help_lines(scope: Scope, keymap: Keymap | None = None) -> list[Entry]:
    """Return the keys of a screen, those of every screen, and the legend."""
    every = (keymap or Keymap()).actions_of(scope)
    own = [action for action in every if action.name not in COMMON]
    common = [action for action in every if action.name in COMMON]
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
    for look in (*TASK_LOOKS.values(), *WORKER_LOOKS.values(), LOST):
        lines.append((((f"   {look.glyph} ", look.tone),), (look.word, "text")))
    return lines


def _keys(keys: tuple[str, ...]) -> str:
    return "  ".join(map(key_name, keys))


class HelpScreen(ModalScreen[None]):
    """The help of a screen."""

    BINDINGS = [
        Binding("escape,q,question_mark,f1,enter", "dismiss(None)", "close", id="help.close"),
        Binding("j,down", "scroll(1)", "down", id="help.down", show=False),
        Binding("k,up", "scroll(-1)", "up", id="help.up", show=False),
        Binding("pagedown,space,ctrl+d", "scroll(10)", "page down", id="help.page_down", show=False),
        Binding("pageup,ctrl+u", "scroll(-10)", "page up", id="help.page_up", show=False),
    ]

    def __init__(self, scope: Scope, keymap: Keymap) -> None:
        super().__init__()
        self._scope = scope
        self._keys = keymap

    def compose(self) -> ComposeResult:
        view = LineView(id="help")
        view.border_title = " Help "
        view.border_subtitle = " j k scroll · esc close "
        yield view

    def on_mount(self) -> None:
        self.query_one(LineView).show(help_lines(self._scope, self._keys))

    def action_scroll(self, lines: int) -> None:
        """Scroll by some lines."""
        self.query_one(LineView).scroll_lines(lines)
