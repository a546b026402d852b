"""`shraga doc` and `shraga artifacts`, on a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shraga_models import Artifact, Evidence, TaskOutput
from shraga_queue.engine import Engine
from tests.factories import hire
from tests.integration.test_cli import House, home, house  # noqa: F401


@pytest.fixture
def style(house: House, tmp_path: Path) -> str:  # noqa: F811
    """The id of a document that was read from a file."""
    file = tmp_path / "style.md"
    file.write_text("# Style\n\nBe brief.\n")
    said = house(
        "doc",
        "add",
        "Style",
        "--file",
        str(file),
        "--type",
        "guide",
        "--tag",
        "style",
        "--repo",
        "https://h/r",
    )
    assert said.code == 0
    return said.out.strip()


def test_document_is_shown_and_listed(house: House, style: str) -> None:  # noqa: F811
    assert house("doc", "show", style).out == "# Style\n\nBe brief.\n\n"
    shown = house("doc", "show", "Style", "--json").json
    assert (shown["id"], shown["type"], shown["tags"], shown["version"]) == (style, "guide", ["style"], 1)
    (row,) = house("doc", "list", "--tag", "style", "--repo", "https://h/r.git").lines
    assert row.split("\t")[:6] == [style, "Style", "guide", "style", "https://h/r", "1"]
    assert house("doc", "--json").json == [shown | {"content": None}]
    assert house("doc", "list", "--repo", "", "--json").json == []


def test_document_is_edited_with_its_history(house: House, style: str) -> None:  # noqa: F811
    assert house("doc", "edit", style[-8:], "--text", "new", "--tag", "").out == f"version 2 of {style}\n"
    edited = house("doc", "show", style, "--json").json
    assert (edited["content"], edited["tags"], edited["title"], edited["type"]) == (
        "new",
        [],
        "Style",
        "guide",
    )
    assert house("doc", "show", style, "--version", "1").out.startswith("# Style")
    assert house("doc", "show", style, "--version", "1", "--json").json["by"] == "ann"
    assert [one["version"] for one in house("doc", "history", style, "--json").json] == [2, 1]
    assert [line.split("\t")[0] for line in house("doc", "history", style).lines] == ["2", "1"]
    late = house("doc", "edit", style, "--text", "late", "--of-version", "1", "--json")
    assert (late.code, json.loads(late.err)["error"]["kind"]) == (1, "refused")


def test_document_is_removed(house: House, style: str) -> None:  # noqa: F811
    assert house("doc", "remove", style, "--json").json == {"id": style, "removed": True}
    assert house("doc", "show", style).code == 3
    assert "there is no document yet" in house("doc", "list").err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("add", "T"), 2, "Give the content"),
        (("add", "T", "--text", "x", "--file", "y"), 2, "not both"),
        (("add", "T", "--file", "no-such-file"), 2, "--file no-such-file: it cannot be read"),
        (("add", "T", "--file", "/dev/null"), 2, "content: it is empty"),
        (("add", "T", "--text", "x", "--type", "poem"), 2, "type: it is none of those known"),
        (("edit", "x"), 2, "Say what changes"),
        (("edit", "x", "--text", "y"), 3, "There is no document 'x'"),
        (("history", "x"), 3, "There is no document 'x'"),
        (("show", "x", "--version", "0"), 2, "--version"),
    ],
)
def test_what_is_wrong_is_one_sentence(house: House, words: tuple[str, ...], code: int, says: str) -> None:  # noqa: F811
    said = house("doc", *words)
    assert (said.code, said.out) == (code, "")
    assert says in said.err


def test_binary_file_is_refused(house: House, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    said = house("doc", "add", "T", "--file", str(tmp_path / "x"))
    assert said.code == 2
    assert "it is no text in UTF-8" in said.err


def test_artifacts_of_a_task_are_listed(house: House, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "a.txt").write_text("hello")
    task_id = house.submit()
    assert "has handed over nothing" in house("artifacts", task_id).err
    measured = Artifact(name="a.txt", address=str(tmp_path / "a.txt"), size=5, sha256="ab" * 32)
    output = TaskOutput(deliverables=("a.txt", "b\x1b[31m"), evidence=Evidence(artifacts=(measured,)))
    hand = hire(Engine(house.shraga.driver))
    hand.commit(hand.claim(), output=output)
    said = house("artifacts", task_id)
    assert [line.split("\t") for line in said.lines] == [
        ["a.txt", "5", "text/plain", "ab" * 32, "here", str(tmp_path / "a.txt")], ["b", "", "", "", "", "b"],
    ]  # fmt: skip
    first, second = house("artifacts", task_id, "--json").json
    assert (first["sha256"], first["is_here"], first["task_id"]) == ("ab" * 32, True, task_id)
    assert (second["name"], second["size"]) == ("b\x1b[31m", None)


def test_submit_names_the_field_and_what_there_is_for_an_unknown_document(
    house: House,  # noqa: F811
    style: str,
    tmp_path: Path,
) -> None:
    said = house("submit", "x", "--shell", "true", "--document", "nope", "--json")
    error = json.loads(said.err)["error"]
    assert (said.code, error["kind"], error["field"]) == (2, "invalid_input", "documents")
    assert (
        f"no document 'nope'; give an id that `shraga doc list` shows: {style} ('Style')." in error["message"]
    )
    file = tmp_path / "ask.yaml"
    file.write_text("name: ask\ntask: {name: a, action: {type: shell, command: x}, documents: [nope]}\n")
    said = house("template", "run", str(file))
    assert (said.code, "no document 'nope'" in said.err) == (2, True)
    assert house("list", "--json").json == []
    assert house("submit", "x", "--shell", "true", "--document", style).code == 0
