"""`shraga webhook`: tell other programs what happens, and see how that goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_queue.errors import Refused

from .errors import UsageError
from .options import Invocation, Json, option, verb, verb_group, verb_with
from .output import cell, data, iso, print_json, print_table, say, short_id, to_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from shraga_models import Webhook
    from shraga_queue.client import Shraga

app = verb_group()
webhook_app = verb_group("webhook", "Tell other programs what happens; see and mend how that goes.")
app.add_typer(webhook_app)

ERROR_CELLS = 60
Name = Annotated[str, typer.Argument(help="The webhook's name.", metavar="NAME")]
ADD: dict[str, Any] = {
    "form": Annotated[str | None, option("--form", "json or teams; json otherwise.")],
    "owner": Annotated[str | None, option("--owner", "Only what this user may see.", "USER")],
    "secret_env": Annotated[
        str | None,
        option("--secret-env", "The controller's variable that holds the key to sign with.", "NAME"),
    ],
}
RANGE: dict[str, Any] = {
    "first": Annotated[str | None, option("--from", "The first event to deliver again.", "ID")],
    "last": Annotated[str | None, option("--to", "The last one; the newest otherwise.", "ID")],
}


@webhook_app.callback()
@verb
def webhook(call: Invocation, ctx: typer.Context, as_json: Json = False) -> None:
    """Tell other programs what happens; without a verb, list the webhooks."""
    if ctx.invoked_subcommand is None:
        _list(call, as_json)


@webhook_app.command()
@verb_with(ADD)
def add(
    call: Invocation,
    name: Name,
    address: Annotated[str, typer.Argument(help="Where to post; may hold ${env:NAME}.", metavar="URL")],
    options: dict[str, Any],
    on: Annotated[
        list[str] | None,
        option("--on", "A type of event, as task.failed or 'task.*'; may be repeated.", "TYPE"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a webhook; it is told of what happens from now on."""
    if not on:
        raise UsageError("Say which events it is told of, as in --on task.failed --on task.completed.")
    fields: dict[str, Any] = {field: options[field] for field in ("form", "owner") if field in options}
    if "secret_env" in options:
        fields["secret"] = f"${{env:{options['secret_env']}}}"
    with call.connect() as shraga:
        added = shraga.webhooks.add(name, address, on, **fields)
    _print(added, as_json)


@webhook_app.command("list")
@verb
def list_webhooks(call: Invocation, as_json: Json = False) -> None:
    """List the webhooks and how their deliveries stand."""
    _list(call, as_json)


def _list(call: Invocation, as_json: bool) -> None:
    with call.connect() as shraga:
        found = shraga.webhooks.all()
    if as_json:
        print_json([one.to_json_object() for one in found])
    elif not found:
        say("there is no webhook; add one with: shraga webhook add NAME URL --on task.failed")
    else:
        head = ("NAME", "STATE", "ON", "DELIVERED", "WAITING", "BEHIND", "DEAD", "MISSED", "ERROR")
        print_table(head, [_row(one) for one in found])


def _row(one: Webhook) -> tuple[str, ...]:
    counts = (one.delivered, one.waiting, one.behind, one.dead, one.missed)
    return (
        cell(one.name),
        _state(one),
        cell(" ".join(one.events)),
        *map(str, counts),
        cell(one.error, ERROR_CELLS),
    )


def _state(one: Webhook) -> str:
    if not one.active:
        return "paused"
    return "failing" if one.failing else "active"


