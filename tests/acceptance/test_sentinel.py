"""Behind Sentinel: failover under load, a replica behind its primary, a primary cut off together with a worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shraga_models import NewTask, Python, TaskStatus, WorkerMode
from shraga_queue.aclient import AsyncShraga
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.errors import ShragaError
from tests.hosts import why_not
from tests.paces import overlaps, read_paces
from tests.processes import Processes
from tests.servers import Guarded
from tests.sites import GuardedSite
from tests.waiting import wait_until

several_hosts = pytest.mark.skipif(bool(why_not()), reason=why_not())
NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with Guarded(tmp_path_factory.mktemp("guarded")) as made:
        yield made


@pytest.fixture
def settings(guarded: Guarded, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home", redis_url=guarded.url, prefix=f"s{os.getpid()}", user="tester", context=None
    )


def pace_task(folder: Path, number: int, seconds: float) -> NewTask:
    return NewTask(
        name=f"paced {number}",
        action=Python("tests.jobs:pace", args={"path": str(folder / f"p{number}"), "seconds": seconds}),
    )


def test_an_idle_worker_ends_promptly(processes: Processes, shraga: Shraga) -> None:
    worker = processes.worker(shraga, slots=2)
    started = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert time.monotonic() - started < 4


@dataclass
class Load:
    """Tasks submitted one after another; what was accepted is kept by number."""

    shraga: Shraga
    folder: Path
    kept: dict[int, str] = field(default_factory=dict)
    refused: int = 0

    def submit_for(self, seconds: float) -> None:
        """Submit about 40 tasks a second."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.submit_one()
            time.sleep(0.025)

    def submit_one(self) -> bool:
        """Submit one; returns whether it was accepted."""
        number = len(self.kept) + self.refused
        try:
            self.kept[number] = self.shraga.submit_task(pace_task(self.folder, number, 0.05)).id
        except ShragaError:
            self.refused += 1
            return False
        return True

    def replicated(self) -> bool:
        """Whether what was accepted until now is on a replica."""
        return int(self.shraga.driver.connection.execute_command("WAIT", 1, 2000)) >= 1


def test_a_failover_under_load_loses_nothing_and_runs_nothing_twice_at_once(
    processes: Processes, shraga: Shraga, guarded: Guarded, tmp_path: Path
) -> None:
    processes.controller()
    worker = processes.worker(shraga, "w1", slots=2)
    slots = processes.slot_pids(worker)
    load = Load(shraga, tmp_path)
    load.submit_for(1.0)
    assert load.replicated()
    old = guarded.primary
    old.kill()
    killed_at = time.monotonic()
    wait_until(load.submit_one, 20, what="the new primary to take a task")
    assert time.monotonic() - killed_at < 10
    load.submit_for(1.0)
    for number, task_id in load.kept.items():
        assert shraga.wait(task_id, 40).status is TaskStatus.COMPLETED
        assert not overlaps(read_paces(tmp_path / f"p{number}"))
    assert processes.slot_pids(worker) == slots
    old.start()


def claimed_unseen(site: GuardedSite) -> Path:
    """Have `a` run a task of which the replica knows only that it is queued, for `b` to find; return its notes."""
    site.controller("control")
    site.worker("a")
    site.worker("b")
    connection = site.shraga.driver.connection
    suspended = site.shraga.driver.keys.make("rq_suspended")
    connection.set(suspended, 1, px=5000)
    site.shraga.submit_task(pace_task(site.folder, 1, 20))
    assert connection.execute_command("WAIT", 1, 2000) == 1
    site.lan.block("redis0", "redis1")
    site.shraga.set_worker_mode("b", WorkerMode.DRAINING)
    connection.delete(suspended)
    note = site.folder / "p1"
    wait_until(lambda: read_paces(note), what="the run on a")
    return note


@several_hosts
def test_a_replica_that_has_not_seen_the_claim_ends_the_first_run_at_once(tmp_path: Path) -> None:
    with GuardedSite(tmp_path) as site:
        note = claimed_unseen(site)
        old = site.guarded.primary
        old.kill()
        site.guarded.wait_for_failover(old)
        wait_until(lambda: len(read_paces(note)) == 2, 20, what="the run on b")
        wait_until(lambda: read_paces(note)[0].silent_for(1), 5, what="the end of the run on a")
        first, second = read_paces(note)
        # Asynchronous replication allows no more: both hear of each other with the next heartbeat.
        assert first.last - second.begin < 2.0
        assert not second.silent_for(1)


@several_hosts
async def test_clients_find_the_new_primary_although_the_old_one_is_only_silent(tmp_path: Path) -> None:
    with GuardedSite(tmp_path) as site:
        settings = site.settings("desk")
        ashraga = AsyncShraga.connect(settings=settings)
        await ashraga.submit_task(NOOP)
        site.shraga.submit_task(NOOP)
        old = site.guarded.primary
        assert old.host is not None
        old.host.sever()
        cut_at = time.monotonic()
        site.guarded.wait_for_failover(old)
        wait_until(lambda: accepted(site.shraga), 20, what="the new primary to take a task")
        await ashraga.submit_task(NOOP)
        assert time.monotonic() - cut_at < 20
        assert site.shraga.counts().by_status[TaskStatus.QUEUED] >= 2
        await ashraga.close()


def accepted(shraga: Shraga) -> bool:
    """Submit one; returns whether it was taken."""
    try:
        shraga.submit_task(NOOP)
    except ShragaError:
        return False
    return True
