"""Tasks that were written down: one as YAML, many as JSON lines; checked before anything is submitted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shraga_models import NewTask

from .errors import InvalidInput
from .submission import check_task, is_id, name_tasks
from .yamlfile import read_yaml

LINE_EXAMPLE = '{"name": "...", "action": {"type": "python", "callable": "pkg.mod:func", "args": {}}}'


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no task: its number (from 1), the field to blame, and what to do."""

    number: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.message}"


def read_task_file(path: str | Path) -> dict[str, Any]:
    """Return the fields of the task in a YAML (or JSON) file, not yet checked; raises InvalidInput."""
    document = read_yaml(path).value
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise InvalidInput(
            "file", f"{path} holds no task: write its fields as `name: ...` and `action: ...`."
        )
    return document


def parse_line(number: int, line: str | bytes) -> NewTask | BadLine | None:
    """Return the task of one JSON line, what is wrong with it, or None where the line is blank."""
    if not line.strip():
        return None
    try:
        # Editors on Windows begin a file with a byte order mark.
        fields = json.loads(line.decode("utf-8-sig") if isinstance(line, bytes) else line)
    except UnicodeDecodeError:
        return BadLine(number, "line", "it is not UTF-8 text")
    except RecursionError:
        return BadLine(number, "line", "it is nested too deeply")
    except ValueError as error:
        said = getattr(error, "msg", "unreadable")
        return BadLine(number, "line", f"not valid JSON: {said} at column {getattr(error, 'colno', 1)}")
    if not isinstance(fields, dict):
        return BadLine(number, "line", f"not a task: write {LINE_EXAMPLE}")
    try:
        return check_task(fields)
    except InvalidInput as error:
        return BadLine(number, error.field, str(error))


def parse_lines(lines: Iterable[str | bytes]) -> Iterator[NewTask | BadLine]:
    """Yield the task of each JSON line, or what is wrong with it; blank lines are passed over.

    Lines may depend on earlier ones by the `id` that is given there, whatever it is.
    """
    names = dict[str, str]()
    for number, line in enumerate(lines, 1):
        parsed = parse_line(number, line)
        if isinstance(parsed, NewTask) and (parsed.id or parsed.depends_on):
            parsed = _named(number, parsed, names)
        if parsed is not None:
            yield parsed


def _named(number: int, parsed: NewTask, names: dict[str, str]) -> NewTask | BadLine:
    try:
        ((new, task_id),) = name_tasks([parsed], names)
    except InvalidInput as error:
        return BadLine(number, error.field, str(error))
    unknown = next((one.task_id for one in new.depends_on if not is_id(one.task_id)), None)
    if unknown is not None:
        names.pop(parsed.id or "", None)
        said = f"depends_on: no earlier line has the id {unknown!r}, and it is no id of a task: correct it"
        return BadLine(number, "depends_on", said)
    return new.model_copy(update={"id": task_id}) if new.id else new