@webhook_app.command()
@verb
def show(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Show a webhook; what lets in whoever knows it is masked."""
    with call.connect() as shraga:
        found = shraga.webhooks.get(name)
    _print(found, as_json)


def _print(one: Webhook, as_json: bool) -> None:
    if as_json:
        print_json(one.to_json_object())
        return
    facts = {
        "name": one.name,
        "state": _state(one),
        "url": one.shown_url,
        "form": one.form,
        "on": " ".join(one.events),
        "owner": one.owner or "",
        "secret": one.secret,
        "added": f"{iso(one.created_at)} by {one.created_by}",
        "delivered": f"{one.delivered:,}  last {iso(one.last_delivered_at)}" if one.delivered else "0",
        "waiting": f"{one.waiting:,}, and {one.behind:,} events not looked at yet",
        "dead": f"{one.dead:,} kept of {one.failed:,}" if one.failed else "0",
        "missed": f"{one.missed:,}" if one.missed else "",
        "tries": f"{one.tries}{f', the next at {iso(one.retry_at)}' if one.retry_at else ''}"
        if one.tries
        else "",
        "error": one.error,
    }
    widest = max(map(len, facts))
    data("\n".join(f"{word.ljust(widest)}  {cell(value)}" for word, value in facts.items() if value))


@webhook_app.command()
@verb
def pause(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Deliver nothing until it is resumed; what happens meanwhile is delivered then."""
    _change(call, name, lambda shraga: shraga.webhooks.pause(name), as_json)


@webhook_app.command()
@verb
def resume(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Deliver again, at once."""
    _change(call, name, lambda shraga: shraga.webhooks.resume(name), as_json)


def _change(call: Invocation, name: str, change: Callable[[Shraga], None], as_json: bool) -> None:
    with call.connect() as shraga:
        change(shraga)
        found = shraga.webhooks.get(name)
    if as_json:
        print_json(found.to_json_object())
    else:
        data(f"{_state(found)} {cell(name)}")


@webhook_app.command()
@verb
def remove(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Remove a webhook, with all that waits for it and its dead letters."""
    with call.connect() as shraga:
        shraga.webhooks.remove(name)
    _receipt({"name": name, "removed": True}, f"removed {cell(name)}", as_json)


@webhook_app.command()
@verb
def test(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Have the controller deliver a made-up event once, and say how it went; exit 1 where it failed."""
    with call.connect() as shraga:
        error = shraga.webhooks.test(name)
    if error:
        raise Refused(f"The webhook {name!r} did not take it: {error}.")
    _receipt({"name": name, "delivered": True}, f"delivered {cell(name)}", as_json)


@webhook_app.command()
@verb
def dead(call: Invocation, name: Name, as_json: Json = False) -> None:
    """List what a webhook did not take, the latest first."""
    with call.connect() as shraga:
        letters = shraga.webhooks.dead(name)
    if as_json:
        print_json([letter.model_dump(mode="json") for letter in letters])
        return
    if not letters:
        say(f"the webhook {name} has no dead letters")
    rows = [
        (
            letter.id,
            iso(letter.at),
            cell(letter.type),
            short_id(letter.task_id or "") if to_terminal() else letter.task_id or "",
            cell(letter.name),
            str(letter.tries),
            cell(letter.error),
        )
        for letter in letters
    ]
    if rows:
        print_table(("EVENT", "GIVEN UP", "WHAT", "TASK", "NAME", "TRIES", "ERROR"), rows)


@webhook_app.command()
@verb_with(RANGE)
def replay(
    call: Invocation,
    name: Name,
    options: dict[str, Any],
    ids: Annotated[
        list[str] | None, typer.Argument(help="Events whose dead letters to deliver again.", metavar="ID")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All dead letters.", show_default=False)] = False,
    as_json: Json = False,
) -> None:
    """Deliver dead letters once more, or the events of a range that are still kept."""
    ways = (bool(ids), every, bool(options))
    if sum(ways) != 1 or ("first" not in options and options):
        raise UsageError(
            "Say what to deliver again: ids of dead letters, --all of them, or events --from ID."
        )
    with call.connect() as shraga:
        if options:
            done = shraga.webhooks.replay_events(name, options["first"], options.get("last", "+"))
        else:
            done = shraga.webhooks.replay_dead(name, ids or ())
    _receipt(
        {"name": name, "replays": done.count, "more_after": done.more_after}, f"replays {done.count}", as_json
    )
    if done.more_after:
        say(f"more does not fit at once; when these are delivered, go on after {done.more_after}")


def _receipt(said: dict[str, Any], line: str, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        data(line)
