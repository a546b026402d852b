"""Inject each fault once against real processes, time the recovery, and print the table of faults.

Runs the suite's fault tests one after another (about six minutes), with an outage of 30 s. `--markdown` prints
docs/reference/faults.md; `--soak FILE` adds what `python benchmarks/soak.py > FILE` found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
TESTS = [f"tests/acceptance/test_{name}.py" for name in ("faults", "freezes", "outages", "cancel")]
OUTAGE = 30


class Row(NamedTuple):
    """One fault: what the tests call its times, and what it means to each of the three users."""

    fault: str
    times: dict[str, str]
    """Measured name to the words for it."""
    operator: str
    host: str
    script: str


ROWS = [
    Row(
        "kill -9 of a horse (also: out of memory)",
        {"kill horse": "runs again"},
        "the run is lost, with the signal's name; the next one follows",
        "a new horse is made",
        "`wait` goes on",
    ),
    Row("kill -9 of a slot", {"kill slot": "runs again"}, "the same", "the slot is started again", "`wait` goes on"),
    Row(
        "kill -9 of a worker",
        {"kill worker": "runs elsewhere"},
        "the worker is shown as lost, its runs as lost and tried again",
        "nothing it ran outlives it; start it again",
        "`wait` goes on; a late result of the first run is refused",
    ),
    Row(
        "death between claim and start",
        {
            "kill slot between claim and start": "slot: runs",
            "kill worker between claim and start": "worker: runs elsewhere",
        },
        "one lost run that never began",
        "nothing to do",
        "nothing is lost: who claims holds a lease from the same moment",
    ),
    Row(
        "kill -9 of the leading controller",
        {"kill controller": "a retry is released"},
        "a gap of seconds in schedules and retries",
        "run a second controller",
        "nothing to see",
    ),
    Row(
        "leading controller frozen",
        {"freeze leading controller": "three retries are released by the next"},
        "the same; what it does after the thaw is refused",
        "nothing to do",
        "nothing to see",
    ),
    Row(
        "supervisor frozen",
        {"freeze supervisor": "called lost"},
        "the worker is shown as lost and back after the thaw; its runs go on",
        "nothing to do",
        "nothing to see",
    ),
    Row(
        "slot frozen longer than its lease",
        {"freeze slot": "runs elsewhere"},
        "the run is lost and tried again",
        "its processes are ended before the next run begins",
        "`wait` goes on",
    ),
    Row(
        "host paused (everything of a worker frozen)",
        {"pause host": "runs elsewhere", "pause host, old run after the thaw": "the old run ends after the thaw"},
        "the run is lost and tried again",
        "for a moment after the thaw both runs live; only the new one can write",
        "use `SHRAGA_TASK` as the key of outside effects",
    ),
    Row(
        f"server away for {OUTAGE} s",
        {
            f"server away {OUTAGE} s, finished run committed after its return": "what finished meanwhile is kept",
            f"server away {OUTAGE} s, queued tasks done after its return": "the queue goes on",
        },
        "a banner and the age of what is shown",
        "runs go on, slots stay",
        "`submit` raises `Unreachable`; what it returned for is kept",
    ),
    Row(
        "server frozen longer than a lease",
        {
            "freeze server, run ends itself": "the run ends itself",
            "freeze server, run again after the thaw": "runs again after the thaw",
        },
        "runs of that time are lost and tried again",
        "the same as a cut network: no run outlives its lease",
        "`submit` raises `Unreachable` after its time limit",
    ),
    Row(
        "no room on the server's disk",
        {"disk full, finished run committed once there is room": "what finished meanwhile is kept"},
        "lists and board are shown; acting says “accepts no writes … Free disk space there”",
        "runs go on, slots stay, log lines may be missing",
        "`submit` raises `Unreachable` with the same words",
    ),
    Row(
        "wall clock of a worker steps by an hour",
        {},
        "nothing to see",
        "nothing: leases are watched on another clock",
        "nothing to see",
    ),
    Row(
        "cancel of a running tree",
        {"cancel a running tree": "confirmed"},
        "the outcome, not a hope",
        "TERM, grace, KILL",
        "`cancel` returns",
    ),
    Row(
        "cancel between claim and start",
        {"cancel between claim and start, grace 0.5 s": "confirmed, with a grace of 0.5 s"},
        "canceled",
        "it never starts",
        "`cancel` returns",
    ),
    Row(
        "cancel during the wait for a retry",
        {"cancel during the wait for a retry": "confirmed"},
        "canceled at once",
        "-",
        "`cancel` returns",
    ),
    Row(
        "cancel, and the worker dies before it obeys",
        {"cancel, and the worker dies before it obeys": "confirmed"},
        "canceled, not tried again",
        "-",
        "`cancel` returns once the lease is over",
    ),
]  # fmt: skip
INTRO = """# Faults, and what they cost

