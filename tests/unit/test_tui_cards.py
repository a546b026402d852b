"""What cards say, by status and width."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from shraga_models import EventType, TaskStatus
from shraga_queue.codec import TaskRow
from shraga_tui.cards import age, bar, card_lines, look_of, took
from shraga_tui.chrome import sparkline
from shraga_tui.look import BOARD_COLUMNS, EVENT_LOOKS, TASK_LOOKS, TONES
from shraga_tui.widgets import paint
from shraga_tui.widgets.bars import width_of_line
from shraga_tui.widgets.paint import ends, fit, width_of, wrap
from tests.fakes import NOW_MS, make_row

S = TaskStatus


def text_of(row: TaskRow, width: int = 30) -> str:
    """Return a card as plain lines."""
    return "\n".join("".join(text for text, _ in line) for line in card_lines(row, width, NOW_MS))


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (S.RUNNING, {"progress": 0.71, "thought": "running tests…"}, ("█", "71%", "12m", "“running tests…”")),
        (S.RUNNING, {}, ("▶ running", "12m", "alice")),
        (S.RUNNING, {"canceling": True}, ("◌ asked to stop",)),
        (S.WAITING_FOR_INPUT, {"thought": "Which flow?"}, ("? asks you · alice", "4m", "“Which flow?”")),
        (S.QUEUED, {"capability": "gpu", "priority": "critical"}, ("▲▲ ", "… queued · needs gpu", "4m")),
        (S.SCHEDULED, {"scheduled_at": NOW_MS + 3 * 3_600_000}, ("◷ scheduled", "in 3h")),
        (S.SCHEDULED, {"scheduled_at": NOW_MS - 1}, ("due",)),
        (S.COMPLETED, {}, ("✓ done · in 8m", "4m ago")),
        (
            S.FAILED,
            {"exit_code": "137", "attempt": 3, "error": "boom␊at x"},
            ("✗ failed · exit 137", "boom at x"),
        ),
        (S.RUNNING, {"attempt": 6, "try_number": 2}, ("▶ running · try 2 ",)),
        (S.CANCELED, {}, ("⊘ canceled", "4m ago")),
        (S.SKIPPED, {"error": "expired"}, ("» skipped", "expired")),
        (S.BLOCKED, {}, ("‖ blocked",)),
        (S.QUEUED, {"due": NOW_MS + 3 * 3_600_000}, ("due in 3h · alice",)),
        (S.QUEUED, {"due": NOW_MS - 2 * 86_400_000}, ("overdue 2d · alice",)),
        (S.AWAITING_APPROVAL, {}, ("! approval",)),
    ],
)
def test_a_card_says_what_its_status_is_about(
    status: TaskStatus, fields: dict[str, object], expected: tuple[str, ...]
) -> None:
    said = text_of(make_row("t", "Fix login", status, **fields))
    for part in expected:
        assert part in said


def test_slots_of_a_task_that_repeats_are_no_tries() -> None:
    assert "try" not in text_of(make_row("t", "Watch the orders", S.RUNNING, attempt=6, try_number=1))


def test_what_has_ended_is_due_no_more() -> None:
    assert "due" not in text_of(make_row("t", "Fix login", S.COMPLETED, due=NOW_MS - 1))


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (S.COMPLETED, {}, "✓ done · 8m     4m"),
        (S.COMPLETED, {"started_at": NOW_MS - 45_000_000}, "✓ done · 12h 26m"),
        (S.FAILED, {"exit_code": "3"}, "✗ failed · exit 3"),
        (S.FAILED, {"exit_code": "137"}, "✗ exit 137      4m"),
        (S.FAILED, {"run": "timeout", "exit_code": "143"}, "✗ timed out     4m"),
        (S.SCHEDULED, {"scheduled_at": NOW_MS + 3 * 3_600_000}, "◷ scheduled  in 3h"),
        (S.SCHEDULED, {"scheduled_at": NOW_MS + 251_606_736_000_000}, "◷      in 2912115d"),
        (S.QUEUED, {"capability": "gpu"}, "… queued        4m"),
        (S.CANCELED, {}, "⊘ canceled      4m"),
    ],
)
def test_a_narrow_card_keeps_the_point_of_its_second_line(
    status: TaskStatus, fields: dict[str, object], expected: str
) -> None:
    assert text_of(make_row("t", "n", status, **fields), 18).splitlines()[1].rstrip() == expected


@pytest.mark.parametrize("width", [8, 18, 22, 30, 60])
@pytest.mark.parametrize("name", ["x" * 500, "日本語のタスク" * 50, "🚀" * 100, "e\u0301" * 200, ""])
@pytest.mark.parametrize("status", list(S))
def test_no_line_of_a_card_is_wider_than_the_card(status: TaskStatus, name: str, width: int) -> None:
    row = make_row("t", name, status, progress=0.5, error=name, thought=name, priority="high")
    assert all(width_of_line(line) <= width for line in card_lines(row, width, NOW_MS))


def test_an_unknown_status_of_a_newer_writer_is_shown_not_refused() -> None:
    from dataclasses import replace

    assert "· unknown" in text_of(replace(make_row("t", "x", S.QUEUED), status="paused"))


def test_every_status_is_in_exactly_one_column_and_has_a_look() -> None:
    placed = [status for column in BOARD_COLUMNS for status in column.statuses]
    assert sorted(placed) == sorted(S)
    assert set(TASK_LOOKS) == set(S)
    assert set(EVENT_LOOKS) == set(EventType)


def test_looks_are_one_cell_wide_with_a_word_and_a_known_tone() -> None:
    for look in (*TASK_LOOKS.values(), *EVENT_LOOKS.values()):
        assert width_of(look.glyph) == 1
        assert look.word
        assert look.tone in TONES


def test_no_two_statuses_share_a_glyph_or_a_word() -> None:
    assert len({look.glyph for look in TASK_LOOKS.values()}) == len(S)
    assert len({look.word for look in TASK_LOOKS.values()}) == len(S)


def test_small_helpers() -> None:
    assert (age(NOW_MS, 0), age(NOW_MS, NOW_MS - 61_000)) == ("", "1m")
    assert (bar(0.5, 4), bar(7, 2), bar(-1, 2)) == ("██░░", "██", "░░")
    assert (took(0.24), took(75)) == ("0.2s", "1m")
    assert (sparkline([0, 0]), sparkline([0, 7, 14]), sparkline([])) == ("▁▁", "▁▅█", "")
    assert (fit("日本語", 4), fit("abc", 0)) == ("日…", "")
    assert wrap("run it again", 8) == ["run it", "again"]
    assert wrap("x" * 10, 4) == ["xxxx", "xxxx", "xx"]
    assert wrap("“run” it again", 8) == ["“run” it", "again"]
    assert wrap("日本語日本語", 5) == ["日本", "語日", "本語"]
    assert width_of_line(ends((("left", "text"),), (("right", "text"),), 20)) == 20


def test_a_long_text_is_measured_a_few_times_and_not_once_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    count_cells = cell_len

    def counting(text: str) -> int:
        measured.append(len(text))
        return count_cells(text)

    monkeypatch.setattr(paint, "cell_len", counting)
    text = "日本語 " * 2_500
    pieces = wrap(text, 20)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert {width_of(piece) for piece in pieces[:-1]} == {20}
    assert sum(measured) < 4 * len(text)


def test_a_result_that_waits_looks_otherwise_than_a_task_that_waits_for_leave() -> None:
    assert look_of(TaskStatus.AWAITING_APPROVAL, "pending").word == "approval"
    assert look_of(TaskStatus.AWAITING_APPROVAL, "completed").word == "verdict"
