"""Shraga's own theme, lamplight on a night sky, and the status colours every other theme gets."""

from __future__ import annotations

from textual.color import Color
from textual.theme import Theme

SHRAGA = Theme(
    name="shraga",
    primary="#f2b65a",
    secondary="#6cb6ff",
    warning="#f2b65a",
    error="#ff7b72",
    success="#7ccf8a",
    accent="#f2b65a",
    foreground="#d8dee9",
    background="#0e1117",
    surface="#151a23",
    panel="#1d2430",
    dark=True,
    variables={
        "status-waiting": "#f2b65a",
        "status-queued": "#9fb0c8",
        "status-running": "#6cb6ff",
        "status-done": "#7ccf8a",
        "status-failed": "#ff7b72",
        "status-quiet": "#7d8899",
        "status-planned": "#b99cf0",
        "faint": "#7d8899",
        "on-accent": "#0e1117",
        "hint": "#f2b65a",
        "line": "#2a3342",
        "raised": "#232c3b",
        "block-cursor-blurred-background": "#1b222e",
        "input-cursor-background": "#f2b65a",
        "scrollbar": "#2a3342",
        "scrollbar-hover": "#3a4659",
        "scrollbar-active": "#f2b65a",
        "scrollbar-background": "#0e1117",
        "scrollbar-background-hover": "#0e1117",
        "scrollbar-background-active": "#0e1117",
        "scrollbar-corner-color": "#0e1117",
    },
)


def _between(background: str, foreground: str) -> str:
    return Color.parse(background).blend(Color.parse(foreground), 0.6).hex


def _readable_on(ground: str) -> str:
    return Color.parse(ground).get_contrast_text(1.0).hex6


def status_variables(theme: dict[str, str], ansi: bool) -> dict[str, str]:
    """Return Shraga's colours derived from those of a theme that does not name them."""
    faint = "ansi_bright_black" if ansi else _between(theme["background"], theme["foreground"])
    return {
        "status-waiting": theme["text-warning"],
        "status-queued": theme["foreground"],
        "status-running": theme["text-secondary" if ansi else "text-primary"],
        "status-done": theme["text-success"],
        "status-failed": theme["text-error"],
        "status-quiet": faint,
        "status-planned": theme["text-accent"],
        "hint": theme["text-accent"],
        "faint": faint,
        "on-accent": "ansi_black" if ansi else _readable_on(theme["accent"]),
        "line": faint if ansi else theme["surface-lighten-2"],
        "raised": "ansi_blue" if ansi else theme["surface-lighten-2"],
    }
