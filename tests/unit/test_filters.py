"""The filter grammar, and each sentence it answers with."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shraga_models import TaskFilter, TaskStatus, parse_filter


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", TaskFilter()),
        ("   ", TaskFilter()),
        ("status:running", TaskFilter(status=("running",))),
        ("status:queued,running", TaskFilter(status=("queued", "running"))),
        ("status:queued status:failed", TaskFilter(status=("queued", "failed"))),
        ("status:queued,queued owner:a owner:a", TaskFilter(status=("queued",), owner=("a",))),
        ("kind:bugfix priority:high", TaskFilter(kind=("bugfix",), priority=("high",))),
        ("owner:alice label:nightly", TaskFilter(owner=("alice",), label=("nightly",))),
        ("worker:w1 capability:gpu id:0190", TaskFilter(worker=("w1",), capability=("gpu",), id=("0190",))),
        ("age>1h", TaskFilter(older_than=3600)),
        ("age<5m age>30s", TaskFilter(younger_than=300, older_than=30)),
        ("assignee:me,bob due:today,overdue", TaskFilter(assignee=("me", "bob"), due=("today", "overdue"))),
        ("due<2d due>1h", TaskFilter(due_within=172_800, due_after=3600)),
        ("due:none due<0", TaskFilter(due=("none",), due_within=0)),
        ("Fix LOGIN", TaskFilter(words=("fix", "login"))),
        ('"two words" x', TaskFilter(words=("two words", "x"))),
        ("status:running owner:alice kind:bugfix age>1h label:nightly text", TaskFilter(
            status=("running",), owner=("alice",), kind=("bugfix",), older_than=3600, label=("nightly",),
            words=("text",),
        )),
    ],
)  # fmt: skip
def test_filter_is_understood(line: str, expected: TaskFilter) -> None:
    assert parse_filter(line) == expected


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('a "b', "filter: a quote is not closed in 'a \"b'"),
        ("age:1h", "filter: 'age:1h' has no direction: write age>1h or age<5m"),
        ("age>soon", "filter: 'soon' is no duration: write 90s, 5m, 1h30m or 2d"),
        ("age>", "filter: '' is no duration: write 90s, 5m, 1h30m or 2d"),
        (
            "colour:red",
            "filter: 'colour' in 'colour:red' is unknown: use one of status, kind, priority, due, owner, label, "
            "worker, capability, id, assignee, age, or plain words",
        ),
        ("owner:", "filter: 'owner:' has no value: write owner:value"),
        ("owner>alice", "filter: 'owner>alice' has no value: write owner:value"),
        ("owner:a,,b", "filter: 'owner:a,,b' has no value: write owner:value"),
        (
            "status:done",
            "filter: 'done' is no status: use one of queued, scheduled, blocked, awaiting_approval, running, "
            "waiting_for_input, completed, failed, canceled, skipped",
        ),
        ("due:2d", "filter: '2d' is no due: use one of today, overdue, none, or write due<2d"),
        ("due:", "filter: 'due:' has no value: write due:value"),
        ("due<soon", "filter: 'soon' is no duration: write 90s, 5m, 1h30m or 2d"),
        ("priority:urgent", "filter: 'urgent' is no priority: use one of critical, high, normal, low"),
    ],
)
def test_fault_is_answered_with_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parse_filter(line)


@given(st.text())
def test_any_line_is_understood_or_answered(line: str) -> None:
    try:
        found = parse_filter(line)
    except ValueError as error:
        assert str(error).startswith("filter: ")
    else:
        assert isinstance(found, TaskFilter)


@pytest.mark.parametrize(
    ("line", "scan"),
    [
        ("", False),
        ("status:queued owner:a", False),
        ("x", True),
        ("label:a", True),
        ("age>1s owner:a,b", False),
        ("id:a", True),
        ("assignee:a", True),
        ("due:none", True),
        ("due<0", True),
        ("due>0", True),
    ],
)
def test_filter_says_whether_rows_have_to_be_looked_at(line: str, scan: bool) -> None:
    assert parse_filter(line).needs_scan is scan


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("owner:me,bob assignee:bob,me", "owner:ann,bob assignee:bob,ann"),
        ("due:today", "due:today"),
        ("due:overdue", f"due:overdue status:{','.join(one for one in TaskStatus if not one.is_final)}"),
        ("due:overdue status:failed", "due:overdue status:failed"),
        ("me", "me"),
    ],
)
def test_filter_means_what_its_user_says(line: str, meant: str) -> None:
    assert parse_filter(line).asked_by("ann") == parse_filter(meant)
