"""Which tasks a verb acts on: ids as given, or the exact ids that a filter matches at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from shraga_queue.errors import InvalidInput, Refused

from .errors import UsageError
from .options import option
from .output import cell, print_json, print_table, say

if TYPE_CHECKING:
    from shraga_queue.client import Shraga
    from shraga_queue.codec import TaskRow

MOST = 10_000
"""Tasks that one command acts on, at most."""
CHUNK = 500

Ids = Annotated[
    list[str] | None,
    typer.Argument(help="Ids, or at least 6 characters of their ends.", metavar="[ID]..."),
]
Filter = Annotated[
    str | None, option("--filter", "All that match instead of ids, as `shraga list` knows it.", "FILTER")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only list the tasks it would be.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it to all that match.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was said about the tasks to act on; `deed` is the verb. Raises UsageError for neither or both ways."""

    deed: str
    ids: list[str] | None
    wanted: str | None
    dry_run: bool
    yes: bool

    def __post_init__(self) -> None:
        if bool(self.ids) == (self.wanted is not None):
            raise UsageError(f"Name the tasks to {self.deed} either by ids or by --filter.")
        if self.wanted is not None and not self.wanted.strip():
            raise InvalidInput(
                "filter", "An empty --filter would match every task; name at least a status or an owner."
            )

    def settle(self, shraga: Shraga, as_json: bool) -> list[str] | None:
        """Return the ids to act on, or None where they were only listed.

        Raises Refused without `--yes`, and for more than can be acted on at once.
        """
        found = list(self.ids or ()) if self.wanted is None else _matching(shraga, self.wanted)
        if self.dry_run:
            _print(_rows(shraga, found), as_json)
            return None
        if self.wanted is not None and found and not self.yes:
            raise Refused(
                f"{len(found):,} task(s) match; add --yes to {self.deed} them, or --dry-run to see them."
            )
        if not found:
            say("no task matches")
        return found


def _matching(shraga: Shraga, wanted: str) -> list[str]:
    found = shraga.find_ids(wanted, limit=MOST + 1)
    if len(found) > MOST:
        raise Refused(f"More than {MOST:,} tasks match, which is the most at once; narrow the filter.")
    return found


def _rows(shraga: Shraga, ids: list[str]) -> list[TaskRow]:
    from .find import full_id

    full = [full_id(shraga, one) for one in ids]
    chunks = (shraga.task_rows(full[start : start + CHUNK]) for start in range(0, len(full), CHUNK))
    return [row for rows in chunks for row in rows if row is not None]


def _print(rows: list[TaskRow], as_json: bool) -> None:
    if as_json:
        print_json([{"id": row.id, "status": row.status, "name": row.name} for row in rows])
    else:
        print_table(("ID", "STATUS", "NAME"), [(row.id, row.status, cell(row.name)) for row in rows])
