"""The keys of an operator: the registry's, changed by the table `[keys]` of the configuration file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import get_args

from textual.binding import Binding, BindingType
from textual.keys import Keys, _character_to_key, key_to_character

from shraga_tui.actions import ACTIONS, OperatorAction, Scope, actions_of

SCOPES: tuple[Scope, ...] = get_args(Scope)
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
    "space": "␣",
    "enter": "⏎",
    "tab": "⇥",
}
_KNOWN_KEYS = {key.value for key in Keys}
_MODIFIERS = re.compile(r"(?:(?:ctrl|alt|shift|super|hyper|meta)\+)*")
_HAND = "`shraga keys` lists what can be changed"


def key_name(key: str) -> str:
    """Return a key as people write it."""
    return _NAMES.get(key) or (key_to_character(key) or key if "+" not in key else key)


def ids() -> Iterator[str]:
    """Yield what a table of keys may name: `board.cancel`, or `cancel` for every screen that has it."""
    yield from dict.fromkeys(action.name for action in ACTIONS)
    for scope in SCOPES:
        yield from (f"{scope}.{action.name}" for action in actions_of(scope))


@dataclass(frozen=True, slots=True)
class Keymap:
    """Keys by `scope.action`, where they differ from the registry's."""

    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def actions_of(self, scope: Scope) -> tuple[OperatorAction, ...]:
        """Return the actions of a screen with the keys they have here."""
        return tuple(self._with_keys(scope, action) for action in actions_of(scope))

    def _with_keys(self, scope: Scope, action: OperatorAction) -> OperatorAction:
        keys = self.changed.get(f"{scope}.{action.name}")
        return replace(action, keys=keys, shown=key_name(keys[0])) if keys else action

    def bindings_of(self, scope: Scope) -> list[BindingType]:
        """Return the bindings of a screen."""
        return [
            Binding(",".join(action.keys), action.name, action.label, id=f"{scope}.{action.name}", show=False)
            for action in self.actions_of(scope)
        ]


def read_keymap(table: Mapping[str, object]) -> tuple[Keymap, list[str]]:
    """Return the keymap of a table, without what is wrong in it, and a sentence for each thing that is."""
    changed: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    # An entry for one screen goes before one for all, wherever it stands.
    for name in sorted(table, key=lambda name: "." in name):
        places, keys, problem = _read_entry(name, table[name])
        problems += [problem] if problem else []
        changed.update(dict.fromkeys(places, keys))
    while clash := _first_clash(Keymap(changed)):
        key, first, second = clash
        problems.append(
            f"keys: {key_name(key)!r} is the key of {first} and of {second}; give one of them another. "
            f"Until then {' and '.join(one for one in (first, second) if one in changed)} "
            "has its usual key."
        )
        changed = {place: keys for place, keys in changed.items() if place not in (first, second)}
    return Keymap(changed), problems


def _read_entry(name: str, value: object) -> tuple[list[str], tuple[str, ...], str]:
    places = [f"{scope}.{one.name}" for scope in SCOPES for one in actions_of(scope)]
    fits = [place for place in places if name in (place, place.partition(".")[2])]
    if not fits:
        near = get_close_matches(name, list(ids()), n=1)
        return [], (), f"keys: {name!r} is unknown; {f'did you mean {near[0]!r}?' if near else _HAND + '.'}"
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not given or not all(isinstance(key, str) for key in given):
        return [], (), f'keys: {name!r} has to be a key, or a list of keys, such as "x" or ["x", "f5"].'
    keys = tuple(_character_to_key(key) if len(key) == 1 else key.strip() for key in given)
    bad = next((key for key in keys if not _is_key(key)), None)
    if bad is not None:
        return [], (), f'keys: {bad!r} for {name!r} is no key; write "x", "f5", "ctrl+x" or "space".'
    return fits, keys, ""


def _is_key(key: str) -> bool:
    base = key[_MODIFIERS.match(key).end() :]  # type: ignore[union-attr]
    return (len(base) == 1 and base.isalnum()) or base in _KNOWN_KEYS or bool(key_to_character(base))


def _first_clash(keymap: Keymap) -> tuple[str, str, str] | None:
    for scope in SCOPES:
        holder: dict[str, str] = {}
        for action in keymap.actions_of(scope):
            place = f"{scope}.{action.name}"
            for key in action.keys:
                if holder.setdefault(key, place) != place:
                    return key, holder[key], place
    return None
