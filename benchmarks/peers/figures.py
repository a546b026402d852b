"""Medians, ranges and ratios over the rounds of a run."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

Round = dict[str, dict[str, dict[str, Any]]]
"""{"submit": {peer: {figure: value}}, "drain": {system: {figure: value}}}; what failed has {"error": text}."""


class Figures:
    """What a run has measured; a figure that no round has is None."""

    def __init__(self, rounds: Sequence[Round]) -> None:
        self._rounds = rounds

    def names(self, kind: str) -> list[str]:
        """Return what was measured, in the order of the first round."""
        return list(dict.fromkeys(name for one in self._rounds for name in one[kind]))

    def series(self, kind: str, name: str, figure: str) -> list[Any]:
        """Return a figure of every round."""
        return [one[kind].get(name, {}).get(figure) for one in self._rounds]

    def error(self, kind: str, name: str) -> str | None:
        """Return why something could not be measured in some round."""
        return next((str(one) for one in self.series(kind, name, "error") if one), None)

    def median(self, kind: str, name: str, figure: str) -> float | None:
        """Return the median over the rounds."""
        return _median(self.series(kind, name, figure))

    def range(self, kind: str, name: str, figure: str) -> tuple[float, float] | None:
        """Return the lowest and the highest of the rounds."""
        known = _known(self.series(kind, name, figure))
        return (min(known), max(known)) if known else None

    def ratio(self, kind: str, name: str, figure: str, others: Sequence[str]) -> float | None:
        """Return the median of each round's ratio to the highest of `others` in the same round."""
        bases = [self.series(kind, other, figure) for other in others]
        best = [max(_known(values), default=None) for values in zip(*bases, strict=True)]
        mine = self.series(kind, name, figure)
        pairs = zip(mine, best, strict=False)
        return _median([a / b for a, b in pairs if a is not None and b])


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _median(values: Sequence[float | None]) -> float | None:
    known = _known(values)
    return statistics.median(known) if known else None
