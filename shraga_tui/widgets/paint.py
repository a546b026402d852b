"""Lines for Line-API widgets: spans of text with a tone each, fitted to cells and turned into strips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from shraga_tui.look import TONES

Span = tuple[str, str]
"""A piece of text and the tone it is painted in: a status tone, `strong`, `faint`, `accent` or `text`."""

Line = tuple[Span, ...]

_VARIABLES = (*(f"status-{tone}" for tone in TONES), "faint", "hint", "accent", "on-accent", "raised")


def width_of(text: str) -> int:
    """Return how many cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int) -> str:
    """Return a text cut to `width` cells, with an ellipsis where something is missing."""
    if width <= 0:
        return ""
    if width_of(text) <= width:
        return text
    return (text[: width - 1] if text.isascii() else set_cell_size(text, width - 1).rstrip()) + "…"


def pad(text: str, width: int) -> str:
    """Return a text of exactly `width` cells."""
    cut = fit(text, width)
    return cut + " " * (width - width_of(cut))


def wrap(text: str, width: int) -> list[str]:
    """Return a text without line breaks as lines of at most `width` cells, broken at spaces if there are any."""
    if width_of(text) <= width or width <= 1:
        return [text]
    pieces, at = [], 0
    # Only what may fit is looked at: to measure the rest of a long text for each of its lines takes seconds.
    while len(text) - at > 2 * width or width_of(text[at:]) > width:
        part = text[at : at + 2 * width]
        most = width if part.isascii() else max(1, len(chop_cells(part, width)[0]))
        space = part.rfind(" ", most // 2, most + 1)
        cut = space if space > 0 else most
        pieces.append(part[:cut])
        at += cut + text.startswith(" ", at + cut)
    rest = text[at:]
    return [*pieces, rest] if rest else pieces


def ends(left: Line, right: Line, width: int) -> Line:
    """Return a line with `left` at its start and `right` at its end; `left` gives way."""
    taken = sum(width_of(text) for text, _ in right)
    room = width - taken - 1
    if room < 4:
        return crop(left, width)
    shown = crop(left, room)
    gap = width - taken - sum(width_of(text) for text, _ in shown)
    return (*shown, (" " * gap, "text"), *right)


def crop(line: Line, width: int) -> Line:
    """Return the line cut to `width` cells."""
    kept: list[Span] = []
    for text, tone in line:
        if not text:
            continue
        if not (cut := fit(text, width)):
            break
        kept.append((cut, tone))
        width -= width_of(cut)
        if cut != text:
            break
    return tuple(kept)


def paint(widget: Widget, line: Sequence[Span], width: int, *, cursor: bool = False) -> Strip:
    """Return a line as a strip of exactly `width` cells, on the widget's ground or on the cursor's."""
    palette = palette_of(widget)
    base = widget.visual_style.rich_style
    if cursor:
        # What is faint elsewhere has to be readable on the cursor's ground, of which themes have many.
        base += palette["cursor"]
        palette = {**palette, "faint": palette["text"]}
    segments = [Segment(text, base + palette[tone]) for text, tone in line]
    return Strip(segments).adjust_cell_length(width, base)


def palette_of(widget: Widget) -> Mapping[str, Style]:
    """Return the style of every tone in the app's theme."""
    variables = widget.app.theme_variables
    return _palette(tuple(variables.get(name, "") for name in _VARIABLES))


@lru_cache(maxsize=32)
def _palette(colours: tuple[str, ...]) -> Mapping[str, Style]:
    # Resolved once a theme: as component classes of each widget, the same rules cost a third of the start-up.
    known = {
        name: Color.parse(value).rich_color for name, value in zip(_VARIABLES, colours, strict=True) if value
    }
    styles = {tone: Style(color=known.get(f"status-{tone}")) for tone in TONES}
    return styles | {
        "text": Style.null(),
        "strong": Style(bold=True),
        "faint": Style(color=known.get("faint")),
        "accent": Style(color=known.get("hint")),
        "tab": Style(color=known.get("on-accent"), bgcolor=known.get("accent"), bold=True),
        "cursor": Style(bgcolor=known.get("raised")),
    }
