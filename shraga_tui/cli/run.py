"""`shraga controller`, `up`, `demo`: processes that stay."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Invocation, Json, option, verb, verb_group
from .output import print_json

app = verb_group()


@app.command()
@verb
def controller(call: Invocation) -> None:
    """Run a controller: schedules, lost workers, housekeeping; any number may run, one leads."""
    from shraga_queue.controller import run_controller
    from shraga_queue.logs import configure_logs

    configure_logs()
    raise typer.Exit(run_controller(call.settings()))


@app.command()
@verb
def up(
    call: Invocation,
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=64, help="How many workers.", metavar="N")
    ] = 1,
    slots: Annotated[
        int, typer.Option("--slots", min=1, max=256, help="Tasks at the same time, each.", metavar="N")
    ] = 2,
    capability: Annotated[
        list[str] | None, option("--capability", "What they can do; may be repeated.", "NAME")
    ] = None,
    allow_module: Annotated[
        list[str] | None, option("--allow-module", "A module whose functions may be called.", "MODULE")
    ] = None,
) -> None:
    """Run all of it here in the foreground: the server, a controller, workers."""
    from shraga_queue.logs import configure_logs
    from shraga_queue.up import run_up

    configure_logs()
    code = run_up(
        call.settings(),
        workers=workers,
        slots=slots,
        capabilities=tuple(capability or ()),
        allow_modules=tuple(allow_module or ()),
    )
    raise typer.Exit(code)


@app.command()
@verb
def demo(
    call: Invocation,
    headless: Annotated[
        bool,
        typer.Option(
            "--headless", help="Without the dashboard; prints a summary as JSON.", show_default=False
        ),
    ] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="How long.", metavar="N", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Watch a made-up team at work, on a server of its own that is thrown away."""
    if not (headless or as_json):
        from shraga_tui.demo import run_demo_dashboard

        raise typer.Exit(run_demo_dashboard(seconds))
    from shraga_queue.demo_run import run_demo

    print_json(run_demo(seconds=20.0 if seconds is None else seconds).to_json_object())
