"""The operations as flows: what they send and what they make of the answer, without a server."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from shraga_models import Limits, NewTask, Schedule, Shell, TaskStatus
from shraga_queue.calls import UNDER_WAY, Call, Flow, Passage, Stream
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.keys import Keys
from shraga_queue.operations import Operations
from shraga_queue.submission import build_task, check_task, job_data
from tests.factories import new_task

operations = Operations(Keys("p", "rq"), "alice")


def sent(flow: Flow[Any]) -> Call[Any]:
    """Return the first thing a flow sends, a single call."""
    call = next(flow)
    assert isinstance(call, Call)
    return call


def answer(flow: Flow[Any], reply: Any) -> Any:
    """Answer the first call of a flow and return its result."""
    call = sent(flow)
    with pytest.raises(StopIteration) as stop:
        flow.send(call.read(reply))
    return stop.value.value


# Submitting


def test_submit_sends_one_script_for_the_owner_by_the_user() -> None:
    call = sent(operations.submit(new_task("n", priority="high", capability="gpu"), "bob"))
    owner, actor, head, tail, task_id, capability, queue, name, at, expires, timeout = call.args[:11]
    assert (call.script, call.keys) == ("submit", (f"p:u:bob:t:{task_id!s}",))
    assert (owner, actor, capability, queue, name) == ("bob", "alice", "gpu", "p.gpu.high", b"n")
    assert (at, expires, timeout) == (0, 0, 3600)
    assert json.loads(f"{head!s}{task_id!s}{tail!s}") == ["shraga_queue.rq_job.perform", None, [task_id], {}]


@pytest.mark.parametrize(
    ("fields", "place", "value"),
    [
        ({"schedule": Schedule(at="2030-01-01T00:00:00Z")}, 8, 1893456000000),
        ({"limits": Limits(expires_in="1m")}, 9, 60000),
        ({"limits": Limits(timeout=0.5)}, 10, 1),
        ({"name": "ü" * 200}, 7, ("ü" * 120).encode()),
    ],
)
def test_submit_sends_times_in_the_script_s_units(fields: dict[str, Any], place: int, value: object) -> None:
    assert sent(operations.submit(new_task(**fields))).args[place] == value


@pytest.mark.parametrize("owner", ["a b", "\x1b[2J", "-x", "a:t:b", "a\n", "ü", "x" * 65])
def test_an_owner_that_is_no_name_is_refused_before_anything_is_sent(owner: str) -> None:
    with pytest.raises(InvalidInput, match=r"^owner: .* use 1 to 64 letters, digits") as caught:
        next(operations.submit(new_task(), owner))
    assert caught.value.field == "owner"


def test_submitted_task_is_returned_as_it_was_stored() -> None:
    schedule = Schedule(at="2030-01-01T00:00:00Z")
    task = answer(operations.submit(new_task("n", labels=["a"], schedule=schedule)), [1000, b"scheduled"])
    assert (task.name, task.labels, task.owner, task.created_by) == ("n", ("a",), "alice", "alice")
    assert (task.status, task.next_run_at, task.moved_at.timestamp()) == (
        TaskStatus.SCHEDULED,
        schedule.at,
        1,
    )


def test_many_tasks_are_a_stream_of_calls_in_their_order() -> None:
    flow = operations.submit_many([new_task(f"n{number}") for number in range(101)])
    stream = next(flow)
    assert isinstance(stream, Stream)
    answers = [
        call.read([1000, *[b"queued"] * size]) for call, size in zip(stream.calls, (50, 50, 1), strict=True)
    ]
    with pytest.raises(StopIteration) as stop:
        flow.send(answers)
    assert [task.name for task in stop.value.value] == [f"n{number}" for number in range(101)]


def test_as_many_tasks_as_fit_a_call_are_one() -> None:
    assert len(answer(operations.submit_many([new_task()] * 50), [1000, *[b"queued"] * 50])) == 50


@pytest.fixture
def passage() -> Passage:
    """A few calls more than may be under way."""
    return Passage(Stream(Call(lambda reply: reply, command=(number,)) for number in range(UNDER_WAY + 5)))


def sendable(passage: Passage) -> list[Any]:
    """Send what may be sent; returns which."""
    return [call.command[0] for call in iter(passage.next_to_send, None)]


def test_a_stream_has_a_bounded_number_of_calls_under_way(passage: Passage) -> None:
    assert sendable(passage) == list(range(UNDER_WAY))
    passage.take("first")
    assert sendable(passage) == [UNDER_WAY]
    while passage.oldest is not None:
        passage.take("next")
        sendable(passage)
    assert passage.answers == ["first", *["next"] * (UNDER_WAY + 4)]


def test_what_is_not_answered_is_sent_again_after_a_loss(passage: Passage) -> None:
    sendable(passage)
    passage.take("first")
    passage.restart()
    assert sendable(passage) == list(range(1, UNDER_WAY + 1))
    assert passage.oldest is not None
    assert passage.oldest.command == (1,)


def test_no_tasks_send_nothing() -> None:
    with pytest.raises(StopIteration) as stop:
        next(operations.submit_many([]))
    assert stop.value.value == []


# Errors that name the field


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": ""}, "name", "name: it is empty: write something."),
        ({"name": 7}, "name", "name: it is no text: write it in quotes."),
        ({"capability": "a b"}, "capability", "use 1 to 64 letters, digits, '.', '_' or '-'"),
        (
            {"limits": {"timeout": "90d"}},
            "limits.timeout",
            "limits.timeout: it is too large: give at most 30d.",
        ),
        ({"limits": {"timeout": 0}}, "limits.timeout", "it is too small: give more than 0s."),
        ({"limits": {"log_bytes": 5}}, "limits.log_bytes", "it is too small: give at least 1,024 bytes."),
        ({"limits": {"retries": "many"}}, "limits.retries", "it is no whole number: write one such as 3."),
        ({"limits": 5}, "limits", "limits: it is no object: write it as {name: value}."),
        (
            {"context": {"a": [{"b": float("inf")}]}},
            "context",
            "context: a.0.b is a number that JSON has not",
        ),
        (
            {"action": {"type": "python", "callable": "a:b", "args": {"x": float("nan")}}},
            "action.python.args",
            "action.python.args: x is a number that JSON has not: give a finite one, or a text.",
        ),
        (
            {"action": {"type": "http", "url": "http://x", "json_body": float("inf")}},
            "action.http.json_body",
            "it is",
        ),
        (
            {"action": {"type": "python", "callable": "a b"}},
            "action.python.callable",
            "write package.module:function.",
        ),
        (
            {"action": {"type": "http", "url": "http://x", "save_as": "a/b"}},
            "action.http.save_as",
            "name of a file",
        ),
        ({"action": {}}, "action", "action: it says no type: add one, such as type: shell."),
        ({"due_at": "soon"}, "due_at", "due_at: it is no time: write 2030-01-31T08:00"),
        ({"name": "x" * 100_001}, "name", "name has 100,001 characters"),
        ({"context": {"k": "x" * 100_001}}, "context", "context has 100,009 characters"),
        ({"context": {"k": object()}}, "context", "context holds what JSON cannot"),
        ({"prioritty": "high"}, "prioritty", "is not a field of this record: remove it or correct its name"),
        ({"priority": "urgent"}, "priority", "'critical', 'high', 'normal' or 'low'"),
        ({"limits": {"timeout": "soon"}}, "limits.timeout", "is no duration"),
        ({"schedule": {}}, "schedule", "give exactly one of cron, interval, at and on"),
        ({"labels": ["a b"]}, "labels.0", "labels.0: use 1 to 64 characters without blanks"),
        ({"action": {"type": "magic"}}, "action", "action: its type 'magic' is unknown: use one of 'shell'"),
    ],
)
def test_bad_field_is_named_with_what_is_wrong(fields: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)) as caught:
        check_task({"name": "n", "action": {"type": "shell", "command": "x"}} | fields)
    assert caught.value.field == field
    assert str(caught.value).startswith(field)
    assert not isinstance(caught.value, ValidationError)


def test_task_is_built_of_name_action_and_fields() -> None:
    assert build_task("n", Shell("x"), {"priority": "low"}) == NewTask(
        name="n", action=Shell("x"), priority="low"
    )


def test_job_data_is_json_and_holds_no_pickle() -> None:
    assert job_data("t") == '["shraga_queue.rq_job.perform", null, ["t"], {}]'


# Reading and acting


def test_unknown_task_is_not_found_with_a_way_on() -> None:
    flow = operations.get("nope")
    next(flow)
    with pytest.raises(NotFound, match="There is no task 'nope'; `shraga list` shows the ones there are"):
        flow.send(None)


def test_bad_filter_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidInput, match="'colour' in 'colour:red' is unknown") as caught:
        next(operations.find_rows("colour:red"))
    assert caught.value.field == "filter"


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        ([b"missing", b""], NotFound, "There is no task 't'"),
        ([b"ended", b"failed"], Refused, "The task t is failed already; there is nothing to cancel"),
    ],
)
def test_cancel_says_why_it_cannot(reply: list[bytes], error: type[Exception], said: str) -> None:
    flow = operations.ask_cancel("t", "why")
    assert sent(flow).args == ("t", "alice", "why")
    with pytest.raises(error, match=said):
        flow.send(reply)


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        ([b"missing", b"", b""], NotFound, "There is no worker 'w'"),
        ([b"gone", b"i", b""], Refused, "The worker 'w' is not running"),
        ([b"stopping", b"i", b""], Refused, "The worker 'w' is stopping already"),
    ],
)
def test_worker_mode_says_why_it_cannot(reply: list[bytes], error: type[Exception], said: str) -> None:
    from shraga_models import WorkerMode

    flow = operations.set_worker_mode("w", WorkerMode.DRAINING)
    assert sent(flow).args == ("w", "draining", "alice")
    with pytest.raises(error, match=said):
        flow.send(reply)


def test_words_of_a_filter_are_told_apart_even_where_they_hold_a_comma() -> None:
    call = sent(operations.find_rows('status:queued "a,b" c'))
    assert call.args[11:] == ("word", "a,b", "word", "c")


def test_words_are_sent_in_each_case_that_lua_cannot_make() -> None:
    assert sent(operations.find_rows("status:queued ÄrgeR")).args[11:] == ("word", "ärger\0Ärger")


@pytest.mark.parametrize("tail", [None, 5])
def test_event_page_goes_on_from_its_last_event(tail: int | None) -> None:
    reply = [[b"2-0", [b"type", b"b"]], [b"1-0", [b"type", b"a"]]]
    page = answer(operations.events("bob", **({"tail": tail} if tail else {})), reply)
    assert ([event.type for event in page.events], page.last_id, page.gap) == (["a", "b"], "2-0", False)


def test_empty_event_page_goes_on_from_the_beginning() -> None:
    assert answer(operations.events(), []).last_id == "0-0"
