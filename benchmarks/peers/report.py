"""The Markdown report, written from the measured JSON alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .budgets import PREFORK, RQ_FORK, Row, measured_rows
from .figures import Figures

INTRODUCTION = """\
# Shraga beside its peers

Written by `make bench` from what it measured; not to be edited. All systems ran on one machine and one server with
the configuration of Shraga's embedded one (Unix socket, append-only file synced every second), in turn, round after
round. Absolute figures move with the machine: quote the ratios, which are medians of the ratios of single rounds. In
brackets the lowest and the highest round. Each system has its fast documented settings (`benchmarks/peers/apps`,
`systems.py`), hiredis and the Unix socket; the task appends 8 bytes to a file in memory.
"""

SUBMITTING = """\
A producer submits while no worker runs. Shraga writes record, indexes, event and audit entry; RQ a record; the others
only the message. Commands include those that a script runs."""

LATENCY = """\
From the begin of the submitting call to the first line of the task, on an idle worker, 5 to 30 ms after the task
before. Dramatiq's workers sleep longer the longer they find nothing."""

THROUGHPUT = """\
A full queue is drained; the rate is the slope between the first and the last tenth of the tasks, so that starting
counts for nothing. *Isolated*: a task runs in another process than its worker, which survives its crash and can end
it. The name's number is that of the processes or threads at work; Taskiq runs 100 tasks at a time in each of two.
*CPU* is the workers' processor time a task, which a busy machine disturbs less than the rate."""

COSTS = """\
Round trips are the server's socket reads. *Lone*: the task met an idle worker; its submission is included. Memory is
what is left of a finished task with default retention; what costs nothing cannot be looked up later."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None, digits: int = 0) -> str:
    """Return a number as a cell."""
    return "" if value is None else f"{value:,.{digits}f}"


def times(value: float | None) -> str:
    """Return a ratio as a cell."""
    return "" if value is None else f"{value:.2f}x"


class Report:
    """The report on one run; `run` is what `python -m benchmarks.peers --json` wrote."""

    def __init__(self, run: dict[str, Any], others: Sequence[Row]) -> None:
        self.run = run
        self.others = others
        self.figures = Figures(run["rounds"])
        self.systems = [name for name in self.figures.names("drain") if not self.figures.error("drain", name)]
        self.peers = [name for name in self.systems if not name.startswith("shraga")]

    def spread(self, kind: str, name: str, figure: str, digits: int = 0) -> str:
        """Return median and range of a figure as a cell."""
        low_high = self.figures.range(kind, name, figure)
        if low_high is None:
            return ""
        low, high = (number(value, digits) for value in low_high)
        return f"{number(self.figures.median(kind, name, figure), digits)} ({low}-{high})"

    def text(self) -> str:
        """Return the whole report."""
        parts = [
            INTRODUCTION + "\n" + self.setting(),
            "## Budgets\n\n" + self.budgets(),
            f"## Submitting\n\n{SUBMITTING}\n\n{self.submitting()}",
            f"## Start latency\n\n{LATENCY}\n\n{self.latency()}",
            f"## Throughput\n\n{THROUGHPUT}\n\n{self.throughput()}",
            f"## Cost of a run\n\n{COSTS}\n\n{self.costs()}",
            f"## Versions\n\n{self.versions()}",
        ]
        return "\n\n".join([*parts[:6], *self.failures(), *parts[6:]]) + "\n"

    def setting(self) -> str:
        """Return when, where and how much."""
        machine, sizes = self.run["machine"], self.run["sizes"]
        words = ", ".join(f"{name} {value}" for name, value in machine.items())
        return (
            f"{self.run['date']}, rounds: {len(self.run['rounds'])}; {words}. In a round: {sizes['single']:,} "
            f"single submissions, {sizes['bulk']:,} in bulk, {sizes['starts']:,} starts, {sizes['tasks']:,} tasks "
            "drained (fewer by the slow systems, more by the fast)."
        )

    def budgets(self) -> str:
        """Return each budget, what was measured, and whether it is met."""
        words = {True: "yes", False: "**no**", None: ""}
        rows = [*measured_rows(self.figures), *self.others]
        return table(
            ("what", "budget", "figure", "met"),
            ((row.what, row.budget, row.figure, words[row.met]) for row in rows),
        )

    def submitting(self) -> str:
        """Return what submitting costs with each library."""
        head = ("library", "one, tasks/s", "to RQ", "bulk, tasks/s", "to RQ", "round trips", "commands")
        rows = [
            (
                name,
                self.spread("submit", name, "one"),
                times(self.figures.ratio("submit", name, "one", ["rq"])),
                self.spread("submit", name, "bulk"),
                times(self.figures.ratio("submit", name, "bulk", ["rq"])),
                number(self.figures.median("submit", name, "submit_trips"), 2),
                number(self.figures.median("submit", name, "submit_commands"), 1),
            )
            for name in self.figures.names("submit")
        ]
        return table(head, rows)

    def latency(self) -> str:
        """Return the start latency of each system."""
        rows = [
            (
                name,
                self.spread("drain", name, "p50", 2),
                self.spread("drain", name, "p99", 2),
                times(self.figures.ratio("drain", name, "p50", [RQ_FORK])),
            )
            for name in self.systems
        ]
        return table(("system", "p50, ms", "p99, ms", "p50 to RQ fork"), rows)

    def throughput(self) -> str:
        """Return how fast each system drains a queue."""
        head = (
            "system",
            "isolated",
            "tasks/s",
            "to RQ fork",
            "to Celery prefork",
            "to the best peer",
            "CPU, us",
        )
        ratio = self.figures.ratio
        rows = [
            (
                name,
                "yes" if self.run["systems"][name]["isolates"] else "no",
                self.spread("drain", name, "drain"),
                times(ratio("drain", name, "drain", [RQ_FORK])),
                times(ratio("drain", name, "drain", PREFORK)),
                times(ratio("drain", name, "drain", self.peers)),
                self.spread("drain", name, "cpu"),
            )
            for name in self.systems
        ]
        return table(head, rows)

    def costs(self) -> str:
        """Return what a run costs the server."""
        head = ("system", "round trips", "lone", "commands", "bytes kept", "to RQ fork")
        median = self.figures.median
        rows = [
            (
                name,
                number(median("drain", name, "trips"), 2),
                number(median("drain", name, "lone_trips"), 2),
                number(median("drain", name, "commands"), 1),
                number(median("drain", name, "memory")),
                times(self.figures.ratio("drain", name, "memory", [RQ_FORK])),
            )
            for name in self.systems
        ]
        return table(head, rows)

    def failures(self) -> list[str]:
        """Return what could not be measured, and why."""
        found = self.figures
        errors = [found.error(kind, name) for kind in ("submit", "drain") for name in found.names(kind)]
        lines = [f"- {error.splitlines()[0]}" for error in errors if error]
        return ["## Not measured\n\n" + "\n".join(lines)] if lines else []

    def versions(self) -> str:
        """Return the pinned versions of each library."""
        return "\n".join(f"- {name}: {', '.join(pins)}" for name, pins in self.run["versions"].items())
