"""What the bars around every screen say, from the state of the feed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from shraga_models import Event, Liveness, TaskStatus, Worker, WorkerMode
from shraga_models.durations import format_duration
from shraga_queue.board import Counts
from shraga_tui.actions import OperatorAction
from shraga_tui.desk import Desk
from shraga_tui.feed import Feed
from shraga_tui.look import EVENT_LOOKS, UNKNOWN
from shraga_tui.widgets.bars import width_of_line
from shraga_tui.widgets.paint import Line, Span, fit, width_of

STALE_AFTER = 4.0
"""Seconds of silence after which the screen says that it is old."""
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_MINUTES = 20
TABS = (
    ("board", "1", "Board", "Board"),
    ("tasks", "2", "Tasks", "Tasks"),
    ("workers", "3", "Workers", "Work"),
    ("events", "4", "Events", "Event"),
    ("schedules", "5", "Schedules", "Sched"),
    ("workflows", "6", "Flows", "Flow"),
    ("inbox", "7", "Inbox", "Inbox"),
)
"""Name, key, title and short title of each tab."""
BADGE_CELLS = 15
"""What the dot, the latency and the badge take at most, with a space before them."""
LATENCY_CELLS, LABEL_CELLS, LEAST_LABEL_CELLS = 8, 24, 6


def header(desk: Desk, current: str, width: int) -> tuple[Line, list[tuple[str, Line]]]:
    """Return the start of the header and its tabs, whose titles give way: the badge always has its room."""
    feed = desk.feed
    label = min(width_of(desk.label), LABEL_CELLS)
    for style, wanted in (("full", BADGE_CELLS + 1 + label), ("short", BADGE_CELLS), ("bare", 0)):
        tabs = header_tabs(current, feed, style)
        room = width - sum(width_of_line(line) for _, line in tabs) - 1
        if room >= wanted:
            break
    return header_left(desk, room), tabs


def header_left(desk: Desk, room: int) -> Line:
    """Return what fits into `room` cells: the badge first, then the latency, the label and the name."""
    feed = desk.feed
    fresh = feed.fault is None and feed.counts is not None and feed.silence <= STALE_AFTER
    dot: Span = (" ●", "done") if fresh else (" ○", "failed")
    badge = freshness(feed)
    room -= width_of_line((dot, (" ", ""), badge))
    latency = f" {_ms(feed.latency_ms)}" if feed.latency_ms is not None and fresh else ""
    if room < width_of(latency):
        latency = ""
    # Not by what it takes right now: the label is not to come and go with every answer.
    room -= LATENCY_CELLS + 1
    label = min(width_of(desk.label), LABEL_CELLS)
    name = " ◆ shraga ·"
    if room < width_of(name) + label:
        name = ""
    room -= width_of(name)
    said = f" {fit(desk.label, room)}" if room >= min(label, LEAST_LABEL_CELLS) else ""
    return ((name, "accent"), (said, "text"), dot, (latency, "faint"), (" ", "faint"), badge)


def _ms(latency: float) -> str:
    return f"{latency:.0f} ms" if latency >= 100 else f"{latency:.1f} ms"


def freshness(feed: Feed) -> Span:
    """Return the badge: live, connecting, or how old what is shown is."""
    if feed.fault or feed.silence > STALE_AFTER:
        return f"stale {format_duration(feed.silence)}", "failed"
    return ("live", "done") if feed.counts else ("connecting…", "faint")


def header_tabs(current: str, feed: Feed, style: str) -> list[tuple[str, Line]]:
    """Return the tabs of the screens: all titles `full` or `short`, or `bare` keys; the current one is in full."""
    tabs: list[tuple[str, Line]] = []
    for name, key, title, short in TABS:
        # A number of workers is a nicety; what waits on people is not.
        kept = _tab_count(name, feed) if style == "full" or name == "inbox" else ""
        if name == current:
            tabs.append((name, ((f" {key} {title}{kept} ", "tab"),)))
            continue
        said = {"full": f" {title}{kept} ", "short": f" {short}{kept}", "bare": kept}[style]
        tabs.append((name, ((f" {key}", "accent"), (said, "text"))))
    return tabs


def _tab_count(name: str, feed: Feed) -> str:
    if name == "workers" and feed.workers:
        return f" {len(alive(feed.workers))}"
    if name == "inbox" and feed.counts and (waits := waiting_on_people(feed.counts)):
        return f"({waits:,})"
    return ""


def waiting_on_people(counts: Counts) -> int:
    """Return how many tasks wait for an answer, for leave or for a verdict."""
    return sum(
        counts.by_status.get(status, 0)
        for status in (TaskStatus.WAITING_FOR_INPUT, TaskStatus.AWAITING_APPROVAL)
    )


def alive(workers: Sequence[Worker] | None) -> list[Worker]:
    """Return the workers that are there or should be."""
    return [worker for worker in workers or () if worker.liveness is not Liveness.OFFLINE]


def banner(feed: Feed) -> str:
    """Return what is wrong with the link, or nothing."""
    fault = feed.fault
    if fault is None:
        return ""
    since = datetime.fromtimestamp(fault.since_ms / 1000, UTC).astimezone().strftime("%H:%M:%S")
    shown = f" You see the state of {format_duration(feed.silence)} ago." if feed.counts else ""
    return f"✗ {fault.sentence} Trying again since {since}.{shown}"


def warning(feed: Feed) -> str:
    """Return why waiting tasks do not start and the command that changes it, or nothing."""
    if feed.counts is None or feed.fault:
        return ""
    missing = "" if feed.workers is None or feed.is_settling else _missing(feed.workers, feed.counts)
    return missing or feed.counts.standstill


def _missing(workers: Sequence[Worker], counts: Counts) -> str:
    if not alive(workers):
        return "No worker: start one with `shraga worker`, or everything with `shraga up`."
    if not counts.has_leader:
        return "No controller: start one with `shraga controller`; lost and due tasks wait."
    return ""


def status_left(feed: Feed, *, with_events: bool) -> Line:
    """Return the warning; else the newest event, or the hour in numbers where events are seen elsewhere."""
    if said := warning(feed):
        return ((f" ⚠ {said}", "waiting"),)
    if with_events and feed.ring.events:
        return event_line(feed.ring.events[-1], lead=" ")
    return hour(feed.counts) if feed.counts else ()


def hour(counts: Counts) -> Line:
    """Return what ended within the last hour, of how many."""
    done, failed = sum(counts.completed_per_minute), sum(counts.failed_per_minute)
    return (
        (" last hour ", "faint"),
        (f"✓ {done:,} done", "done" if done else "text"),
        (f"  ✗ {failed:,} failed", "failed" if failed else "text"),
        (f"  of {counts.total:,} tasks", "faint"),
    )


def status_right(feed: Feed, *, wide: bool) -> Line:
    """Return how busy the workers are and how many tasks end per minute; a warning needs the room more."""
    warned = bool(warning(feed))
    if not wide and warned:
        return ()
    spans: list[Span] = [*_workers(feed.workers)]
    if feed.counts and not warned:
        ended = feed.counts.completed_per_minute[-(SPARK_MINUTES if wide else SPARK_MINUTES // 2) :]
        spans += [
            ("  ", "text"),
            (sparkline(ended), "done"),
            (f" {feed.counts.done_per_minute} done/min ", "faint"),
        ]
    return tuple(spans)


def _workers(workers: Sequence[Worker] | None) -> list[Span]:
    there = alive(workers)
    if not there:
        return []
    silent = sum(worker.liveness is Liveness.ERROR for worker in there)
    draining = sum(worker.mode is not WorkerMode.ACCEPTING for worker in there)
    busy = sum(len(worker.current_tasks) for worker in there)
    slots = sum(worker.max_concurrent_tasks for worker in there if worker.liveness is not Liveness.ERROR)
    spans: list[Span] = [(f"▶ {busy}/{slots} busy", "running" if busy else "faint")]
    if draining:
        spans.append((f" ◐ {draining} draining", "waiting"))
    if silent:
        spans.append((f" ✗ {silent} silent", "failed"))
    return spans


def sparkline(values: Sequence[int]) -> str:
    """Return a bar of block characters, one for each value; zero is a low line."""
    top = max(values, default=0)
    return "".join(SPARKS[round(value / top * 7) if top else 0] for value in values)


def event_line(event: Event, lead: str = "") -> Line:
    """Return an event as time, what happened, to whom, and its words."""
    look = EVENT_LOOKS.get(event.type, UNKNOWN)
    word = look.word if look is not UNKNOWN else event.type
    said = event.content
    if event.type == "task.progress" and said:
        said = f"{float(said):.0%}" if said.replace(".", "", 1).isdigit() else said
    name = event.name or (event.task_id or "")
    by = event.created_by if event.type in ("task.submitted", "task.canceling", "worker.changed") else ""
    return (
        (f"{lead}{event.at.astimezone():%H:%M:%S} ", "faint"),
        (f"{look.glyph} {word:<11} ", look.tone),
        (name, "strong"),
        (f"  {said}" if said else "", "text"),
        (f"  by {by}" if by else "", "faint"),
    )


def key_groups(actions: Sequence[OperatorAction], usable: set[str], width: int) -> list[tuple[str, Line]]:
    """Return the hints of the footer; what cannot be done right now is faint, or left out to save room."""
    hinted = [action for action in actions if action.label]
    for spare in [action for action in reversed(hinted) if action.spare]:
        if _hints_width(hinted) > width:
            hinted.remove(spare)
    if _hints_width(hinted) > width:
        hinted = [action for action in hinted if action.name in usable]
    return _hints(hinted, usable)


def _hints_width(actions: Sequence[OperatorAction]) -> int:
    return sum(len(action.shown) + len(action.label) + 3 for action in actions)


def _hints(actions: Sequence[OperatorAction], usable: set[str]) -> list[tuple[str, Line]]:
    groups: list[tuple[str, Line]] = []
    for action in actions:
        on = action.name in usable
        groups.append(
            (
                action.name,
                (
                    (f" {action.shown}", "accent" if on else "faint"),
                    (f" {action.label} ", "text" if on else "faint"),
                ),
            )
        )
    return groups
