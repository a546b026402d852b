"""The command palette's view of the registry: what the screen in front can do right now."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from shraga_tui.actions import OperatorAction
from shraga_tui.screens.base import ShragaScreen


def title_of(action: OperatorAction) -> str:
    """Return what the palette calls an action."""
    return f"{action.help.rstrip('.').partition(';')[0]}  ({action.shown})"


class OperatorCommands(Provider):
    """Offers the actions of the screen that are open right now."""

    def _open(self) -> Iterator[tuple[OperatorAction, Callable[[], Coroutine[Any, Any, None]]]]:
        screen = self.screen
        if isinstance(screen, ShragaScreen):
            for action in screen.desk.preferences.keymap.actions_of(screen.SCOPE):
                if action.palette and screen.check_action(action.name, ()):
                    yield action, partial(screen.run_action, action.name)

    async def discover(self) -> Hits:
        for action, run in self._open():
            yield DiscoveryHit(title_of(action), run)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, run in self._open():
            title = title_of(action)
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), run)
