"""`shraga view` and `shraga list --view`: the views of the dashboard, without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shraga_queue.config import load_settings
from shraga_tui.preferences import read_preferences
from tests.integration.test_cli import House, home, house  # noqa: F401


@pytest.fixture(autouse=True)
def views(home: Path) -> Iterator[Path]:  # noqa: F811
    """The file of the user's own views, which is gone after the test."""
    path = home / "views.json"
    yield path
    path.unlink(missing_ok=True)


def test_a_view_is_saved_for_the_dashboard_too_listed_and_removed(house: House) -> None:  # noqa: F811
    assert house("view", "save", "nightly", "label:nightly", "status:failed").out == "saved nightly\n"
    own = {"name": "nightly", "filter": "label:nightly status:failed", "own": True}
    assert house("view", "list", "--json").json[-1] == own
    assert {"name": "mine", "filter": "owner:ann", "own": False} in house("view", "--json").json
    assert house("view").lines[-1] == "nightly\town\tlabel:nightly status:failed"
    (kept,) = read_preferences(load_settings()).views.own()
    assert (kept.name, kept.text) == ("nightly", "label:nightly status:failed")
    assert house("view", "save", "nightly", "label:night", "--json").json == own | {"filter": "label:night"}
    assert house("view", "remove", "nightly", "--json").json == {"name": "nightly", "removed": True}
    assert read_preferences(load_settings()).views.own() == ()


def test_list_shows_what_a_view_and_more_words_match(house: House) -> None:  # noqa: F811
    first = house.submit("first", labels=["nightly"])
    second = house.submit("second", labels=["nightly"])
    house.submit("third")
    house("view", "save", "nightly", "label:nightly")
    assert {one["id"] for one in house("list", "--view", "nightly", "--json").json} == {first, second}
    assert [one["id"] for one in house("list", "second", "--view", "nightly", "--json").json] == [second]
    assert len(house("list", "--view", "mine", "--json").json) == 3


def test_what_there_is_not_cannot_be_or_is_everybodys_is_refused(house: House, views: Path) -> None:  # noqa: F811
    for words in (("view", "remove", "nope"), ("list", "--view", "nope")):
        said = house(*words)
        assert (said.code, said.out) == (3, "")
        assert "no view 'nope'; there are 'all tasks', 'running'" in said.err
    assert house("view", "remove", "mine").code == 1
    error = json.loads(house("view", "save", "x", "colour:red", "--json").err)["error"]
    assert (error["kind"], error["field"]) == ("invalid_input", "filter")
    views.write_text("[]")
    said = house("view", "list")
    assert (said.code, "correct it" in said.err) == (2, True)
