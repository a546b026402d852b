"""Long and random: work flows over four slots while processes are killed and frozen and tasks are canceled.

`make soak` runs 1,000 tasks; `--tasks 18000` is an hour; `--seed 7` repeats the choices of a run; `--calm` hurts
nothing and judges memory alone. Prints the seed first, counts and the verdict at the end; exit code 1 when a promise
was broken.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.chaos import FREEZES, KILLS, Chaos, Plan, broken
from shraga_queue.logs import configure_logs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=None, help="default: a fifth of a second a task")
    parser.add_argument("--fault-every", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kills", type=int, default=10, help="workers killed alone, to time the detection")
    parser.add_argument("--calm", action="store_true", help="no faults")
    parser.add_argument("--keep", action="store_true", help="keep notes and logs where a promise was broken")
    given = parser.parse_args()
    configure_logs()
    seed = random.SystemRandom().randrange(1 << 31) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    plan = Plan(
        seed=seed,
        tasks=given.tasks,
        seconds=given.seconds or given.tasks / 5,
        fault_every=0.0 if given.calm else given.fault_every,
        faults=KILLS + FREEZES,
        cancels=0.0 if given.calm else 0.1,
        undisturbed_kills=0 if given.calm else given.kills,
    )
    home = Path(tempfile.mkdtemp(prefix="shraga-soak-"))
    verdict = Chaos(plan, home).run()
    found = broken(verdict)
    print(
        json.dumps(
            {"seed": seed, **verdict, "broken": found, "verdict": "kept" if not found else "broken"}, indent=2
        )
    )
    if found and given.keep:
        print(f"kept {home}", file=sys.stderr)
    else:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
