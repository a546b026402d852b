from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from shraga_tui.cli import output

EVIL = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202egnp.exe\r\n"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "to_terminal", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((20, 24)))


def test_a_table_is_aligned_and_cut_on_a_terminal(terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("A", "B"), [("one", "x"), ("漢字", "a long cell that does not fit")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A     B"
    assert lines[1] == "one   x"
    assert lines[2].endswith("…")
    assert all(output.width(line) <= 20 for line in lines)


@pytest.mark.parametrize(
    ("wanted", "room", "given"),
    [
        ([9, 8, 40, 5, 3, 12, 60], 200, [9, 8, 40, 5, 3, 12, 60]),
        ([9, 8, 40, 5, 3, 12, 60], 100, [9, 8, 25, 5, 3, 12, 25]),
        ([9, 8, 40, 5, 3, 12, 60], 80, [9, 8, 15, 5, 3, 12, 15]),
        ([9, 8, 40, 5, 3, 12, 60], 30, [9, 8, 12, 5, 3, 12, 12]),
    ],
)
def test_the_widest_columns_give_way_and_none_vanishes(
    wanted: list[int], room: int, given: list[int]
) -> None:
    assert output.fair_widths(wanted, room) == given


def test_a_table_is_tab_separated_and_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("A", "B"), [("one", "x" * 200)])
    assert capsys.readouterr().out == f"one\t{'x' * 200}\n"


def test_nothing_from_redis_acts_on_the_terminal() -> None:
    cell = output.cell(EVIL)
    assert "red" in cell
    assert not any(char in cell for char in "\x1b\x07\x9b\u202e\r\n")
    assert not any(char in output.clean_text(EVIL) for char in "\x1b\x07\x9b\u202e\r")


def test_json_on_a_terminal_is_escaped_and_in_a_pipe_it_is_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    value: dict[str, Any] = {"name": EVIL, "city": "Köln"}
    output.print_json(value)
    piped = capsys.readouterr().out
    monkeypatch.setattr(output, "to_terminal", lambda: True)
    output.print_json(value)
    shown = capsys.readouterr().out
    assert "Köln" in piped
    assert shown.isascii()
    assert json.loads(piped) == json.loads(shown) == value


def test_a_combining_sign_takes_no_cell() -> None:
    assert output.width("e\u0301") == 1
    assert output.fit("abc", 3) == "abc"
    assert output.fit("abcd", 3) == "ab…"


def test_talk_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("hello\x1b[2J")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "shraga: hello\n"
    assert sys.stdout is not None
