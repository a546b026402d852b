"""Context documents: what agents and people should know about a repository or a subject, kept with its versions."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from .base import JsonObject, Model, Moment, Record, Sized
from .task import LABEL


class DocumentType(StrEnum):
    """What a document is for (seed: AgentVine context_documents, document_type)."""

    DESIGN = "design"
    PLAN = "plan"
    SPECIFICATION = "specification"
    GUIDE = "guide"
    REFERENCE = "reference"


class NewDocument(Sized):
    """A document as it is given (seed: AgentVine context_documents); each change gives the whole of it anew."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    type: DocumentType = DocumentType.REFERENCE
    content: Annotated[str, Field(min_length=1)]
    """Markdown."""
    repository_url: str | None = None
    tags: tuple[Annotated[str, Field(pattern=LABEL)], ...] = ()
    metadata: JsonObject = {}

    @field_validator("title")
    @classmethod
    def _one_visible_line(cls, title: str) -> str:
        if not title.strip() or len(title.splitlines()) > 1:
            raise ValueError("a title is one line with at least one visible character")
        return title

    @field_validator("tags")
    @classmethod
    def _once_each(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tags))


class ContextDocument(Record):
    """A document as it is stored; `content` is empty in lists."""

    title: str
    type: DocumentType
    content: str = ""
    size: int = 0
    """Characters of the content."""
    repository_url: str | None = None
    tags: tuple[str, ...] = ()
    metadata: JsonObject = {}


class DocumentVersion(Model):
    """One of the versions that are kept of a document."""

    version: int
    at: Moment
    by: str
    title: str
    size: int


def repository_name(url: str | None) -> str:
    """Return what the addresses of one repository have in common, as `github.com/owner/name`; empty for none."""
    if not url:
        return ""
    short = re.fullmatch(r"(?:[^@/]+@)?([^/:]+):(?!//)(.+)", url)
    parts = urlsplit(url)
    place = (
        f"{short[1]}/{short[2]}" if short else f"{parts.hostname or ''}{parts.path}" if parts.scheme else url
    )
    return place.rstrip("/").removesuffix(".git").rstrip("/").lower()
