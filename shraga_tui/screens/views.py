"""The saved views: choose one, save the filter in use as one, drop one of your own."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from shraga_models.text import clean_line
from shraga_queue.errors import InvalidInput
from shraga_tui.views import View, ViewStore, built_in
from shraga_tui.widgets.paint import Line, fit, pad
from shraga_tui.widgets.virtual_list import VirtualList

NAME_CELLS = 24
KEYS = " ⏎ show   s save the filter in use   D drop one of yours   esc close"


class ViewList(VirtualList[View]):
    """The views, one a line."""

    def key_of(self, row: View) -> str:
        return f"{row.own}{row.name}"

    def lines_of(self, row: View, width: int, selected: bool) -> Sequence[Line]:
        name = pad(fit(clean_line(row.name), NAME_CELLS - 1), NAME_CELLS)
        edge = ("▌" if selected else " ", "accent")
        mark = ("★ " if row.own else "  ", "accent")
        return [(edge, mark, (name, "strong"), (clean_line(row.text) or "everything", "faint"))]


class ViewsScreen(ModalScreen[str | None]):
    """Returns the filter of the view that was chosen, or None."""

    AUTO_FOCUS = "ViewList"
    BINDINGS = [
        Binding("enter", "choose", "show", id="views.choose"),
        Binding("s", "save", "save", id="views.save"),
        Binding("D", "drop", "drop", id="views.drop"),
        Binding("escape", "leave", "close", id="views.leave"),
        Binding("q", "leave", "close", id="views.quit", show=False),
        Binding("j,down", "move(1)", "down", id="views.down", show=False),
        Binding("k,up", "move(-1)", "up", id="views.up", show=False),
    ]

    def __init__(self, store: ViewStore, user: str, text: str) -> None:
        super().__init__()
        self._store = store
        self._user = user
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="views") as box:
            box.border_title = " Views "
            yield ViewList(id="view-list")
            yield Input(placeholder="the name of the new view", id="view-name", compact=True)
            yield Static("", markup=False, id="view-keys")

    def on_mount(self) -> None:
        self.query_one(Input).display = False
        self._say(KEYS)
        self._fill()

    def _fill(self) -> None:
        views = list(built_in(self._user))
        try:
            views += self._store.own()
        except InvalidInput as error:
            self._say(f" ✗ {error}", bad=True)
        self.query_one(ViewList).show_rows(0, len(views), views)

    def _say(self, text: str, *, bad: bool = False) -> None:
        line = self.query_one("#view-keys", Static)
        line.set_class(bad, "-bad")
        line.update(clean_line(text))

    # Actions

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.query_one(ViewList).move_by(rows)

    def action_choose(self) -> None:
        """Show the view under the cursor."""
        row = self.query_one(ViewList).row
        self.dismiss(row.text if row else None)

    @on(VirtualList.Selected)
    def _clicked(self) -> None:
        self.action_choose()

    def action_save(self) -> None:
        """Ask for a name for the filter in use."""
        if not self._text:
            self._say(" ✗ There is no filter in use: type one with / first.", bad=True)
            return
        box = self.query_one(Input)
        box.display = True
        box.focus()
        self._say(f" ⏎ saves “{self._text}” under this name   esc closes")

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            view = self._store.save(event.value, self._text)
        except InvalidInput as error:
            self._say(f" ✗ {error}", bad=True)
            return
        event.input.display = False
        views = self.query_one(ViewList)
        self._say(f" saved as “{view.name}”   ·{KEYS}")
        self._fill()
        views.focus()
        if (rank := views.index_of(views.key_of(view))) is not None:
            views.move_to(rank)

    def action_drop(self) -> None:
        """Drop one of the user's own views; what it shows is not touched."""
        row = self.query_one(ViewList).row
        if row is None or not row.own:
            self._say(" ✗ Only your own views (★) can be dropped.", bad=True)
            return
        try:
            self._store.drop(row.name)
        except InvalidInput as error:
            self._say(f" ✗ {error}", bad=True)
            return
        self._say(f" dropped “{row.name}”   ·{KEYS}")
        self._fill()

    def action_leave(self) -> None:
        """Close without a change."""
        self.dismiss(None)
