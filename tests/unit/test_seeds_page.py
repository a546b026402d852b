"""The page about the five seeds: each field it names is there, and no table of the seeds is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import shraga_models

PAGE = (Path(__file__).parents[2] / "docs/reference/seeds.md").read_text()
SECTIONS = re.split(r"^## \d\. ", PAGE, flags=re.MULTILINE)[1:]
TABLES = {
    "Shraga": "Tasks, Events, Workers, Users",
    "Aura": "Workflow, WorkflowStep, Conversation, AgentExecution",
    "AgentVine": "users, workers, tasks, work_orders, worker_assignments, executions, execution_logs, chat_messages, "
    "chat_attachments, context_documents, task_dependencies, worker_capabilities",
    "DataOps": "users, operator identities, tasks, status transitions, workflow bundles, projects, task templates, "
    "recurring task configurations, file metadata, notifications, reminders, sessions, artifacts, assistant jobs, "
    "audit events",
    "Scheduler": "tasks, task_runs, task_dependencies, users, task_permissions, events, task_event_triggers, "
    "user_preferences, audit_log",
}
"""The tables of each seed, or the entities where it names no tables."""
NAMED = re.compile(r"`([A-Z]\w*[a-z]\w*)?((?:\.[a-z_]+(?:\[\])?)*)`")
"""A record, a field of one, or, after a record of the same line, `.field` alone."""


def named_fields() -> Iterator[tuple[str, str]]:
    """Yield each record that the page names, with the path of the field, empty for the record itself."""
    for line in PAGE.splitlines():
        record = ""
        for found in NAMED.finditer(line):
            record = found[1] or record
            if found[1] or found[2]:
                yield record, found[2].replace("[]", "").strip(".")


def shapes_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a field's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from shapes_of(part)


def has(shape: type[BaseModel], path: str) -> bool:
    """Whether a model, or one of those that stand in its field, has a field or a derived value at the path."""
    name, _, rest = path.partition(".")
    field = shape.model_fields.get(name)
    if field is None:
        return not rest and isinstance(getattr(shape, name, None), property)
    return not rest or any(has(below, rest) for below in shapes_of(field.annotation))


@pytest.mark.parametrize(("record", "path"), sorted(set(named_fields())))
def test_field_that_the_page_names_is_there(record: str, path: str) -> None:
    shape = getattr(shraga_models, record)
    assert not path or has(shape, path)


def test_a_field_that_is_not_there_would_be_noticed() -> None:
    assert has(shraga_models.Task, "depends_on.task_id")
    assert not has(shraga_models.Task, "depends_on.nothing")
    assert not has(shraga_models.Task, "nothing")


@pytest.mark.parametrize(("seed", "section"), zip(TABLES, SECTIONS, strict=True))
def test_each_table_of_the_seed_has_its_lines(seed: str, section: str) -> None:
    assert section.startswith(seed)
    firsts = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    missing = [
        name for name in TABLES[seed].split(", ") if not any(re.search(rf"\b{name}\b", one) for one in firsts)
    ]
    assert missing == []
