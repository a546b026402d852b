"""What the demo puts on for people: each scene when it is due, never more of it than a person can look at."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from shraga_models import Decision, TaskStatus
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.demo_scenes import Scenes, decide, end_schedules, make_repository
from tests.repositories import git
from tests.waiting import wait_until


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def put_on_all(scenes: Scenes, shraga: Shraga) -> list[int]:
    """Begin all that is due; returns how many tasks came of each."""
    return list(iter(lambda: scenes.put_on(shraga), 0))


def test_nothing_is_put_on_again_while_it_is_open_nor_at_once_when_it_has_ended(
    shraga: Shraga, tmp_path: Path
) -> None:
    clock = Clock()
    scenes = Scenes(make_repository(tmp_path), clock)
    assert put_on_all(scenes, shraga) == [2, 1]
    clock.now = 10
    assert put_on_all(scenes, shraga) == [5, 1, 1]
    clock.now = 1_000_000
    assert put_on_all(scenes, shraga) == []
    [deployment] = shraga.find("label:deploy")
    shraga.cancel(deployment.id)
    assert put_on_all(scenes, shraga) == []
    clock.now += 60
    assert put_on_all(scenes, shraga) == [1]
    assert put_on_all(scenes, shraga) == []


def test_without_git_the_scenes_without_agents_are_put_on(
    shraga: Shraga, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    clock = Clock()
    scenes = Scenes(make_repository(tmp_path), clock)
    clock.now = 10
    assert put_on_all(scenes, shraga) == [2, 5, 1]


def test_the_repository_has_one_commit_and_nothing_besides(tmp_path: Path) -> None:
    folder = make_repository(tmp_path)
    assert folder is not None
    assert git(folder, "log", "--format=%s") == "Begin"
    assert git(folder, "status", "--porcelain") == ""


def test_what_waits_for_leave_is_given_it_and_counted(shraga: Shraga, settings: Settings) -> None:
    clock = Clock()
    scenes = Scenes(None, clock)
    clock.now = 10
    put_on_all(scenes, shraga)
    [waiting] = shraga.find("status:awaiting_approval")
    over, done = threading.Event(), Counter[str]()
    helper = threading.Thread(target=decide, args=(settings, over, done))
    helper.start()
    try:
        wait_until(lambda: done["approved"], 10, what="the approval")
    finally:
        over.set()
        helper.join()
    task = shraga.get(waiting.id)
    assert done == {"approved": 1}
    assert task.status is TaskStatus.QUEUED
    assert task.review is not None and task.review.decision is Decision.APPROVED


def test_the_schedules_are_ended_for_good(shraga: Shraga) -> None:
    Scenes(None).put_on(shraga)
    assert end_schedules(shraga) == 0
    assert [task.status for task in shraga.find("label:timetable")] == [TaskStatus.CANCELED] * 2
