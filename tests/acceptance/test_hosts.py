"""Redis, workers, controller and desk on hosts of their own, over lines that are slow, lossy and cut."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shraga_models import NewTask, Python, RunStatus, Shell, TaskStatus
from shraga_queue import AsyncShraga
from shraga_queue.up import environment
from shraga_tui.app import ShragaApp
from tests.hosts import why_not
from tests.paces import read_paces
from tests.sites import Site, seen_lately
from tests.tui import expect_shown, until
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))
LEASE = 6.0
ELSEWHERE_WITHIN = 10.0
CUT = 30.0
"""Seconds without a line to Redis, five times as long as a lease."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path, seed=7) as made:
        yield made


def pacing(site: Site, name: str, seconds: float, function: str = "pace") -> tuple[str, Path]:
    """Submit a task that notes when it was alive; return its id and its notes once it runs."""
    note = site.folder / name
    action = Python(f"tests.jobs:{function}", args={"path": str(note), "seconds": seconds})
    task = site.shraga.submit(name, action)
    wait_until(lambda: read_paces(note), what=f"{name} to begin")
    return task.id, note


def test_work_flows_between_hosts_that_are_20_ms_apart(site: Site) -> None:
    site.controller("control")
    site.worker("a", slots=2)
    site.worker("b", slots=2)
    site.lan.weather(round_trip=0.02)
    tasks = site.shraga.submit_many([NOOP] * 60)
    ended = [site.shraga.wait(task.id, 20) for task in tasks]
    assert {task.status for task in ended} == {TaskStatus.COMPLETED}
    took_part = {run.worker_id for task in tasks for run in site.shraga.runs(task.id)}
    assert took_part == {worker.id for worker in site.shraga.workers()}
    long = site.shraga.submit("long", Shell("echo begun; sleep 600"))
    wait_until(lambda: [line.message for line in site.shraga.logs(long.id)] == ["begun"], what="its line")
    assert site.shraga.cancel(long.id, timeout=30).status is TaskStatus.CANCELED
    shown = subprocess.run(
        [sys.executable, "-m", "shraga_tui", "counts", "--json"],
        env=environment(site.settings("desk")),
        capture_output=True,
        check=True,
    )
    assert json.loads(shown.stdout)["by_status"]["completed"] == 60


def test_lost_packets_lose_no_task_and_run_none_twice(site: Site) -> None:
    site.controller("control")
    site.worker("a", slots=2)
    site.worker("b", slots=2)
    site.lan.weather(round_trip=0.004, loss=0.08)
    actions = [
        Python("tests.jobs:pace", args={"path": str(site.folder / f"p{number}"), "seconds": 0.2})
        for number in range(20)
    ]
    tasks = [site.shraga.submit("paced", action) for action in actions]
    ended = [site.shraga.wait(task.id, 60) for task in tasks]
    assert {task.status for task in ended} == {TaskStatus.COMPLETED}
    for number in range(20):
        assert [pace.ended for pace in read_paces(site.folder / f"p{number}")].count(True) == 1
    assert all(task.attempt == 1 for task in ended)


def test_a_cut_of_everything_for_30_seconds_keeps_what_finished_and_retries_what_could_not(
    site: Site,
) -> None:
    site.controller("control")
    workers = [site.worker("a", slots=2), site.worker("b", slots=2)]
    slots = [site.on(name).slot_pids(worker) for name, worker in zip("ab", workers, strict=True)]
    short, short_note = pacing(site, "short", 3)
    long, long_note = pacing(site, "long", 9)
    waiting = site.shraga.submit_many([NOOP] * 20)
    site.host("redis0").sever()
    cut_at = time.monotonic()
    wait_until(lambda: read_paces(short_note)[0].ended, what="the short one to finish meanwhile")
    (first,) = read_paces(long_note)
    wait_until(lambda: read_paces(long_note)[0].silent_for(1.0), 10, what="the long one to be ended")
    wait_until(lambda: time.monotonic() - cut_at >= CUT, CUT + 5, what="the cut to be long")
    assert len(read_paces(long_note)) == 1
    site.host("redis0").heal()
    assert site.shraga.wait(short, 20).status is TaskStatus.COMPLETED
    assert site.shraga.wait(long, 40).status is TaskStatus.COMPLETED
    assert {site.shraga.wait(task.id, 20).status for task in waiting} == {TaskStatus.COMPLETED}
    assert len(read_paces(short_note)) == 1
    cut_short, whole = read_paces(long_note)
    assert (cut_short.pid, cut_short.ended, whole.ended) == (first.pid, False, True)
    assert cut_short.last < whole.begin
    assert [run.status for run in site.shraga.runs(long)] == [RunStatus.LOST, RunStatus.COMPLETED]
    assert [site.on(name).slot_pids(worker) for name, worker in zip("ab", workers, strict=True)] == slots


