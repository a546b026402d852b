"""A server that is away, stands still, or has no room on its disk: nothing finished is lost, no worker dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shraga_models import Liveness, NewTask, Python, RunStatus, Shell, TaskStatus
from shraga_queue import AsyncShraga, proctree
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.deadline import UNKEPT
from shraga_queue.embedded import Embedded
from shraga_queue.errors import ShragaError
from shraga_queue.up import environment
from shraga_tui.app import ShragaApp
from tests.acceptance.conftest import Timed
from tests.clocks import Clock
from tests.plain_server import PlainServer
from tests.processes import Processes
from tests.scenes import begun, hold
from tests.tui import expect_shown
from tests.waiting import wait_until

AWAY = float(os.environ.get("FAULT_OUTAGE", "8"))
"""Seconds the server stays away, longer than a lease; `benchmarks/faults.py` takes 30."""
NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))


def passed(since: float, seconds: float) -> bool:
    return time.monotonic() - since >= seconds


def test_what_runs_and_what_finishes_while_the_server_is_away_is_kept(
    away: Shraga, away_processes: Processes, plain_server: PlainServer, tmp_path: Path, timed: Timed
) -> None:
    away_processes.controller()
    worker = away_processes.worker(away, slots=2)
    slots = away_processes.slot_pids(worker)
    short = hold(away, tmp_path / "short", seconds=2)
    long = hold(away, tmp_path / "long", seconds=AWAY + 2)
    waiting = away.submit_many([NOOP] * 20)
    plain_server.kill()
    gone = time.monotonic()
    wait_until(lambda: "end" in (tmp_path / "short").read_text(), what="one to finish meanwhile")
    wait_until(lambda: passed(gone, AWAY), AWAY + 5, what="the outage to be long")
    plain_server.start()
    back = time.monotonic()
    assert away.wait(short, 30).status is TaskStatus.COMPLETED
    timed(f"server away {AWAY:g} s, finished run committed after its return", time.monotonic() - back)
    assert all(away.wait(task.id, 30).status is TaskStatus.COMPLETED for task in waiting)
    timed(f"server away {AWAY:g} s, queued tasks done after its return", time.monotonic() - back)
    assert away.wait(long, 30).status is TaskStatus.COMPLETED
    assert [len(begun(tmp_path / name)) for name in ("short", "long")] == [1, 1]
    assert away_processes.slot_pids(worker) == slots


def test_a_server_that_stands_still_longer_than_a_lease_costs_a_run_but_no_task(
    away: Shraga, away_processes: Processes, plain_server: PlainServer, tmp_path: Path, timed: Timed
) -> None:
    away_processes.controller()
    worker = away_processes.worker(away, slots=2)
    slots = away_processes.slot_pids(worker)
    note = tmp_path / "note"
    task_id = hold(away, note)
    nap = away.submit("nap", Shell("sleep 60"), limits={"retries": 0}).id
    wait_until(lambda: away.runs(nap)[0].status is RunStatus.RUNNING, what="the nap to begin")
    plain_server.freeze()
    frozen = time.monotonic()
    wait_until(lambda: not proctree.is_alive(begun(note)[0]), 10, what="the run to end itself")
    timed("freeze server, run ends itself", time.monotonic() - frozen)
    wait_until(lambda: passed(frozen, AWAY), AWAY + 5, what="the freeze to be long")
    plain_server.thaw()
    thawed = time.monotonic()
    wait_until(lambda: len(begun(note)) == 2, 15, what="the second run")
    timed("freeze server, run again after the thaw", time.monotonic() - thawed)
    for lost in (task_id, nap):
        first = away.runs(lost)[0]
        assert (first.status, first.error) == (RunStatus.LOST, f"Lost: {UNKEPT}.")
    assert away_processes.slot_pids(worker) == slots
    away.cancel(task_id, timeout=30)
    away.cancel(nap, timeout=30)


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte on the disk, and return the file that takes it all."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


def refused(shraga: Shraga) -> str:
    """Return what a script is told when it submits, empty where it is accepted."""
    try:
        shraga.submit("more", Python("shraga_queue.demo:noop"), description="x" * 20_000)
    except ShragaError as error:
        return str(error)
    return ""


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shraga_tui", *arguments],
        env=environment(settings), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(params=["embedded", "given"])
def crowded(small_disk: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of a home on the small disk, and of its own server or one beside it."""
    settings = Settings(home=small_disk / "home", user="tester")
    if request.param == "embedded":
        yield settings
        Embedded.release(settings)
        Embedded.stop(settings)
        return
    server = PlainServer(small_disk / "server")
    server.start()
    yield settings.model_copy(update={"redis_url": server.url})
    server.kill()


