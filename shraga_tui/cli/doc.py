"""`shraga doc`: what agents and people should know, kept with its versions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_models.text import clean_block
from shraga_queue.errors import InvalidInput

from .errors import UsageError
from .options import Invocation, Json, option, verb, verb_group, verb_with
from .output import cell, data, iso, print_json, print_table, say, short_id, to_terminal

if TYPE_CHECKING:
    from shraga_models import ContextDocument
    from shraga_queue.client import Shraga

app = verb_group()
doc_app = verb_group("doc", "Keep what agents and people should know.")
app.add_typer(doc_app)

TITLE_CELLS = 60
DocumentId = Annotated[
    str,
    typer.Argument(help="The document's id, at least 6 characters of its end, or its title.", metavar="ID"),
]
Tags = Annotated[list[str] | None, option("--tag", "A tag; may be repeated.", "TAG")]
CONTENT: dict[str, Any] = {
    "type": Annotated[str | None, option("--type", "design, plan, specification, guide or reference.")],
    "text": Annotated[str | None, option("--text", "The Markdown itself.")],
    "file": Annotated[str | None, option("--file", "A file of Markdown; - is standard input.", "FILE")],
    "repo": Annotated[str | None, option("--repo", "The repository it belongs to; '' for none.", "URL")],
}


@doc_app.callback()
@verb
def doc(call: Invocation, ctx: typer.Context, as_json: Json = False) -> None:
    """Keep what agents and people should know; without a verb, list the documents."""
    if ctx.invoked_subcommand is None:
        _list(call, [], None, as_json)


@doc_app.command()
@verb_with(CONTENT)
def add(
    call: Invocation,
    title: Annotated[str, typer.Argument(help="One line.", metavar="TITLE")],
    options: dict[str, Any],
    tag: Tags = None,
    as_json: Json = False,
) -> None:
    """Keep a document; prints its id."""
    fields = _fields(options, tag)
    if "content" not in fields:
        raise UsageError("Give the content: --file FILE, --file - for standard input, or --text TEXT.")
    with call.connect() as shraga:
        added = shraga.documents.add(title=title, **fields)
    _receipt(added, added.id, as_json)


@doc_app.command()
@verb_with(CONTENT)
def edit(
    call: Invocation,
    document: DocumentId,
    options: dict[str, Any],
    title: Annotated[str | None, option("--title", "Another title.")] = None,
    tag: Tags = None,
    version: Annotated[
        int | None,
        typer.Option("--of-version", min=1, help="Refuse where it is another one by now.", metavar="N"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep a new version with some of it changed; tags are given anew, --tag '' for none."""
    changes = _fields(options, tag) | ({"title": title} if title is not None else {})
    if not changes:
        raise UsageError("Say what changes: --file, --text, --title, --type, --tag or --repo.")
    with call.connect() as shraga:
        edited = shraga.documents.edit(_full_id(shraga, document), version=version, **changes)
    _receipt(edited, f"version {edited.version} of {edited.id}", as_json)


def _fields(options: dict[str, Any], tags: list[str] | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "file" in options and "text" in options:
        raise UsageError("Give --file or --text, not both.")
    if "text" in options:
        fields["content"] = options["text"]
    if "file" in options:
        fields["content"] = _read(options["file"])
    if "type" in options:
        fields["type"] = options["type"]
    if "repo" in options:
        fields["repository_url"] = options["repo"] or None
    if tags is not None:
        fields["tags"] = tuple(one for one in tags if one)
    return fields


def _read(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode()
    except OSError as error:
        raise InvalidInput("file", f"--file {file}: it cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput("file", f"--file {file}: it is no text in UTF-8; convert it first.") from error


def _receipt(document: ContextDocument, line: str, as_json: bool) -> None:
    if as_json:
        print_json(document.to_json_object())
    else:
        data(line)


def _full_id(shraga: Shraga, given: str) -> str:
    return shraga.driver.run(shraga.operations.find_document(given))


@doc_app.command()
@verb
def show(
    call: Invocation,
    document: DocumentId,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="An earlier one.", metavar="N")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a document's Markdown; with --json all of it."""
    with call.connect() as shraga:
        wanted = _full_id(shraga, document)
        found = shraga.documents.get(wanted)
        old = shraga.documents.at(wanted, version) if version else None
    content = old[1] if old else found.content
    if as_json and old:
        print_json(old[0].model_dump(mode="json") | {"id": wanted, "content": content})
    elif as_json:
        print_json(found.to_json_object())
    else:
        data(clean_block(content) if to_terminal() else content)


@doc_app.command("list")
@verb
def list_documents(
    call: Invocation,
    tag: Tags = None,
    repo: Annotated[
        str | None, option("--repo", "Those of a repository; '' for those of none.", "URL")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the documents that have all the tags, the ones changed last first."""
    _list(call, tag or [], repo, as_json)


def _list(call: Invocation, tags: list[str], repository: str | None, as_json: bool) -> None:
    with call.connect() as shraga:
        found = shraga.documents.find(tags, repository)
    if as_json:
        print_json([one.to_json_object() | {"content": None} for one in found])
    elif not found:
        say("no document matches" if tags or repository is not None else "there is no document yet")
    else:
        head = ("ID", "TITLE", "TYPE", "TAGS", "REPOSITORY", "VERSION", "CHANGED", "BY")
        print_table(head, [_row(one) for one in found])


def _row(one: ContextDocument) -> tuple[str, ...]:
    return (
        short_id(one.id) if to_terminal() else one.id,
        cell(one.title, TITLE_CELLS),
        one.type,
        cell(" ".join(one.tags)),
        cell(one.repository_url or ""),
        str(one.version),
        iso(one.updated_at),
        cell(one.updated_by),
    )


@doc_app.command()
@verb
def history(call: Invocation, document: DocumentId, as_json: Json = False) -> None:
    """List the versions that are kept of a document, the newest first."""
    with call.connect() as shraga:
        versions = shraga.documents.history(_full_id(shraga, document))
    if as_json:
        print_json([one.model_dump(mode="json") for one in versions])
    else:
        rows = [
            (str(one.version), iso(one.at), cell(one.by), f"{one.size:,}", cell(one.title, TITLE_CELLS))
            for one in versions
        ]
        print_table(("VERSION", "AT", "BY", "CHARACTERS", "TITLE"), rows)


@doc_app.command()
@verb
def remove(call: Invocation, document: DocumentId, as_json: Json = False) -> None:
    """Remove a document with all its versions."""
    with call.connect() as shraga:
        wanted = _full_id(shraga, document)
        shraga.documents.remove(wanted)
    if as_json:
        print_json({"id": wanted, "removed": True})
    else:
        data(f"removed {wanted}")