def test_an_idle_worker_that_is_cut_off_keeps_a_task_no_longer_than_a_lease(site: Site) -> None:
    site.controller("control")
    site.worker("a", slots=2)
    site.worker("b")
    site.host("a").sever()
    # The server does not know of the cut, and lets `a` take what comes in the next second.
    tasks = [site.shraga.submit("n", Python("shraga_queue.demo:noop")) for _ in range(6)]
    ended = [site.shraga.wait(task.id, ELSEWHERE_WITHIN + 5) for task in tasks]
    assert {task.status for task in ended} == {TaskStatus.COMPLETED}
    assert sum(task.losses for task in ended) <= 2
    site.host("a").heal()
    wait_until(lambda: seen_lately(site.shraga, "a"), 20, what="the first worker to be back")
    wait_until(lambda: site.shraga.counts().leases == 0, what="no lease to be left")


@pytest.mark.parametrize(
    ("kind", "function"), [("silent", "pace"), ("unplug", "pace"), ("silent", "pace_blindly")]
)
def test_a_worker_that_is_cut_off_stops_before_its_task_runs_elsewhere(
    site: Site, kind: str, function: str
) -> None:
    site.controller("control")
    first = site.worker("a")
    slots = site.on("a").slot_pids(first)
    task_id, note = pacing(site, "task", 60, function)
    site.worker("b")
    host = site.host("a")
    host.sever(kind)
    cut_at = time.monotonic()
    wait_until(lambda: len(read_paces(note)) == 2, ELSEWHERE_WITHIN + 5, what="the second run")
    old, new = read_paces(note)
    assert new.begin - cut_at < ELSEWHERE_WITHIN
    assert old.last < new.begin
    before = site.shraga.runs(task_id)
    host.heal()
    wait_until(lambda: seen_lately(site.shraga, "a"), 20, what="the first worker to be back")
    other = site.shraga.wait(site.shraga.submit("other", Shell("true")).id, 20)
    assert other.status is TaskStatus.COMPLETED
    assert [run.status for run in site.shraga.runs(task_id)] == [RunStatus.LOST, RunStatus.RUNNING]
    assert site.shraga.runs(task_id)[0] == before[0]
    assert site.on("a").slot_pids(first) == slots
    assert len(read_paces(note)) == 2
    site.shraga.cancel(task_id, timeout=30)


async def test_the_dashboard_says_how_old_it_is_over_a_cut_and_catches_up(site: Site) -> None:
    app = ShragaApp(AsyncShraga.connect(settings=site.settings("desk")), user="tester", label="site")
    async with app.run_test(size=(160, 48)) as pilot:
        site.shraga.submit("before", Shell("true"))
        await expect_shown(pilot, "queued  1")
        site.host("desk").sever()
        await expect_shown(pilot, "stale")
        await expect_shown(pilot, "Trying again since")
        with site.host("other").inside():
            subprocess.run(
                [sys.executable, "-m", "shraga_tui", "submit", "meanwhile", "--shell", "true"],
                env=environment(site.settings("other")),
                capture_output=True,
                check=True,
            )
        site.host("desk").heal()
        await expect_shown(pilot, "queued  2")
        await until(pilot, lambda: app.desk.feed.fault is None, "the banner to go")
        await expect_shown(pilot, "live")
    await app.desk.source.close()
