"""The JSON schema of every record."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from shraga_models import AuditEntry, Event, LogEntry, NewTask, Record, Run, Task, TaskStatus, User, Worker
from shraga_models.schema import json_schema

MODELS: list[type[BaseModel]] = [NewTask, Task, Run, User, Worker, Event, LogEntry, AuditEntry]


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("model", MODELS)
def test_record_has_a_json_schema_that_says_what_it_is(model: type[BaseModel], mode: str) -> None:
    schema = model.model_json_schema(mode=mode)  # type: ignore[arg-type]
    assert schema["title"] == model.__name__
    assert schema["description"]
    assert set(schema["properties"]) >= set(model.model_fields)


@pytest.mark.parametrize("model", [Task, User, Worker])
def test_record_requires_identity_and_authorship(model: type[BaseModel]) -> None:
    required = set(model.model_json_schema()["required"])
    assert required >= {name for name, field in Record.model_fields.items() if field.is_required()}


def test_schema_of_a_task_names_statuses_actions_and_the_seeds_code() -> None:
    schema = Task.model_json_schema(mode="serialization")
    assert schema["$defs"]["TaskStatus"]["enum"] == [status.value for status in TaskStatus]
    assert set(schema["$defs"]) >= {"Shell", "Http", "Python", "Limits", "Schedule", "TaskInput"}
    assert schema["properties"]["status_code"]["type"] == "integer"


def test_schema_of_a_new_task_refuses_unknown_fields_and_tells_what_fields_mean() -> None:
    schema = json_schema(NewTask)
    assert schema["additionalProperties"] is False
    assert "Seconds a run may take" in schema["$defs"]["Limits"]["properties"]["timeout"]["description"]
