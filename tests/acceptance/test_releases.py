"""Whoever is killed while thousands of tasks are released by one end: each is released, once, and runs."""

from __future__ import annotations

from collections import Counter

import pytest

from shraga_models import NewTask, Python, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.errors import ShragaError
from tests.factories import assert_agreement
from tests.plain_server import PlainServer
from tests.processes import Processes
from tests.waiting import wait_until

DEPENDENTS = 4_000
NOOP = Python("shraga_queue.demo:noop")


def blocked(shraga: Shraga) -> int:
    """Return how many wait still; all while the server does not say."""
    try:
        return shraga.counts().by_status[TaskStatus.BLOCKED]
    except ShragaError:
        return DEPENDENTS


def completed(shraga: Shraga) -> int:
    try:
        return shraga.counts().by_status[TaskStatus.COMPLETED]
    except ShragaError:
        return 0


@pytest.mark.parametrize("victim", ["server", "worker", "controller"])
def test_thousands_are_released_once_whoever_is_killed_in_the_middle(
    away: Shraga, away_processes: Processes, plain_server: PlainServer, victim: str
) -> None:
    first = away.submit_task(NewTask(name="first", action=NOOP))
    waiting = away.submit_many(
        [NewTask(name=f"n{n}", action=NOOP, depends_on=[first.id]) for n in range(DEPENDENTS)]
    )
    assert blocked(away) == DEPENDENTS
    controller = away_processes.controller()
    wait_until(lambda: away.counts().has_leader, what="a leader")
    worker = away_processes.worker(away, "first", slots=2)
    wait_until(lambda: blocked(away) < DEPENDENTS, 20, 0.001, what="the first to be released")
    if victim == "server":
        plain_server.kill()
        plain_server.start()
    elif victim == "worker":
        worker.kill()
        away_processes.worker(away, "second", slots=2)
    else:
        controller.kill()
        away_processes.controller()
    wait_until(
        lambda: completed(away) == DEPENDENTS + 1, 60, 0.2, what=f"all to be done: {blocked(away)} blocked"
    )
    assert_agreement(away)
    told = Counter(
        (event.task_id, event.type) for event in away.events(tail=100_000) if "is completed" in event.content
    )
    assert all(told[task.id, "task.queued"] == 1 for task in waiting)
    assert len(told) == DEPENDENTS
