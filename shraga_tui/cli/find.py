"""Tasks by the end or the beginning of their id, as a person copies it from a list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shraga_queue.errors import NotFound, Refused

if TYPE_CHECKING:
    from shraga_queue.client import Shraga

SHORTEST = 6
LOOKED_AT = 1_000
FULL = 36
_PART = re.compile(r"[0-9a-f-]+")


def full_id(shraga: Shraga, given: str) -> str:
    """Return the id that `given` is, ends, or begins; only the tasks moved last are searched for a part.

    Raises NotFound, or Refused where several fit.
    """
    part = given.lower()
    if len(part) >= FULL or len(part) < SHORTEST or not _PART.fullmatch(part):
        return given
    rows = shraga.find_rows(limit=LOOKED_AT)
    fits = [row.id for row in rows if row.id.endswith(part) or row.id.startswith(part)]
    if not fits:
        raise NotFound(
            f"None of the {len(rows):,} tasks moved last has an id that ends or begins with {given!r}; "
            "give the full id, as `shraga list | cat` prints it."
        )
    if len(fits) > 1:
        raise Refused(f"{given!r} fits {len(fits)} tasks: {', '.join(fits[:5])}; give more of the id.")
    return fits[0]


def edges(shraga: Shraga, given: Iterable[str]) -> list[str]:
    """Return texts such as `ID:finished` with the whole id of each; raises NotFound or Refused."""
    parted = (one.partition(":") for one in given)
    return [f"{full_id(shraga, task_id)}{colon}{kind}" for task_id, colon, kind in parted]
