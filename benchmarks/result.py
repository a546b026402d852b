"""A measured budget, left where the report beside the peers finds it."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
"""Any tool that measures a budget writes RESULTS/<name>.json: {"what", "budget", "figure": str, "met": bool}."""


def put(name: str, what: str, budget: str, figure: str, met: bool) -> None:
    """Leave a result, and say it."""
    RESULTS.mkdir(exist_ok=True)
    row = {"what": what, "budget": budget, "figure": figure, "met": met}
    (RESULTS / f"{name}.json").write_text(json.dumps(row, indent=2) + "\n")
    print(f"{'met ' if met else 'over'}  {what}: {figure} (budget {budget})")
