from __future__ import annotations

import json
from pathlib import Path

import pytest

from shraga_models import NewTask
from shraga_queue.errors import InvalidInput
from shraga_queue.taskfile import BadLine, parse_line, parse_lines, read_task_file

GOOD = json.dumps({"name": "a", "action": {"type": "shell", "command": "ls"}})


def bad(line: str | bytes) -> BadLine:
    found = parse_line(7, line)
    assert isinstance(found, BadLine)
    assert found.number == 7
    assert str(found).startswith("line 7: ")
    return found


def test_a_good_line_is_a_task() -> None:
    found = parse_line(1, GOOD)
    assert isinstance(found, NewTask)
    assert found.name == "a"


def test_blank_lines_are_passed_over_but_counted() -> None:
    found = list(parse_lines([GOOD, "", "  \n", "{"]))
    assert isinstance(found[0], NewTask)
    assert isinstance(found[1], BadLine)
    assert found[1].number == 4


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        ('{"name": "a",}', "line", "not valid JSON"),
        (b"\xff\xfe", "line", "UTF-8"),
        ("[" * 100_000, "line", ""),
        ("[1]", "line", "not a task"),
        ('{"name": "a"}', "action", "missing"),
        ('{"name": "", "action": {"type": "shell", "command": "ls"}}', "name", ""),
        ('{"name": "a", "action": {"type": "magic"}}', "action", "magic"),
        ('{"name": "a", "action": {"type": "python", "callable": "x"}}', "action.python.callable", ""),
        ('{"name": "a", "action": {"type": "shell", "command": "ls"}, "colour": 1}', "colour", "remove it"),
    ],
)
def test_a_bad_line_names_number_field_and_fix(line: str | bytes, field: str, said: str) -> None:
    found = bad(line)
    assert found.field == field
    assert said in found.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "not valid YAML"),
        ("- a\n- b\n", "holds no task"),
        ("", "holds no task"),
        ("1: a\n", "holds no task"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=said) as caught:
        read_task_file(file)
    assert caught.value.field == "file"
    assert str(file) in str(caught.value)


def test_a_missing_file_and_a_foreign_encoding_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        read_task_file(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe4\xff")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read_task_file(tmp_path / "latin.yaml")
