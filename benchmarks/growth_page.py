"""The page and the picture of the growth benchmark."""

from __future__ import annotations

import math
from typing import Any

FLAT = 1.6
"""The largest ratio, last size to first, that counts as flat: machine noise is that large."""
LOGARITHMIC = 2.5
"""A thousandfold of tasks doubles the depth of a sorted set; caches of the machine add something."""
REASONS = {
    "cancel, middle of the queue": "RQ's queue is a list, and a list is searched, from the nearer end",
    "submit, in bulk, per task": "sorted sets of a million entries leave the processor's caches",
    "controller: walk the queue for what is displaced": "all is looked at, in steps of some ms, and only where the "
    "counts say that something is displaced",
}
COLOURS = ("#0b6e99", "#b3541e", "#4d7c0f", "#7e22ce", "#be123c", "#0f766e", "#a16207", "#1d4ed8", "#525252")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 460, 70, 20, 40
PLOT_WIDTH = 520


def verdict(name: str, first: float, last: float) -> str:
    """Return how a cost grows: flat, or by what."""
    ratio = last / first
    if ratio <= FLAT:
        return "flat"
    if name in REASONS:
        return f"x {ratio:.0f}: {REASONS[name]}"
    return f"x {ratio:.1f}, logarithmic" if ratio <= LOGARITHMIC else f"x {ratio:.1f}"


def page(found: dict[str, Any]) -> str:
    """Return the reference page."""
    costs: dict[int, dict[str, float]] = found["costs"]
    sizes = list(costs)
    lines = [
        "# Growth: what it costs as tasks gather",
        "",
        "Milliseconds (lower quartiles) with the client's round trip over a Unix socket. Half of the tasks have ended,",
        "200,000 at most, and the others wait in one queue.",
        "Made by `python benchmarks/growth.py --markdown docs/reference`.",
        "",
        f"| operation | {' | '.join(f'{size:,}' for size in sizes)} | growth |",
        f"|---|{'---:|' * len(sizes)}---|",
    ]
    for name in costs[sizes[0]]:
        row = [costs[size][name] for size in sizes]
        lines.append(f"| {name} | {' | '.join(map(shown, row))} | {verdict(name, row[0], row[-1])} |")
    lines += ["", "![costs by number of tasks](growth.svg)", ""]
    lines += [f"Filled to {size:,} in {took:.0f} s." for size, took in found["filled"].items()][-1:]
    if found["memory"]:
        lines += ["", "| in Redis | bytes |", "|---|---:|"]
        lines += [f"| {what} | {size:,.0f} |" for what, size in found["memory"].items()]
    return "\n".join(lines) + "\n"


def shown(ms: float) -> str:
    """Return a time with as many digits as mean something."""
    return f"{ms:.3f}" if ms < 0.1 else f"{ms:.2f}" if ms < 10 else f"{ms:.0f}"


def plot(costs: dict[int, dict[str, float]]) -> str:
    """Return a picture of the costs, both axes logarithmic, as SVG."""
    sizes = list(costs)
    every = [ms for found in costs.values() for ms in found.values()]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))

    def x(size: int) -> float:
        share = math.log10(size / sizes[0]) / max(1e-9, math.log10(sizes[-1] / sizes[0]))
        return LEFT + share * PLOT_WIDTH

    def y(ms: float) -> float:
        return TOP + (high - math.log10(ms)) / max(1, high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="11"><rect width="100%" height="100%" fill="#ffffff"/>'
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{LEFT + PLOT_WIDTH}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} ms</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.1f}" y="{HEIGHT - 18}" text-anchor="middle">{size:,}</text>')
    parts.append(f'<text x="{LEFT + PLOT_WIDTH / 2}" y="{HEIGHT - 4}" text-anchor="middle">tasks</text>')
    ordered = sorted(costs[sizes[0]], key=lambda name: -costs[sizes[-1]][name])
    label = float(TOP)
    for number, name in enumerate(ordered):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{x(size):.1f},{y(costs[size][name]):.1f}" for size in sizes)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        end = y(costs[sizes[-1]][name])
        label = max(label + 13, min(end, HEIGHT - BOTTOM - 13 * (len(ordered) - number)))
        joint = LEFT + PLOT_WIDTH
        parts.append(
            f'<path d="M{joint} {end:.1f}L{joint + 22} {label - 4:.1f}" stroke="{colour}" fill="none"/>'
        )
        parts.append(f'<text x="{joint + 26}" y="{label:.1f}" fill="{colour}">{name}</text>')
    return "".join(parts) + "</svg>\n"
