"""`shraga keys`: what can be pressed in the dashboard, and whether the configured keys can be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import TaskFailed
from .options import Invocation, Json, verb, verb_group
from .output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shraga_tui.keymap import Keymap

app = verb_group()


@app.command()
@verb
def keys(
    call: Invocation,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Exit 1 if the configured keys cannot all be followed.", show_default=False
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """List the dashboard's keys with the changes of `[keys]` in the configuration file."""
    from shraga_tui.preferences import read_preferences

    preferences = read_preferences(call.settings())
    found = list(_entries(preferences.keymap))
    if as_json:
        print_json(found)
    else:
        head = ("ID", "KEYS", "CHANGED", "DOES")
        print_table(head, [_row(entry) for entry in found])
    for problem in preferences.problems:
        say(problem)
    if check and preferences.problems:
        raise TaskFailed(
            "" if as_json else f"{len(preferences.problems)} entries of [keys] cannot be followed."
        )


def _entries(keymap: Keymap) -> Iterator[dict[str, Any]]:
    from shraga_tui.actions import actions_of
    from shraga_tui.keymap import SCOPES

    for scope in SCOPES:
        for action, usual in zip(keymap.actions_of(scope), actions_of(scope), strict=True):
            yield {
                "id": f"{scope}.{action.name}",
                "keys": list(action.keys),
                "usual_keys": list(usual.keys),
                "help": action.help,
                "destructive": action.destructive,
                "audit": action.audit,
            }


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    from shraga_tui.keymap import key_name

    changed = "changed" if entry["keys"] != entry["usual_keys"] else ""
    return entry["id"], " ".join(map(key_name, entry["keys"])), changed, entry["help"]
