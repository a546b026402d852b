"""`shraga template`: see the templates, write one, check them, run one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import TaskFailed
from .options import Invocation, Json, option, verb, verb_group
from .output import cell, clean_text, data, print_json, print_table, say

if TYPE_CHECKING:
    from shraga_queue.templates import StoredTemplate, Templates

app = verb_group()
template_app = verb_group("template", "Tasks with parameters: new, check, list, show, run.")
app.add_typer(template_app)

Name = Annotated[str, typer.Argument(help="The template's name, or the path of its file.", metavar="NAME")]


@template_app.callback()
@verb
def template(call: Invocation, ctx: typer.Context) -> None:
    """Tasks with parameters: new, check, list, show, run."""
    if ctx.invoked_subcommand is None:
        data(ctx.get_help())


def _templates(call: Invocation) -> Templates:
    from shraga_queue.templates import Templates

    return Templates.of(call.settings())


@template_app.command()
@verb
def new(
    call: Invocation,
    name: Annotated[str, typer.Argument(help="What it is to be called.", metavar="NAME")],
    as_json: Json = False,
) -> None:
    """Write a template to start from; prints the path of its file."""
    from .workers import slug

    file = _templates(call).create(slug("name", name) or "")
    if as_json:
        print_json({"name": name, "file": str(file)})
    else:
        data(str(file))


@template_app.command()
@verb
def check(
    call: Invocation,
    names: Annotated[
        list[str] | None, typer.Argument(help="Names or files; all where none is given.", metavar="[NAME]...")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check templates: prints file, line, field and fix of each fault, and exits 1 if there is one."""
    from shraga_queue.templates import StoredTemplate, examine

    templates = _templates(call)
    files = [templates.find(name) for name in names] if names else list(templates.files().values())
    faults = [
        fault for found in map(examine, files) if not isinstance(found, StoredTemplate) for fault in found
    ]
    if as_json:
        print_json([fault.to_json_object() for fault in faults])
    for fault in () if as_json else faults:
        data(clean_text(str(fault)))
    if faults:
        raise TaskFailed(
            "" if as_json else f"{len({fault.file for fault in faults})} of {len(files)} are faulty."
        )
    say(f"{len(files)} checked, all good")


@template_app.command("list")
@verb
def list_templates(call: Invocation, as_json: Json = False) -> None:
    """List the templates with their parameters; the faulty ones are told on standard error."""
    from shraga_queue.templates import StoredTemplate

    templates = _templates(call)
    good = list[StoredTemplate]()
    for found in templates.all():
        if isinstance(found, StoredTemplate):
            good.append(found)
        else:
            say(f"{found[0].file} is faulty; see: shraga template check {found[0].file.stem}")
    if as_json:
        print_json([stored.to_json_object() for stored in good])
    else:
        print_table(("NAME", "PARAMETERS", "DESCRIPTION"), [_row(stored) for stored in good])


def _row(stored: StoredTemplate) -> tuple[str, ...]:
    shown = stored.template
    parameters = (
        name if parameter.is_required else f"[{name}]" for name, parameter in shown.parameters.items()
    )
    return cell(shown.name), " ".join(parameters), cell(shown.description)


@template_app.command()
@verb
def show(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Show a template: its file, its revision, and what it asks for."""
    stored = _templates(call).load(name)
    if as_json:
        print_json(stored.to_json_object())
        return
    data(f"{cell(stored.template.name)}: {cell(stored.template.description)}")
    data(f"file      {cell(str(stored.file))}\nrevision  {stored.revision}")
    head = ("PARAMETER", "TYPE", "DEFAULT", "DESCRIPTION")
    print_table(head, [_parameter(name, one) for name, one in stored.template.parameters.items()])


def _parameter(name: str, parameter: Any) -> tuple[str, ...]:
    kind = "|".join(parameter.choices) or parameter.type.value
    default = (
        "(required)" if parameter.is_required else "" if parameter.default is None else parameter.default
    )
    return name, cell(kind), cell(str(default)), cell(parameter.description)


@template_app.command()
@verb
def run(
    call: Invocation,
    name: Name,
    setting: Annotated[
        list[str] | None, option("--set", "A parameter's value; may be repeated.", "NAME=VALUE")
    ] = None,
    owner: Annotated[str | None, option("--owner", "Whose task it is.", "USER")] = None,
    as_json: Json = False,
) -> None:
    """Submit the task or workflow of a template; prints its id."""
    from .submit import pairs

    values = pairs("set", setting)
    with call.connect() as shraga:
        made = shraga.run_template(name, values, owner=owner)
    if as_json:
        print_json(made.to_json_object())
    else:
        data(made.id)
