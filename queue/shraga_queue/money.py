"""Money as the store has it: whole billionths of a US dollar, so that sums of many small amounts are exact."""

from __future__ import annotations

from typing import Any

NANO = 1_000_000_000


def nano(dollars: float) -> int:
    """Return US dollars as whole billionths."""
    return round(dollars * NANO)


def dollars(billionths: str | bytes | float | None) -> float:
    """Return billionths as US dollars; 0 for nothing."""
    return float(billionths or 0) / NANO


def read_spent(got: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a `Task` that say what it has cost and may cost, from its hash."""
    return {
        "cost": dollars(got.get("cost")),
        "prompt_tokens": int(got.get("prompt_tokens", 0)),
        "response_tokens": int(got.get("response_tokens", 0)),
        "budget": dollars(got["budget"]) if got.get("budget") else None,
    }
