"""Ended tasks are deleted by age and number, whole, in batches, by the leader alone; all others stay."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shraga_models import RunStatus, TaskStatus
from shraga_queue import retention as module
from shraga_queue.client import Shraga
from shraga_queue.controller import Controller
from shraga_queue.engine import Engine, LogLine
from shraga_queue.errors import NotFound
from shraga_queue.pool import Supervisor, WorkerOptions
from shraga_queue.retention import Retention, sweep_folders
from tests.factories import Hand, Ledger, assert_agreement, bring_to, execute, hire, new_task
from tests.waiting import wait_until

DAY = 86_400.0
ENDED = [TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.SKIPPED]


@pytest.fixture
def hand(engine: Engine) -> Hand:
    assert engine.lead("test", 60_000)
    return hire(engine)


def ended(shraga: Shraga, hand: Hand, days: float, status: TaskStatus = TaskStatus.COMPLETED) -> str:
    """Return a task that ended so many days ago."""
    task, keys = bring_to(shraga, hand, status), shraga.driver.keys
    hand.engine.lead("test", 60_000)
    at = int((time.time() - days * DAY) * 1000)
    for key in (
        keys.make("index", status=status),
        keys.make("user_index", owner=task.owner, status=status),
    ):
        execute(shraga, "ZADD", key, "XX", at, task.id)
    execute(shraga, "HSET", keys.make("task", owner=task.owner, task=task.id), "moved_at", at)
    return task.id


def keys_naming(shraga: Shraga, task_id: str) -> list[str]:
    return sorted(key.decode() for key in execute(shraga, "KEYS", f"*{task_id}*"))


@pytest.mark.parametrize("status", ENDED)
def test_nothing_is_left_of_a_task_that_ended_long_ago(
    shraga: Shraga, hand: Hand, status: TaskStatus
) -> None:
    old, young = ended(shraga, hand, 91, status), ended(shraga, hand, 89, status)
    assert keys_naming(shraga, old)
    assert Retention(90 * DAY).forget(hand.engine, "test") == [old]
    assert keys_naming(shraga, old) == []
    assert old not in Ledger(shraga.driver).owners
    with pytest.raises(NotFound):
        shraga.get(old)
    assert shraga.get(young).status is status
    assert_agreement(shraga)


def test_runs_and_logs_of_every_attempt_go_too(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task())
    for _ in range(3):
        claim = hand.claim()
        hand.engine.append_log(claim, [LogLine("stdout", "line")])
        hand.commit(claim, RunStatus.FAILED)
        shraga.retry(task.id)
    shraga.cancel(task.id)
    assert len(keys_naming(shraga, task.id)) == 6
    wait_until(
        lambda: Retention(0.001).forget(hand.engine, "test") == [task.id], what="the end to be a while ago"
    )
    assert keys_naming(shraga, task.id) == []
    assert_agreement(shraga)


def test_what_has_not_ended_is_kept_however_old(shraga: Shraga, hand: Hand) -> None:
    waiting = [bring_to(shraga, hand, status).id for status in (TaskStatus.RUNNING, TaskStatus.QUEUED)]
    later = bring_to(shraga, hand, TaskStatus.SCHEDULED).id
    assert Retention(0.000_001, 1).forget(hand.engine, "test") == []
    assert {task.id for task in shraga.find()} == {*waiting, later}


def test_beyond_the_number_the_ones_that_ended_first_go_whatever_their_end(
    shraga: Shraga, hand: Hand
) -> None:
    tasks = [ended(shraga, hand, days, ENDED[days % 4]) for days in (5, 4, 3, 2, 1)]
    assert Retention(count=3).forget(hand.engine, "test") == tasks[:2]
    assert Retention(count=3).forget(hand.engine, "test") == []
    assert {task.id for task in shraga.find()} == set(tasks[2:])
    assert_agreement(shraga)


def test_a_batch_is_bounded_told_once_and_audited_once(shraga: Shraga, hand: Hand) -> None:
    for _ in range(7):
        ended(shraga, hand, 2)
    batches = [Retention(DAY).forget(hand.engine, "test", limit=3) for _ in range(4)]
    assert [len(batch or []) for batch in batches] == [3, 3, 1, 0]
    told = [event.content for event in shraga.events() if event.type == "tasks.forgotten"]
    assert [said.split(" ")[0] for said in told] == ["3", "3", "1"]
    assert [entry.action for entry in shraga.audit() if entry.actor == "controller"].count("forget") == 3


def test_without_limits_all_is_kept(shraga: Shraga, hand: Hand) -> None:
    ended(shraga, hand, 10_000)
    assert Retention().forget(hand.engine, "test") == []
    assert shraga.counts().by_status[TaskStatus.COMPLETED] == 1


def test_who_does_not_lead_deletes_nothing_and_the_next_leader_goes_on(shraga: Shraga, hand: Hand) -> None:
    for _ in range(4):
        ended(shraga, hand, 2)
    assert len(Retention(DAY).forget(hand.engine, "test", limit=2) or []) == 2
    hand.engine.lead("test", 0)
    hand.engine.lead("next", 60_000)
    assert Retention(DAY).forget(hand.engine, "test") is None
    assert len(Retention(DAY).forget(hand.engine, "next") or []) == 2
    assert_agreement(shraga)


def test_the_leading_controller_deletes_in_batches_with_the_folders(
    shraga: Shraga, hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shraga_queue.controller.BATCH", 2)
    monkeypatch.setattr(Retention.forget, "__defaults__", (2,))
    tasks = [ended(shraga, hand, 2) for _ in range(13)]
    folders = [tmp_path / "runs" / task / "1" for task in tasks]
    for folder in folders:
        folder.mkdir(parents=True)
    controller = Controller(hand.engine, Retention(DAY), tmp_path)
    controller.token = "test"
    controller._forget()
    # Five batches, and the rest at the next turn, which follows at once.
    assert shraga.counts().by_status[TaskStatus.COMPLETED] == 3
    assert controller._forgetting.due <= time.monotonic()
    controller._forget()
    assert shraga.counts().by_status[TaskStatus.COMPLETED] == 0
    assert not any(folder.exists() for folder in folders)


def run_folder(home: Path, task_id: str) -> Path:
    """Return the folder of a task's first run, with a file in it."""
    folder = home / "runs" / task_id
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "file").touch()
    return folder


