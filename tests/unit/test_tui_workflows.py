"""The screen of the workflows: a list, the tree of one, and what is done to it."""

from __future__ import annotations

from shraga_tui.widgets.workflow_list import WorkflowList
from tests.fakes import FakeSource, busy_source, make_event, make_message
from tests.flows import source_with_flows
from tests.tui import dashboard, expect_shown, screen_text, toasts, until

WIDE, NARROW = (140, 40), (80, 24)


def acts(source: FakeSource) -> list[str]:
    return [call[0] for call in source.calls]


async def test_the_list_and_the_tree_are_to_be_seen_on_a_small_screen() -> None:
    app = dashboard(source_with_flows())
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "✓ done")
        shown = screen_text(app)
        assert "Fix \x1b" not in shown
        for said in (
            "▶ executing",
            "✓ completed",
            "1/4 done",
            "└ lint",
            "✗ failed",
            "‖ blocked",
            "2 tests fail",
        ):
            assert said in shown


async def test_the_ages_go_on_where_nothing_happens() -> None:
    app = dashboard(source_with_flows())
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "▶ executing · 0s")
        app.desk.feed.clock = lambda: 1_090.0
        await expect_shown(pilot, "▶ executing · 1m")


async def test_who_is_at_the_steps_stays_with_the_workflow_when_another_one_moves() -> None:
    source = source_with_flows()
    app = dashboard(source)
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "└ lint")
        await pilot.press("tab", "j")
        source.trees.reverse()
        source.tell(make_event(len(source.event_log) + 50, "workflow.changed", name="Ship it"))
        await until(pilot, lambda: screen_text(app).find("Ship it") < screen_text(app).find("Fix"))
        await pilot.press("r")
        await expect_shown(pilot, "Runs prove and all that come after it again.")
        assert app.screen_stack[-2].query_one(WorkflowList).cursor == 1


async def test_a_workflow_is_paused_and_goes_on() -> None:
    source = source_with_flows()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "└ lint")
        await pilot.press("p")
        await expect_shown(pilot, "‖ paused")
        await pilot.press("p")
        await until(pilot, lambda: "resume_workflow" in acts(source), "the resume")


async def test_a_step_is_run_again_and_skipped_after_a_question() -> None:
    source = source_with_flows()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "└ lint")
        await pilot.press("tab", "G", "k", "r")
        await expect_shown(pilot, "Retry from this step?")
        await pilot.press("y")
        await until(pilot, lambda: ("retry_workflow", "w1", "prove") in source.calls, "the retry")
        await pilot.press("x")
        await expect_shown(pilot, "Skip this step?")
        await pilot.press("y")
        await until(pilot, lambda: ("skip_step", "w1", "prove") in source.calls, "the skip")


async def test_cancel_asks_first_and_a_refusal_is_told() -> None:
    source = source_with_flows()
    app = dashboard(source)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "└ lint")
        await pilot.press("c")
        await expect_shown(pilot, "Cancel this workflow?")
        source.refuses = "It is completed already."
        await pilot.press("y")
        await until(pilot, lambda: "It is completed already." in toasts(app), "the refusal")


async def test_a_store_without_workflows_says_how_to_make_one() -> None:
    app = dashboard(busy_source())
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "There is no workflow.")


async def test_its_chat_is_read_and_added_to_and_says_who_was_told() -> None:
    source = source_with_flows()
    app = dashboard(source)
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "└ lint")
        await pilot.press("t")
        await expect_shown(pilot, "Talk about Fix")
        await expect_shown(pilot, "Nothing has been said.")
        await pilot.press(*"stop", "enter")
        await expect_shown(pilot, "stop (told lint)")
        assert "Told lint; steps that begin later find it in their prompt." in screen_text(app)
        await pilot.press("escape", "j", "t")
        await expect_shown(pilot, "Talk about Ship it")
        await pilot.press(*"well", "enter")
        await expect_shown(pilot, "well (told no step)")
        assert "No step runs that listens;" in screen_text(app)
        source.refuses = "It has changed at the same moment."
        await pilot.press(*"x", "enter")
        await expect_shown(pilot, "✗ It has changed at the same moment.")


async def test_a_long_chat_is_scrolled_and_a_store_that_is_away_is_told_of() -> None:
    source = source_with_flows()
    source.chats["w1"] = [make_message(number, f"line {number}", workflow_id="w1") for number in range(1, 40)]
    app = dashboard(source)
    async with app.run_test(size=NARROW) as pilot:
        await expect_shown(pilot, "Fix login")
        await pilot.press("6")
        await expect_shown(pilot, "└ lint")
        await pilot.press("t")
        await expect_shown(pilot, "line 39")
        await pilot.press(*["pageup"] * 5)
        await expect_shown(pilot, "line 1 ")
        await pilot.press(*["pagedown"] * 5)
        await expect_shown(pilot, "line 39")
        await pilot.press("escape")
        source.away = "Redis is away."
        await pilot.press("t")
        await expect_shown(pilot, "✗ Redis is away.")
