"""What a submitter gives, checked: the first fault is named with its field and the fix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

import shraga_models as models
from shraga_models import new_id
from shraga_models.base import SLUG
from shraga_models.faults import plain

from .errors import InvalidInput

if TYPE_CHECKING:
    from shraga_models import Action, NewTask


EDGES_AT_ONCE = 2_000
"""Prerequisites that one script call writes, unless a single task has more."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
JOB_DATA = ('["shraga_queue.rq_job.perform", null, ["', '"], {}]')
"""What RQ keeps as a job's call, before and after the task's id: a JSON list of function, instance, arguments."""


def build_task(name: str, action: Action, fields: dict[str, Any]) -> NewTask:
    """Return a checked task; raises InvalidInput naming the first bad field and the fix."""
    return check_task({"name": name, "action": action} | fields)


def check_task(fields: Any) -> NewTask:
    """Return the task a mapping describes; raises InvalidInput naming the first bad field and the fix."""
    try:
        return models.NewTask.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None


def is_id(name: str) -> bool:
    """Return whether a name is an id and not what a submitter calls a task."""
    return _UUID.fullmatch(name) is not None


def name_tasks(tasks: Iterable[NewTask], names: dict[str, str]) -> Iterator[tuple[NewTask, str]]:
    """Yield tasks with their ids; who depends on a task of `names` gets the id that stands for it there.

    `names` grows by what the submitter calls the tasks. Raises InvalidInput for a name given twice, and for a task that
    depends on itself.
    """
    for new in tasks:
        task_id = new.id if new.id and is_id(new.id) else new_id()
        if new.id:
            if new.id in names:
                raise InvalidInput(
                    "id", f"id: two tasks are called {new.id!r}: call each by a name of its own."
                )
            if any(one.task_id == new.id for one in new.depends_on):
                raise InvalidInput(
                    "depends_on", f"depends_on: {new.id!r} cannot wait for itself: leave it out."
                )
            names[new.id] = task_id
        if any(one.task_id in names for one in new.depends_on):
            known = [
                one.model_copy(update={"task_id": names.get(one.task_id, one.task_id)})
                for one in new.depends_on
            ]
            new = new.model_copy(update={"depends_on": tuple(known)})
        yield new, task_id


def in_chunks(tasks: Sequence[tuple[NewTask, str]], most: int) -> Iterator[list[tuple[NewTask, str]]]:
    """Yield tasks in parts of at most `most`, fewer where they wait for many others."""
    chunk: list[tuple[NewTask, str]] = []
    edges = 0
    for one in tasks:
        if chunk and (len(chunk) == most or edges + len(one[0].depends_on) > EDGES_AT_ONCE):
            yield chunk
            chunk, edges = [], 0
        chunk.append(one)
        edges += len(one[0].depends_on)
    if chunk:
        yield chunk


def check_owner(owner: str) -> str:
    """Return a user's name that may become part of a key; raises InvalidInput naming `owner` and the fix."""
    if not re.fullmatch(SLUG, owner):
        raise InvalidInput(
            "owner",
            f"owner: {owner[:80]!r} is no user name: use 1 to 64 letters, digits, '.', '_' or '-', "
            "a letter or digit first.",
        )
    return owner


def invalid(error: ValidationError, record: type[BaseModel] | None = None) -> InvalidInput:
    """Return the first fault of a validation as an error that names the field and the fix."""
    first = error.errors(include_url=False, include_input=False)[0]
    whole = (record or models.NewTask).__name__.removeprefix("New").lower()
    field = ".".join(str(part) for part in first["loc"]) or whole
    message = plain(first["msg"].removeprefix("Value error, "), field)
    head = message.split(" ")[0]
    if field == whole and head.split(".")[0] in (record or models.NewTask).model_fields:
        field = head
    return InvalidInput(field, f"{field}: {message.rstrip('.')}.")


def job_data(task_id: str) -> str:
    """Return what RQ keeps as a job's call: a JSON list of function, instance, arguments."""
    return task_id.join(JOB_DATA)
