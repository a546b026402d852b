"""What an operator has chosen for their dashboard: theme and keys of the configuration file, saved views, and the
agents and endpoints of models that this file names."""

from __future__ import annotations

from dataclasses import dataclass, field

from shraga_queue.config import Settings, read_dashboard, read_names
from shraga_queue.errors import InvalidInput
from shraga_tui.keymap import Keymap, read_keymap
from shraga_tui.views import ViewStore

DEFAULT_THEME = "shraga"


@dataclass(frozen=True, slots=True)
class Preferences:
    """The choices, and a sentence for each that could not be followed."""

    theme: str = DEFAULT_THEME
    keymap: Keymap = field(default_factory=Keymap)
    views: ViewStore = field(default_factory=lambda: ViewStore(None))
    problems: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()


def read_preferences(settings: Settings) -> Preferences:
    """Return the choices of the configuration file; raises InvalidInput where it cannot be read at all."""
    theme, table = read_dashboard(settings)
    keymap, problems = read_keymap(table)
    agents: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    try:
        agents, endpoints = read_names(settings)
    except InvalidInput as error:
        # They are only suggested; workers have files of their own.
        problems.append(str(error))
    views = ViewStore.of(settings)
    return Preferences(theme or DEFAULT_THEME, keymap, views, tuple(problems), agents, endpoints)
