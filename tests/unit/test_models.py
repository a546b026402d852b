"""The records: limits, names, unions and their JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shraga_models import (
    MAX_FIELD_CHARACTERS,
    Action,
    Capability,
    CloudVM,
    Container,
    DeliveryStatus,
    DevBox,
    Http,
    Liveness,
    LocalMachine,
    NewTask,
    Permission,
    Priority,
    ProvisioningStatus,
    Python,
    Run,
    RunStatus,
    Schedule,
    Shell,
    Task,
    TaskInput,
    TaskKind,
    TaskSpec,
    TaskStatus,
    User,
    Worker,
    WorkerDetails,
    WorkerStatus,
    new_id,
    run_id,
)
from tests.factories import new_task, tasks_to_submit

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RECORD: dict[str, Any] = {
    "id": "i",
    "created_at": NOW,
    "updated_at": NOW,
    "created_by": "alice",
    "updated_by": "alice",
}


def stored(**fields: Any) -> Task:
    """Return a stored task."""
    asked = {"name": "n", "action": Shell("x"), "owner": "alice", "status": "queued", "moved_at": NOW}
    return Task.model_validate(RECORD | asked | fields)


# The size of a field


def of_size(field: str, size: int) -> Any:
    """Return a value of a field that takes `size` characters when stored."""
    match field:
        case "input":
            return TaskInput(description="x" * (size - len(TaskInput().model_dump_json())))
        case "context" | "metadata":
            return {"k": "x" * (size - len('{"k":""}'))}
        case "action":
            return Shell("x" * (size - len(Shell("x").model_dump_json()) + 1))
        case _:
            return "x" * size


SIZED = [
    "name", "description", "input", "context", "metadata", "action", "assignee", "parent_id", "workflow_id",
    "repository_url", "branch",
]  # fmt: skip


@pytest.mark.parametrize("field", SIZED)
def test_field_of_100_000_characters_is_accepted(field: str) -> None:
    fields = {"name": "n", "action": Shell("x")} | {field: of_size(field, MAX_FIELD_CHARACTERS)}
    assert getattr(NewTask.model_validate(fields), field) == fields[field]


@pytest.mark.parametrize("field", SIZED)
def test_field_of_100_001_characters_is_refused_with_its_name_and_size(field: str) -> None:
    fields = {"name": "n", "action": Shell("x")} | {field: of_size(field, MAX_FIELD_CHARACTERS + 1)}
    with pytest.raises(ValidationError, match=f"{field} has 100,001 characters, at most 100,000 are kept"):
        NewTask.model_validate(fields)


def test_size_is_counted_in_characters_not_bytes() -> None:
    assert new_task(description="ü" * MAX_FIELD_CHARACTERS).description
    assert new_task(context={"k": "ü" * (MAX_FIELD_CHARACTERS - 8)}).context


@pytest.mark.parametrize("field", ["context", "metadata"])
@pytest.mark.parametrize("value", [object(), "\ud800"], ids=["object", "surrogate"])
def test_what_is_no_json_is_refused_with_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"{field} holds what JSON cannot"):
        NewTask.model_validate({"name": "n", "action": Shell("x"), field: {"k": [value]}})


def test_text_that_is_no_unicode_is_refused_with_the_name_of_its_field() -> None:
    with pytest.raises(ValidationError, match="description holds what JSON cannot"):
        new_task(description="\ud800")


# What is asked of a task


@pytest.mark.parametrize("model", [NewTask, Shell, TaskInput, Schedule, DevBox])
def test_unknown_field_is_refused(model: Any) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate({"prioritty": "high"})


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u00a0"])
def test_name_without_a_visible_character_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        new_task(name)


@pytest.mark.parametrize("label", ["", "a b", "a,b", "a:b", "x" * 65, "a\n"])
def test_label_that_a_filter_could_not_name_is_refused(label: str) -> None:
    with pytest.raises(ValidationError, match="labels"):
        new_task(labels=[label])


@pytest.mark.parametrize("capability", ["", "-x", "a b", "a/b", "x" * 65, "a\n", "ä"])
def test_capability_that_is_no_slug_is_refused(capability: str) -> None:
    with pytest.raises(ValidationError, match="capability"):
        new_task(capability=capability)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schedule": {"at": "2030-01-01", "is_active": False}}, "a start time cannot be paused"),
    ],
)
def test_what_cannot_be_honoured_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        new_task(**fields)


# Codes and words


@pytest.mark.parametrize(
    ("code", "status"),
    enumerate(
        [
            "queued",
            "scheduled",
            "blocked",
            "awaiting_approval",
            "running",
            "waiting_for_input",
            "completed",
            "failed",
            "canceled",
            "skipped",
        ],
        start=1,
    ),
)
def test_status_codes_are_the_seeds_numbers(code: int, status: str) -> None:
    assert TaskStatus(status).code == code
    assert TaskStatus.from_code(code) is TaskStatus(status)


@pytest.mark.parametrize("code", [0, 11, -1])
def test_unknown_status_code_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match=f"status code {code} is unknown: it is 1 to 10"):
        TaskStatus.from_code(code)


def test_four_statuses_are_final() -> None:
    assert {status.value for status in TaskStatus if status.is_final} == {
        "completed",
        "failed",
        "canceled",
        "skipped",
    }


@pytest.mark.parametrize(
    ("enum", "words"),
    [
        (Priority, "critical high normal low"),
        (Permission, "autonomous supervised human_required"),
        (
            RunStatus,
            "pending claimed running suspended completed failed timeout canceled skipped expired lost",
        ),
        (WorkerStatus, "assigned executing done failed"),
        (DeliveryStatus, "pending sent delivered read failed"),
        (ProvisioningStatus, "provisioning ready busy failed deprovisioned"),
        (Liveness, "idle busy offline error"),
        (
            TaskKind,
            "general feature bugfix test docs refactor review reminder data_process query ai_orchestrated ai_execution",
        ),
    ],
)
def test_words_are_those_of_the_seeds(enum: Any, words: str) -> None:
    assert [member.value for member in enum] == words.split()


# Actions


@pytest.mark.parametrize(
    ("given_action", "expected"),
    [
        ({"type": "shell", "command": "ls"}, Shell("ls")),
        ({"type": "http", "url": "https://example.org"}, Http("https://example.org")),
        ({"type": "python", "callable": "a.b:c"}, Python("a.b:c")),
    ],
)
def test_action_is_told_apart_by_its_type(given_action: dict[str, str], expected: Any) -> None:
    assert TypeAdapter[Any](Action).validate_python(given_action) == expected


@pytest.mark.parametrize(
    "action", [{"type": "magic"}, {"command": "ls"}, {"type": "shell"}, {"type": "shell", "url": "x"}]
)
def test_action_of_no_known_shape_is_refused(action: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="action"):
        NewTask.model_validate({"name": "n", "action": action})


@pytest.mark.parametrize("command", ["", "a\0b"])
def test_command_that_no_shell_takes_is_refused(command: str) -> None:
    with pytest.raises(ValidationError, match="command"):
        Shell(command)


@pytest.mark.parametrize(
    "url", ["", "example.org", "ftp://example.org", "http://", "//x", "a:\0b", "http://a b"]
)
def test_address_that_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        Http(url)


@pytest.mark.parametrize("url", ["http://localhost:8/x?y", "https://example.org", "${env:BASE}/x"])
def test_address_is_kept_as_it_was_written(url: str) -> None:
    assert Http(url).url == url


@pytest.mark.parametrize("name", ["", "a", "a.b", ":f", "a:", "a b:c", "a:b:c", "1a:b", "a:b\n", "os.system"])
def test_callable_without_module_and_function_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="callable"):
        Python(name)


def test_callable_names_its_module() -> None:
    assert Python("a.b:c.d").module == "a.b"


@pytest.mark.parametrize("save_as", ["", "a/b", "/etc/passwd", "a\0"])
def test_file_name_that_leaves_the_folder_is_refused(save_as: str) -> None:
    with pytest.raises(ValidationError, match="save_as"):
        Http("http://x", save_as=save_as)


# Times


@pytest.mark.parametrize(
    "given_time",
    [
        datetime(2026, 1, 2, 3, 4, 5),
        datetime(2026, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1))),
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05Z",
        "2026-01-02T05:34:05+02:30",
    ],
)
def test_time_is_kept_in_utc_and_a_naive_one_is_utc(given_time: object) -> None:
    due = NewTask.model_validate({"name": "n", "action": Shell("x"), "due_at": given_time}).due_at
    assert due == NOW
    assert due is not None
    assert due.tzinfo is UTC


# Records


@given(tasks_to_submit)
@settings(max_examples=150, deadline=None)
def test_new_task_survives_json(new: NewTask) -> None:
    assert NewTask.model_validate_json(new.model_dump_json()) == new


@given(tasks_to_submit, st.sampled_from(TaskStatus), st.none() | st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_task_survives_json(new: NewTask, status: TaskStatus, progress: float | None) -> None:
    asked = {name: getattr(new, name) for name in TaskSpec.model_fields}
    task = stored(**asked, status=status, progress=progress)
    assert Task.model_validate_json(task.model_dump_json()) == task


@pytest.mark.parametrize(
    "record",
    [
        User(**RECORD, username="alice", settings={"theme": "dark"}, last_login_at=NOW),
        Worker(**RECORD, name="w", owner="a", last_seen=NOW, details=DevBox(url="https://box")),
        Run(id="t.1", task_id="t", attempt=1, fence=1, status=RunStatus.RUNNING, metrics={"a": 1}),
    ],
    ids=lambda record: type(record).__name__,
)
def test_record_survives_json(record: Any) -> None:
    assert type(record).model_validate_json(record.model_dump_json()) == record


def test_record_of_a_newer_version_is_read_without_what_is_not_known() -> None:
    assert stored(invented_later=1) == stored()


def test_task_as_json_carries_the_seeds_status_number() -> None:
    said = stored(status="failed").to_json_object()
    assert (said["status"], said["status_code"], said["moved_at"]) == ("failed", 8, "2026-01-02T03:04:05Z")


@pytest.mark.parametrize(
    ("details", "shape"),
    [
        ({"type": "dev_box", "url": "https://box", "pool_name": "p"}, DevBox),
        ({"type": "local_machine", "hostname": "h", "platform": "linux"}, LocalMachine),
        ({"type": "cloud_vm", "hostname": "h", "size": "large"}, CloudVM),
        ({"type": "container", "hostname": "h", "image": "i"}, Container),
    ],
)
def test_worker_details_have_a_shape_for_each_type(details: dict[str, str], shape: type) -> None:
    found = TypeAdapter[Any](WorkerDetails).validate_python(details)
    assert type(found) is shape
    assert Worker(**RECORD, name="w", owner="a", last_seen=NOW, details=found).type == details["type"]


@pytest.mark.parametrize(
    "details", [{"type": "dev_box"}, {"type": "phone"}, {"type": "container", "url": "x"}, {}]
)
def test_worker_details_of_another_shape_are_refused(details: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](WorkerDetails).validate_python(details)


@pytest.mark.parametrize("level", ["beginner", "intermediate", "advanced", "expert"])
def test_capability_has_a_level(level: str) -> None:
    assert Capability.model_validate({"name": "gpu", "level": level}).level == level


@pytest.mark.parametrize("username", ["", "a b", "a:b", "../x", "x" * 65])
def test_user_name_that_is_no_slug_is_refused(username: str) -> None:
    with pytest.raises(ValidationError, match="username"):
        User(**RECORD, username=username)


def test_run_is_named_after_its_task_and_lasts_from_start_to_end() -> None:
    run = Run(id=run_id("t", 2), task_id="t", attempt=2, fence=2, status=RunStatus.FAILED, started_at=NOW)
    assert (run.id, run.duration) == ("t.2", None)
    assert run.model_copy(update={"finished_at": NOW + timedelta(seconds=3)}).duration == 3.0


def test_records_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        stored().name = "another"  # type: ignore[misc]


def test_ids_are_sortable_by_the_time_they_were_made() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert all(one[14] == "7" for one in ids)


def test_numbers_and_truths_in_a_shell_tasks_environment_become_texts() -> None:
    env = {"PORT": 8080, "RATE": 1.5, "ON": True, "WORD": "x"}
    assert Shell.model_validate({"type": "shell", "command": "a", "env": env}).env == {
        "PORT": "8080",
        "RATE": "1.5",
        "ON": "true",
        "WORD": "x",
    }
    with pytest.raises(ValidationError):
        Shell.model_validate({"type": "shell", "command": "a", "env": {"A": [1]}})
