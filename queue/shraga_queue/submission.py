"""What a submitter gives, checked: the first fault is named with its field and the fix."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ValidationError

from shraga_models import Action, NewTask
from shraga_models.base import SLUG
from shraga_models.faults import plain

from .errors import InvalidInput

JOB_DATA = ('["shraga_queue.rq_job.perform", null, ["', '"], {}]')
"""What RQ keeps as a job's call, before and after the task's id: a JSON list of function, instance, arguments."""


def build_task(name: str, action: Action, fields: dict[str, Any]) -> NewTask:
    """Return a checked task; raises InvalidInput naming the first bad field and the fix."""
    return check_task({"name": name, "action": action} | fields)


def check_task(fields: Any) -> NewTask:
    """Return the task a mapping describes; raises InvalidInput naming the first bad field and the fix."""
    try:
        return NewTask.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None


def check_owner(owner: str) -> str:
    """Return a user's name that may become part of a key; raises InvalidInput naming `owner` and the fix."""
    if not re.fullmatch(SLUG, owner):
        raise InvalidInput(
            "owner",
            f"owner: {owner[:80]!r} is no user name: use 1 to 64 letters, digits, '.', '_' or '-', "
            "a letter or digit first.",
        )
    return owner


def invalid(error: ValidationError, record: type[BaseModel] = NewTask) -> InvalidInput:
    """Return the first fault of a validation as an error that names the field and the fix."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "task"
    message = plain(first["msg"].removeprefix("Value error, "), field)
    head = message.split(" ")[0]
    if field == "task" and head.split(".")[0] in record.model_fields:
        field = head
    return InvalidInput(field, f"{field}: {message.rstrip('.')}.")


def job_data(task_id: str) -> str:
    """Return what RQ keeps as a job's call: a JSON list of function, instance, arguments."""
    return task_id.join(JOB_DATA)
