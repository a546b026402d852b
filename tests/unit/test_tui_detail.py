"""What the detail of a task says."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import (
    Decision,
    Http,
    Prompt,
    Python,
    Review,
    RunStatus,
    Schedule,
    TaskOutput,
    TaskStatus,
    TemplateRef,
    Verdict,
)
from shraga_queue.codec import TaskWithRuns
from shraga_queue.depending import PAUSED, Neighbour, Neighbourhood
from shraga_queue.why import Reason, Why
from shraga_tui import detail
from tests.fakes import NOW, FakeSource, ago, make_log, make_row, make_run, make_task
from tests.tui import dashboard, expect_shown, screen_text

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
    task, (run,) = found(S.SCHEDULED, next_run_at=ago(hours=-3), attempt=2).task, found(S.SCHEDULED).runs
    later = detail.sentence(TaskWithRuns(task, (make_run("t", 1, RunStatus.FAILED), run), NOW), None)
    assert later.startswith("Try 1 failed; the next one is due in 3h (")
    again = task.model_copy(update={"attempt": 7, "failures": 2, "schedule": Schedule(interval=300)})
    later = detail.sentence(TaskWithRuns(again, (make_run("t", 6, RunStatus.FAILED), run), NOW), None)
    assert later.startswith("Try 2 failed; the next one is due in 3h (")
    assert "now; the controller starts it" in detail.sentence(
        found(S.SCHEDULED, next_run_at=ago(hours=1)), None
    )


def test_what_repeats_tells_its_slots_and_no_failed_try() -> None:
    plan = Schedule(interval=300, last_run_at=ago(minutes=2), skipped=3)
    rests = make_task("t", "Ping", S.SCHEDULED, next_run_at=ago(hours=-3), attempt=2, schedule=plan)
    runs = tuple(make_run("t", n, RunStatus.COMPLETED) for n in (1, 2))
    assert detail.sentence(TaskWithRuns(rests, runs, NOW), None).startswith("Due in 3h (")
    lines = fact_texts(detail.facts(TaskWithRuns(rests, runs, NOW)))
    assert "repeats | every 5 minutes · last 2m ago · 3 skipped" in lines


def test_what_waits_for_no_time_says_for_what() -> None:
    task = found(S.SCHEDULED, schedule=Schedule(on="uploaded", is_active=False))
    said = detail.sentence(task, why(task, Reason("pause", "Its schedule is paused.", "Let it.")))
    assert said == "Its schedule is paused. Let it."
    assert "repeats | on uploaded · paused" in fact_texts(detail.facts(task))


def why(task: TaskWithRuns, *reasons: Reason) -> Why:
    """Return why a task is not running."""
    return Why(task.task, NOW, reasons)


def fact_texts(lines: list[detail.Fact]) -> list[str]:
    """Return facts as text."""
    return [f"{''.join(part for part, _ in lead).strip()} | {body}".strip() for lead, (body, _) in lines]


@pytest.mark.parametrize("status", [S.QUEUED, S.BLOCKED])
def test_what_waits_tells_the_first_reason_and_what_to_do(status: TaskStatus) -> None:
    task = found(status)
    only = why(task, Reason("no_worker", "No worker is running.", "Start one with `shraga worker`."))
    expected = "Waits for 4m. No worker is running. Start one with `shraga worker`."
    assert detail.sentence(task, only) == expected
    assert detail.sentence(task, None) == "Waits for 4m."
    assert not any(line.startswith("waits") for line in fact_texts(detail.facts(task, only)))


@pytest.mark.parametrize(("status", "todo"), [("running", ""), ("failed", " Run it again.")])
def test_a_prerequisite_is_named_without_its_id_and_one_that_goes_on_is_left_to(
    status: str, todo: str
) -> None:
    facts = {"task_id": "a-1", "status": status}
    reason = Reason("dependency", f"It waits for “Build” (a-1), which is {status}.", "Run it again.", facts)
    said = detail.sentence(found(S.BLOCKED), why(found(S.BLOCKED), reason))
    assert said == f"Waits for 4m. It waits for “Build”, which is {status}.{todo}"


def test_several_reasons_are_all_among_the_facts() -> None:
    task = found(S.BLOCKED)
    both = why(
        task, Reason("dependency", "It waits for a.", "See a."), Reason("pause", "Its workflow is paused.")
    )
    assert fact_texts(detail.facts(task, both))[1:3] == [
        "waits | It waits for a. See a.",
        "| Its workflow is paused.",
    ]


def test_a_due_time_is_told_once_and_a_missing_controller_with_it() -> None:
    task = found(S.SCHEDULED, next_run_at=ago(hours=-3))
    said = detail.sentence(
        task, why(task, Reason("schedule", "It is due."), Reason("controller", "No controller."))
    )
    assert said.endswith("Press r to run it now. No controller.")
    assert "It is due." not in said


def test_neighbours_are_named() -> None:
    before = Neighbour("a", "success", "Build", "running", "alice", is_unmet=True)
    gone = Neighbour("b", "finished", "", "", "", is_unmet=False)
    paused = Neighbour(PAUSED, "success", "", "", "", is_unmet=True)
    lines = fact_texts(
        detail.facts(found(S.BLOCKED), None, Neighbourhood((before, gone, paused), (before,), 3, 2, 9))
    )
    place = lines.index("depends on | Build · running · waits")
    assert lines[place + 1 : place + 3] == ["| b · gone", "| its workflow, which is paused"]
    assert "needed by | Build · running · waits" in lines
    assert "| and 8 more" in lines


def test_a_link_is_none_of_what_it_depends_on() -> None:
    link = Neighbour("a", "related", "Build", "failed", "alice", is_unmet=False)
    lines = fact_texts(detail.facts(found(S.QUEUED), None, Neighbourhood((link,), (), 1, 0, 0)))
    assert "linked to | Build · failed · related" in lines
    assert not any(line.startswith("depends on") for line in lines)


def test_what_was_asked_and_spent_and_decided_is_told() -> None:
    review = Review(
        decision=Decision.SENT_BACK, by="bob", at=ago(minutes=2), note="add tests", attempt=1, is_stale=True
    )
    lines = fact_texts(
        detail.facts(
            found(
                S.COMPLETED, review=review, due_at=ago(hours=1), assignee="carol", workflow_id="w-1", cost=0.5,
                budget=2.0, prompt_tokens=1200, response_tokens=34,
                template=TemplateRef(name="fix", revision="f" * 40),
                output=TaskOutput(summary="done", verdict=Verdict(approved=True, testing_done="make test")),
            )
        )
    )  # fmt: skip
    for line in (
        "review | sent back by bob 2m ago, of try 1 (work went on after it): add tests",
        "assignee | carol",
        "workflow | w-1",
        f"template | fix · {'f' * 19}",
        "cost | 0.50 of 2.00 USD · 1,200 tokens in · 34 out",
        "verdict | approved",
        "tested | make test",
    ):
        assert line in lines
    assert any(line.startswith("wanted by | ") and line.endswith("1h ago") for line in lines)


def test_facts_leave_out_what_is_empty_and_keep_every_line() -> None:
    said = detail.facts(found(S.FAILED, error="one\ntwo", description=""))
    text = ["".join(part for part, _ in lead) + body for lead, (body, _) in said]
    assert [line.strip() for line in text if "one" in line or "two" in line] == ["error        one", "two"]
    assert not any("description" in line for line in text)


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        (Http("https://x.org"), "GET https://x.org"),
        (Python("a:b", args={"n": 1}), "a:b(n=1)"),
        (Prompt("hi", model="m"), "default · m"),
    ],
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


async def test_the_detail_asks_the_store_why_and_its_facts_scroll() -> None:
    source = FakeSource()
    source.add(make_row("t", "Index the crawl", S.BLOCKED))
    crawl = Neighbour("c", "success", "Long crawl", "running", "alice", is_unmet=True)
    source.neighbours["t"] = Neighbourhood((crawl,), (), 1, 1, 0)
    async with dashboard(source).run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "Index the crawl")
        await pilot.press("enter")
        await expect_shown(pilot, "It waits for the success of “Long crawl”, which is running.")
        await expect_shown(pilot, "Long crawl · running · waits")
        assert "created " not in screen_text(pilot.app)
        await pilot.press("G")
        await expect_shown(pilot, "created ")
        source.neighbours.clear()
        source.move("t", S.QUEUED)
        await expect_shown(pilot, "No worker is running. Start one with `shraga worker`.")
