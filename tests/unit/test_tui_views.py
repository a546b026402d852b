"""Saved views: those everybody has, one's own in a file, chosen and saved from the tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shraga_models import parse_filter
from shraga_queue.errors import InvalidInput
from shraga_tui.app import ShragaApp
from shraga_tui.preferences import Preferences
from shraga_tui.screens.tasks import TasksScreen
from shraga_tui.views import View, ViewStore, built_in
from tests.fakes import FakeSource, busy_source
from tests.tui import expect_shown, until


def test_built_in_views_can_be_read_as_filters() -> None:
    views = built_in("alice")
    assert {"running", "failed today", "mine", "waiting on me"} <= {view.name for view in views}
    assert [parse_filter(view.text).needs_scan for view in views] == [False] * len(views)


def test_a_view_is_kept_in_a_file_replaced_and_dropped(tmp_path: Path) -> None:
    path = tmp_path / "new" / "views.json"
    ViewStore(path).save(" nightly ", "label:nightly")
    ViewStore(path).save("broken", "status:failed")
    ViewStore(path).save("nightly", "label:nightly status:failed")
    assert ViewStore(path).own() == (
        View("broken", "status:failed", own=True),
        View("nightly", "label:nightly status:failed", own=True),
    )
    ViewStore(path).drop("broken")
    assert json.loads(path.read_text()) == {"nightly": "label:nightly status:failed"}
    assert [found.name for found in path.parent.iterdir()] == ["views.json"]


@pytest.mark.parametrize(("name", "field"), [("", "name"), ("x" * 41, "name"), ("bad", "filter")])
def test_what_cannot_be_saved_is_refused_by_field(tmp_path: Path, name: str, field: str) -> None:
    text = "colour:red" if field == "filter" else "status:failed"
    with pytest.raises(InvalidInput) as caught:
        ViewStore(tmp_path / "views.json").save(name, text)
    assert caught.value.field == field
    assert not (tmp_path / "views.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}'])
def test_a_broken_file_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "views.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="correct it"):
        ViewStore(path).save("a", "b")
    assert path.read_text() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be"):
        ViewStore(tmp_path / "file" / "views.json").save("a", "b")


def app_with(source: FakeSource, path: Path) -> ShragaApp:
    return ShragaApp(
        source,
        user="alice",
        label="test",
        clock=lambda: 1_000.0,
        preferences=Preferences(views=ViewStore(path)),
    )


@pytest.mark.parametrize("size", [(160, 48), (80, 24)])
async def test_a_filter_is_saved_chosen_again_and_dropped(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "views.json"
    app = app_with(busy_source(), path)
    async with app.run_test(size=size) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "1 of 20")
        await pilot.press("slash", *"status:failed", "enter")
        await expect_shown(pilot, "1 of 1")
        await pilot.press("v")
        await expect_shown(pilot, "waiting on me")
        await pilot.press("s", *"broken", "enter")
        await expect_shown(pilot, "saved as “broken”")
        assert json.loads(path.read_text()) == {"broken": "status:failed"}
        await pilot.press("escape")
        await pilot.press("v", "enter")
        await expect_shown(pilot, "1 of 20")
        await pilot.press("v", *"jjjjj", "enter")
        await expect_shown(pilot, "1 of 1")
        screen = app.screen
        assert isinstance(screen, TasksScreen)
        assert screen.text == "status:failed"
        await pilot.press("v", *"jjjjj", "D")
        await expect_shown(pilot, "dropped “broken”")
        assert json.loads(path.read_text()) == {}


async def test_nothing_is_saved_without_a_filter_and_built_in_views_stay(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    app = app_with(busy_source(), path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "1 of 20")
        await pilot.press("v", "s")
        await expect_shown(pilot, "There is no filter in use")
        await pilot.press("D")
        await expect_shown(pilot, "Only your own views")
        await pilot.press("j", "enter")
        await expect_shown(pilot, "1 of 3")
        await until(pilot, lambda: not path.exists(), "no file")


async def test_a_broken_file_is_told_where_the_views_are(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    path.write_text("{")
    app = app_with(busy_source(), path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "1 of 20")
        await pilot.press("v")
        await expect_shown(pilot, "cannot be read")
        await expect_shown(pilot, "waiting on me")
