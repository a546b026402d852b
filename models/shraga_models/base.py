"""What every record shares: identity, authorship, versions and the size limit of a field."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import to_json
from uuid_utils import uuid7

MAX_FIELD_CHARACTERS = 100_000
"""The longest text or JSON field (seed: Shraga schema, "JSON Serialization")."""

SLUG = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

Slug = Annotated[str, Field(pattern=SLUG)]
"""A name that is safe inside a key: letters, digits, `_`, `.`, `-`; at most 64 of them."""

ANY_CAPABILITY = "any"
"""The capability of a task that every worker can run."""


_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
"""Later times cannot be written in every zone, nor be rounded."""


def _as_utc(value: datetime) -> datetime:
    try:
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        moment = _END_OF_TIME
    if moment >= _END_OF_TIME:
        raise ValueError(f"{value.isoformat()} is no usable time: give one of the years 1 to 9998")
    return moment


Moment = Annotated[datetime, AfterValidator(_as_utc)]
"""A point in time, always aware and in UTC; a naive value is taken as UTC."""


def _finite(value: Any) -> Any:
    waiting, seen = [("", value)], set[int]()
    while waiting:
        path, here = waiting.pop()
        if isinstance(here, float) and not isfinite(here):
            raise ValueError(
                f"{path[1:] or 'it'} is a number that JSON has not: give a finite one, or a text"
            )
        if isinstance(here, dict | list | tuple) and id(here) not in seen:
            seen.add(id(here))
            below = here.items() if isinstance(here, dict) else enumerate(here)
            waiting += [(f"{path}.{key}", one) for key, one in below]
    return value


JsonValue = Annotated[Any, AfterValidator(_finite)]
"""Any value; infinite and undefined numbers are refused, for JSON would silently make them null."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_finite)]
"""An object of such values."""


def new_id() -> str:
    """Return a fresh UUIDv7: unique everywhere and sortable by the time it was made."""
    return str(uuid7())


def field_size(value: object) -> int:
    """Return the characters a field's value takes when stored; raises ValueError for what cannot be stored."""
    if isinstance(value, str):
        value.encode()
        return len(value)
    if isinstance(value, BaseModel | dict | list | tuple):
        return len(to_json(value).decode())
    return 0


class Model(BaseModel):
    """The common configuration of every shape: strict about names, immutable, tidy JSON."""

    # Deferred: most commands use a few of the shapes, and building all of them is a fifth of a start.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Sized(Model):
    """A shape whose text and JSON fields are bounded by `MAX_FIELD_CHARACTERS` each."""

    UNSIZED: ClassVar[frozenset[str]] = frozenset()
    """The fields that are no texts where they are stored, and are bounded by their number."""

    @model_validator(mode="after")
    def _refuse_oversized_fields(self) -> Sized:
        for name, value in self.__dict__.items():
            try:
                size = field_size(value) if value and name not in self.UNSIZED else 0
            except ValueError:
                raise ValueError(
                    f"{name} holds what JSON cannot: use text in UTF-8, numbers, true, false, lists and objects"
                ) from None
            if size > MAX_FIELD_CHARACTERS:
                raise ValueError(
                    f"{name} has {size:,} characters, at most {MAX_FIELD_CHARACTERS:,} are kept: "
                    "shorten it, or put it in a file and name the file"
                )
        return self


class Record(Model):
    """A stored thing with a stable id, times in UTC, authors and a version that counts its changes."""

    model_config = ConfigDict(extra="ignore")

    id: str
    created_at: Moment
    updated_at: Moment
    created_by: str
    updated_by: str
    version: int = 1

    def to_json_object(self) -> dict[str, Any]:
        """Return the record as plain JSON values, the shape of every `--json`."""
        return self.model_dump(mode="json")
