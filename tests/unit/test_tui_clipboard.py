"""Copying: by the terminal, and by the program of the machine's display where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shraga_models import ExecutionDetails, TaskOutput
from shraga_tui import clipboard
from shraga_tui.screens.tasks import TasksScreen
from tests.fakes import busy_source
from tests.tui import dashboard, expect_shown, toasts, until


@pytest.mark.parametrize(
    ("env", "platform", "names"),
    [
        ({}, "linux", []),
        ({"DISPLAY": ":0"}, "linux", ["xclip"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", ["wl-copy"]),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux", ["wl-copy", "xclip"]),
        ({}, "darwin", ["pbcopy"]),
    ],
)
def test_the_display_decides_which_program_fits(env: dict[str, str], platform: str, names: list[str]) -> None:
    assert [command[0] for command in clipboard.programs(env, platform)] == names


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with both displays, whose programs the test writes."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("shraga_tui.clipboard.sys.platform", "linux")
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def test_the_first_program_that_takes_it_gets_the_text(desktop: Path) -> None:
    program(desktop, "wl-copy", "exit 1")
    program(desktop, "xclip", f"cat > {desktop}/copied")
    assert await clipboard.copy("ü id") == (["xclip"], ["wl-copy"])
    assert (desktop / "copied").read_text() == "ü id"


async def test_a_program_that_hangs_is_ended(desktop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "LIMIT", 0.05)
    program(desktop, "wl-copy", "exec sleep 60")
    program(desktop, "xclip", "exit 1")
    assert await clipboard.copy("x") == ([], ["wl-copy", "xclip"])


async def test_what_was_tried_is_told_and_a_selection_is_copied_whole(desktop: Path) -> None:
    program(desktop, "wl-copy", f"cat > {desktop}/copied")
    app = dashboard(busy_source())
    async with app.run_test(size=(160, 48)) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "1 of 20")
        assert isinstance(app.screen, TasksScreen)
        await pilot.press("space", "space", "y")
        await until(pilot, lambda: toasts(app), "the note")
        assert toasts(app) == [
            "Sent 2 ids to your terminal's clipboard (OSC 52; in tmux: set-clipboard on) and to wl-copy."
        ]
        assert app.clipboard == "t-done-0\nt-done-1"
        assert (desktop / "copied").read_text() == app.clipboard


async def test_places_of_what_a_task_has_handed_over_are_copied() -> None:
    source = busy_source()
    output = TaskOutput(deliverables=("a.txt", "https://example.org/pr/1"))
    where = ExecutionDetails(execution_folder="/srv/runs/t-ask/1")
    handed = {"output": output, "execution_details": where}
    source.tasks["t-ask"] = source.tasks["t-ask"].model_copy(update=handed)
    app = dashboard(source)
    async with app.run_test(size=(120, 40)) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("enter")
        await expect_shown(pilot, "Overview")
        await expect_shown(pilot, "a.txt")
        await pilot.press("p")
        await until(pilot, lambda: toasts(app), "the note")
        assert toasts(app)[0].startswith("Sent 2 paths to your terminal's clipboard")
        assert app.clipboard == "/srv/runs/t-ask/1/a.txt\nhttps://example.org/pr/1"


async def test_task_that_has_handed_over_nothing_says_so() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=(120, 40)) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("enter")
        await expect_shown(pilot, "Overview")
        await expect_shown(pilot, "make check")
        await pilot.press("p")
        await until(pilot, lambda: toasts(app), "the note")
        assert toasts(app) == ["The task has handed over no files."]
        assert app.clipboard == ""
