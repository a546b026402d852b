"""`shraga view`: the saved filters of the dashboard, listed, saved and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_queue.errors import Refused

from .options import Invocation, Json, verb, verb_group
from .output import cell, data, print_json, print_table

if TYPE_CHECKING:
    from shraga_tui.views import View

app = verb_group()
view_app = verb_group("view", "Named filters, those of the dashboard: list, save, remove.")
app.add_typer(view_app)

Name = Annotated[str, typer.Argument(help="The view's name.", metavar="NAME")]


@view_app.callback()
@verb
def view(call: Invocation, ctx: typer.Context, as_json: Json = False) -> None:
    """Named filters, those of the dashboard: list, save, remove."""
    if ctx.invoked_subcommand is None:
        _list(call, as_json)


@view_app.command("list")
@verb
def list_views(call: Invocation, as_json: Json = False) -> None:
    """List the views: those everybody has, then your own."""
    _list(call, as_json)


def _list(call: Invocation, as_json: bool) -> None:
    from shraga_tui.views import ViewStore

    settings = call.settings()
    views = ViewStore.of(settings).all(settings.user)
    if as_json:
        print_json([_json(one) for one in views])
    else:
        rows = [(cell(one.name), "own" if one.own else "", cell(one.text)) for one in views]
        print_table(("NAME", "", "FILTER"), rows)


def _json(one: View) -> dict[str, Any]:
    return {"name": one.name, "filter": one.text, "own": one.own}


@view_app.command()
@verb
def save(
    call: Invocation,
    name: Name,
    words: Annotated[
        list[str], typer.Argument(help="The filter, as `shraga list` knows it.", metavar="FILTER...")
    ],
    as_json: Json = False,
) -> None:
    """Keep a filter under a name, instead of your own one of that name."""
    from shraga_tui.views import ViewStore

    saved = ViewStore.of(call.settings()).save(name, " ".join(words))
    if as_json:
        print_json(_json(saved))
    else:
        data(f"saved {cell(saved.name)}")


@view_app.command()
@verb
def remove(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Remove a view of your own."""
    from shraga_tui.views import ViewStore

    settings = call.settings()
    store = ViewStore.of(settings)
    found = store.find(name, settings.user)
    if not found.own:
        raise Refused(f"Everybody has the view {found.name!r}; only your own can be removed.")
    store.drop(found.name)
    if as_json:
        print_json({"name": found.name, "removed": True})
    else:
        data(f"removed {cell(found.name)}")
