"""Secrets are named, never stored: `${env:NAME}` is resolved here and masked in what is logged."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

_NAMED = re.compile(r"\$\{env:([A-Za-z_]\w*)\}")
MASK = "••••••"
SHORTEST = 4
"""Characters a secret needs to be masked: shorter ones would blot out ordinary words."""


class Secrets:
    """The secrets one run has resolved; `who` has to have what `what` names."""

    def __init__(self, who: str = "the worker", what: str = "the task") -> None:
        self.who, self.what = who, what
        self.values: set[str] = set()
        self._kept: set[str] = set()

    def always(self, value: str) -> None:
        """Mask a value in every run of this process."""
        self._kept |= _forms(value)
        self.values |= self._kept

    def clear(self) -> None:
        """Forget what this run has resolved."""
        self.values = set(self._kept)

    def resolve(self, text: str) -> str:
        """Return `text` with this process's environment filled in; raises LookupError naming what is missing."""

        def value(match: re.Match[str]) -> str:
            found = os.environ.get(match[1])
            if found is None:
                raise LookupError(
                    f"{self.who} has no environment variable {match[1]}, which {self.what} names"
                )
            self.values |= _forms(found)
            return found

        return _NAMED.sub(value, text)

    def mask(self, text: str) -> str:
        """Return `text` with every resolved secret hidden."""
        for value in sorted(self.values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text


def _forms(value: str) -> set[str]:
    """The ways a secret shows up: whole, line by line, quoted for an address or by Python."""
    parts = {value, value.strip(), quote(value, safe=""), repr(value)[1:-1], *value.splitlines()}
    return {part for part in parts if len(part.strip()) >= SHORTEST}


run_secrets = Secrets()
"""Those of the run this process is executing; the horse clears them between runs."""
