"""Follow a task: its log and its moves in one blocking read, so that the end is told at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from shraga_models.text import clean_block, strip_ansi

from .output import data, say, to_terminal

if TYPE_CHECKING:
    from shraga_models import LogEntry, Task
    from shraga_queue.client import Shraga

BLOCK_MS = 1000
COUNT = 2000
SYSTEM = "system"


def write_entry(entry: LogEntry) -> None:
    """Write one line of a task's output; what the engine says about the run is talk."""
    if entry.source == SYSTEM:
        say(entry.message)
    else:
        # A file or a program gets every byte the task wrote, a terminal only what is harmless.
        data(clean_block(strip_ansi(entry.message)) if to_terminal() else entry.message)


def follow_task(
    shraga: Shraga,
    task_id: str,
    *,
    attempt: int | None = None,
    tail: int | None = None,
    longest: float | None = None,
    first: int | None = None,
    quiet: Callable[[Task], None] | None = None,
) -> Iterator[LogEntry]:
    """Yield a task's lines as they come, run after run, until it has ended or `longest` seconds have passed.

    With `attempt` only that run is followed, from `first` on all; `tail` limits the lines that are there already.
    `quiet` is told of the task whenever nothing came for a while. Raises NotFound.
    """
    deadline = None if longest is None else time.monotonic() + longest
    operations, driver = shraga.operations, shraga.driver
    task = driver.run(operations.get_task(task_id))
    events = driver.run(operations.last_event_id(operations.event_stream(task.owner)))
    number = attempt or first or task.attempt
    page = driver.run(operations.logs(task_id, number, tail)) if tail is not None else None
    yield from page.entries if page else ()
    last_id = page.last_id if page else "0-0"
    while True:
        # Read before the lines: what ends afterwards has written all of them.
        task = driver.run(operations.get_task(task_id))
        over = task.status.is_final or task.attempt > number
        entries, events = _read(shraga, task, number, last_id, events, _patience(over, deadline))
        yield from entries
        last_id = entries[-1].id if entries else last_id
        if entries:
            continue
        if over and ((task.status.is_final and task.attempt <= number) or attempt is not None):
            return
        if over:
            number, last_id = number + 1, "0-0"
        elif deadline is not None and time.monotonic() >= deadline:
            return
        elif quiet is not None:
            quiet(task)


def _patience(over: bool, deadline: float | None) -> int:
    if over:
        return 1
    if deadline is None:
        return BLOCK_MS
    return max(1, min(BLOCK_MS, int((deadline - time.monotonic()) * 1000)))


def _read(
    shraga: Shraga, task: Task, attempt: int, last_id: str, last_event: str, block_ms: int
) -> tuple[list[LogEntry], str]:
    """Wait for lines of a run or for events of its owner; return the lines, and the last event seen."""
    from shraga_queue import codec, stream_codec
    from shraga_queue.calls import Call, Flow, as_is

    keys = shraga.operations.keys
    log = keys.make("log", owner=task.owner, task=task.id, attempt=attempt)
    events = shraga.operations.event_stream(task.owner)
    command = ("XREAD", "COUNT", COUNT, "BLOCK", block_ms, "STREAMS", log, events, last_id, last_event)

    def ask() -> Flow[Any]:
        return (yield Call(as_is, command=command))

    found = stream_codec.read_streams(shraga.driver.run(ask()))
    news = found.get(events, [])
    lines = stream_codec.read_log(attempt, found.get(log, []))
    return lines, codec.text(news[-1][0]) if news else last_event
