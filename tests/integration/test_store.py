"""The store on a real server: what is accepted is kept, and each move changes everything it concerns at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis.connection
from redis.connection import AbstractConnection

from shraga_models import MOVES as LEGAL
from shraga_models import Limits, RunStatus, Schedule, Shell, Task, TaskOutput, TaskStatus, new_id
from shraga_queue.board import BoardQuery, Column
from shraga_queue.calls import Batch, Call, as_is
from shraga_queue.client import Shraga
from shraga_queue.engine import Claim, Engine, LogLine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from tests.factories import (
    Hand,
    Ledger,
    assert_agreement,
    bring_to,
    end_lease,
    execute,
    hire,
    lead_and_release,
    make_due,
    new_task,
)

MADE = [
    TaskStatus.QUEUED, TaskStatus.SCHEDULED, TaskStatus.RUNNING, TaskStatus.COMPLETED, TaskStatus.FAILED,
    TaskStatus.CANCELED, TaskStatus.SKIPPED,
]  # fmt: skip
FINAL = [status for status in MADE if status.is_final]


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch, shraga: Shraga) -> list[Any]:
    """What is sent from now on: one entry a round trip."""
    shraga.submit("warm the script cache", Shell("true"))
    seen: list[Any] = []
    send = AbstractConnection.send_packed_command

    def counted(self: AbstractConnection, command: Any, check_health: bool = True) -> Any:
        seen.append(command)
        return send(self, command, check_health)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    return seen


def tail(shraga: Shraga, stream: str, **parts: str) -> int:
    """Return how many entries a stream has ever had."""
    return int(execute(shraga, "XLEN", shraga.driver.keys.make(stream, **parts)))


# Submitting


def test_submit_is_one_round_trip(shraga: Shraga, sends: list[Any]) -> None:
    shraga.submit("n", Shell("true"), priority="high", labels=["a"], limits=Limits(expires_in=60))
    assert len(sends) == 1


def test_submit_that_names_documents_is_one_round_trip_too(shraga: Shraga, sends: list[Any]) -> None:
    known = shraga.documents.add(title="Style", content="# Style").id
    shraga.submit("warm the script cache", Shell("true"), documents=[known])
    del sends[:]
    shraga.submit("n", Shell("true"), documents=[known])
    assert len(sends) == 1


@pytest.mark.parametrize(("tasks", "calls"), [(1, 1), (50, 1), (500, 10), (501, 11)])
def test_many_tasks_are_submitted_in_few_calls(
    shraga: Shraga, sends: list[Any], tasks: int, calls: int
) -> None:
    accepted = shraga.submit_many([new_task(f"n{i}") for i in range(tasks)])
    assert len(sends) == calls
    assert shraga.counts().by_status[TaskStatus.QUEUED] == tasks + 1
    assert [task.name for task in accepted] == [f"n{i}" for i in range(tasks)]


def test_read_back_task_is_the_one_that_submit_returned(shraga: Shraga) -> None:
    submitted = shraga.submit(
        "Grüße 世界", Shell("echo ${env:X}", env={"A": "b"}), description="d", kind="bugfix", priority="critical",
        capability="gpu", labels=["a", "b"], context={"k": [1, None, {"x": 1.5}]}, due_at="2030-01-01T00:00:00",
        limits={"timeout": "5m", "retries": 2}, order=3, branch="main",
    )  # fmt: skip
    assert shraga.get(submitted.id) == submitted


def test_same_id_twice_adds_nothing(shraga: Shraga) -> None:
    flow = shraga.operations.submit(new_task("once"))
    call = next(flow)
    assert isinstance(call, Call)
    (first,), (again,) = shraga.driver.call(call), shraga.driver.call(call)
    assert (first.id, first.status) == (again.id, again.status) == (first.id, TaskStatus.QUEUED)
    assert shraga.counts().total == 1
    assert (tail(shraga, "events"), tail(shraga, "audit")) == (1, 1)
    assert_agreement(shraga)


def test_first_task_of_an_owner_creates_the_user_once(shraga: Shraga) -> None:
    keys = shraga.driver.keys
    shraga.submit("n", Shell("true"), owner="alice")
    created = execute(shraga, "HGET", keys.make("user", owner="alice"), "created_at")
    shraga.submit("n", Shell("true"), owner="alice")
    assert execute(shraga, "ZRANGE", keys.make("users"), 0, -1) == [b"alice"]
    assert execute(shraga, "HGET", keys.make("user", owner="alice"), "created_at") == created


def test_task_is_its_owner_s_and_made_by_its_submitter(shraga: Shraga) -> None:
    task = shraga.submit("n", Shell("true"), owner="alice")
    assert (task.owner, task.created_by) == ("alice", "tester")
    assert [row.id for row in shraga.find_rows("owner:alice")] == [task.id]
    assert shraga.find_rows("owner:tester") == []


def test_task_with_a_start_time_is_scheduled_and_due_then(shraga: Shraga) -> None:
    task = shraga.submit("n", Shell("true"), schedule=Schedule(at="2099-01-01T00:00:00Z"))
    assert task.status is TaskStatus.SCHEDULED
    assert shraga.get(task.id).next_run_at == task.next_run_at
    assert Ledger(shraga.driver).due == {task.id: 4070908800000}
    assert_agreement(shraga)


def test_task_whose_start_time_has_passed_is_queued(shraga: Shraga) -> None:
    assert shraga.submit("n", Shell("true"), schedule=Schedule(at="1999-01-01")).status is TaskStatus.QUEUED
    assert Ledger(shraga.driver).due == {}


@pytest.mark.parametrize("start", [None, 4070908800000])
def test_task_that_expires_is_due_for_it_counted_from_its_start(shraga: Shraga, start: int | None) -> None:
    schedule = Schedule(at=start / 1000) if start else None
    task = shraga.submit("n", Shell("true"), limits=Limits(expires_in=60), schedule=schedule)
    began = start or int(task.created_at.timestamp() * 1000)
    assert Ledger(shraga.driver).due[f"expire:{task.id}"] == began + 60_000


def test_refused_task_leaves_no_trace(shraga: Shraga) -> None:
    with pytest.raises(InvalidInput, match="context holds what JSON cannot"):
        shraga.submit("n", Shell("true"), context={"k": object()})
    assert shraga.counts().total == 0


@pytest.mark.parametrize("value", ["x" * 100_000, "\0", "\x1b[31m", "\u202e", "🎉" * 50], ids=range(5))
def test_any_text_is_kept_as_it_is(shraga: Shraga, value: str) -> None:
    task = shraga.submit(f"n{value[:99_999]}", Shell("true"), description=value)
    assert shraga.get(task.id).description == value
    assert shraga.find_rows()[0].id == task.id


# Cancelling


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.SCHEDULED, TaskStatus.BLOCKED])
def test_waiting_task_is_canceled_at_once(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    task = bring_to(shraga, hand, status)
    canceled = shraga.cancel(task.id, "not needed")
    assert (canceled.status, canceled.cancel_requested_by, canceled.cancel_reason) == (
        TaskStatus.CANCELED, "tester", "not needed",
    )  # fmt: skip
    assert shraga.runs(task.id)[-1].status is RunStatus.CANCELED
    assert hand.try_claim() is None
    assert_agreement(shraga)


def test_running_task_is_asked_to_stop_and_its_worker_is_told(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.RUNNING)
    channel = shraga.driver.keys.make("rq_commands", rq_worker=hand.name)
    with shraga.driver.connection.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(channel)
        pubsub.get_message(timeout=1)
        answer = shraga.driver.run(shraga.operations.ask_cancel(task.id, "wrong"))
        message = pubsub.get_message(timeout=5)
    assert answer == ("asked", TaskStatus.RUNNING)
    assert json.loads(message["data"]) == {"command": "stop-job", "job_id": task.id, "by": "shraga"}
    found = shraga.get(task.id)
    assert (found.status, found.cancel_requested_by, found.cancel_reason) == (
        TaskStatus.RUNNING,
        "tester",
        "wrong",
    )
    assert_agreement(shraga)


def test_second_request_to_stop_changes_nothing_but_tells_the_worker_again(
    shraga: Shraga, hand: Hand
) -> None:
    task = bring_to(shraga, hand, TaskStatus.RUNNING)
    shraga.driver.run(shraga.operations.ask_cancel(task.id, "first"))
    told = tail(shraga, "events"), tail(shraga, "audit")
    shraga.driver.run(shraga.operations.ask_cancel(task.id, "second"))
    assert shraga.get(task.id).cancel_reason == "first"
    assert (tail(shraga, "events"), tail(shraga, "audit")) == told


def cancel_while(shraga: Shraga, task_id: str, act: Callable[[], object]) -> Task:
    """Cancel a running task; `act` happens right after it was asked to stop."""
    driver, call = shraga.driver, shraga.driver.call

    def acting(wanted: Call[Any]) -> Any:
        answer = call(wanted)
        if wanted.script == "cancel":
            act()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "call", acting)
        return shraga.cancel(task_id, timeout=30)


@pytest.mark.parametrize("outcome", [RunStatus.CANCELED, RunStatus.FAILED, RunStatus.TIMEOUT])
def test_cancel_returns_once_the_stop_is_confirmed(shraga: Shraga, hand: Hand, outcome: RunStatus) -> None:
    shraga.submit("n", Shell("true"))
    claim = hand.claim()
    task = cancel_while(shraga, claim.task_id, lambda: hand.commit(claim, outcome))
    assert task.status is TaskStatus.CANCELED


def test_cancel_says_when_the_task_completed_before_it_could_be_stopped(shraga: Shraga, hand: Hand) -> None:
    shraga.submit("n", Shell("true"))
    claim = hand.claim()
    with pytest.raises(Refused, match="completed before it could be stopped"):
        cancel_while(shraga, claim.task_id, lambda: hand.commit(claim))


def test_cancel_that_is_not_confirmed_in_time_says_so(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.RUNNING)
    with pytest.raises(Refused, match="was asked to stop but is still running; look again later"):
        shraga.cancel(task.id, timeout=0.01)


@pytest.mark.parametrize("status", FINAL)
def test_ended_task_cannot_be_canceled(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    task = bring_to(shraga, hand, status)
    with pytest.raises(Refused, match=f"is {status} already; there is nothing to cancel"):
        shraga.cancel(task.id)
    assert shraga.get(task.id) == task


# Running again


@pytest.mark.parametrize("status", FINAL)
def test_ended_task_is_run_again_as_a_new_attempt(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    task = bring_to(shraga, hand, status)
    again = shraga.retry(task.id)
    before, now = shraga.runs(task.id)
    assert (again.status, again.attempt, again.failures, again.error) == (TaskStatus.QUEUED, 2, 0, "")
    assert (again.cancel_requested_by, again.progress, again.started_at) == (None, None, None)
    assert (before.attempt, before.status) == (
        1,
        RunStatus.EXPIRED if status == "skipped" else RunStatus(status.value),
    )
    assert (now.attempt, now.status, now.triggered_by) == (2, RunStatus.PENDING, "manual")
    assert hand.claim().attempt == 2
    assert_agreement(shraga)


def test_history_of_runs_is_kept_over_many_attempts(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.FAILED)
    for code in (2, 3):
        shraga.retry(task.id)
        hand.commit(hand.claim(), RunStatus.FAILED, exit_code=code, error=f"code {code}", metrics={"n": code})
    runs = shraga.runs(task.id)
    assert [(run.attempt, run.exit_code, run.error) for run in runs] == [
        (1, None, "why"),
        (2, 2, "code 2"),
        (3, 3, "code 3"),
    ]
    assert runs[1].metrics == {"n": 2}
    assert all(run.claimed_at and run.finished_at and run.worker_id == hand.worker_id for run in runs)


def test_waiting_for_its_next_run_a_task_shows_nothing_of_the_worker_it_had(
    shraga: Shraga, hand: Hand
) -> None:
    task = bring_to(shraga, hand, TaskStatus.FAILED)
    again = shraga.retry(task.id)
    (row,) = shraga.find_rows()
    assert (again.assigned_worker, again.worker_status, again.last_worker_ping) == (None, None, None)
    assert (row.worker, row.started_at, row.thought) == ("", 0, "")
    assert shraga.find_rows("worker:w1") == []


def test_scheduled_task_is_run_now_in_the_attempt_it_has(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.SCHEDULED)
    now = shraga.retry(task.id)
    assert (now.status, now.attempt, now.next_run_at) == (TaskStatus.QUEUED, 1, None)
    assert hand.claim().task_id == task.id
    assert_agreement(shraga)


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.RUNNING])
def test_task_that_waits_or_runs_is_not_run_again(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    task = bring_to(shraga, hand, status)
    with pytest.raises(
        Refused, match=f"is {status}; only an ended, a scheduled or a blocked task can be run again"
    ):
        shraga.retry(task.id)
    assert shraga.get(task.id) == task


# Unknown


@pytest.mark.parametrize(
    "ask",
    [
        lambda shraga: shraga.get("nope"),
        lambda shraga: shraga.runs("nope"),
        lambda shraga: shraga.cancel("nope"),
        lambda shraga: shraga.retry("nope"),
        lambda shraga: shraga.wait("nope"),
        lambda shraga: shraga.logs("nope"),
    ],
    ids=["get", "runs", "cancel", "retry", "wait", "logs"],
)
def test_unknown_task_is_not_found(shraga: Shraga, ask: Callable[[Shraga], object]) -> None:
    with pytest.raises(NotFound, match="There is no task 'nope'; `shraga list` shows the ones there are"):
        ask(shraga)
    assert execute(shraga, "KEYS", f"{shraga.driver.keys.prefix}:*") == []


# One move, one event; one audit entry where a person decided

MOVES: dict[str, tuple[TaskStatus, str, Callable[[Shraga, Hand, str], object]]] = {
    "claim": (TaskStatus.QUEUED, "task.started", lambda shraga, hand, task: hand.claim()),
    "cancel": (TaskStatus.QUEUED, "task.canceled", lambda shraga, hand, task: shraga.cancel(task)),
    "run_now": (TaskStatus.SCHEDULED, "task.queued", lambda shraga, hand, task: shraga.retry(task)),
    "retry": (TaskStatus.FAILED, "task.queued", lambda shraga, hand, task: shraga.retry(task)),
    "complete": (
        TaskStatus.RUNNING,
        "task.completed",
        lambda shraga, hand, task: commit(hand, task, RunStatus.COMPLETED),
    ),
    "fail": (
        TaskStatus.RUNNING,
        "task.failed",
        lambda shraga, hand, task: commit(hand, task, RunStatus.FAILED),
    ),
    "release": (TaskStatus.SCHEDULED, "task.queued", lambda shraga, hand, task: release(shraga, hand, task)),
    "expire": (
        TaskStatus.QUEUED,
        "task.skipped",
        lambda shraga, hand, task: release(shraga, hand, f"expire:{task}"),
    ),
}


def commit(hand: Hand, task_id: str, status: RunStatus) -> str:
    """End the run of a task that was claimed before."""
    found = hand.engine.limits_of(task_id)
    assert found is not None
    spec = new_task(limits=found[0]).model_dump_json()
    return hand.commit(Claim(task_id, "tester", 1, 1, {"spec": spec}), status)


def release(shraga: Shraga, hand: Hand, member: str) -> object:
    make_due(shraga, member)
    return lead_and_release(hand.engine)


@pytest.mark.parametrize("move", MOVES)
def test_move_is_told_once_and_audited_where_a_person_decided(shraga: Shraga, hand: Hand, move: str) -> None:
    status, event, make = MOVES[move]
    task = bring_to(shraga, hand, status, **({"limits": Limits(expires_in=60)} if move == "expire" else {}))
    before = tail(shraga, "events"), tail(shraga, "user_events", owner="tester"), tail(shraga, "audit")
    make(shraga, hand, task.id)
    after = tail(shraga, "events"), tail(shraga, "user_events", owner="tester"), tail(shraga, "audit")
    assert [now - then for then, now in zip(before, after, strict=True)] == [1, 1, LEGAL[move].is_audited]
    assert [one.type for one in shraga.events(tail=1) + shraga.events(owner="tester", tail=1)] == [
        event,
        event,
    ]
    now = shraga.get(task.id)
    (entry,) = shraga.audit(tail=1)
    said = (entry.action, entry.entity_id, entry.before, entry.after)
    assert (said == (move, task.id, status, now.status)) == LEGAL[move].is_audited
    assert now.version == task.version + 1
    assert_agreement(shraga)


def test_submit_is_told_once_to_everyone_and_audited_once(shraga: Shraga) -> None:
    task = shraga.submit("n", Shell("true"), owner="alice")
    (event,), (own,), (entry,) = shraga.events(), shraga.events(owner="alice"), shraga.audit()
    assert (event.type, event.task_id, event.recipient, event.task_status) == (
        "task.submitted",
        task.id,
        "alice",
        "queued",
    )
    assert (own.type, own.task_id) == (event.type, event.task_id)
    assert (entry.action, entry.actor, entry.entity_id, entry.after) == (
        "submit",
        "tester",
        task.id,
        "queued",
    )


def test_another_owner_is_told_nothing(shraga: Shraga) -> None:
    shraga.submit("n", Shell("true"), owner="alice")
    assert shraga.events(owner="bob") == []


@pytest.mark.parametrize("status", MADE)
def test_record_indexes_leases_due_times_and_rq_agree(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    bring_to(shraga, hand, status)
    assert_agreement(shraga)
    assert shraga.counts().by_status[status] == shraga.counts("tester").by_status[status] == 1
    assert shraga.counts().total == 1


# Looking changes nothing

READS: dict[str, Callable[[Shraga, str], object]] = {
    "get": lambda shraga, task: shraga.get(task),
    "runs": lambda shraga, task: shraga.runs(task),
    "find": lambda shraga, task: shraga.find("age<1d a"),
    "find_rows": lambda shraga, task: shraga.find_rows("owner:tester"),
    "board": lambda shraga, task: shraga.board(
        BoardQuery((Column(("queued", "failed"), 1, 5), Column(("running",))))
    ),
    "counts": lambda shraga, task: shraga.counts(),
    "logs": lambda shraga, task: shraga.logs(task),
    "tail of logs": lambda shraga, task: shraga.logs(task, tail=1),
    "events": lambda shraga, task: shraga.events(),
    "events_after": lambda shraga, task: shraga.driver.run(shraga.operations.events_after("0-1")),
    "more_events": lambda shraga, task: shraga.driver.run(shraga.operations.more_events("0-0", None, 1)),
    "audit": lambda shraga, task: shraga.audit(),
    "workers": lambda shraga, task: shraga.workers(),
    "wait": lambda shraga, task: shraga.wait(task, 0.01),
    "now": lambda shraga, task: shraga.driver.run(shraga.operations.now()),
    "expired leases": lambda shraga, task: Engine(shraga.driver).expired_leases(),
    "silent workers": lambda shraga, task: Engine(shraga.driver).silent_workers(-1_000_000),
    "limits": lambda shraga, task: Engine(shraga.driver).limits_of(task),
}


@pytest.mark.parametrize("name", READS)
def test_looking_changes_nothing(shraga: Shraga, hand: Hand, name: str) -> None:
    task = bring_to(shraga, hand, TaskStatus.FAILED)
    shraga.retry(task.id)
    hand.engine.append_log(hand.claim(), [LogLine("stdout", "hello")])
    end_lease(shraga, task.id)
    before = execute(shraga, "INFO", "persistence")["rdb_changes_since_last_save"]
    assert READS[name](shraga, task.id) is not None
    assert execute(shraga, "INFO", "persistence")["rdb_changes_since_last_save"] == before


def test_reads_in_one_batch_are_sent_as_reads(shraga: Shraga, sends: list[Any]) -> None:
    (task,) = shraga.find()
    sends.clear()
    shraga.find()
    commands = b"".join(part for sent in sends for part in ([sent] if isinstance(sent, bytes) else sent))
    assert shraga.get(task.id) == task
    assert commands.count(b"EVALSHA_RO") == commands.count(b"EVALSHA")


# Whatever else


def test_wait_returns_the_task_once_it_has_ended(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.COMPLETED)
    assert shraga.wait(task.id).status is TaskStatus.COMPLETED


def test_wait_returns_the_task_as_it_is_when_time_is_up(shraga: Shraga) -> None:
    task = shraga.submit("n", Shell("true"))
    assert shraga.wait(task.id, timeout=0.01).status is TaskStatus.QUEUED


def test_logs_are_kept_per_attempt(shraga: Shraga, hand: Hand) -> None:
    task = bring_to(shraga, hand, TaskStatus.RUNNING)
    claim = hand.engine
    first = Ledger(shraga.driver).hashes[task.id]
    run = Claim(task.id, "tester", int(first["attempt"]), int(first["fence"]), {})
    lines = [LogLine("stdout", "one"), LogLine("stderr", "two", "error", '{"a":1}')]
    assert claim.append_log(run, lines) == "ok"
    assert hand.commit(run, RunStatus.FAILED) == "failed"
    shraga.retry(task.id)
    claim.append_log(hand.claim(), [LogLine("log", "three")])
    assert [line.message for line in shraga.logs(task.id, attempt=1)] == ["one", "two"]
    assert [line.message for line in shraga.logs(task.id, attempt=1, tail=1)] == ["two"]
    assert [(line.source, line.attempt) for line in shraga.logs(task.id)] == [("log", 2)]
    assert shraga.logs(task.id, attempt=1)[1].metadata == {"a": 1}


def test_output_of_a_run_is_read_back(shraga: Shraga, hand: Hand) -> None:
    shraga.submit("n", Shell("true"))
    output = TaskOutput(summary="done", deliverables=("a.txt",), result={"n": 1})
    hand.commit(hand.claim(), output=output, exit_code=0, metrics={"ms": 5}, result='{"n": 1}')
    (task,) = shraga.find()
    (run,) = shraga.runs(task.id)
    assert (task.output, task.progress) == (output, 1.0)
    assert (run.exit_code, run.metrics, run.result) == (0, {"ms": 5}, {"n": 1})
    assert run.duration is not None


def test_answers_of_a_batch_are_in_the_order_of_its_calls(shraga: Shraga) -> None:
    ids = [shraga.submit(f"n{i}", Shell("true")).id for i in range(3)]
    echo = Call(as_is, command=("ECHO", "x"))
    found = shraga.driver.batch(Batch((*(shraga.operations._task_call(one) for one in ids), echo)))
    assert [one.task.name for one in found[:3]] == ["n0", "n1", "n2"]
    assert found[3] == b"x"


def test_illegal_move_is_refused_by_the_store_itself(shraga: Shraga, hand: Hand) -> None:
    # A queue that names an ended task twice: the claim drops it instead of running it.
    task = bring_to(shraga, hand, TaskStatus.COMPLETED)
    execute(shraga, "RPUSH", shraga.driver.keys.make("rq_queue", queue=task.queue), task.id, new_id())
    assert hand.try_claim() is None
    assert shraga.get(task.id) == task


def test_numbers_reach_the_server_as_texts(shraga: Shraga, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that hiredis has to write itself crashes the process where Control-C comes just then."""
    sent: list[tuple[Any, ...]] = []
    send: Any = redis.connection.AbstractConnection.send_command

    def note(self: Any, *arguments: Any, **options: Any) -> None:
        sent.append(arguments)
        send(self, *arguments, **options)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_command", note)
    task = shraga.submit_task(new_task())
    shraga.counts()
    shraga.driver.run(shraga.operations.more_events("0-0", block_ms=1))
    shraga.logs(task.id, tail=3)
    assert len(sent) >= 4
    assert [one for command in sent for one in command if not isinstance(one, str | bytes)] == []
