"""Measure Shraga and its peers in turn, round after round, and write the report.

The first run installs each peer into an environment of its own under .bench.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from . import machine
from .budgets import other_rows
from .failed import Failed
from .measure import Sizes, draining, submitting
from .report import Report
from .server import Server, throwaway_server
from .systems import Peer, System, chosen, versions

REPORT = Path(__file__).parent.parent / "RESULTS.md"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, help="how often each system has its turn (default 5, quick 3)")
    parser.add_argument(
        "--tasks", type=int, help="tasks the fast systems drain in a round (default 5,000, quick 1,500)"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes; about three minutes in all")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="systems or libraries, by prefix"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was measured to FILE")
    parser.add_argument(
        "--from", type=Path, metavar="FILE", dest="source", help="report on FILE; measure nothing"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="default: benchmarks/RESULTS.md, unless --only"
    )
    return parser.parse_args(given)


def sizes_of(given: argparse.Namespace) -> Sizes:
    """Return how much to measure in a round."""
    tasks = given.tasks or (1500 if given.quick else 5000)
    return Sizes(tasks, 500, 3000, 30) if given.quick else Sizes(tasks, 2000, 10_000, 100)


def attempt(what: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what was measured, and say so; what fails does not end the run."""
    try:
        found = measure()
        figures = (f"{name} {value:,.5g}" for name, value in found.items())
        print(f"  {what}: {', '.join(figures)}", file=sys.stderr)
        return found
    except Failed as failed:
        print(f"  {failed}", file=sys.stderr)
        return {"error": str(failed)}


def one_round(
    server: Server, peers: Sequence[Peer], systems: Sequence[System], sizes: Sizes
) -> dict[str, dict[str, Any]]:
    """Give each library and each system its turn."""
    return {
        "submit": {peer.name: attempt(peer.name, partial(submitting, server, peer, sizes)) for peer in peers},
        "drain": {one.name: attempt(one.name, partial(draining, server, one, sizes)) for one in systems},
    }


def measured(systems: Sequence[System], sizes: Sizes, rounds: int) -> dict[str, Any]:
    """Return the run as the report wants it."""
    peers: list[Peer] = list({system.peer.name: system.peer for system in systems}.values())
    run: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine.describe(),
        "sizes": asdict(sizes),
        "systems": {system.name: {"isolates": system.isolates} for system in systems},
        "versions": {peer.name: versions(peer) for peer in peers},
        "rounds": [],
    }
    with throwaway_server() as server:
        run["machine"]["server"] = server.version
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}", file=sys.stderr)
            run["rounds"].append(one_round(server, peers, systems, sizes))
    return run


def main() -> None:
    given = arguments()
    # An exception, so that workers and server are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Before the long part, as one of these files may be bad.
    others = other_rows()
    if given.source:
        run = json.loads(given.source.read_text())
    else:
        rounds = given.rounds or (3 if given.quick else 5)
        run = measured(chosen(given.only), sizes_of(given), rounds)
    if given.json:
        given.json.write_text(json.dumps(run, indent=1) + "\n")
    text = Report(run, others).text()
    report = given.report or (None if given.only else REPORT)
    if report:
        report.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
