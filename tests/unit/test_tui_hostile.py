"""Names and words made to attack the terminal reach no view."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.screen import ModalScreen

from shraga_models import Brake, Phase, TaskStatus
from shraga_models.text import clean_line
from shraga_queue.depending import Neighbour, Neighbourhood
from shraga_tui.app import ShragaApp
from shraga_tui.desk import TaskRef
from shraga_tui.screens.answer import AnswerScreen, SayScreen
from shraga_tui.screens.confirm import ConfirmScreen
from shraga_tui.screens.talk import TalkScreen
from shraga_tui.source import HarmlessSource, harmless, harmless_row
from tests.fakes import NOW, FakeSource, busy_source, make_event, make_log, make_row, make_run
from tests.flows import make_flow
from tests.tui import dashboard, expect_shown, toasts, until

HOSTILE = (
    "\x1b[2J\x1b[31mred \x1b]0;title\x07 \x1b]52;c;aGFjaw==\x07 \x9b5m \x85 [bold]x[/bold] [/] [@click=app.quit]y "
    "\u202etxt.exe\u2066 \u200b\u2028 日本語 🚀 e\u0301 \r\b\x7f"
)
HUGE = HOSTILE + "A" * 100_000
BAD_CATEGORIES = ("Cc", "Cs")
BIDI = {chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def dangerous(text: str) -> set[str]:
    """Return the characters of a text that could act on a terminal."""
    return {char for char in text if unicodedata.category(char) in BAD_CATEGORIES or char in BIDI}


def drawn(app: ShragaApp) -> str:
    """Return every character the screen in front would send as text."""
    strips = app.screen._compositor.render_strips()
    return "".join(segment.text for strip in strips for segment in strip if not segment.control)


def hostile_source() -> FakeSource:
    """Return a store in which every text is an attack."""
    source = busy_source()
    for text in (HOSTILE, HUGE):
        for status in TaskStatus:
            name = f"x{status}{len(text)}"
            row = make_row(name, text, status, thought=text, error=text, owner="alice", exit_code="1")
            source.add(replace(row, labels=(text,), worker=text), error=text, thought=text)
    worker = source.worker_list[0]
    source.worker_list = [worker.model_copy(update={"name": HOSTILE, "software_version": HOSTILE})]
    source.tell(
        *(make_event(n, "task.failed", task_id="t-run", name=HUGE, content=HUGE) for n in range(20, 60))
    )
    source.tell(make_event(60, HOSTILE, name=HOSTILE, content=HOSTILE, created_by=HOSTILE, task_id="t-run"))
    source.tasks["t-run"] = source.tasks["t-run"].model_copy(
        update={
            "name": HUGE,
            "thought": HUGE,
            "error": HUGE,
            "description": HOSTILE,
            "assigned_worker": HOSTILE,
            "context": {HOSTILE: [HOSTILE, {"x": HOSTILE}]},
            "progress": 0.5,
        }
    )
    run = make_run(
        "t-run", 1, source.runs["t-fail"][0].status, error=HUGE, worker=HOSTILE, result={"a": HOSTILE}
    )
    source.runs["t-run"] = (run,)
    source.logs["t-run", 1] = [make_log(n, HUGE if n % 2 else HOSTILE, source=HOSTILE) for n in range(5)]
    return source


WIDE, NARROW = (160, 48), (80, 24)
VIEWS: tuple[tuple[str, ...], ...] = (
    (), ("l",), ("h",), ("h", "h"), ("c",), ("2",), ("2", "slash", *"owner:"), ("2", "space", "A"), ("3",), ("3", "S"),
    ("4",), ("4", "enter"), ("4", "enter", "t"), ("4", "enter", "tab"), ("4", "enter", "tab", "tab"),
    ("4", "enter", "tab", "tab", "tab"), ("5",), ("6",), ("7",), ("7", "a"), ("0",), ("n",), ("question_mark",),
    ("colon",),
)  # fmt: skip
LAID_OUT_ANEW: tuple[tuple[str, ...], ...] = (
    (),
    ("2",),
    ("4", "enter"),
    ("4", "enter", "tab", "tab", "tab"),
    ("7",),
)
"""Views that show other things where there is little room."""


@pytest.mark.parametrize(
    ("keys", "size"),
    [*((keys, WIDE) for keys in VIEWS), *((keys, NARROW) for keys in LAID_OUT_ANEW)],
    ids=lambda value: "-".join(map(str, value)) or "board",
)
async def test_no_view_passes_a_control_or_bidi_character_on(
    keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    app = dashboard(hostile_source(), label=HOSTILE)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.desk.feed.board and app.desk.feed.workers and app.desk.feed.ring.seen)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await pilot.pause()
        assert dangerous(drawn(app)) == set()
        assert app.return_code is None


async def test_messages_about_hostile_tasks_are_harmless_and_no_markup() -> None:
    source = FakeSource()
    source.add(make_row("t", HOSTILE, TaskStatus.FAILED))
    source.refuses = f"The task {HOSTILE} cannot be run again."
    app = dashboard(source, notice=HOSTILE)
    async with app.run_test(size=(160, 48)) as pilot:
        await expect_shown(pilot, "failed  1")
        await pilot.press("r")
        await until(pilot, lambda: len(toasts(app)) == 2, "the refusal")
        assert dangerous("".join(toasts(app))) == set()
        await pilot.pause()
        assert dangerous(drawn(app)) == set()
        assert "[bold]x[/bold]" in drawn(app)


def test_nested_values_are_made_harmless_and_clean_ones_are_left_alone() -> None:
    nested = {HOSTILE: (HOSTILE, [HOSTILE, 1, None, True])}
    assert dangerous(str(harmless(nested))) - {"\n"} == set()
    clean = busy_source().worker_list[0]
    assert harmless(clean) is clean


def test_rows_are_one_line_and_short() -> None:
    row = harmless_row(make_row("t", HUGE, TaskStatus.FAILED, error="a\nb"))
    assert len(row.name) <= 500
    assert dangerous(row.name + row.error) == set()


async def test_reasons_and_neighbours_are_one_harmless_line_each() -> None:
    source = FakeSource()
    source.add(make_row("t", "x", TaskStatus.BLOCKED))
    edge = Neighbour("a", "success", HOSTILE, "running", "alice", is_unmet=True)
    source.neighbours["t"] = Neighbourhood((edge,), (edge,), 1, 1, 1)
    asked = HarmlessSource(source)
    around, why = await asked.dependencies("t"), await asked.why("t")
    said = [around.prerequisites[0].name, around.dependents[0].name, *(one.says for one in why.reasons)]
    assert len(said) == 3
    assert dangerous("".join(said)) == set()
    assert "red" in said[2]


async def test_a_brake_is_told_in_one_harmless_line() -> None:
    source = FakeSource()
    source.brakes = (Brake(by=HOSTILE, at=NOW, reason=f"a\nb {HOSTILE}"),)
    said = (await HarmlessSource(source).counts()).standstill
    assert dangerous(said) == set()
    assert "a b" in said


@pytest.mark.parametrize("shown", ["mount [/dev/sda1]", "[bold]loud[/bold]"])
@pytest.mark.parametrize("dialog", [AnswerScreen, SayScreen, TalkScreen, ConfirmScreen])
async def test_a_dialog_shows_a_name_as_it_is(dialog: type[ModalScreen[Any]], shown: str) -> None:
    name = f"{shown} \x1b[31m \u202ex"
    source = busy_source()
    app = dashboard(source)
    row = make_row("t-odd", name, TaskStatus.AWAITING_APPROVAL)
    source.add(row)
    ref = TaskRef(row.id, row.name, row.status)
    flow = make_flow("f-odd", name, Phase.EXECUTING)
    async with app.run_test(size=(120, 40)) as pilot:
        await expect_shown(pilot, "Fix login")
        made: dict[type[Any], Callable[[], ModalScreen[Any]]] = {
            AnswerScreen: lambda: AnswerScreen(app.desk, ref),
            SayScreen: lambda: SayScreen(app.desk, ref),
            TalkScreen: lambda: TalkScreen(app.desk, flow),
            ConfirmScreen: lambda: ConfirmScreen(clean_line(name, 60), "It is ended.", "Yes"),
        }
        await app.push_screen(made[dialog]())
        await expect_shown(pilot, shown)
        assert dangerous(drawn(app)) == set()
        # It stands in the middle, over the screen it belongs to.
        box = app.screen.children[0].region
        assert box.x > 1 and box.y > 1
