"""What every verb understands: the connection options, `--json`, and how it reaches the store."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from shraga_queue.client import Shraga
    from shraga_queue.config import Settings

URL_HELP = "The Redis to use, as redis://host:6379/0; the embedded server where nothing is configured."
CONTEXT_HELP = "A named context of the configuration file."
USER_HELP = "Who asks; your login name otherwise."
PREFIX_HELP = "The prefix of the keys."
_MEMORY = "shraga.connection"

Url = Annotated[str | None, typer.Option("--url", help=URL_HELP, metavar="URL", show_default=False)]
Context = Annotated[
    str | None, typer.Option("--context", help=CONTEXT_HELP, metavar="NAME", show_default=False)
]
User = Annotated[str | None, typer.Option("--user", help=USER_HELP, metavar="NAME", show_default=False)]
Prefix = Annotated[str | None, typer.Option("--prefix", help=PREFIX_HELP, metavar="TEXT", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)]
CONNECTION: dict[str, Any] = {"url": Url, "context": Context, "user": User, "prefix": Prefix}


def verb_group(name: str | None = None, summary: str | None = None) -> typer.Typer:
    """Return an empty group of verbs in the house's manner: plain help, no traceback decoration."""
    return typer.Typer(
        name=name,
        help=summary,
        invoke_without_command=name is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def option(flag: str, text: str, metavar: str = "TEXT") -> Any:
    """Return an option that is not there unless it is given."""
    return typer.Option(flag, help=text, metavar=metavar, show_default=False)


class Invocation:
    """One run of one verb: what was said about the connection, before and after the verb."""

    def __init__(self, given: dict[str, str]) -> None:
        self._given = given

    def settings(self) -> Settings:
        """Return the settings; raises InvalidInput."""
        from shraga_queue.config import load_settings

        return load_settings(**self._given)

    def connect(self) -> Shraga:
        """Return a connected client; raises ShragaError."""
        from shraga_queue.client import Shraga

        return Shraga.connect(settings=self.settings())


Verb = Callable[..., None]


def verb(function: Verb) -> Verb:
    """Give a verb the connection options and hand it an `Invocation` as its first argument."""
    return verb_with({})(function)


def verb_with(table: dict[str, Any]) -> Callable[[Verb], Verb]:
    """Do as `verb`, and add a table of options that reach the verb as one dictionary, `options`.

    A table maps a name to its annotation; options that were not given are not in the dictionary.
    """

    def decorate(function: Verb) -> Verb:
        parameters = _parameters(function, table)

        @functools.wraps(function)
        def command(ctx: typer.Context, **values: Any) -> None:
            function(_invocation(ctx, values), **_arguments(function, ctx, values, table))

        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return decorate


def _parameters(function: Verb, table: dict[str, Any]) -> list[inspect.Parameter]:
    """What typer shall see: the verb's own parameters, then the table's, then the connection's."""
    hints = get_type_hints(function, include_extras=True)
    _, *own = inspect.signature(function).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(name, keyword, default=None, annotation=annotation)
        for name, annotation in (table | CONNECTION).items()
    ]
    return [
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
        *(
            parameter.replace(annotation=hints[parameter.name], kind=keyword)
            for parameter in own
            if parameter.name not in ("ctx", "options")
        ),
        *added,
    ]


def _invocation(ctx: typer.Context, values: dict[str, Any]) -> Invocation:
    """Before the verb and after it count alike; what comes last wins."""
    memory: dict[str, str] = ctx.meta.setdefault(_MEMORY, {})
    memory |= {name: values[name] for name in CONNECTION if values[name] is not None}
    return Invocation(memory)


def _arguments(
    function: Verb, ctx: typer.Context, values: dict[str, Any], table: dict[str, Any]
) -> dict[str, Any]:
    wanted = inspect.signature(function).parameters
    given = {name: value for name, value in values.items() if name not in CONNECTION and name not in table}
    if "ctx" in wanted:
        given["ctx"] = ctx
    if "options" in wanted:
        given["options"] = {name: values[name] for name in table if values[name] is not None}
    return given
