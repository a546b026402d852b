"""Context documents: kept, found, and given to the agents whose tasks ask for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

import shraga_models as models
from shraga_models import new_id

from . import codec
from .calls import Argument, Call, Flow, as_is
from .errors import InvalidInput, NotFound, Refused
from .keys import Keys
from .offer import Driver, Offer, offered
from .submission import invalid

if TYPE_CHECKING:
    from shraga_models import ContextDocument, DocumentVersion, NewDocument, TaskSpec


GIVEN_AT_MOST = 20
GIVEN_CHARACTERS = 200_000
"""Documents, and characters of all together, that one run is given: a prompt has room for the work too."""
GONE = "This document is named by the task and has been removed."

T = TypeVar("T")
Given = list[tuple[str, str]]
"""Titles and Markdown."""


def documents_call(keys: Keys, spec: TaskSpec) -> Call[Given]:
    """Return the call that reads what a task's agent is given: the named ones in their order, then those by tag."""
    args: list[Argument] = [GIVEN_AT_MOST, GIVEN_CHARACTERS, models.repository_name(spec.repository_url)]
    args += [len(spec.documents), *spec.documents, *spec.document_tags]
    return Call(_read_given, "documents_for", (keys.make("documents"),), tuple(args))


def _read_given(reply: Any) -> Given:
    rows = ((codec.text(one), codec.text(title), codec.text(said)) for one, title, said in reply)
    return [(title or one, said or GONE) for one, title, said in rows]


def build_document(fields: dict[str, Any]) -> NewDocument:
    """Return a checked document; raises InvalidInput naming the first bad field and the fix."""
    try:
        return models.NewDocument.model_validate(fields)
    except ValidationError as error:
        raise invalid(error, models.NewDocument) from None


def _raise_unknown(ids: Sequence[str], reply: Any) -> None:
    """Raise InvalidInput where the script looked for documents and one of these is not there."""
    if not reply or codec.text(reply[0]) != "unknown":
        return
    name, total = repr(ids[int(reply[1]) - 1][:80]), int(reply[2])
    shown = [
        f"{codec.text(one)} ({codec.text(title)[:40]!r})"
        for one, title in zip(reply[3::2], reply[4::2], strict=True)
    ]
    if not shown:
        raise InvalidInput(
            "documents",
            f"documents: there is no document {name}, nor any other; add it with `shraga doc add`.",
        )
    more = f", or one of {total - len(shown):,} more" if total > len(shown) else ""
    raise InvalidInput(
        "documents",
        f"documents: there is no document {name}; give an id that `shraga doc list` shows: {', '.join(shown)}{more}.",
    )


class DocumentFlows:
    """The operations on documents, as flows without a network."""

    keys: Keys
    user: str

    def _documents(self) -> tuple[str]:
        return (self.keys.make("documents"),)

    def add_document(self, new: NewDocument) -> Flow[ContextDocument]:
        """Keep a new document."""
        return (yield from self._put(new_id(), 0, new))

    def edit_document(
        self, document_id: str, changes: dict[str, Any], version: int | None = None
    ) -> Flow[ContextDocument]:
        """Keep a new version with some fields changed.

        Raises NotFound, InvalidInput, or Refused where it is no longer the `version` that the changes were made to.
        """
        found = yield from self.document(document_id)
        kept = {name: getattr(found, name) for name in models.NewDocument.model_fields}
        return (yield from self._put(document_id, version or found.version, build_document(kept | changes)))

    def _put(self, document_id: str, before: int, new: NewDocument) -> Flow[ContextDocument]:
        where = (new.repository_url or "", models.repository_name(new.repository_url), ",".join(new.tags))
        what = (json.dumps(new.metadata), len(new.content), new.content)
        args = (document_id, self.user, before, new.title, new.type.value, *where, *what)
        answer, version = yield Call(as_is, "document_put", self._documents(), args)
        if codec.text(answer) == "missing":
            raise _unknown(document_id)
        if codec.text(answer) == "stale":
            raise Refused(
                f"The document {document_id} is at version {int(version)} by now, and the change was made to "
                f"version {before}; look at it and change it again."
            )
        return (yield from self.document(document_id))

    def document(self, document_id: str) -> Flow[ContextDocument]:
        """Return a document with its content; raises NotFound."""
        reply = []
        if document_id:
            reply = yield Call(as_is, "documents", self._documents(), (1, document_id, "", ""))
        if not reply:
            raise _unknown(document_id)
        return _read_document(reply[0])

    def documents(
        self, tags: Sequence[str] = (), repository: str | None = None, limit: int = 1000
    ) -> Flow[list[ContextDocument]]:
        """Return documents that have all the tags and belong to a repository, without their content.

        An empty `repository` finds those that belong to none; the ones changed last come first.
        """
        args = (limit, "", "" if repository is None else "1", models.repository_name(repository), *tags)
        reply = yield Call(as_is, "documents", self._documents(), args)
        return [_read_document(row) for row in reply]

    def document_versions(self, document_id: str) -> Flow[list[DocumentVersion]]:
        """Return the versions that are kept of a document, the newest first; raises NotFound."""
        yield from self.document(document_id)
        key = self.keys.make("document_versions", document=document_id)
        reply = yield Call(as_is, command=("XREVRANGE", key, "+", "-"))
        return [_read_version(entry)[0] for entry in reply]

    def document_at(self, document_id: str, version: int) -> Flow[tuple[DocumentVersion, str]]:
        """Return an earlier version and its content; raises NotFound, also where it is no longer kept."""
        key = self.keys.make("document_versions", document=document_id)
        reply = yield Call(as_is, command=("XRANGE", key, version, version))
        if not reply:
            raise NotFound(
                f"There is no version {version} of the document {document_id!r}; "
                f"`shraga doc history {document_id}` shows the ones that are kept."
            )
        return _read_version(reply[0])

    def remove_document(self, document_id: str) -> Flow[None]:
        """Remove a document with all its versions; raises NotFound."""
        gone = yield Call(int, "document_remove", self._documents(), (document_id, self.user))
        if not gone:
            raise _unknown(document_id)

    def _named(self, ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.keys.make("document", document=one) for one in ids)

    def check_documents(self, ids: Iterable[str]) -> Flow[None]:
        """Raise InvalidInput, naming what there is, unless documents of all these ids are there."""
        wanted = list(dict.fromkeys(ids))
        if wanted:
            keys = (*self._documents(), *self._named(wanted))
            _raise_unknown(wanted, (yield Call(as_is, "documents_unknown", keys)))

    def with_documents(self, submit: Call[T], ids: Sequence[str]) -> Call[T]:
        """Return a call of `submit` that raises InvalidInput unless documents of all these ids are there.

        It is a script of its own, so that those who name no documents pay nothing for it.
        """

        def read(reply: Any) -> T:
            _raise_unknown(ids, reply)
            return submit.read(reply)

        return replace(submit, read=read, script="submit_documents", keys=(*submit.keys, *self._named(ids)))

    def documents_for(self, spec: TaskSpec) -> Flow[Given]:
        """Return what a task's agent is given."""
        given: Given = yield documents_call(self.keys, spec)
        return given

    def find_document(self, given: str) -> Flow[str]:
        """Return the id of a document named by its id, its end, or its title; raises NotFound or InvalidInput."""
        known = yield from self.documents()
        ids = [one.id for one in known if one.id == given]
        ids = ids or [one.id for one in known if len(given) >= 6 and one.id.endswith(given)]
        ids = ids or [one.id for one in known if one.title == given]
        if len(ids) > 1:
            raise InvalidInput("id", f"{given!r} names {len(ids)} documents; give the whole id of one.")
        return ids[0] if ids else given


