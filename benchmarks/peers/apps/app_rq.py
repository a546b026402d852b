"""Stock RQ."""

from __future__ import annotations

import os

import mark
import redis
from rq import Queue

BATCH = 1000

connection = redis.Redis(unix_socket_path=os.environ["BENCH_SOCKET"])
queue = Queue("bench", connection=connection)


def one(count: int) -> None:
    for _ in range(count):
        queue.enqueue(mark.note)


def many(count: int) -> None:
    for first in range(0, count, BATCH):
        queue.enqueue_many([Queue.prepare_data(mark.note) for _ in range(min(BATCH, count - first))])
