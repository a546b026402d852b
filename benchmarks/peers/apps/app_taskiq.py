"""Taskiq on a stream or a list, as BENCH_TASKIQ says: no result backend, uvloop; it has no bulk call."""

from __future__ import annotations

import functools
import os
from asyncio import AbstractEventLoop

import mark
import uvloop
from taskiq_redis import ListQueueBroker, RedisStreamBroker

BROKERS = {"stream": RedisStreamBroker, "list": ListQueueBroker}

broker = BROKERS[os.environ["BENCH_TASKIQ"]](url=f"unix://{os.environ['BENCH_SOCKET']}")


@broker.task(task_name="note")
async def note() -> None:
    mark.note()


@functools.cache
def loop() -> AbstractEventLoop:
    started = uvloop.new_event_loop()
    started.run_until_complete(broker.startup())
    return started


async def submit(count: int) -> None:
    for _ in range(count):
        await note.kiq()


def one(count: int) -> None:
    loop().run_until_complete(submit(count))
