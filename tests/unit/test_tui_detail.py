"""What the detail of a task says."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import Http, Liveness, Python, RunStatus, TaskOutput, TaskStatus, Worker, WorkerMode
from shraga_models.worker import Capability
from shraga_queue.codec import TaskWithRuns
from shraga_tui import detail
from tests.fakes import NOW, ago, make_log, make_run, make_task, make_worker

S = TaskStatus


def found(status: TaskStatus, **fields: Any) -> TaskWithRuns:
    """Return a task as the store answers it."""
    return TaskWithRuns(
        make_task("t", "Fix login", status, **fields), (make_run("t", 1, RunStatus.PENDING),), NOW
    )


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (
            S.RUNNING,
            {"assigned_worker": "box.1", "last_worker_ping": ago(seconds=2)},
            "Runs on box.1 for 4m; last heard of 2s ago.",
        ),
        (
            S.RUNNING,
            {"cancel_requested_by": "bob"},
            "Asked to stop by bob; waiting for the worker to confirm.",
        ),
        (S.COMPLETED, {"output": TaskOutput(summary="All green.")}, "Done 4m ago. All green."),
        (S.FAILED, {"error": "boom.\nat x"}, "Failed 4m ago: boom. Press r to run it again."),
        (
            S.CANCELED,
            {"cancel_requested_by": "bob", "cancel_reason": "wrong branch"},
            "Canceled by bob 4m ago: wrong branch.",
        ),
        (S.SKIPPED, {}, "Skipped 4m ago: it expired before it started."),
        (S.SCHEDULED, {}, "Scheduled, without a time."),
        (S.WAITING_FOR_INPUT, {"thought": "Which flow?"}, "Waits for 4m: Which flow?"),
    ],
)
def test_the_sentence_says_why_the_task_stands_there(
    status: TaskStatus, fields: dict[str, Any], expected: str
) -> None:
    assert detail.sentence(found(status, **fields), None) == expected


def test_a_due_time_says_when_and_after_what() -> None:
    later = detail.sentence(found(S.SCHEDULED, next_run_at=ago(hours=-3), attempt=2), None)
    assert later.startswith("Try 1 failed; the next one is due in 3h (")
    assert "now; the controller starts it" in detail.sentence(
        found(S.SCHEDULED, next_run_at=ago(hours=1)), None
    )


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ([], "No worker is running: start one with `shraga worker`."),
        (
            [make_worker("a", liveness=Liveness.ERROR)],
            "No worker is running: start one with `shraga worker`.",
        ),
        (
            [make_worker("a", mode=WorkerMode.DRAINING)],
            "Every worker is draining: resume one, or start another.",
        ),
        ([make_worker("a")], "No worker can do “gpu”"),
        ([make_worker("a", capabilities=(Capability(name="gpu"),))], "2 slots are free."),
        (
            [
                make_worker(
                    "a",
                    capabilities=(Capability(name="gpu"),),
                    max_concurrent_tasks=1,
                    liveness=Liveness.IDLE,
                )
            ],
            "1 slots are free.",
        ),
    ],
)
def test_a_queued_task_says_what_it_lacks(workers: list[Worker], expected: str) -> None:
    assert expected.replace("1 slots are", "1 slot is") in detail.sentence(
        found(S.QUEUED, capability="gpu"), workers
    )


def test_facts_leave_out_what_is_empty_and_keep_every_line() -> None:
    said = detail.facts(found(S.FAILED, error="one\ntwo", description=""))
    text = ["".join(part for part, _ in lead) + body for lead, (body, _) in said]
    assert [line.strip() for line in text if "one" in line or "two" in line] == ["error        one", "two"]
    assert not any("description" in line for line in text)


@pytest.mark.parametrize(
    ("action", "shown"),
    [(Http("https://x.org"), "GET https://x.org"), (Python("a:b", args={"n": 1}), "a:b(n=1)")],
)
def test_the_action_comes_first(action: Any, shown: str) -> None:
    assert detail.facts(found(S.QUEUED, action=action))[0][1][0] == shown


def test_runs_are_newest_first_and_the_shown_one_is_marked() -> None:
    runs = [make_run("t", n, RunStatus.FAILED, error="boom", exit_code=3, worker="w") for n in (1, 2)]
    lines = ["".join(part for part, _ in lead) for lead, _ in detail.run_facts(runs, 1, NOW)]
    assert lines[1].startswith("   2")
    assert lines[2].startswith(" ▸ 1")


def test_log_lines_are_told_apart_by_source_and_level() -> None:
    entries = [make_log(1, "a\nb", source="stderr"), make_log(2, "c", level="warning"), make_log(3, "")]
    said = [(lead[1][0], text, tone) for lead, (text, tone) in detail.log_facts(entries)]
    assert said == [("! ", "a", "text"), ("! ", "b", "text"), ("  ", "c", "waiting"), ("  ", "", "text")]


def test_a_task_asked_to_stop_looks_so_until_it_has() -> None:
    assert (
        detail.status_look(make_task("t", "x", S.RUNNING, cancel_requested_by="bob")).word == "asked to stop"
    )
    assert detail.status_look(make_task("t", "x", S.CANCELED, cancel_requested_by="bob")).word == "canceled"


def test_progress_shows_only_while_it_runs() -> None:
    running = make_task("t", "x", S.RUNNING, progress=0.5, thought="half way")
    assert "50%" in "".join(text for text, _ in detail.progress_line(running, 120))
    assert detail.progress_line(make_task("t", "x", S.COMPLETED, progress=1.0), 120) == ()
