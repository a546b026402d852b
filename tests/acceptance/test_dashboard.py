"""The dashboard over a real server and real workers: submit, watch, cancel, drain."""

from __future__ import annotations

from shraga_models import Liveness, Shell, TaskStatus, WorkerMode
from shraga_queue import AsyncShraga
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_tui.app import ShragaApp
from tests.processes import Processes
from tests.tui import expect_shown, screen_text, toasts, until

WIDE = (160, 48)


def real_dashboard(settings: Settings) -> ShragaApp:
    """Return the dashboard over the test's own prefix."""
    return ShragaApp(AsyncShraga.connect(settings=settings), user=settings.user, label="test")


async def test_a_task_is_submitted_watched_and_done(
    processes: Processes, shraga: Shraga, settings: Settings
) -> None:
    processes.worker(shraga)
    app = real_dashboard(settings)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "Nothing runs.")
        await pilot.press("n", *"echo", "space", *"hello", "enter")
        await expect_shown(pilot, "✓ done  1")
        (task,) = shraga.find("status:completed")
        assert task.action == Shell("echo hello")
        await expect_shown(pilot, "✓ done · in")
    await app.desk.source.close()


async def test_a_running_task_is_canceled_and_only_then_called_so(
    processes: Processes, shraga: Shraga, settings: Settings
) -> None:
    processes.worker(shraga)
    task = shraga.submit("long", Shell("echo started; sleep 7771"))
    app = real_dashboard(settings)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "▶ running  1")
        await pilot.press("enter")
        await expect_shown(pilot, "started")
        await pilot.press("c")
        await expect_shown(pilot, "its whole process tree is ended.")
        await pilot.press("y")
        await until(pilot, lambda: toasts(app), "the outcome")
        assert toasts(app) == ["“long” is canceled: confirmed."]
        assert shraga.get(task.id).status is TaskStatus.CANCELED
        await expect_shown(pilot, "⊘ CANCELED")
    await app.desk.source.close()


async def test_a_worker_is_drained_and_stopped(
    processes: Processes, shraga: Shraga, settings: Settings
) -> None:
    processes.worker(shraga, "box")
    app = real_dashboard(settings)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await expect_shown(pilot, "box")
        await pilot.press("d")
        await expect_shown(pilot, "◐ draining")
        assert shraga.workers()[0].mode is WorkerMode.DRAINING
        await pilot.press("S")
        await expect_shown(pilot, "Stop this worker?")
        await pilot.press("y")
        await until(pilot, lambda: shraga.workers()[0].liveness is Liveness.OFFLINE, "the end of the worker")
        await expect_shown(pilot, "○ gone")
        assert "box" in screen_text(app)
    await app.desk.source.close()


async def test_all_that_match_are_canceled_with_a_receipt_each_and_nothing_else(
    processes: Processes, shraga: Shraga, settings: Settings
) -> None:
    processes.worker(shraga)
    victims = [shraga.submit(f"long {n}", Shell("sleep 7772"), labels=["victim"]).id for n in range(5)]
    other = shraga.submit("other", Shell("true"), capability="nobody-has-it").id
    app = real_dashboard(settings)
    async with app.run_test(size=WIDE) as pilot:
        await expect_shown(pilot, "long 0")
        await pilot.press("2")
        await expect_shown(pilot, "of 6")
        await pilot.press("slash", *"label:victim", "enter")
        await expect_shown(pilot, "5 found")
        await pilot.press("A")
        await expect_shown(pilot, "✔ 5 selected")
        await pilot.press("c")
        await expect_shown(pilot, "Cancel 5 tasks?")
        await pilot.press("y")
        await expect_shown(pilot, "5 of 5  ✓ 5 done")
        await pilot.press("escape")
        await until(pilot, lambda: toasts(app), "the outcome")
        assert toasts(app) == ["5 tasks canceled: confirmed."]
        await expect_shown(pilot, "⊘ canceled")
    assert {shraga.get(one).status for one in victims} == {TaskStatus.CANCELED}
    assert shraga.get(other).status is TaskStatus.QUEUED
    await app.desk.source.close()
