from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.sentinel import MasterNotFoundError

from shraga_models import RunStatus
from shraga_queue.active import ActiveRun, server_is_down
from shraga_queue.channel import Channel
from shraga_queue.engine import Claim, Engine, Outcome
from shraga_queue.horse import Deadline
from shraga_queue.slot import SlotWorker
from shraga_queue.work_horse import WorkHorse


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError("Error 111 connecting to 10.0.0.1:6379. Connection refused."),
        redis.ConnectionError("Error 2 connecting to unix socket: /x. No such file or directory."),
        ConnectionRefusedError(111, "Connection refused"),
        BusyLoadingError("Redis is loading the dataset in memory"),
        OutOfMemoryError("command not allowed"),
        ResponseError("MISCONF Errors writing to the AOF file"),
    ],
)
def test_a_server_that_nobody_can_write_to_is_down(error: Exception) -> None:
    assert server_is_down(error)


@pytest.mark.parametrize(
    "error",
    [
        redis.TimeoutError("Timeout reading from socket"),
        redis.ConnectionError("Connection closed by server."),
        OSError(101, "Network is unreachable"),
        OSError(113, "No route to host"),
        ReadOnlyError("You can't write against a read only replica."),
        MasterNotFoundError(
            "No master found for 'main': Error 111 connecting to 10.0.0.1:26379. Connection refused."
        ),
        ResponseError("NOREPLICAS Not enough good replicas to write."),
    ],
)
def test_a_server_that_others_may_still_reach_is_not_down(error: Exception) -> None:
    assert not server_is_down(error)


class AwayEngine:
    """An engine whose server is down until it is back."""

    is_back = False

    def append_log(self, *args: Any) -> str:
        if not self.is_back:
            raise redis.ConnectionError("Connection refused.")
        return "ok"

    def heartbeat(self, *args: Any, **kwargs: Any) -> str:
        return self.append_log()


def test_a_run_whose_lines_wait_for_the_server_loses_no_end_to_the_one_behind_it() -> None:
    mine, its = Channel.pair()
    engine, sent = AwayEngine(), dict[int, ActiveRun]()
    horse = SimpleNamespace(channel=mine, sent=sent, take_back=lambda: None, is_last=lambda run: False, pid=0)
    for number, task in enumerate(("talks", "follows")):
        claim = Claim(task, "tester", 1, 1, {})
        held = cast(Engine, engine), claim, "w", cast(WorkHorse, horse), Deadline(), 0.0
        sent[number] = ActiveRun(*held)
    for run in sent.values():
        run.follow()
        run._deadline.set(0)
    talks, follows = sent.values()
    lines = [["stdout", "line", "info", ""]] * 200
    ends = [False, 0.0, 0.0, *Outcome(RunStatus.COMPLETED).sealed()]
    for kind, body in (("log", lines), ("log", lines), ("log", lines), ("done", ends)):
        its.send(json.dumps([talks.claim.run_id, kind, body]).encode())
    slot = cast(SlotWorker, SimpleNamespace(horse=horse))
    SlotWorker._look_after_the_next(slot)
    engine.is_back = True
    for _ in range(3):
        SlotWorker._look_after_the_next(slot)
    assert talks.ended and not follows.ended
    mine.close()
    its.close()
