"""What a horse has been sent ahead of its time: whatever befalls the run before it, it runs, and once."""

from __future__ import annotations

import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
from rq.command import send_command

from shraga_models import Limits, NewTask, Python, RunStatus, Shell, Task, TaskStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from tests.factories import assert_agreement
from tests.plain_server import PlainServer
from tests.processes import Processes
from tests.scenes import begun
from tests.waiting import wait_until

NOOP = NewTask(name="noop", action=Python("shraga_queue.demo:noop"))
ROUND = 40


@pytest.fixture
def worker(processes: Processes, shraga: Shraga) -> subprocess.Popen[bytes]:
    """A worker of one slot, and a controller."""
    processes.controller()
    return processes.worker(shraga)


@pytest.fixture
def warm(worker: subprocess.Popen[bytes], shraga: Shraga) -> Shraga:
    """One slot that has learned that tasks are short, and a controller."""
    shraga.submit_many([NOOP] * 100)
    wait_until(lambda: shraga.counts().by_status[TaskStatus.COMPLETED] == 100, what="the short tasks")
    return shraga


def submit_amid(shraga: Shraga, *tasks: NewTask) -> tuple[list[Task], list[Task]]:
    """Submit tasks with short ones before, between and behind them; returns the short ones and the tasks."""
    line = [NOOP] * ROUND
    for task in tasks:
        line += [task, *[NOOP] * ROUND]
    submitted = shraga.submit_many(line)
    return (
        [task for task in submitted if task.name == "noop"],
        [task for task in submitted if task.name != "noop"],
    )


def expect_untouched(shraga: Shraga, short: list[Task]) -> None:
    """Wait until short tasks have ended; each must have run once, and not been lost."""
    wait_until(lambda: all(shraga.get(task.id).status.is_final for task in short), what="the short tasks")
    ended = [shraga.get(task.id) for task in short]
    errors = {run.error for task in ended if task.attempt > 1 for run in shraga.runs(task.id)}
    assert not errors
    assert {(task.status, task.attempt, task.losses) for task in ended} == {("completed", 1, 0)}


def is_dead(pid: int) -> bool:
    return not proctree.is_alive(pid)


def python(callable_path: str, **args: object) -> NewTask:
    return NewTask(name=callable_path, action=Python(f"tests.jobs:{callable_path}", args=args))


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_horse_that_somebody_ends_takes_one_run_with_it(warm: Shraga, signum: int) -> None:
    killer = python("signal_itself", signum=signum).model_copy(update={"limits": Limits(on_lost="fail")})
    short, killers = submit_amid(warm, killer, killer, killer)
    expect_untouched(warm, short)
    assert [warm.wait(task.id, 30).status for task in killers] == ["failed"] * 3
    assert {warm.runs(task.id)[0].status for task in killers} == {RunStatus.LOST}
    assert_agreement(warm)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_horse_that_somebody_ends_between_two_runs_takes_none_with_it(
    warm: Shraga, worker: subprocess.Popen[bytes], processes: Processes, signum: int
) -> None:
    for _ in range(3):
        wait_until(lambda: processes.slots_of(worker) == 1, what="a horse")
        (horse,) = processes.horse_pids(worker)
        os.kill(horse, signum)
        wait_until(partial(is_dead, horse), what="its end")
        expect_untouched(warm, warm.submit_many([NOOP] * 3))


def test_a_horse_that_dies_before_it_has_begun_a_run_does_not_take_it_along(
    warm: Shraga, worker: subprocess.Popen[bytes], processes: Processes
) -> None:
    (horse,) = processes.horse_pids(worker)
    os.kill(horse, signal.SIGSTOP)
    tasks = warm.submit_many([NOOP] * 3)
    wait_until(lambda: warm.counts().leases > 0, what="a claim")
    os.kill(horse, signal.SIGKILL)
    expect_untouched(warm, tasks)


def test_a_run_that_talks_nonsense_to_its_slot_fails_alone(warm: Shraga) -> None:
    limits = Limits(retries=0)
    short, (babbler,) = submit_amid(warm, python("talk_nonsense").model_copy(update={"limits": limits}))
    expect_untouched(warm, short)
    assert warm.wait(babbler.id, 30).status is TaskStatus.FAILED
    assert "could not record the run: JSONDecodeError" in warm.runs(babbler.id)[0].error


