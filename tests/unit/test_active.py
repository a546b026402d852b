from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis

from shraga_models import RunStatus
from shraga_queue.active import ActiveRun
from shraga_queue.channel import Channel
from shraga_queue.deadline import UNKEPT, Deadline, lease_clock
from shraga_queue.engine import Claim, Engine, Outcome
from shraga_queue.slot import SlotWorker
from shraga_queue.work_horse import WorkHorse


class AwayEngine:
    """An engine whose server is down until it is back."""

    is_back = False

    def append_log(self, *args: Any) -> str:
        if not self.is_back:
            raise redis.ConnectionError("Connection refused.")
        return "ok"

    def heartbeat(self, *args: Any, **kwargs: Any) -> str:
        return self.append_log()


def runs_of_one_horse(engine: AwayEngine, horse: SimpleNamespace, *tasks: str) -> list[ActiveRun]:
    """Runs that were sent ahead to a horse, and are not asked about yet."""
    for number, task in enumerate(tasks):
        claim = Claim(task, "tester", 1, 1, {})
        held = cast(Engine, engine), claim, "w", cast(WorkHorse, horse), Deadline(), 0.0
        horse.sent[number] = ActiveRun(*held)
    for run in horse.sent.values():
        run.follow()
        run._deadline.set(0)
    return list(horse.sent.values())


@pytest.fixture
def channels() -> Iterator[tuple[Channel, Channel]]:
    """The slot's end of a channel, and the horse's."""
    mine, its = Channel.pair()
    yield mine, its
    mine.close()
    its.close()


def stand_in(channel: Channel) -> SimpleNamespace:
    """A horse of which there is but the channel."""
    sent: dict[int, ActiveRun] = {}
    return SimpleNamespace(
        channel=channel, sent=sent, take_back=lambda: None, is_last=lambda run: False, pid=0
    )


def say(channel: Channel, run: ActiveRun, kind: str, body: list[Any]) -> None:
    channel.send(json.dumps([run.claim.run_id, kind, body]).encode())


LINES = [["stdout", "line", "info", ""]] * 200


def test_a_run_whose_lines_wait_for_the_server_loses_no_end_to_the_one_behind_it(
    channels: tuple[Channel, Channel],
) -> None:
    mine, its = channels
    engine, horse = AwayEngine(), stand_in(mine)
    talks, follows = runs_of_one_horse(engine, horse, "talks", "follows")
    for _ in range(3):
        say(its, talks, "log", LINES)
    say(its, talks, "done", [False, 0.0, 0.0, *Outcome(RunStatus.COMPLETED).sealed()])
    slot = SimpleNamespace(horse=horse, _step=ActiveRun.step)
    SlotWorker._look_after_the_next(cast(SlotWorker, slot))
    engine.is_back = True
    for _ in range(3):
        SlotWorker._look_after_the_next(cast(SlotWorker, slot))
    assert talks.ended and not follows.ended


def test_a_run_whose_lines_wait_for_the_server_does_not_look_for_more_without_a_pause(
    channels: tuple[Channel, Channel],
) -> None:
    mine, its = channels
    engine = AwayEngine()
    (talks,) = runs_of_one_horse(engine, stand_in(mine), "talks")
    for _ in range(3):
        say(its, talks, "log", LINES)
    talks.step()
    assert not talks.listens and talks.due_in() > 0
    engine.is_back = True
    talks.step()
    assert talks.listens and talks.due_in() == 0


def horse_that_ends(channel: Channel, how: Callable[[], object]) -> SimpleNamespace:
    """A horse that is but a process that has ended, and is not collected yet."""
    pid = os.fork()
    if pid == 0:
        how()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return SimpleNamespace(**vars(stand_in(channel)) | {"pid": pid})


ENDS: tuple[Callable[[], object], ...] = (lambda: os._exit(70), lambda: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.parametrize("how", ENDS)
def test_run_whose_deadline_passed_is_lost_for_that_however_its_process_ended(
    channels: tuple[Channel, Channel], how: Callable[[], object]
) -> None:
    mine, its = channels
    (run,) = runs_of_one_horse(AwayEngine(), horse_that_ends(mine, how), "t")
    run._deadline.set(lease_clock() - 1)
    assert run._deadline.passed
    # The server has answered since, which brings no horse back.
    run._deadline.set(lease_clock() + 60)
    its.close()
    run.step()
    assert run.lost == UNKEPT


@pytest.mark.parametrize(
    ("how", "said"),
    zip(ENDS, ["ended with exit code 70", "was killed (SIGKILL; out of memory?)"], strict=True),
)
def test_run_whose_process_ended_within_its_lease_tells_how(
    channels: tuple[Channel, Channel], how: Callable[[], object], said: str
) -> None:
    mine, its = channels
    (run,) = runs_of_one_horse(AwayEngine(), horse_that_ends(mine, how), "t")
    its.close()
    run.step()
    assert run.lost == f"the process running the task {said}"


def test_a_new_horse_has_missed_no_deadline() -> None:
    deadline = Deadline()
    deadline.set(lease_clock() - 1)
    assert deadline.passed
    deadline.begin_anew()
    assert not deadline.passed and not deadline.missed
