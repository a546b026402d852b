"""How the dashboard looks: one picture for each state that matters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from shraga_tui.app import ShragaApp
from tests.fakes import AWAY, FakeSource, busy_source
from tests.flows import source_with_flows
from tests.tui import dashboard, expect_shown, until

WIDE, NARROW = (160, 48), (80, 24)
Steps = Callable[[Pilot[int]], Awaitable[None]]


class SnapCompare(Protocol):
    """The fixture of pytest-textual-snapshot."""

    def __call__(self, app: App[int], *, terminal_size: tuple[int, int], run_before: Steps) -> bool: ...


def after(*keys: str, shown: str) -> Steps:
    """Return steps that wait for the board, press keys and wait for a text."""

    async def steps(pilot: Pilot[int]) -> None:
        await expect_shown(pilot, "Fix login")
        await expect_shown(pilot, "5 done/min")
        for key in keys:
            await pilot.press(key)
        await expect_shown(pilot, shown)
        await pilot.pause()

    return steps


def on_tasks(*keys: str, shown: str) -> Steps:
    """Return steps that go to the tasks, press keys and wait for a text."""

    async def steps(pilot: Pilot[int]) -> None:
        await after("2", shown="1 of 20")(pilot)
        for key in keys:
            await pilot.press(key)
        await expect_shown(pilot, shown)
        await pilot.pause()

    return steps


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_board(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(busy_source()), terminal_size=size, run_before=after(shown="71%"))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_task(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    steps = after("h", "enter", shown="this try wrote nothing")
    assert snap_compare(dashboard(busy_source()), terminal_size=size, run_before=steps)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_tasks(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    steps = on_tasks("j", "space", "space", shown="✔ 2 selected")
    assert snap_compare(dashboard(busy_source()), terminal_size=size, run_before=steps)


def test_tasks_in_a_light_theme_while_a_filter_is_typed(snap_compare: SnapCompare) -> None:
    app = dashboard(busy_source())
    app.theme = "textual-light"
    steps = on_tasks("slash", *"status:fa", shown="⇥ status:failed")
    assert snap_compare(app, terminal_size=NARROW, run_before=steps)


def test_a_bulk_act_is_confirmed(snap_compare: SnapCompare) -> None:
    steps = on_tasks("space", "space", "space", "c", shown="n  No, leave them")
    assert snap_compare(dashboard(busy_source()), terminal_size=NARROW, run_before=steps)


def test_workers(snap_compare: SnapCompare) -> None:
    steps = after("3", shown="draining")
    assert snap_compare(dashboard(busy_source()), terminal_size=WIDE, run_before=steps)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_workflows(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    steps = after("6", shown="└ lint")
    assert snap_compare(dashboard(source_with_flows()), terminal_size=size, run_before=steps)


def test_submit_form_with_an_error(snap_compare: SnapCompare) -> None:
    steps = after("n", "enter", shown="it is empty")
    assert snap_compare(dashboard(busy_source()), terminal_size=NARROW, run_before=steps)


def test_help(snap_compare: SnapCompare) -> None:
    steps = after("question_mark", shown="Submit a new task.")
    assert snap_compare(dashboard(busy_source()), terminal_size=WIDE, run_before=steps)


def test_cancel_is_confirmed(snap_compare: SnapCompare) -> None:
    steps = after("c", shown="Cancel this task?")
    assert snap_compare(dashboard(busy_source()), terminal_size=NARROW, run_before=steps)


def test_an_empty_board(snap_compare: SnapCompare) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await expect_shown(pilot, "No worker")
        await expect_shown(pilot, "Nothing waits on you.")
        await pilot.pause()

    assert snap_compare(dashboard(FakeSource()), terminal_size=WIDE, run_before=steps)


def test_a_lost_connection(snap_compare: SnapCompare) -> None:
    source = busy_source()

    async def steps(pilot: Pilot[int]) -> None:
        app = pilot.app
        assert isinstance(app, ShragaApp)
        await after(shown="71%")(pilot)
        source.away = AWAY
        app.desk.feed.resync()
        source.tell()
        await until(pilot, lambda: len(app.desk.feed.faults) == 4, "all faults")
        await expect_shown(pilot, "Nothing listens")
        await pilot.pause()

    assert snap_compare(dashboard(source), terminal_size=WIDE, run_before=steps)