def test_a_stop_hits_the_run_it_is_meant_for(warm: Shraga, tmp_path: Path) -> None:
    note = tmp_path / "note"
    short, (held,) = submit_amid(warm, python("hold", path=str(note), seconds=60))
    wait_until(lambda: begun(note), what="the long one")
    assert warm.cancel(held.id, timeout=30).status is TaskStatus.CANCELED
    expect_untouched(warm, short)
    assert_agreement(warm)


def test_stops_for_what_was_sent_ahead_leave_the_slot_whole(
    warm: Shraga, worker: subprocess.Popen[bytes], processes: Processes
) -> None:
    before = processes.slot_pids(worker)
    tasks = warm.submit_many([NOOP] * 4000)
    name = f"w1.1.{processes.slot_pids(worker)[0]}"
    for task in tasks:
        send_command(warm.driver.connection, name, "stop-job", job_id=task.id, by="shraga")
    expect_untouched(warm, tasks)
    assert processes.slot_pids(worker) == before


def test_a_stop_through_rq_for_another_task_leaves_the_one_at_hand(
    warm: Shraga, worker: subprocess.Popen[bytes], processes: Processes, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    _, (held,) = submit_amid(warm, python("hold", path=str(note), seconds=1))
    wait_until(lambda: begun(note), what="the long one")
    name = f"w1.1.{processes.slot_pids(worker)[0]}"
    send_command(warm.driver.connection, name, "stop-job", job_id="another")
    assert warm.wait(held.id, 30).status is TaskStatus.COMPLETED


def test_a_limit_of_milliseconds_hits_the_run_it_is_meant_for(warm: Shraga) -> None:
    limits = Limits(timeout=0.005, retries=0)
    slow = NewTask(name="slow", action=Shell("sleep 30"), limits=limits)
    short, late = submit_amid(warm, *[slow] * 5)
    expect_untouched(warm, short)
    assert {warm.wait(task.id, 30).status for task in late} == {"failed"}
    assert {warm.runs(task.id)[-1].status for task in late} == {"timeout"}


def test_a_run_that_spoils_its_horse_leaves_what_follows_to_another(warm: Shraga) -> None:
    short, spoilers = submit_amid(warm, *[python("leave_thread")] * 4)
    expect_untouched(warm, short)
    assert {warm.wait(task.id, 30).status for task in spoilers} == {"completed"}


def test_a_run_may_ask_although_others_were_sent_behind_it(warm: Shraga, tmp_path: Path) -> None:
    short, asking = submit_amid(warm, *[python("ask_and_note", path=str(tmp_path / "note"))] * 2)
    expect_untouched(warm, short)
    wait_until(lambda: len(warm.find("status:waiting_for_input")) == 2, what="the questions")
    for task in asking:
        warm.answer(task.id, "left")
    assert [warm.wait(task.id, 30).status for task in asking] == ["completed"] * 2


def test_a_process_that_a_task_forked_reads_none_of_what_was_sent_ahead(warm: Shraga) -> None:
    short, forking = submit_amid(warm, *[python("listen_in_a_fork")] * 4)
    expect_untouched(warm, short)
    expect_untouched(warm, forking)


def test_a_task_that_is_larger_than_a_socket_holds_is_run(warm: Shraga) -> None:
    # A socket takes about 200 KB; on the way each of these characters is a dozen bytes.
    large = python("half_a_pair", where="中" * 60_000)
    short, larges = submit_amid(warm, *[large] * 3)
    expect_untouched(warm, short)
    expect_untouched(warm, larges)


def test_runs_that_print_go_on_when_the_server_comes_back(
    away: Shraga, away_processes: Processes, plain_server: PlainServer
) -> None:
    away_processes.controller()
    away_processes.worker(away)
    tasks = away.submit_many([python("talk")] * 600)
    wait_until(lambda: away.counts().by_status[TaskStatus.COMPLETED] > 50, what="some of them")
    plain_server.kill()
    wait_until(lambda: "trying again" in away_processes.log(), what="the worker to notice")
    plain_server.start()
    wait_until(lambda: away.counts().by_status[TaskStatus.COMPLETED] == len(tasks), 60, what="all of them")
    assert_agreement(away)
    for task in tasks[::20]:
        said = [line.message for line in away.logs(task.id)]
        assert "printed" in said and "logged" in said
