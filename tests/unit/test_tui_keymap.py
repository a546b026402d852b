"""Keys can be changed: what is unknown, no key, or taken is told, and never silently dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from shraga_queue.config import Settings, read_dashboard
from shraga_queue.errors import InvalidInput
from shraga_tui.app import ShragaApp
from shraga_tui.keymap import SCOPES, Keymap, key_name, read_keymap
from shraga_tui.preferences import Preferences, read_preferences
from shraga_tui.screens.tasks import TasksScreen
from tests.fakes import busy_source
from tests.tui import expect_shown, screen_text, toasts, until

WIDE = (160, 48)


def keys_of(keymap: Keymap, place: str) -> tuple[str, ...]:
    scope, _, name = place.partition(".")
    scopes = {one: one for one in SCOPES}
    return next(action.keys for action in keymap.actions_of(scopes[scope]) if action.name == name)  # type: ignore[index]


def test_a_key_is_changed_on_one_screen_or_on_all() -> None:
    keymap, problems = read_keymap(
        {"cancel": "x", "board.cancel": ["f8", "ctrl+x"], "tasks.filter": "?"} | {"help": "f1"}
    )
    assert problems == []
    assert keys_of(keymap, "board.cancel") == ("f8", "ctrl+x")
    assert keys_of(keymap, "tasks.cancel") == ("x",)
    assert keys_of(keymap, "tasks.filter") == ("question_mark",)
    assert keys_of(keymap, "board.retry") == ("r",)


def test_two_keys_can_change_places() -> None:
    keymap, problems = read_keymap({"board.cancel": "r", "board.retry": "c"})
    assert problems == []
    assert (keys_of(keymap, "board.cancel"), keys_of(keymap, "board.retry")) == (("r",), ("c",))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"board.cancle": "x"}, "'board.cancle' is unknown; did you mean 'board.cancel'?"),
        ({"zzz": "x"}, "'zzz' is unknown; `shraga keys` lists what can be changed"),
        ({"board.cancel": 3}, "'board.cancel' has to be a key, or a list of keys"),
        ({"board.cancel": []}, "'board.cancel' has to be a key, or a list of keys"),
        ({"board.cancel": "hyperspace"}, "'hyperspace' for 'board.cancel' is no key"),
        ({"board.cancel": ""}, "'' for 'board.cancel' is no key"),
        (
            {"board.cancel": "r"},
            "'r' is the key of board.cancel and of board.retry; give one of them another",
        ),
        ({"board.cancel": "x", "board.retry": "x"}, "'x' is the key of board.cancel and of board.retry"),
    ],
)
def test_what_cannot_be_followed_is_told_and_changes_nothing(table: dict[str, object], said: str) -> None:
    keymap, problems = read_keymap(table)
    assert len(problems) == 1
    assert said in problems[0]
    assert keys_of(keymap, "board.cancel") == ("c",)
    assert keys_of(keymap, "board.retry") == ("r",)


@pytest.mark.parametrize(
    ("key", "name"),
    [("question_mark", "?"), ("x", "x"), ("ctrl+x", "ctrl+x"), ("f5", "f5"), ("escape", "esc")],
)
def test_keys_are_written_as_people_write_them(key: str, name: str) -> None:
    assert key_name(key) == name


def app_with(table: dict[str, object], theme: str = "shraga") -> ShragaApp:
    keymap, problems = read_keymap(table)
    preferences = Preferences(theme, keymap, problems=tuple(problems))
    return ShragaApp(
        busy_source(), user="alice", label="test", preferences=preferences, clock=lambda: 1_000.0
    )


async def test_the_changed_key_acts_and_is_shown_and_the_usual_one_does_not() -> None:
    app = app_with({"cancel": "x", "tasks": "f2"})
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "x cancel")
        await pilot.press("c")
        await pilot.press("x")
        await expect_shown(pilot, "Cancel this task?")
        await pilot.press("n", "2", "question_mark")
        await expect_shown(pilot, "f2                    Go to the tasks.")
        await pilot.press("escape", "f2")
        await until(pilot, lambda: isinstance(app.screen, TasksScreen), "the tasks")


async def test_a_changed_key_is_a_letter_where_a_text_is_typed() -> None:
    app = app_with({"tasks.back": "b"})
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "1 of 20")
        await pilot.press("slash", *"abc")
        assert isinstance(app.screen, TasksScreen)
        assert app.screen.filter_bar.box.value == "abc"


async def test_problems_are_told_when_the_dashboard_opens() -> None:
    app = app_with({"board.cancel": "r"}, theme="neon")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: len(toasts(app)) == 2, "both notes")
        assert "'r' is the key of board.cancel" in toasts(app)[0]
        assert "theme: 'neon' is unknown: use one of" in toasts(app)[1]
        assert app.theme == "shraga"
        assert "c cancel" in screen_text(app)


def settings_with(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return Settings(home=tmp_path, config_file=path, user="alice")


def test_the_file_says_theme_and_keys_quoted_or_not(tmp_path: Path) -> None:
    settings = settings_with(
        tmp_path, 'theme = "nord"\n[keys]\n"board.cancel" = "x"\ntasks.retry = "R"\nsubmit = "N"\n'
    )
    assert read_dashboard(settings) == (
        "nord",
        {"board.cancel": "x", "tasks.retry": "R", "submit": "N"},
    )
    preferences = read_preferences(settings)
    assert (preferences.theme, preferences.problems) == ("nord", ())
    assert preferences.keymap.changed["workers.submit"] == ("N",)


def test_the_file_names_the_agents_and_endpoints_that_the_form_offers(tmp_path: Path) -> None:
    text = "[agents.aider]\ncommand = 3\n[agents.default]\n[endpoints.local]\n"
    preferences = read_preferences(settings_with(tmp_path, text))
    assert (preferences.agents, preferences.endpoints) == (("aider", "default"), ("local",))
    assert preferences.problems == ()


def test_a_file_of_agents_that_cannot_be_read_is_told_and_closes_no_dashboard(tmp_path: Path) -> None:
    agents = tmp_path / "agents.toml"
    agents.write_text("[agents")
    settings = settings_with(tmp_path, "").model_copy(update={"agents_file": agents})
    preferences = read_preferences(settings)
    assert preferences.agents == ()
    assert str(agents) in preferences.problems[0]


@pytest.mark.parametrize(
    ("text", "field"), [("theme = 3", "theme"), ("keys = 3", "keys"), ("colours = 1", "colours")]
)
def test_a_file_that_says_nonsense_is_refused_by_field(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_dashboard(settings_with(tmp_path, text))
    assert caught.value.field == field