def test_a_start_on_a_full_disk_says_so_and_works_once_there_is_room(small_disk: Path) -> None:
    settings = Settings(home=small_disk / "home", user="tester")
    filler = fill(small_disk)
    told = command(settings, "list")
    assert told.returncode == 4
    assert "No space left on device. Free disk space there" in told.stderr
    assert told.stderr.count("\n") == 1
    filler.unlink()
    assert command(settings, "list").returncode == 0


async def test_a_full_disk_is_said_and_outlasted(
    crowded: Settings, small_disk: Path, tmp_path: Path, timed: Timed
) -> None:
    settings = crowded
    with Shraga.connect(settings=settings) as shraga, Processes(settings) as processes:
        processes.controller()
        worker = processes.worker(shraga)
        slots = processes.slot_pids(worker)
        note = tmp_path / "note"
        task_id = hold(shraga, note, seconds=4)
        accepted = [shraga.submit_task(NOOP).id for _ in range(5)]
        filler = fill(small_disk)
        assert "cannot save to its disk" in wait_until(
            lambda: refused(shraga), 20, what="the disk to be full"
        )
        told = command(settings, "submit", "more", "--shell", "true")
        assert told.returncode != 0
        assert told.stderr.count("\n") == 1
        assert "Free disk space" in told.stderr
        # Looking needs no writes.
        assert command(settings, "list").returncode == 0
        app = ShragaApp(AsyncShraga.connect(settings=settings), user=settings.user, label="test")
        async with app.run_test(size=(160, 48)) as pilot:
            await expect_shown(pilot, "▶ running  1")
        await app.desk.source.close()
        wait_until(lambda: "end" in note.read_text(), 10, what="the run to go on")
        filler.unlink()
        freed = time.monotonic()
        assert shraga.wait(task_id, 30).status is TaskStatus.COMPLETED
        timed("disk full, finished run committed once there is room", time.monotonic() - freed)
        assert all(shraga.wait(one, 30).status is TaskStatus.COMPLETED for one in accepted)
        assert len(begun(note)) == 1
        assert processes.slot_pids(worker) == slots


# A wall clock that jumps


def test_a_clock_that_jumps_by_hours_on_the_worker_changes_nothing(
    processes: Processes, shraga: Shraga, tmp_path: Path, stepped_clock: Path
) -> None:
    clock = Clock(stepped_clock, tmp_path / "step")
    processes.controller()
    processes.worker(shraga, env=clock.environment)
    note = tmp_path / "note"
    task_id = hold(shraga, note, seconds=8)
    begin, before = time.monotonic(), shraga.driver.run(shraga.operations.now())
    clock.set(3600)
    wait_until(lambda: passed(begin, 2), what="the task to go on for a while")
    clock.set(-3600)
    done = shraga.wait(task_id, 20)
    after = shraga.driver.run(shraga.operations.now())
    assert (done.status, done.attempt, len(begun(note))) == (TaskStatus.COMPLETED, 1, 1)
    looked = shraga.wait(shraga.submit("look", Python("tests.jobs:wall_clock")).id, 10)
    assert looked.output is not None
    assert abs(looked.output.result - after.timestamp() + 3600) < 60
    # What is kept of it is Redis's time, not the worker's.
    finished = shraga.runs(task_id)[-1].finished_at
    assert finished is not None
    assert before <= finished <= after
    record = processes.worker_record(shraga, "w1")
    assert record is not None
    assert record.liveness is not Liveness.OFFLINE
