"""`shraga spend`, `budget`, `brake`: what models cost, what they may cost, and what is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from shraga_models.text import usd
from shraga_queue.errors import InvalidInput

from .find import full_id
from .options import Invocation, Json, option, verb, verb_group
from .output import cell, data, iso, print_json, print_table, say, to_terminal

if TYPE_CHECKING:
    from shraga_models import Brake, Budget, SpendLine, StoredModelCall
    from shraga_queue.spend import By

app = verb_group()
budget_app = verb_group("budget", "Show and set what may be spent on a day.")
brake_app = verb_group("brake", "Hold tasks back, and let them go on.")
app.add_typer(budget_app)
app.add_typer(brake_app)

Owner = Annotated[str | None, option("--owner", "Only this user's.", "USER")]
TaskOption = Annotated[str | None, option("--task", "This task.", "ID")]


@app.command()
@verb
def spend(
    call: Invocation,
    by: Annotated[str, typer.Option("--by", help="day, owner, model or task.", metavar="WHAT")] = "day",
    days: Annotated[int, typer.Option("--days", help="The last days, today included.", metavar="N")] = 30,
    owner: Owner = None,
    task: TaskOption = None,
    as_json: Json = False,
) -> None:
    """Sum what calls of models cost, by day, owner, model or task; with --task list its calls."""
    if by not in ("day", "owner", "model", "task"):
        raise InvalidInput("by", f"--by {by!r} is unknown: use day, owner, model or task.")
    with call.connect() as shraga:
        if task is not None:
            _print_calls(shraga.model_calls(full_id(shraga, task)), as_json)
        else:
            _print_lines(shraga.spend(cast("By", by), days=days, owner=owner), by, as_json)


def _print_lines(lines: list[SpendLine], by: str, as_json: bool) -> None:
    if as_json:
        print_json([line.model_dump(mode="json") for line in lines])
        return
    rows = [
        (cell(line.name), str(line.calls), str(line.prompt_tokens), str(line.response_tokens), usd(line.cost))
        for line in lines
    ]
    if to_terminal() and len(lines) > 1:
        rows.append(
            (
                "total",
                str(sum(line.calls for line in lines)),
                str(sum(line.prompt_tokens for line in lines)),
                str(sum(line.response_tokens for line in lines)),
                usd(sum(line.cost for line in lines)),
            )
        )
    print_table((by.upper(), "CALLS", "PROMPT", "RESPONSE", "USD"), rows)


def _print_calls(calls: list[StoredModelCall], as_json: bool) -> None:
    if as_json:
        print_json([one.model_dump(mode="json") for one in calls])
        return
    rows = [
        (
            iso(one.at),
            str(one.attempt),
            cell(one.provider),
            cell(one.model),
            ("~" if one.is_estimated else "") + str(one.prompt_tokens),
            ("~" if one.is_estimated else "") + str(one.response_tokens),
            usd(one.cost),
            f"{one.duration:.1f}",
            cell(one.error),
        )
        for one in calls
    ]
    print_table(("TIME", "RUN", "PROVIDER", "MODEL", "PROMPT", "RESPONSE", "USD", "SECONDS", "ERROR"), rows)


# Budgets


@budget_app.callback()
@verb
def budget(call: Invocation, ctx: typer.Context, as_json: Json = False) -> None:
    """Show and set what may be spent on a day."""
    if ctx.invoked_subcommand is None:
        with call.connect() as shraga:
            _print_budgets(shraga.budgets(), as_json)


@budget_app.command("show")
@verb
def show_budgets(call: Invocation, as_json: Json = False) -> None:
    """List the budgets of a day, with what was spent of each today."""
    with call.connect() as shraga:
        _print_budgets(shraga.budgets(), as_json)


@budget_app.command("set")
@verb
def set_budget(
    call: Invocation,
    day: Annotated[
        str, typer.Option("--day", help="US dollars a day (UTC), or none.", metavar="USD", show_default=False)
    ],
    owner: Annotated[str | None, option("--owner", "This user's; everybody's otherwise.", "USER")] = None,
    as_json: Json = False,
) -> None:
    """Set what a user, or everybody together, may spend on a day; `--day none` removes it."""
    try:
        amount = None if day == "none" else float(day)
    except ValueError:
        raise InvalidInput(
            "day", f"--day {day!r} is no amount: write US dollars as 12.50, or none."
        ) from None
    with call.connect() as shraga:
        _print_budgets(shraga.set_budget(amount, owner=owner), as_json)


def _print_budgets(budgets: list[Budget], as_json: bool) -> None:
    if as_json:
        print_json([one.model_dump(mode="json") for one in budgets])
    elif not budgets:
        say("there is no budget; set one with: shraga budget set --day 20")
    else:
        rows = [(cell(one.owner or "all"), usd(one.day), usd(one.extra), usd(one.spent)) for one in budgets]
        print_table(("OWNER", "USD A DAY", "EXTENDED", "SPENT"), rows)


# The brake


@brake_app.callback()
@verb
def brake(call: Invocation, ctx: typer.Context, as_json: Json = False) -> None:
    """Hold tasks back, and let them go on."""
    if ctx.invoked_subcommand is None:
        with call.connect() as shraga:
            _print_brakes(shraga.brakes(), as_json)


@brake_app.command("show")
@verb
def show_brakes(call: Invocation, as_json: Json = False) -> None:
    """List the brakes that are on."""
    with call.connect() as shraga:
        _print_brakes(shraga.brakes(), as_json)


@brake_app.command("on")
@verb
def brake_on(
    call: Invocation,
    task: TaskOption = None,
    owner: Owner = None,
    reason: Annotated[str, option("--reason", "Why, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Let no worker begin a task, a user's tasks, or any; what runs goes on."""
    _set_brake(call, True, task, owner, reason, as_json)


@brake_app.command("off")
@verb
def brake_off(
    call: Invocation,
    task: TaskOption = None,
    owner: Owner = None,
    reason: Annotated[str, option("--reason", "Why, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Release a brake: what it held goes on, in its order."""
    _set_brake(call, False, task, owner, reason, as_json)


def _set_brake(
    call: Invocation, on: bool, task: str | None, owner: str | None, reason: str, as_json: bool
) -> None:
    with call.connect() as shraga:
        task_id = None if task is None else full_id(shraga, task)
        changed = shraga.set_brake(on, task_id=task_id, owner=owner, reason=reason)
        brakes = shraga.brakes()
    what = f"task {task_id}" if task_id else f"owner {owner}" if owner else "all"
    if as_json:
        print_json([one.model_dump(mode="json") for one in brakes])
    else:
        state = "on" if on else "off"
        data(f"{state} {what}" if changed else f"{state} {what} (it was already)")


def _print_brakes(brakes: list[Brake], as_json: bool) -> None:
    if as_json:
        print_json([one.model_dump(mode="json") for one in brakes])
    elif not brakes:
        say("no brake is on")
    else:
        rows = [(_what(one), cell(one.by), iso(one.at), str(one.parked), cell(one.reason)) for one in brakes]
        print_table(("WHAT", "BY", "SINCE", "PARKED", "REASON"), rows)


def _what(brake: Brake) -> str:
    if brake.task_id:
        return f"task {brake.task_id}"
    return f"owner {cell(brake.owner)}" if brake.owner else "all"
