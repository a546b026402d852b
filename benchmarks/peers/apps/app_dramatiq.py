"""Dramatiq with its default middleware; it has no bulk call."""

from __future__ import annotations

import os

import dramatiq
import mark
import redis
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(client=redis.Redis(unix_socket_path=os.environ["BENCH_SOCKET"])))


@dramatiq.actor
def note() -> None:
    mark.note()


def one(count: int) -> None:
    for _ in range(count):
        note.send()
