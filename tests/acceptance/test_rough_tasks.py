"""Tasks that do what they should not: each hurts itself alone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from shraga_models import Python, RunStatus, Shell, Task, TaskStatus
from shraga_queue import proctree
from shraga_queue.client import Shraga
from tests.processes import Processes, alive_with
from tests.scenes import begun
from tests.waiting import wait_until


@pytest.fixture
def worker(processes: Processes, shraga: Shraga) -> Processes:
    processes.worker(shraga)
    return processes


def call(shraga: Shraga, name: str, **args: object) -> Task:
    limits = {"timeout": 20, "log_bytes": 20_000}
    return shraga.wait(shraga.submit(name, Python(f"tests.jobs:{name}", args=args), limits=limits).id, 30)


def result(task: Task) -> object:
    return task.output.result if task.output else None


def the_next_one_is_fine(shraga: Shraga) -> bool:
    after = call(shraga, "add", a=2, b=3)
    return (after.status, result(after), after.attempt) == (TaskStatus.COMPLETED, 5, 1)


def test_a_task_that_is_killed_beside_what_it_forked_is_lost_at_once(
    worker: Processes, shraga: Shraga
) -> None:
    action = Python("tests.jobs:die_beside_a_fork", args={"signum": signal.SIGKILL})
    killed = shraga.submit("killed", action, limits={"on_lost": "fail"})
    assert shraga.wait(killed.id, 20).status is TaskStatus.FAILED
    assert "SIGKILL" in shraga.runs(killed.id)[0].error
    assert the_next_one_is_fine(shraga)


@pytest.mark.parametrize("name", ["fork_and_return", "fork_and_raise"])
def test_a_task_that_forks_answers_once(worker: Processes, shraga: Shraga, name: str) -> None:
    forked = call(shraga, name)
    assert (forked.status, result(forked)) == (TaskStatus.COMPLETED, "parent")
    assert the_next_one_is_fine(shraga)


@pytest.mark.parametrize("how", ["replace", "none", "close", "descriptor"])
def test_a_task_may_spoil_its_standard_output(worker: Processes, shraga: Shraga, how: str) -> None:
    spoiled = call(shraga, "spoil_stdout", how=how)
    assert (spoiled.status, result(spoiled), spoiled.attempt) == (TaskStatus.COMPLETED, "fine", 1)
    assert the_next_one_is_fine(shraga)
    task = shraga.submit("print", Python("tests.jobs:talk"))
    shraga.wait(task.id, 20)
    assert [line.message for line in shraga.logs(task.id) if line.source == "stdout"] == ["printed"]


@pytest.mark.parametrize("where", ["error", "log", "thought", "result"])
def test_half_a_surrogate_pair_is_replaced(worker: Processes, shraga: Shraga, where: str) -> None:
    said = call(shraga, "half_a_pair", where=where)
    assert said.status is (TaskStatus.FAILED if where == "error" else TaskStatus.COMPLETED)
    assert "name ?" in (said.error if where == "error" else str(result(said)))
    assert said.attempt == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [("interrupt", "KeyboardInterrupt"), ("generate", "is a generator, whose body was never run")],
)
def test_a_failure_of_an_odd_sort_is_a_failure_with_its_name(
    worker: Processes, shraga: Shraga, name: str, says: str
) -> None:
    failed = call(shraga, name)
    assert (failed.status, failed.attempt) == (TaskStatus.FAILED, 1)
    assert says in failed.error


def test_a_number_that_json_does_not_know_is_kept_as_text(worker: Processes, shraga: Shraga) -> None:
    assert result(call(shraga, "not_a_number")) == "nan"


def test_the_way_through_another_module_is_closed(worker: Processes, shraga: Shraga) -> None:
    for path in ("shraga_queue.demo:random._os.system", "shraga_queue.demo:time.sleep", "tests.jobs:Path"):
        refused = shraga.wait(shraga.submit("out", Python(path, args={})).id, 20)
        assert refused.status is TaskStatus.FAILED
        assert "action.callable" in refused.error


def test_what_a_task_logs_itself_is_bounded_too(worker: Processes, shraga: Shraga) -> None:
    chatty = call(shraga, "chatter", lines=500, size=1000)
    lines = shraga.logs(chatty.id)
    assert chatty.status is TaskStatus.COMPLETED
    assert sum(len(line.message) for line in lines) < 25_000
    assert any("is cut here" in line.message for line in lines)


def test_a_thread_that_is_left_behind_does_not_meet_the_next_task(worker: Processes, shraga: Shraga) -> None:
    (process,) = worker.started
    (before,) = worker.horse_pids(process)
    assert call(shraga, "leave_thread").status is TaskStatus.COMPLETED
    assert the_next_one_is_fine(shraga)
    assert worker.horse_pids(process) != [before]


def test_a_task_that_closes_its_descriptors_hurts_itself_alone(worker: Processes, shraga: Shraga) -> None:
    limits = {"lost_retries": 1, "backoff": "10ms"}
    task = shraga.submit("close", Python("tests.jobs:close_descriptors"), limits=limits)
    ended = shraga.wait(task.id, 30)
    # Its horse cannot tell what came of it any more.
    assert (ended.status, ended.attempt) == (TaskStatus.FAILED, 2)
    assert [run.status for run in shraga.runs(task.id)] == [RunStatus.LOST, RunStatus.LOST]
    assert the_next_one_is_fine(shraga)


def test_what_slips_away_is_ended_with_its_task(worker: Processes, shraga: Shraga) -> None:
    assert call(shraga, "slip_away", seconds=9191.5).status is TaskStatus.COMPLETED
    wait_until(lambda: not alive_with("sleep 9191.5"), what="what slipped away to be gone")
    assert the_next_one_is_fine(shraga)


def test_a_task_that_eats_memory_beyond_its_limit_fails_alone(worker: Processes, shraga: Shraga) -> None:
    eaten = call(shraga, "devour", megabytes=800)
    assert (eaten.status, eaten.attempt) == (TaskStatus.FAILED, 1)
    assert "MemoryError" in eaten.error
    shell = shraga.submit("eat", Shell("ulimit -v 200000; exec python3 -c 'bytearray(1 << 30)'"))
    assert shraga.wait(shell.id, 30).status is TaskStatus.FAILED


def test_a_task_that_the_kernel_ends_for_memory_is_lost_and_says_so(
    worker: Processes, shraga: Shraga
) -> None:
    limits = {"lost_retries": 1, "backoff": "10ms"}
    task = shraga.submit("oom", Python("tests.jobs:killed_for_memory"), limits=limits)
    ended = shraga.wait(task.id, 30)
    assert (ended.status, ended.attempt) == (TaskStatus.FAILED, 2)
    assert "out of memory?" in ended.error
    assert the_next_one_is_fine(shraga)


def test_a_worker_whose_folder_is_gone_goes_on(processes: Processes, shraga: Shraga, tmp_path: Path) -> None:
    here = os.getcwd()
    folder = tmp_path / "deployed"
    folder.mkdir()
    os.chdir(folder)
    try:
        processes.worker(shraga)
    finally:
        os.chdir(here)
    folder.rmdir()
    task = shraga.submit("stop me", Shell("sleep 30"))
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.RUNNING, what="the task to run")
    shraga.cancel(task.id, timeout=30)
    assert shraga.wait(shraga.submit("next", Shell("true")).id, 10).status is TaskStatus.COMPLETED


def test_a_task_that_never_lets_go_is_ended_before_its_successor_begins(
    processes: Processes, shraga: Shraga, tmp_path: Path
) -> None:
    processes.controller()
    first = processes.worker(shraga, "first")
    note = tmp_path / "note"
    task = shraga.submit("blind", Python("tests.jobs:blind", args={"path": str(note)}))
    wait_until(lambda: note.exists() and begun(note), what="the task to begin")
    processes.worker(shraga, "second")
    (slot,) = processes.slot_pids(first)
    (horse,) = processes.horse_pids(first)
    os.kill(slot, signal.SIGSTOP)
    wait_until(lambda: len(begun(note)) == 2, 20, what="the second run")
    assert not proctree.is_alive(horse)
    os.kill(slot, signal.SIGCONT)
    assert shraga.runs(task.id)[0].status is RunStatus.LOST
    assert shraga.cancel(task.id, timeout=20).status is TaskStatus.CANCELED


def test_what_scrubs_its_environment_ends_with_a_killed_worker(processes: Processes, shraga: Shraga) -> None:
    worker = processes.worker(shraga)
    shraga.submit("scrub", Shell("env -i setsid sh -c 'while :; do sleep 0.7171; done' & sleep 60"))
    wait_until(lambda: alive_with("sleep 0.7171"), what="the scrubbed process")
    born = time.time()
    # The janitor looks twice a second.
    wait_until(lambda: time.time() - born > 1.5, what="the janitor's look")
    assert psutil.pid_exists(worker.pid)
    worker.kill()
    wait_until(lambda: not alive_with("sleep 0.7171"), 15, what="the scrubbed process to be gone")
    assert alive_with("while :; do sleep 0.7171") == []


def test_nonsense_on_the_command_channel_is_passed_over(worker: Processes, shraga: Shraga) -> None:
    task = shraga.submit("hold", Shell("sleep 2"))
    wait_until(lambda: shraga.get(task.id).assigned_worker, what="the worker's name")
    channel = shraga.driver.keys.make("rq_commands", rq_worker=str(shraga.get(task.id).assigned_worker))
    for message in ("nonsense", "[]", '{"command": 7}'):
        shraga.driver.connection.publish(channel, message)
    assert (shraga.wait(task.id, 20).status, shraga.get(task.id).attempt) == (TaskStatus.COMPLETED, 1)


def test_a_task_that_this_worker_cannot_read_fails_with_the_field(
    processes: Processes, shraga: Shraga
) -> None:
    task = shraga.submit("from the future", Shell("true"))
    key = shraga.driver.keys.make("task", owner=task.owner, task=task.id)
    shraga.driver.connection.hset(key, "spec", '{"action": {"type": "telepathy"}}')
    processes.worker(shraga)
    wait_until(lambda: shraga.driver.connection.hget(key, "status") == b"failed", what="the failure")
    said = shraga.driver.connection.hget(key, "error") or b""
    assert b"action" in said and b"older than who submitted it" in said