def _unknown(document_id: str) -> NotFound:
    return NotFound(f"There is no document {document_id!r}; `shraga doc list` shows the ones there are.")


def _read_document(row: Any) -> ContextDocument:
    got = codec.pairs(row[1])
    return models.ContextDocument(
        id=codec.text(row[0]),
        title=got["title"],
        type=models.DocumentType(got["type"]),
        content=codec.text(row[2]),
        size=int(got["size"]),
        repository_url=got["repository_url"] or None,
        tags=tuple(got["tags"].split(",")) if got["tags"] else (),
        metadata=json.loads(got["metadata"]),
        created_at=codec.sure_moment(got["created_at"]),
        updated_at=codec.sure_moment(got["updated_at"]),
        created_by=got["created_by"],
        updated_by=got["updated_by"],
        version=int(got["version"]),
    )


def _read_version(entry: Any) -> tuple[DocumentVersion, str]:
    number, got = int(codec.text(entry[0]).partition("-")[0]), codec.pairs(entry[1])
    version = models.DocumentVersion(
        version=number,
        at=codec.sure_moment(got["at"]),
        by=got["by"],
        title=got["title"],
        size=int(got["size"]),
    )
    return version, got["content"]


class Documents(Offer[Driver]):
    """The documents of a connected client: `shraga.documents.add(title="Style", content="# ...", tags=["style"])`."""

    @offered
    def add(self, /, **fields: Any) -> Flow[ContextDocument]:
        """Keep a new document; `fields` are those of `NewDocument`."""
        return (yield from self._flows.add_document(build_document(fields)))

    @offered
    def edit(
        self, /, document_id: str, *, version: int | None = None, **changes: Any
    ) -> Flow[ContextDocument]:
        """Keep a new version with some fields changed, of the newest version where none is named."""
        return self._flows.edit_document(document_id, changes, version)

    @offered
    def get(self, document_id: str) -> Flow[ContextDocument]:
        """Return a document with its content."""
        return self._flows.document(document_id)

    @offered
    def find(self, tags: Sequence[str] = (), repository: str | None = None) -> Flow[list[ContextDocument]]:
        """Return the documents that have all the tags and belong to a repository, without their content."""
        return self._flows.documents(tags, repository)

    @offered
    def history(self, document_id: str) -> Flow[list[DocumentVersion]]:
        """Return the versions that are kept of a document, the newest first."""
        return self._flows.document_versions(document_id)

    @offered
    def at(self, document_id: str, version: int) -> Flow[tuple[DocumentVersion, str]]:
        """Return an earlier version and its content."""
        return self._flows.document_at(document_id, version)

    @offered
    def remove(self, document_id: str) -> Flow[None]:
        """Remove a document with all its versions."""
        return self._flows.remove_document(document_id)

    @offered
    def given_to(self, spec: TaskSpec) -> Flow[Given]:
        """Return what a task's agent is given: titles and Markdown."""
        return self._flows.documents_for(spec)
