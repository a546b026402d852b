"""Every screen says the same in every theme, on a small terminal, and without colours."""

from __future__ import annotations

import re

import pytest
from rich.color import ColorType
from textual.app import App
from textual.pilot import Pilot

from shraga_tui.app import ShragaApp
from tests.fakes import busy_source
from tests.tui import dashboard, expect_shown, screen_text, until

THEMES = ["shraga", "textual-light", "solarized-light", "ansi-dark", "ansi-light", "nord"]
SCREENS = [
    (("1",), "▶ running"),
    (("2",), "✗ failed"),
    (("3",), "◐ draining"),
    (("4",), "✗ failed"),
    (("2", "slash", *"colour:red"), "is unknown"),
    (("2", "space", "c"), "Cancel 1 task?"),
    (("2", "v"), "waiting on me"),
    (("n",), "New task"),
    (("question_mark",), "On this screen"),
]
MOST_ROUNDS = 20


def colours(app: App[int]) -> set[ColorType]:
    """Return the kinds of the colours on the screen."""
    strips = app.screen._compositor.render_strips()
    styles = [segment.style for strip in strips for segment in strip if segment.style]
    found = [colour for style in styles for colour in (style.color, style.bgcolor) if colour]
    return {colour.type for colour in found}


@pytest.mark.parametrize(
    ("keys", "shown"), SCREENS, ids=lambda value: "-".join(value) if isinstance(value, tuple) else ""
)
async def test_every_screen_fits_a_small_terminal_in_every_theme(keys: tuple[str, ...], shown: str) -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=(80, 24)) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press(*keys)
        await expect_shown(pilot, shown)
        told = [await words_by_theme(app, pilot, shown)]
        # What has yet to be read from the store may come between two themes.
        while len(told[-1]) > 1 and len(told) < MOST_ROUNDS:
            told.append(await words_by_theme(app, pilot, shown))
        assert len(told[-1]) <= 1


async def words_by_theme(app: ShragaApp, pilot: Pilot[int], shown: str) -> set[tuple[str, ...]]:
    """Return the words on the screen in each theme: one answer, where no theme hides any."""
    said = set()
    for theme in THEMES:
        app.theme = theme
        await expect_shown(pilot, shown)
        await pilot.pause()
        if not app.screen.is_modal:
            # Behind a dialog the sixteen colours of a terminal cannot shine through.
            said.add(tuple(re.findall(r"[A-Za-z']{3,}", screen_text(app))))
    return said


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_an_ansi_theme_uses_the_terminals_own_colours_on_the_tasks(theme: str) -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = theme
        await pilot.press("2")
        await expect_shown(pilot, "1 of 20")
        assert colours(app) <= {ColorType.STANDARD, ColorType.DEFAULT}


async def test_without_colours_every_state_is_still_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app: ShragaApp = dashboard(busy_source())
    assert app.no_color
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press("2", "space")
        await expect_shown(pilot, "✔ 1 selected")
        shown = screen_text(app)
        states = ("✓ done", "? asks you", "… queued", "◷ scheduled", "▶ running", "✗ failed", "⊘ canceled")
        assert [state for state in states if state not in shown] == []
        await until(pilot, lambda: "▌" in screen_text(app), "the cursor")
