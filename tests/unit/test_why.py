"""Why a task is not running: the reason that holds, in words, with what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shraga_models import Brake, LocalMachine, Run, RunStatus, Shell, Task, Worker, WorkerMode
from shraga_queue.depending import Neighbour, Neighbourhood
from shraga_queue.why import FINDERS, Circumstances, Reason, Standing, Why

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RECORD = {"created_at": NOW, "updated_at": NOW, "created_by": "a", "updated_by": "a"}
FREE = Standing(before=0, queue_length=1, first=0, suspended=False, has_leader=True)
ALONE = Neighbourhood((), (), 0, 0, 0)
QUESTION = {
    "id": "t.q1",
    "task_id": "t",
    "owner": "a",
    "attempt": 1,
    "asked_at": NOW,
    "text": "Which flow?",
    "options": ["redirect", "popup"],
}


def task(status: str, **fields: Any) -> Task:
    known = {
        "id": "t",
        "name": "n",
        "action": Shell("x"),
        "owner": "a",
        "moved_at": NOW - timedelta(minutes=4),
    }
    return Task.model_validate(RECORD | known | {"status": status} | fields)


def worker(
    mode: str = "accepting", liveness: str = "idle", busy: int = 0, can: tuple[str, ...] = ()
) -> Worker:
    current = [{"slot": 1, "task_id": f"x{n}", "attempt": 1, "since": NOW} for n in range(busy)]
    return Worker.model_validate(
        RECORD
        | {"id": "w", "name": "box", "owner": "a", "details": LocalMachine(hostname="h"), "last_seen": NOW}
        | {"mode": mode, "liveness": liveness, "max_concurrent_tasks": 2, "current_tasks": current}
        | {"capabilities": [{"name": name} for name in can]}
    )


def reasons(one: Task, **fields: Any) -> list[Reason]:
    known: dict[str, Any] = {
        "runs": (),
        "now": NOW,
        "neighbours": ALONE,
        "standing": FREE,
        "workers": (worker(),),
    }
    seen = Circumstances(one, **(known | fields))
    return [reason for find in FINDERS for reason in find(seen)]


@pytest.mark.parametrize(
    ("one", "code", "says", "do"),
    [
        (task("completed"), "ended", "It was completed 4m ago.", "Run it again with `shraga retry t`."),
        (task("failed", error="boom.\nmore"), "ended", "It failed 4m ago: boom.", "`shraga retry t`"),
        (
            task("canceled", cancel_requested_by="bob", cancel_reason="wrong"),
            "ended",
            "It was canceled by bob 4m ago: wrong.",
            "`shraga retry t`",
        ),
        (
            task("canceled", cancel_requested_by="bob", moved_at=NOW - timedelta(milliseconds=300)),
            "ended",
            "It was canceled by bob just now.",
            "`shraga retry t`",
        ),
        (
            task("skipped", error='it waits for the success of "a" (p), which is failed'),
            "ended",
            'It was skipped 4m ago: it waits for the success of "a" (p), which is failed.',
            "`shraga retry t`",
        ),
        (
            task("running"),
            "running",
            "It runs on a worker for 4m; last heard of some time ago.",
            "shraga logs -f t",
        ),
        (
            task("running", cancel_requested_by="bob"),
            "canceling",
            "It was asked to stop by bob; its worker has not confirmed that yet.",
            "",
        ),
        (
            task("awaiting_approval"),
            "approval",
            "It waits for a person's approval for 4m.",
            "Let it run with `shraga approve t`, or not with `shraga reject t`.",
        ),
        (
            task("awaiting_approval", completed_at=NOW),
            "verdict",
            "Its result waits for a person's verdict for 4m.",
            "`shraga accept t`, `shraga reject t` or `shraga send-back t --note TEXT`.",
        ),
        (
            task("waiting_for_input", thought="Which?"),
            "answer",
            "It waits for an answer for 4m: Which?",
            "Answer it with `shraga answer t TEXT`.",
        ),
        (
            task("waiting_for_input", thought="Hm.", question=QUESTION),
            "answer",
            "It waits for an answer for 4m: Which flow?",
            "Answer it with `shraga answer t TEXT`, one of: redirect | popup.",
        ),
        (
            task("scheduled", schedule={"interval": 60, "is_active": False}),
            "pause",
            "Its schedule is paused.",
            "Let it repeat with `shraga schedule resume t`, or run it now with `shraga retry t`.",
        ),
        (
            task("scheduled", schedule={"on": "uploaded"}),
            "event",
            "It waits for the event uploaded.",
            "Tell of it with `shraga emit uploaded`, or run it now with `shraga retry t`.",
        ),
        (
            task("scheduled", next_run_at=NOW + timedelta(hours=1)),
            "schedule",
            "It is due in 1h, at 2026-01-02 04:04:05 UTC.",
            "Run it now with `shraga retry t`.",
        ),
        (task("queued"), "turn", "A worker takes it at any moment; 0 tasks stand before it.", ""),
    ],
)
def test_status_alone_says_why(one: Task, code: str, says: str, do: str) -> None:
    (reason,) = reasons(one)
    assert (reason.code, reason.says) == (code, says)
    assert do in reason.do
    assert bool(do) == bool(reason.do)


def test_delay_before_a_retry_names_the_failure() -> None:
    runs = tuple(
        Run(id=f"t.{n}", task_id="t", attempt=n, fence=n, status=status, error=error)
        for n, status, error in ((1, RunStatus.FAILED, "exit 3.\n"), (2, RunStatus.PENDING, ""))
    )
    (reason,) = reasons(task("scheduled", next_run_at=NOW + timedelta(seconds=30), attempt=2), runs=runs)
    assert (reason.code, reason.says) == ("retry_delay", "Try 1 failed (exit 3); the next one is due in 30s.")


def test_failed_try_of_what_repeats_is_counted_within_its_run() -> None:
    runs = tuple(
        Run(id=f"t.{n}", task_id="t", attempt=n, fence=n, status=status, error="boom")
        for n, status in ((6, RunStatus.FAILED), (7, RunStatus.PENDING))
    )
    fields = {"schedule": {"interval": 60}, "attempt": 7, "failures": 1}
    (reason,) = reasons(task("scheduled", next_run_at=NOW + timedelta(seconds=30), **fields), runs=runs)
    assert reason.says == "Try 1 failed (boom); the next one is due in 30s."


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            "it expired at 2026-01-02T03:00:05Z, before it started",
            "it expired at 2026-01-02T03:00:05Z, before it started; its limit was 1m",
        ),
        ("", "it expired before it started; its limit was 1m"),
    ],
)
def test_expired_task_says_so_with_its_limit(error: str, says: str) -> None:
    run = Run(id="t.1", task_id="t", attempt=1, fence=0, status=RunStatus.EXPIRED, error=error)
    (reason,) = reasons(task("skipped", error=error, limits={"expires_in": 60}), runs=(run,))
    assert (reason.code, reason.says) == ("ended", f"It was skipped 4m ago: {says}.")


def test_run_that_ended_before_the_next_slot_is_no_failed_try() -> None:
    runs = tuple(
        Run(id=f"t.{n}", task_id="t", attempt=n, fence=n, status=RunStatus.COMPLETED) for n in (1, 2)
    )
    rests = task("scheduled", next_run_at=NOW + timedelta(seconds=30), schedule={"interval": 60}, attempt=2)
    (reason,) = reasons(rests, runs=runs)
    assert (reason.code, reason.says) == ("schedule", "It is due in 30s, at 2026-01-02 03:04:35 UTC.")


def test_due_without_a_controller_says_so_too() -> None:
    standing = Standing(None, 0, 0, suspended=False, has_leader=False)
    first, second = reasons(task("scheduled", next_run_at=NOW - timedelta(minutes=2)), standing=standing)
    assert "due for 2m" in first.says
    assert (second.code, second.do) == ("controller", "Start one with `shraga controller`.")


@pytest.mark.parametrize(
    ("workers", "capability", "code", "says", "do"),
    [
        ((), "any", "no_worker", "No worker is running.", "Start one with `shraga worker`."),
        ((worker(liveness="offline"),), "any", "no_worker", "No worker is running.", "Start one"),
        (
            (worker(),),
            "gpu",
            "no_capability",
            "None of the 1 running workers can do 'gpu'.",
            "Start one with `shraga worker --capability gpu`.",
        ),
        (
            (worker(mode=WorkerMode.DRAINING),),
            "any",
            "draining",
            "Every worker that could take it is draining: box.",
            "`shraga worker resume box`",
        ),
        (
            (worker(busy=2, can=("gpu",)), worker()),
            "gpu",
            "busy",
            "All 2 slots that could run it are busy; 0 tasks stand before it.",
            "start another worker",
        ),
    ],
)
def test_queued_task_says_who_could_take_it(
    workers: tuple[Worker, ...], capability: str, code: str, says: str, do: str
) -> None:
    (reason,) = reasons(task("queued", capability=capability), workers=workers)
    assert (reason.code, reason.says) == (code, says)
    assert do in reason.do


@pytest.mark.parametrize(
    ("before", "first", "says"),
    [
        (1, 0, "1 task stands before it."),
        (3, 2, "5 tasks stand before it, 2 of them of a higher priority."),
        (None, 0, "more than 10,000 tasks stand before it."),
    ],
)
def test_place_in_the_queue_is_told(before: int | None, first: int, says: str) -> None:
    standing = Standing(before, 9, first, suspended=False, has_leader=True)
    (reason,) = reasons(task("queued"), standing=standing)
    assert reason.says.endswith(says)
    assert reason.facts == {"slots": 2, "free": 2, "before": before, "more_urgent": first}


def test_suspended_queue_comes_first() -> None:
    standing = Standing(0, 1, 0, suspended=True, has_leader=True)
    assert [reason.code for reason in reasons(task("queued"), standing=standing)] == ["suspended", "turn"]


@pytest.mark.parametrize(
    ("scope", "holds", "off"),
    [
        ({}, "everything", "off`"),
        ({"owner": "a"}, "a's tasks", "--owner a`"),
        ({"task_id": "t"}, "the task", "--task t`"),
    ],
)
def test_brake_is_the_only_reason_and_names_who_set_it(scope: dict[str, str], holds: str, off: str) -> None:
    brake = Brake(by="bob", at=NOW - timedelta(minutes=1), reason="too dear", **scope)
    (reason,) = reasons(task("queued"), brakes=(brake,))
    assert (reason.code, reason.says) == ("brake", f"A brake that bob set 1m ago holds {holds}: too dear.")
    assert off in reason.do


def test_another_s_brake_holds_nothing() -> None:
    brake = Brake(owner="somebody", by="bob", at=NOW)
    assert [reason.code for reason in reasons(task("queued"), brakes=(brake,))] == ["turn"]


def test_blocked_task_names_what_it_waits_for() -> None:
    unmet = (
        Neighbour("p1", "success", "build", "running", "a", is_unmet=True),
        Neighbour("p2", "finished", "clean", "failed", "a", is_unmet=True),
        Neighbour("p3", "success", "", "", "", is_unmet=True),
    )
    met = Neighbour("p4", "success", "met", "completed", "a", is_unmet=False)
    found = reasons(task("blocked"), neighbours=Neighbourhood((*unmet, met), (), 9, 7, 0))
    assert [reason.code for reason in found] == ["dependency"] * 4
    assert [reason.says for reason in found] == [
        "It waits for the success of “build” (p1), which is running.",
        "It waits for the end of “clean” (p2), which is failed.",
        "It waits for the success of p3, which is gone.",
        "It waits for 4 more tasks.",
    ]
    assert found[0].do == "See why that is not done with `shraga why p1`."
    assert found[1].do == (
        "Run it again with `shraga retry p2`, or go on without it with `shraga undepend t --on p2`."
    )
    assert found[2].do == "Go on without it with `shraga undepend t --on p3`."
    assert found[0].facts == {"task_id": "p1", "name": "build", "status": "running", "kind": "success"}


def test_answer_is_plain_json() -> None:
    why = Why(task("blocked"), NOW, (Reason("dependency", "a", "b", {"c": 1}),))
    assert why.to_json_object() == {
        "id": "t",
        "name": "n",
        "status": "blocked",
        "reasons": [{"code": "dependency", "says": "a", "do": "b", "facts": {"c": 1}}],
    }
