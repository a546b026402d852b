"""The schedules screen: what repeats, the coming day, and pause, resume, skip and run now, told once they are done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shraga_models import RunStatus, Schedule, TaskStatus
from shraga_tui.screens.schedules import SchedulesScreen
from shraga_tui.widgets.schedule_list import schedule_cells, timeline
from tests.fakes import NOW, NOW_MS, FakeSource, make_row, make_schedule
from tests.tui import dashboard, expect_shown, screen_text, toasts, until

SOON = NOW + timedelta(minutes=5)


@pytest.fixture
def source() -> FakeSource:
    store = FakeSource()
    store.add(make_row("s-night", "Nightly backup", TaskStatus.SCHEDULED))
    store.schedule_rows = [
        make_schedule(
            "s-night", "Nightly backup",
            Schedule(cron="0 2 * * *", time_zone="Europe/Berlin", next_run_at=SOON),
        ),
        make_schedule("s-upload", "Index upload", Schedule(on="file_uploaded"), last_status=None, last_run_at=None),
        make_schedule(
            "s-ping", "Ping", Schedule(interval=300, next_run_at=SOON), last_status=RunStatus.FAILED,
            last_error="exit code 3",
        ),
    ]  # fmt: skip
    return store


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_screen_lists_what_repeats(source: FakeSource, size: tuple[int, int]) -> None:
    async with dashboard(source).run_test(size=size) as pilot:
        await pilot.press("5")
        await expect_shown(pilot, "Nightly backup")
        said = screen_text(pilot.app)
        assert "every day at 02:00"[:14] in said
        assert "on file_uploa" in said
        assert "next 24 h ·" in said
        assert "every day at 02:00 Europe/Berlin" in said
        assert max(map(len, said.splitlines())) <= size[0]


async def test_the_line_below_says_why_the_last_run_failed(source: FakeSource) -> None:
    async with dashboard(source).run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await expect_shown(pilot, "Ping")
        await pilot.press("G")
        await expect_shown(pilot, "last: exit code 3")


async def test_nothing_that_repeats_says_how_to_begin() -> None:
    async with dashboard(FakeSource()).run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await expect_shown(pilot, "Nothing repeats.")


async def test_a_schedule_is_paused_and_resumed(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("5")
        await expect_shown(pilot, "Nightly backup")
        screen = app.screen
        assert isinstance(screen, SchedulesScreen)
        assert screen.check_action("resume_schedule", ()) is None
        await pilot.press("p")
        await until(pilot, lambda: "“Nightly backup” is paused: nothing starts it" in "".join(toasts(app)))
        await expect_shown(pilot, "‖ paused")
        assert screen.check_action("pause_schedule", ()) is None
        await pilot.press("u")
        await until(pilot, lambda: "repeats again. Next:" in "".join(toasts(app)))
        await expect_shown(pilot, "◷ scheduled Nightly")
        await pilot.press("s")
        await until(pilot, lambda: ("skip", "s-night") in source.calls)
        deeds = [call for call in source.calls if call[0] in ("pause", "resume", "skip")]
        assert deeds == [("pause", "s-night"), ("resume", "s-night"), ("skip", "s-night")]


async def test_what_is_refused_is_said(source: FakeSource) -> None:
    app = dashboard(source)
    source.refuses = "The task s-night has ended."
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("5")
        await expect_shown(pilot, "Nightly backup")
        await pilot.press("p")
        await until(pilot, lambda: toasts(app) == ["The task s-night has ended."])


async def test_run_now_is_the_retry_of_a_task_that_rests(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("5")
        await expect_shown(pilot, "Nightly backup")
        await pilot.press("r")
        await until(pilot, lambda: ("retry", "s-night") in source.calls)


def test_the_day_ahead_has_a_mark_for_each_hour_with_a_slot() -> None:
    every = make_schedule("a", "a", Schedule(interval=3600, next_run_at=NOW + timedelta(seconds=1)))
    often = make_schedule("a", "a", Schedule(interval=60, next_run_at=NOW + timedelta(seconds=1)))
    later = make_schedule("a", "a", Schedule(interval=36_000, next_run_at=NOW + timedelta(hours=10.5)))
    assert timeline(every, NOW_MS) == "▁" * 24
    assert timeline(often, NOW_MS) == "█" * 24
    assert timeline(later, NOW_MS) == "·" * 10 + "▁" + "·" * 9 + "▁" + "·" * 3
    assert timeline(make_schedule("a", "a", Schedule(on="go")), NOW_MS) == ""


def test_cells_of_what_has_never_run() -> None:
    row = make_schedule("a", "a", Schedule(on="go"), last_status=None, last_run_at=None)
    cells = schedule_cells(row, NOW_MS)
    assert (cells["next"][0], cells["last"][0], cells["ended"][0]) == ("–", "–", "–")
