"""Huey: no results, blocking pop; it has no bulk call."""

from __future__ import annotations

import os

import mark
from huey import RedisHuey
from redis import ConnectionPool, UnixDomainSocketConnection

pool = ConnectionPool(connection_class=UnixDomainSocketConnection, path=os.environ["BENCH_SOCKET"])
huey = RedisHuey("bench", results=False, blocking=True, connection_pool=pool)


@huey.task()
def note() -> None:
    mark.note()


def one(count: int) -> None:
    for _ in range(count):
        note()
