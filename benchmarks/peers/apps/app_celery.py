"""Celery: no result backend, no events; bulk is the `Producer.batch` of its messaging library."""

from __future__ import annotations

import functools
import os

import mark
from celery import Celery
from kombu import Producer

BATCH = 1000

app = Celery("app_celery", broker=f"redis+socket://{os.environ['BENCH_SOCKET']}")
app.conf.update(
    task_ignore_result=True,
    worker_send_task_events=False,
    worker_disable_rate_limits=True,
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
)


@app.task(name="note")
def note() -> None:
    mark.note()


@functools.cache
def producer() -> Producer:
    return app.producer_pool.acquire(block=True)


def one(count: int) -> None:
    for _ in range(count):
        note.apply_async(producer=producer())


def many(count: int) -> None:
    with producer().batch(max_size=BATCH):
        one(count)
