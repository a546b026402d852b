"""Records to hashes and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shraga_models import NewTask, RunStatus, TaskSpec, TaskStatus, WorkerStatus
from shraga_queue import codec, stream_codec
from shraga_queue.errors import Unreadable
from tests.factories import new_task, tasks_to_submit

STORED = {
    "status": "queued", "owner": "alice", "queue": "p.any.normal", "attempt": "1", "run": "pending", "name": "n",
    "created_at": "1000", "moved_at": "2000", "updated_at": "3000", "created_by": "alice", "updated_by": "bob",
    "version": "4", "spec": '{"action":{"type":"shell","command":"x"}}',
}  # fmt: skip


def flat(got: dict[str, str]) -> list[bytes]:
    """Return a hash as a reply."""
    return [cell.encode() for pair in got.items() for cell in pair]


@given(tasks_to_submit)
@settings(max_examples=200, deadline=None)
def test_what_is_asked_survives_the_hash(new: NewTask) -> None:
    got = codec.pairs([cell.encode() for cell in codec.task_fields(new)])
    if new.capability != "any":
        got["capability"] = new.capability  # the script's own field
    asked = {name: getattr(new, name) for name in TaskSpec.model_fields}
    assert TaskSpec.model_validate(codec.read_spec(got)) == TaskSpec(**asked)


def test_defaults_are_left_out_of_the_hash() -> None:
    assert codec.task_fields(new_task("n")) == [
        "name", "n", "spec", '{"action":{"type":"shell","command":"true"}}',
    ]  # fmt: skip


def test_what_a_search_looks_at_is_there_a_second_time() -> None:
    new = new_task("n", assignee="alice", due_at="2030-01-01T00:00:00.123456+01:00")
    got = codec.pairs([cell.encode() for cell in codec.task_fields(new)])
    assert (got["assignee"], got["due"]) == ("alice", "1893452400123")
    spec = codec.read_spec(got)
    assert TaskSpec.model_validate(spec).due_at == new.due_at


def test_record_from_before_has_them_in_what_was_asked_alone() -> None:
    spec = json.loads(STORED["spec"]) | {"assignee": "bob", "due_at": "2030-01-01T00:00:00Z"}
    task = codec.read_task("i", STORED | {"spec": json.dumps(spec)})
    assert (task.assignee, task.due_at) == ("bob", datetime(2030, 1, 1, tzinfo=UTC))


def test_stored_task_is_read() -> None:
    task = codec.read_task("i", STORED)
    assert (task.id, task.status, task.version, task.updated_by) == ("i", TaskStatus.QUEUED, 4, "bob")
    assert task.moved_at.timestamp() == 2
    assert (task.assigned_worker, task.worker_status, task.output) == (None, None, None)


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        ("claimed", WorkerStatus.ASSIGNED),
        ("running", WorkerStatus.EXECUTING),
        ("completed", WorkerStatus.DONE),
        ("failed", WorkerStatus.FAILED),
        ("lost", WorkerStatus.FAILED),
    ],
)
def test_worker_status_follows_the_run(run: str, shown: WorkerStatus) -> None:
    task = codec.read_task("i", STORED | {"run": run, "worker": "w", "worker_name": "w.1.7"})
    assert (task.worker_status, task.assigned_worker) == (shown, "w.1.7")
    assert task.execution_details.worker_id == "w"


def test_due_time_is_told_only_of_a_scheduled_task() -> None:
    due = {"scheduled_at": "5000"}
    assert codec.read_task("i", STORED | due).next_run_at is None
    assert codec.read_task("i", STORED | due | {"status": "scheduled"}).next_run_at == codec.moment(5000)


def test_runs_are_the_archived_ones_and_the_current_one_in_order() -> None:
    earlier = {str(n): json.dumps({"attempt": n, "run": "failed", "exit_code": str(n)}) for n in (10, 2, 1)}
    reply = [9000, b"alice", flat(STORED | {"attempt": "11", "run": "claimed"}), flat(earlier), []]
    found = codec.read_task_with_runs("i", reply)
    assert isinstance(found, codec.TaskWithRuns)
    assert [run.id for run in found.runs] == ["i.1", "i.2", "i.10", "i.11"]
    assert [run.status for run in found.runs] == [RunStatus.FAILED] * 3 + [RunStatus.CLAIMED]
    assert (found.runs[1].exit_code, found.now.timestamp()) == (2, 9)


def test_unknown_task_is_none() -> None:
    assert codec.read_task_with_runs("i", None) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"spec": "{"}, "Expecting property name"),
        ({"spec": "[]"}, "list"),
        ({"status": "lost"}, "'lost' is not a valid TaskStatus"),
        ({"progress": "much"}, "could not convert string to float: 'much'"),
        ({"capability": "a b"}, "capability: use 1 to 64 letters"),
    ],
)
def test_a_record_that_is_not_what_it_should_be_says_what_is_wrong(wrong: dict[str, str], said: str) -> None:
    found = codec.read_task_with_runs("i", [9000, b"alice", flat(STORED | wrong), [], []])
    assert isinstance(found, Unreadable)
    assert str(found).startswith("The record of the task i cannot be read: ")
    assert said in str(found)


def test_a_record_without_a_field_names_it() -> None:
    found = codec.read_task_with_runs("i", [9000, b"alice", flat({"name": "n"}), [], []])
    assert "'attempt' is missing" in str(found)


def test_row_has_defaults_for_what_is_not_stored() -> None:
    row = codec.read_row([b"i", b"n", b"queued", b"alice", *[b""] * 21])
    assert (row.kind, row.priority, row.capability, row.labels) == ("general", "normal", "any", ())
    assert (row.progress, row.canceling, row.moved_at, row.due) == (None, False, 0, 0)


def test_event_is_read() -> None:
    event = stream_codec.read_event(
        [b"1000-1", [b"type", b"task.lost", b"task_id", b"t", b"attempt", b"2", b"by", b"w"]]
    )
    assert (event.id, event.at.timestamp(), event.type, event.attempt) == ("1000-1", 1, "task.lost", 2)
    assert (event.task_id, event.recipient, event.created_by) == ("t", None, "w")


def test_audit_entry_is_read() -> None:
    cells = {"actor": "a", "action": "cancel", "entity": "task", "entity_id": "t", "details": "why"}
    (entry,) = stream_codec.read_audit([[b"1000-0", flat(cells)]])
    assert (entry.actor, entry.before, entry.details) == ("a", "", {"content": "why"})


def test_log_line_is_read() -> None:
    (line,) = stream_codec.read_log(
        3, [[b"1000-0", flat({"source": "log", "message": "m", "metadata": '{"a":1}'})]]
    )
    assert (line.attempt, line.level, line.source, line.metadata) == (3, "info", "log", {"a": 1})


@pytest.mark.parametrize(("value", "text"), [(b"\xff\xc3\xbc", "\ufffdü"), (7, "7"), ("x", "x")])
def test_bytes_that_are_no_text_are_replaced_never_refused(value: Any, text: str) -> None:
    assert codec.text(value) == text


@given(st.dictionaries(st.text("abc", min_size=1), st.text("xyz")))
def test_reply_of_pairs_is_a_dictionary_in_either_protocol(got: dict[str, str]) -> None:
    assert codec.pairs(flat(got)) == got
    assert codec.pairs({name.encode(): value.encode() for name, value in got.items()}) == got


@pytest.mark.parametrize(
    "cells",
    [
        [b"a", b"", "\u00fc".encode(), b"\xff\xc3", b"z"],
        [b"with\0zero", b"b"],
        ["decoded", "already"],
        [],
    ],
)
def test_cells_decoded_together_are_as_decoded_one_by_one(cells: list[bytes | str]) -> None:
    assert codec.texts(cells) == [codec.text(cell) for cell in cells]
