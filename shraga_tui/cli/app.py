"""The `shraga` command: finds the verb's module when it is named, and turns every failure into a sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup

from .errors import INTERRUPTED, UsageError, report
from .options import Invocation, verb
from .output import BROKEN_PIPE, data, silence_stdout

VERBS: dict[str, str] = {
    "submit": "submit",
    "submit-many": "many",
    "list": "read",
    "view": "view",
    "show": "read",
    "why": "depend",
    "counts": "read",
    "logs": "follow",
    "events": "follow",
    "cancel": "act",
    "retry": "act",
    "depend": "depend",
    "undepend": "depend",
    "schedules": "schedules",
    "schedule": "schedules",
    "emit": "schedules",
    "inbox": "talk",
    "answer": "talk",
    "approve": "talk",
    "accept": "talk",
    "reject": "talk",
    "send-back": "talk",
    "say": "talk",
    "chat": "talk",
    "ask": "inside",
    "note": "inside",
    "audit": "follow",
    "workers": "workers",
    "worker": "workers",
    "template": "template",
    "workflow": "workflow",
    "artifact": "inside",
    "artifacts": "artifacts",
    "doc": "doc",
    "webhook": "webhook",
    "rq": "rq",
    "spend": "spend",
    "budget": "spend",
    "brake": "spend",
    "controller": "run",
    "up": "run",
    "demo": "run",
    "doctor": "setup",
    "keys": "keys",
    "schema": "setup",
    "completions": "setup",
}
"""Each verb and the module of this package that has it; only that one is loaded."""


class VerbGroup(TyperGroup):
    """The verbs, loaded when they are named."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb, or None where there is none of that name."""
        if cmd_name in VERBS and cmd_name not in self.commands:
            module = import_module(f".{VERBS[cmd_name]}", __package__)
            self.commands.update(typer.main.get_group(module.app).commands)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb of a command line; raises UsageError that names what is near."""
        if args[0] in VERBS or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(args[0], VERBS, n=1)
        meant = f"did you mean `shraga {near[0]}`?" if near else "`shraga --help` lists them."
        raise UsageError(f"There is no verb {args[0]!r}; {meant}")

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command line and exit with its code."""
        words = list(sys.argv[1:] if args is None else args)
        sys.exit(self._run(words, extra | {"standalone_mode": False}))

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; a reader that went away, as `head` does, is no failure to talk about."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            silence_stdout()
            raise typer.Exit(BROKEN_PIPE) from None

    def _run(self, words: list[str], extra: dict[str, Any]) -> int:
        try:
            # Without its own handling typer returns the code of an `Exit`, and the verb's None otherwise.
            code = super().main(words, **extra)
            return code if isinstance(code, int) else 0
        except (KeyboardInterrupt, typer.Abort):
            return INTERRUPTED
        except Exception as error:
            return report(error, as_json="--json" in words)


app = typer.Typer(
    name="shraga",
    cls=VerbGroup,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit codes: 0 done, 1 refused or failed, 2 usage or invalid input, 3 not found, "
        "4 Redis cannot be reached, 5 forbidden."
    ),
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from shraga_tui import version

        data(f"shraga {version()}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version.", show_default=False
    ),
]


@app.callback()
@verb
def shraga(call: Invocation, ctx: typer.Context, version: Version = False) -> None:
    """The control room for autonomous work: without a verb, the dashboard."""
    if ctx.invoked_subcommand is None:
        from shraga_tui.launch import run_dashboard

        raise typer.Exit(run_dashboard(call.settings()))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that has no sign for a glyph shows `?` instead of an error.
            stream.reconfigure(errors="replace")
    if "_SHRAGA_COMPLETE" in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        app(arguments, prog_name="shraga")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
