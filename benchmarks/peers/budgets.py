"""The budgets of the design against what was measured: by this run, or by another tool that left a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.result import RESULTS

from .figures import Figures

ONE, TWO = "shraga-1", "shraga-2"
RQ_FORK = "rq-fork-1"
PREFORK = ("celery-prefork-1", "celery-prefork-2")
ELSEWHERE = {
    "crash detection": "<= 10 s",
    "memory per finished task, with its run and indexes": "<= 1,200 bytes",
    "board over 1,000,000 tasks": "first paint <= 200 ms, key to paint p50 <= 15 ms, p95 <= 40 ms, <= 90 MB, "
    "1 script call per page",
    "feed at 1,000 events/s": "<= 20 % of a core, event to paint p95 <= 130 ms",
    "event, writer to dashboard process": "p99 <= 5 ms",
    "cold start of `shraga list`": "textual not imported; <= 250 ms",
}
"""Budgets that other tools measure; they name them so in their files."""


@dataclass(frozen=True)
class Row:
    """A budget, what was measured of it, and whether it is met; `met` is None where nothing was measured."""

    what: str
    budget: str
    figure: str
    met: bool | None


def _at_least(what: str, least: float, against: str, ratio: float | None) -> Row:
    budget = f">= {least:g}x {against}"
    if ratio is None:
        return Row(what, budget, "not measured", None)
    return Row(what, budget, f"{ratio:.2f}x", ratio >= least)


def _at_most(what: str, most: float, unit: str, value: float | None, digits: int = 2) -> Row:
    budget = f"<= {most:g}{unit}"
    if value is None:
        return Row(what, budget, "not measured", None)
    return Row(what, budget, f"{value:,.{digits}f}{unit}", round(value, digits) <= most)


def _throughput(figures: Figures) -> list[Row]:
    peers = [name for name in figures.names("drain") if not name.startswith("shraga")]
    two = figures.ratio("drain", TWO, "drain", peers)
    lead = "not measured" if two is None else f"{two:.2f}x the best of the round"
    return [
        _at_least("throughput, one slot", 30, "RQ fork", figures.ratio("drain", ONE, "drain", [RQ_FORK])),
        _at_least("throughput, one slot", 2, "Celery prefork", figures.ratio("drain", ONE, "drain", PREFORK)),
        Row("throughput, two slots", "ahead of every peer", lead, None if two is None else two > 1),
    ]


def measured_rows(figures: Figures) -> list[Row]:
    """Return the budgets this run measures."""
    one = {name: figures.median("drain", ONE, name) for name in ("p50", "p99", "trips")}
    single = figures.ratio("submit", "shraga", "one", ["rq"])
    bulk = figures.ratio("submit", "shraga", "bulk", ["rq"])
    return [
        _at_most("submit, one", 1, " round trip", figures.median("submit", "shraga", "submit_trips")),
        _at_least("submit, one", 2, "RQ", single),
        _at_least("submit, bulk", 1.5, "RQ enqueue_many", bulk),
        _at_most("start latency, idle worker, p50", 1.5, " ms", one["p50"]),
        _at_most("start latency, idle worker, p99", 5, " ms", one["p99"]),
        *_throughput(figures),
        _at_most("round trips per run", 2, "", one["trips"]),
        _at_most("round trips per run, many short tasks", 0.3, "", one["trips"]),
    ]


def read_result(path: Path) -> Row:
    """Return the row of one results file; raises SystemExit that names the file, the field and the fix."""
    try:
        got = json.loads(path.read_text())
    except ValueError as error:
        raise SystemExit(f"{path.name} is not JSON: {error}; let its tool write it again") from None
    for name, kind in {"what": str, "budget": str, "figure": str, "met": bool}.items():
        if not isinstance(got, dict) or not isinstance(got.get(name), kind):
            raise SystemExit(f"{path.name}: {name} has to be a {kind.__name__}; let its tool write it again")
    return Row(got["what"], got["budget"], got["figure"], got["met"])


def other_rows(folder: Path = RESULTS) -> list[Row]:
    """Return the budgets that other tools measure, those without a file as not measured."""
    rows = [read_result(path) for path in sorted(folder.glob("*.json"))]
    there = {row.what for row in rows}
    return rows + [
        Row(what, ELSEWHERE[what], "not measured", None) for what in ELSEWHERE if what not in there
    ]