def test_edges_of_a_deleted_task_go_with_it(shraga: Shraga, hand: Hand) -> None:
    kept = shraga.submit_task(new_task("kept", capability="gpu"))
    gone = ended(shraga, hand, 2, TaskStatus.FAILED)
    waits = shraga.submit_task(new_task(depends_on=[gone], on_prerequisite_failure="block"))
    shraga.depend(gone, f"{kept.id}:related")
    Retention(DAY).forget(hand.engine, "test")
    assert keys_naming(shraga, gone) == []
    assert shraga.dependencies(kept.id).dependents == ()
    (reason,) = shraga.why(waits.id).reasons
    assert reason.says == f"It waits for the success of {gone}, which is gone."
    assert_agreement(shraga)
    assert shraga.undepend(waits.id, gone).status is TaskStatus.QUEUED


def test_what_has_dependents_to_release_is_kept_until_they_are(shraga: Shraga, hand: Hand) -> None:
    task = ended(shraga, hand, 2)
    execute(shraga, "HSET", shraga.driver.keys.make("releasing"), task, "completed 0")
    assert Retention(DAY).forget(hand.engine, "test") == []
    hand.engine.release_due("test")
    assert Retention(DAY).forget(hand.engine, "test") == [task]


def test_only_folders_of_deleted_tasks_are_swept(shraga: Shraga, hand: Hand, tmp_path: Path) -> None:
    deleted = run_folder(tmp_path, ended(shraga, hand, 2, TaskStatus.FAILED))
    kept = run_folder(tmp_path, ended(shraga, hand, 0.5))
    of_another_store = run_folder(tmp_path, "0190-unknown-here")
    Retention(DAY).forget(hand.engine, "test")
    assert sweep_folders(tmp_path, hand.engine) == 1
    assert [folder.exists() for folder in (deleted, kept, of_another_store)] == [False, True, True]
    assert sweep_folders(tmp_path / "nowhere", hand.engine) == 0


def test_what_left_no_folder_is_not_remembered(shraga: Shraga, hand: Hand) -> None:
    ended(shraga, hand, 2)
    Retention(DAY).forget(hand.engine, "test")
    assert execute(shraga, "ZCARD", shraga.driver.keys.make("forgotten")) == 0


def test_a_worker_sweeps_its_host(shraga: Shraga, hand: Hand, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, ended(shraga, hand, 2, TaskStatus.FAILED))
    Retention(DAY).forget(hand.engine, "test")
    supervisor = Supervisor(
        shraga.settings.model_copy(update={"home": tmp_path}), WorkerOptions(name="sweeper")
    )
    supervisor._start_sweep()
    assert supervisor._sweep is not None
    assert supervisor._sweep.wait(30) == 0
    assert not folder.exists()
    assert supervisor._sweep_at > time.monotonic() + 3000
    supervisor.engine.driver.connection.close()


def test_a_real_controller_deletes_by_its_settings(
    shraga: Shraga, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from shraga_queue.up import environment
    from tests.processes import Processes

    settings = shraga.settings.model_copy(update={"keep_finished": DAY, "home": tmp_path / "house"})
    assert environment(settings)["SHRAGA_KEEP_FINISHED"] == "86400.0"
    hand = hire(engine)
    engine.lead("test", 60_000)
    ended(shraga, hand, 2)
    kept = ended(shraga, hand, 0.5)
    engine.lead("test", 0)
    with Processes(settings) as processes:
        processes.controller()
        wait_until(lambda: [task.id for task in shraga.find()] == [kept], 15, what="the deletion")
    assert module.BATCH == 200