Each fault is injected against real processes by the acceptance tests; the times are of one run on a machine with
{cores} cores. Made by `python benchmarks/faults.py --markdown{soaked}`.

| fault | measured | operators see | worker hosts | scripts |
|---|---|---|---|---|
"""
OUTRO = """
A dead worker is noticed when its lease of 6 s ends and the leader looks (every 0.5 s). Where the leader dies with it, a
controller that stood by takes the lead when the old one's ends (5 s) and acts at once. After an outage of the server,
and after its own start, a controller waits one lease (6 s) before it takes anything from anybody.

What is not covered: a fault of the kernel or the hardware under the server beyond the one second of
`appendfsync everysec`, and effects outside that a lost run had before it ended ([promises](promises.md)).
"""


def measure() -> dict[str, float]:
    """Run the fault tests and return the times they noted; raises SystemExit when one fails."""
    with tempfile.TemporaryDirectory(prefix="shraga-faults-") as folder:
        times = Path(folder) / "times"
        env = os.environ | {"FAULT_TIMES": str(times), "FAULT_OUTAGE": str(OUTAGE)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
            cwd=ROOT, env=env, stdout=sys.stderr, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit("a fault test failed; its times say nothing")
        noted = [json.loads(line) for line in times.read_text().splitlines()]
    return {note["what"]: note["seconds"] for note in noted}


def table(times: dict[str, float], soak: dict[str, Any] | None) -> str:
    """Return the page."""
    lines = []
    for row in ROWS:
        said = [f"{words}: {shown(times[name])}" for name, words in row.times.items() if name in times]
        cells = (row.fault, "; ".join(said) or "no effect", row.operator, row.host, row.script)
        lines.append(f"| {' | '.join(cells)} |")
    soaked = " --soak soak.json" if soak else ""
    intro = INTRO.format(cores=os.cpu_count(), soaked=soaked)
    return intro + "\n".join(lines) + "\n" + OUTRO + (storm(soak) if soak else "")


def shown(seconds: float) -> str:
    """Return a time in words."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def storm(soak: dict[str, Any]) -> str:
    """Return what the soak found."""
    detection, memory = soak["detection"], soak["memory"]
    calm, near = detection["undisturbed"], detection["with_other_faults_near"]
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(soak["faults"].items()))
    kinds = "\n".join(
        f"| {kind} | {mb['first']} | {mb['last']} | {mb['most']} |" for kind, mb in memory["mb"].items()
    )
    late = (
        f" With other faults near: {near['runs']} runs, p95 {near['p95']} s, at most {near['max']} s."
        if near["runs"]
        else ""
    )
    return f"""
## The storm

`python benchmarks/soak.py`, seed {soak["seed"]}: {soak["submitted"]} tasks over four slots of two workers, with two
controllers. Hurt: {faults}. Asked to stop: {soak["asked_to_stop"]}.

Ended: {", ".join(f"{count} {status}" for status, count in soak["ended"].items())}; {soak["lost_runs_retried"]} runs
were lost and tried again. Lost tasks {soak["unfinished"]}, failed {soak["failed"]}, ran beside themselves
{soak["ran_beside_itself"]}, told twice or never {soak["told_twice"]}, keys that disagree {soak["keys_disagree"]},
processes left {soak["left_running"]}: **{soak["verdict"]}**.

Dead workers killed alone: {calm["runs"]} runs noticed, p95 {calm["p95"]} s, at most {calm["max"]} s.{late}

| memory, MB, the largest of its kind | after the start | at the end | most |
|---|---|---|---|
{kinds}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--soak", type=Path)
    given = parser.parse_args()
    times = measure()
    if given.markdown:
        print(table(times, json.loads(given.soak.read_text()) if given.soak else None), end="")
    else:
        for what, seconds in times.items():
            print(f"{what:<72}{shown(seconds):>10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
