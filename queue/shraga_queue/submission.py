"""What a submitter gives, checked: the first fault is named with its field and the fix."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from shraga_models import Action, NewTask

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


def invalid(error: ValidationError) -> InvalidInput:
    """Return the first fault of a validation as an error that names the field and the fix."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "task"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "is not a field of this record: remove it or correct its name"
    if field == "task" and "," not in (head := message.split(" ")[0]) and head in NewTask.model_fields:
        field = head
    return InvalidInput(field, f"{field}: {message}")


def job_data(task_id: str) -> str:
    """Return what RQ keeps as a job's call: a JSON list of function, instance, arguments."""
    return task_id.join(JOB_DATA)
