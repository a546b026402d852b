"""What waits on people: listed longest wait first, answered, approved and judged in place, and only then gone."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Input

from shraga_models import CheckResult, Evidence, SenderType, TaskOutput, TaskStatus
from shraga_tui import waiting
from shraga_tui.screens.answer import AnswerScreen
from shraga_tui.screens.inbox import InboxScreen
from shraga_tui.screens.tasks import TasksScreen
from tests.fakes import FakeSource, ago, make_message, make_question, make_row
from tests.tui import dashboard, expect_shown, screen_text, toasts, until

ASKS, WAITS = TaskStatus.WAITING_FOR_INPUT, TaskStatus.AWAITING_APPROVAL


@pytest.fixture
def source() -> FakeSource:
    store = FakeSource()
    store.add(
        make_row("t-ask", "Fix login", ASKS, moved_at=3, thought="Which of the two flows?"),
        question=make_question("t-ask", "Which of the two flows?", options=("old", "new")),
    )
    store.add(make_row("t-leave", "Drop tables", WAITS, moved_at=2), description="all of them")
    store.add(
        make_row("t-done", "Refactor", WAITS, moved_at=1),
        output=TaskOutput(summary="moved three modules"),
        completed_at=ago(minutes=1),
    )
    store.add(make_row("t-busy", "Busy", TaskStatus.RUNNING))
    return store


async def open_answer(pilot: Any, name: str) -> AnswerScreen:
    """Go to the inbox and press `a` on a task."""
    app = pilot.app
    await pilot.press("7")
    await until(pilot, lambda: isinstance(app.screen, InboxScreen), "the inbox")
    await expect_shown(pilot, "Fix login")
    inbox = app.screen
    await pilot.press("g")
    while inbox.task_ref.name != name:
        await pilot.press("j")
    await pilot.press("a")
    await until(pilot, lambda: isinstance(app.screen, AnswerScreen), "the form")
    await expect_shown(pilot, "send ·")
    screen: AnswerScreen = app.screen
    return screen


async def test_the_inbox_lists_only_what_waits_the_longest_wait_first(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("7")
        await expect_shown(pilot, "Drop tables")
        said = screen_text(pilot.app)
        assert said.index("Refactor") < said.index("Drop tables") < said.index("Fix login")
        assert "Busy" not in said


async def test_a_narrow_inbox_says_what_is_asked(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("7")
        await expect_shown(pilot, "Which of the two flows?")
        said = screen_text(pilot.app)
        assert "status      name                        moved ▼ last words" in said
        assert max(map(len, said.splitlines())) <= 80


async def test_an_empty_inbox_says_so() -> None:
    async with dashboard(FakeSource()).run_test(size=(80, 24)) as pilot:
        await pilot.press("7")
        await expect_shown(pilot, "Nothing waits on a person.")


async def test_a_question_is_answered_in_place(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_answer(pilot, "Fix login")
        assert "1  old" in screen_text(pilot.app)
        await pilot.press("enter")
        await expect_shown(pilot, "Type the answer first.")
        await pilot.press(*"new", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, InboxScreen), "the inbox again")
        assert ("answer", "t-ask.q1", "new", False) in source.calls
        assert toasts(app) == ["Answered."]


async def test_who_was_slower_is_told_and_keeps_what_was_typed(source: FakeSource) -> None:
    source.refuses = "The question t-ask.q1 was answered by bob already: 'old'."
    app = dashboard(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_answer(pilot, "Fix login")
        await pilot.press(*"new", "enter")
        await expect_shown(pilot, "answered by bob already")
        assert pilot.app.screen.query_one(Input).value == "new"
        assert toasts(app) == []


async def test_identical_questions_can_be_answered_together(source: FakeSource) -> None:
    question = make_question("t-too", "Which of the two flows?", options=("old", "new"))
    source.add(make_row("t-too", "Fix logout", ASKS), question=question)
    app = dashboard(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_answer(pilot, "Fix login")
        await expect_shown(pilot, "all 2 that ask the same")
        await pilot.press(*"1", "up", "right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, InboxScreen), "the inbox again")
        assert ("answer", "t-ask.q1", "1", True) in source.calls
        assert toasts(app) == ["Answered, for 2 tasks."]


async def test_leave_has_to_be_chosen(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_answer(pilot, "Drop tables")
        assert "all of them" in screen_text(pilot.app)
        await pilot.press("enter")
        await expect_shown(pilot, "Choose with ← and → first.")
        await pilot.press("right", "enter")
        await until(pilot, lambda: ("approve", "t-leave", "") in source.calls, "the approval")


async def test_a_result_is_judged_with_a_note(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_answer(pilot, "Refactor")
        assert "moved three modules" in screen_text(pilot.app)
        await pilot.press("left", "enter")
        await expect_shown(pilot, "Say what is to be done")
        await pilot.press("down", *"tests", "enter")
        await until(
            pilot, lambda: ("review", "t-done", "send_back", "tests", 1) in source.calls, "the verdict"
        )
        await until(pilot, lambda: [one[:10] for one in toasts(app)] == ["Sent back:"], "the note")


async def test_the_claim_is_shown_with_what_was_observed_and_scrolls(source: FakeSource) -> None:
    output = TaskOutput(
        summary="All tests pass.",
        deliverables=tuple(f"part-{number}.md" for number in range(20)),
        evidence=Evidence(check=CheckResult(command="make test", exit_code=2, seconds=3)),
    )
    source.tasks["t-done"] = source.tasks["t-done"].model_copy(update={"output": output})
    app = dashboard(source)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_answer(pilot, "Refactor")
        await expect_shown(pilot, "PgDn more")
        said = screen_text(pilot.app)
        assert "All tests pass." in said
        assert "make test" not in said
        assert "a note, for the record" in said
        await pilot.press("pagedown", "pagedown", "pagedown")
        await expect_shown(pilot, "make test · exit 2 · 3s")


async def test_only_what_waits_can_be_answered(source: FakeSource) -> None:
    app = dashboard(source)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.press("2")
        await expect_shown(pilot, "Busy")
        await pilot.press("g")
        screen = app.screen
        assert isinstance(screen, TasksScreen)
        while screen.task_ref is None or screen.task_ref.name != "Busy":
            await pilot.press("j")
        assert screen.check_action("answer", ()) is None


async def test_the_chat_of_a_task_is_read_and_added_to(source: FakeSource) -> None:
    source.chats["t-ask"] = [
        make_message(1, "Which of the two flows?", sender_type=SenderType.WORKER, type="question"),
        make_message(2, "first line\nsecond \x1b[31mline"),
    ]
    app = dashboard(source)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("7")
        await expect_shown(pilot, "Fix login")
        await pilot.press("G", "enter")
        await expect_shown(pilot, "Press a to answer")
        await pilot.press("tab", "tab")
        await expect_shown(pilot, "second line")
        assert "? Which of the two flows?" in screen_text(pilot.app)
        await pilot.press("t")
        await expect_shown(pilot, "Say to Fix login")
        await pilot.press(*"hello", "enter")
        await expect_shown(pilot, "hello")
        assert ("say", "t-ask", "hello") in source.calls


@pytest.mark.parametrize("status", [TaskStatus.COMPLETED, TaskStatus.RUNNING])
def test_what_waits_no_more_has_no_form(source: FakeSource, status: TaskStatus) -> None:
    task = source.tasks["t-busy"].model_copy(update={"status": status})
    assert waiting.of(task) == waiting.Wait(f"The task is {status}.")


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({}, "the answer"),
        ({"options": ("a", "b")}, "a number or a word"),
        ({"options": ("a", "b"), "kind": "plan"}, "a number, or in your own words"),
    ],
)
def test_the_form_says_what_may_be_typed(source: FakeSource, fields: dict[str, Any], hint: str) -> None:
    asked = make_question("t-busy", "What now?", **fields)
    task = source.tasks["t-busy"].model_copy(update={"question": asked})
    assert waiting.of(task).hint == hint
