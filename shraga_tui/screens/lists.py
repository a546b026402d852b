"""The moves that every screen with one main list shares."""

from __future__ import annotations

from typing import Any

from shraga_tui.widgets.virtual_list import VirtualList

from .base import ShragaScreen


class ListScreen(ShragaScreen):
    """A screen around one list; subclasses say which by `main_list`."""

    @property
    def main_list(self) -> VirtualList[Any]:
        """The list that the moving keys are about."""
        raise NotImplementedError

    def action_down(self) -> None:
        """Go one row down."""
        self.main_list.move_by(1)

    def action_up(self) -> None:
        """Go one row up."""
        self.main_list.move_by(-1)

    def action_page_down(self) -> None:
        """Go one page down."""
        self.main_list.move_page(1)

    def action_page_up(self) -> None:
        """Go one page up."""
        self.main_list.move_page(-1)

    def action_first(self) -> None:
        """Go to the first row."""
        self.main_list.move_to(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.main_list.move_to(self.main_list.total - 1)
