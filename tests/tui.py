"""Driving the dashboard in tests: the app over a fake store with a clock that stands still, and what it shows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

# Before anything imports Textual: what the terminal of the developer says must not change a test.
for _name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_FILTERS", "TEXTUAL_DIM_FACTOR"):
    os.environ.pop(_name, None)
os.environ["TEXTUAL_ANIMATIONS"] = "none"

from textual.app import App  # noqa: E402
from textual.pilot import Pilot  # noqa: E402

from shraga_tui.app import ShragaApp  # noqa: E402
from shraga_tui.source import Source  # noqa: E402
from tests.waiting import PATIENCE  # noqa: E402


def dashboard(source: Source, label: str = "test", notice: str | None = None) -> ShragaApp:
    """Return the dashboard over a store, as alice, with a clock that stands still."""
    return ShragaApp(source, user="alice", label=label, notice=notice, clock=lambda: 1_000.0)


def screen_text(app: App[Any]) -> str:
    """Return what the screen in front shows, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def toasts(app: ShragaApp) -> list[str]:
    """Return the messages shown so far that are not gone yet."""
    return [notice.message for notice in app._notifications]


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str = "condition") -> None:
    """Let the app work until a condition holds; raises AssertionError with the screen when it never does."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"{what} did not come true; the screen:\n{screen_text(pilot.app)}")
        await pilot.pause(0.01)


async def expect_shown(pilot: Pilot[int], text: str) -> None:
    """Let the app work until the screen shows a text."""
    app = pilot.app
    assert isinstance(app, ShragaApp)
    await until(pilot, lambda: text in screen_text(app), f"{text!r} on the screen")
