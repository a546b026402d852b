"""The header: the badge always has its room, and titles give way to it."""

from __future__ import annotations

import pytest

from shraga_models import TaskStatus
from shraga_queue.board import Counts
from shraga_tui.chrome import TABS, header, waiting_on_people
from shraga_tui.desk import Desk
from shraga_tui.feed import Fault, Feed
from shraga_tui.preferences import Preferences
from shraga_tui.widgets.bars import width_of_line
from tests.fakes import NOW_MS, FakeSource, make_worker

WAITS = {TaskStatus.WAITING_FOR_INPUT: 8, TaskStatus.AWAITING_APPROVAL: 4, TaskStatus.RUNNING: 30}
WIDTHS = (60, 80, 100, 120)
LABEL = "redis.example.org:6379"


def desk(latency_ms: float | None = 12.3, fault: str = "") -> Desk:
    """Return a dashboard that is linked, with eleven workers and twelve tasks that wait on people."""
    feed = Feed(FakeSource(), lambda _: None, clock=lambda: 1_000.0)
    feed.counts = Counts(NOW_MS, WAITS, (0,) * 60, (0,) * 60, 0, 0, has_leader=True)
    feed.workers = tuple(make_worker(f"w{number}") for number in range(11))
    if latency_ms is not None:
        feed._latencies.append(latency_ms)
    if fault:
        feed.faults["board"] = Fault(fault, NOW_MS)
    return Desk(FakeSource(), feed, "alice", LABEL, Preferences())


def shown(of: Desk, current: str, width: int) -> tuple[str, list[str]]:
    """Return the text of the start and of every tab, and make sure that they fit."""
    left, tabs = header(of, current, width)
    assert width_of_line(left) + 1 + sum(width_of_line(line) for _, line in tabs) <= width
    return "".join(text for text, _ in left), ["".join(text for text, _ in line) for _, line in tabs]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("current", [name for name, *_ in TABS])
def test_the_badge_and_the_count_are_there_at_every_width(current: str, width: int) -> None:
    start, tabs = shown(desk(), current, width)
    assert start.endswith(" ● 12.3 ms live")
    assert "(12)" in tabs[-1]
    title = next(title for name, _, title, _ in TABS if name == current)
    assert any(f" {title}" in tab for tab in tabs)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("latency_ms", [None, 0.8, 1234.5])
def test_a_stale_screen_says_so_at_every_width(width: int, latency_ms: float | None) -> None:
    assert " ○ stale 0" in shown(desk(latency_ms, "gone"), "schedules", width)[0]
    assert shown(desk(latency_ms), "schedules", width)[0].endswith(" live")


def test_titles_grow_with_the_room() -> None:
    said = {width: shown(desk(), "board", width) for width in WIDTHS}
    assert said[60][1] == [" 1 Board ", " 2", " 3", " 4", " 5", " 6", " 7(12)"]
    assert said[80][1][1:] == [" 2 Tasks", " 3 Work", " 4 Event", " 5 Sched", " 6 Flow", " 7 Inbox(12)"]
    assert all(shown(desk(), name, 80)[1][0].strip() == "1 Board" for name, *_ in TABS)
    assert said[120][1][2:5] == [" 3 Workers 11 ", " 4 Events ", " 5 Schedules "]
    assert "redis" in said[60][0]
    assert f" {LABEL} " in said[100][0]
    assert f" {LABEL} " in said[120][0]


@pytest.mark.parametrize("width", [*WIDTHS, 82, 84, 90, 110])
def test_the_label_does_not_come_and_go_with_the_latency(width: int) -> None:
    starts = [shown(desk(latency), "tasks", width)[0].split(" ●")[0] for latency in (0.8, 12.3, 1234.5)]
    assert len(set(starts)) == 1


@pytest.mark.parametrize(
    ("second", "before", "running", "said"),
    [(0, 60, 0, 60), (1, 60, 2, 61), (30, 60, 25, 55), (59, 60, 60, 61), (45, 1, 0, 0), (0, 0, 0, 0)],
)
def test_done_per_minute_does_not_fall_at_the_full_minute(
    second: int, before: int, running: int, said: int
) -> None:
    now = NOW_MS // 60_000 * 60_000 + second * 1_000
    ended = (*(0,) * 58, before, running)
    assert Counts(now, {}, ended, (0,) * 60, 0, 0, has_leader=True).done_per_minute == said


def test_nothing_waiting_is_no_count() -> None:
    quiet = desk()
    quiet.feed.counts = Counts(NOW_MS, {}, (0,) * 60, (0,) * 60, 0, 0, has_leader=True)
    assert shown(quiet, "board", 80)[1][-1] == " 7 Inbox"
    assert waiting_on_people(quiet.feed.counts) == 0
