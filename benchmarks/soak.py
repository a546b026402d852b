"""Long and random: work flows over four slots while processes are killed and frozen and tasks are canceled.

`make soak` runs 1,000 tasks; `--tasks 18000` is an hour; `--seed 7` repeats the choices of a run; `--calm` hurts
nothing and judges memory alone; `--day` is a day's load in a quarter of an hour, and judges memory too. Prints the seed
first, counts and the verdict at the end; exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.chaos import FREEZES, KILLS, Chaos, Plan, broken
from benchmarks.day import Day
from shraga_queue.logs import configure_logs


def storm(given: argparse.Namespace, home: Path) -> tuple[dict[str, Any], list[str]]:
    """Run tasks while everything is hurt, or with `--calm` nothing; returns the verdict and what was broken."""
    seed = random.SystemRandom().randrange(1 << 31) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    tasks = given.tasks or 1000
    plan = Plan(
        seed=seed,
        tasks=tasks,
        seconds=given.seconds or tasks / 5,
        fault_every=0.0 if given.calm else given.fault_every,
        faults=KILLS + FREEZES,
        cancels=0.0 if given.calm else 0.1,
        undisturbed_kills=0 if given.calm else given.kills,
    )
    verdict = Chaos(plan, home).run()
    return {"seed": seed, **verdict}, broken(verdict)


def day(given: argparse.Namespace, home: Path) -> tuple[dict[str, Any], list[str]]:
    """Run a day's load; returns the verdict and what was broken."""
    verdict = Day(home, given.tasks or 86_400, given.seconds or 900.0).run()
    lost = [what for what in ("completed", "failed") if verdict["ended"][what] != verdict["expected"][what]]
    return verdict, lost + [f"memory of {what}" for what in verdict["growing"]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=None, help="default: 1,000; of a day 86,400")
    parser.add_argument(
        "--seconds", type=float, default=None, help="default: a fifth of a second a task; a day 900"
    )
    parser.add_argument("--fault-every", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kills", type=int, default=10, help="workers killed alone, to time the detection")
    parser.add_argument("--calm", action="store_true", help="no faults")
    parser.add_argument("--day", action="store_true", help="a day's load, no faults")
    parser.add_argument("--keep", action="store_true", help="keep notes and logs where a promise was broken")
    given = parser.parse_args()
    configure_logs()
    home = Path(tempfile.mkdtemp(prefix="shraga-soak-"))
    verdict, found = (day if given.day else storm)(given, home)
    print(json.dumps({**verdict, "broken": found, "verdict": "kept" if not found else "broken"}, indent=2))
    if found and given.keep:
        print(f"kept {home}", file=sys.stderr)
    else:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
