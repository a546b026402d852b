"""Named filters: the ones everybody has, and those a user saved in a file of their own."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shraga_models import parse_filter
from shraga_models.text import clean_line
from shraga_queue.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from shraga_queue.config import Settings

LONGEST_NAME = 40
FILE = "views.json"


@dataclass(frozen=True, slots=True)
class View:
    """A filter with a name; `own` ones can be dropped."""

    name: str
    text: str
    own: bool = False


def built_in(user: str) -> tuple[View, ...]:
    """Return the views everybody has."""
    return (
        View("all tasks", ""),
        View("running", "status:running"),
        View("failed today", "status:failed age<24h"),
        View("mine", f"owner:{user}"),
        View("waiting on me", f"status:waiting_for_input,awaiting_approval owner:{user}"),
    )


class ViewStore:
    """The user's own views, in one JSON file: an object of filters by name. Without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._unsaved: dict[str, str] = {}

    @classmethod
    def of(cls, settings: Settings) -> ViewStore:
        """Return the store that the dashboard and the command line share."""
        return cls(settings.home / FILE)

    def all(self, user: str) -> tuple[View, ...]:
        """Return the views everybody has, then the user's own; raises InvalidInput."""
        return (*built_in(user), *self.own())

    def find(self, name: str, user: str) -> View:
        """Return a view by its name, the user's own before one that everybody has; raises NotFound or InvalidInput."""
        views = self.all(user)
        for view in reversed(views):
            if view.name == name:
                return view
        known = ", ".join(repr(view.name) for view in views)
        raise NotFound(f"There is no view {name!r}; there are {known}.")

    def own(self) -> tuple[View, ...]:
        """Return the user's views by name; raises InvalidInput for a file that cannot be read."""
        return tuple(View(name, text, own=True) for name, text in sorted(self._read().items()))

    def save(self, name: str, text: str) -> View:
        """Keep a filter under a name, replacing that of the same name; raises InvalidInput."""
        name = clean_line(name).strip()
        if not 0 < len(name) <= LONGEST_NAME:
            raise InvalidInput("name", f"A view's name has 1 to {LONGEST_NAME} characters; type another.")
        try:
            parse_filter(text)
        except ValueError as error:
            raise InvalidInput("filter", str(error)) from None
        self._write(self._read() | {name: text})
        return View(name, text, own=True)

    def drop(self, name: str) -> None:
        """Forget a view; raises InvalidInput."""
        self._write({known: text for known, text in self._read().items() if known != name})

    def _read(self) -> dict[str, str]:
        if self.path is None:
            return dict(self._unsaved)
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise InvalidInput(
                "views", f"{self.path} cannot be read ({error}); correct it or move it away."
            ) from None
        if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
            raise InvalidInput("views", f"{self.path} has to be an object of filters by name; correct it.")
        return found

    def _write(self, views: dict[str, str]) -> None:
        if self.path is None:
            self._unsaved = views
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE}.")
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(views, stream, indent=2, ensure_ascii=False)
            os.replace(temporary, self.path)
        except OSError as error:
            raise InvalidInput("views", f"{self.path} cannot be written: {error.strerror}.") from None
