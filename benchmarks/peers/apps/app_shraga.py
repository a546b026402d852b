"""Shraga, as any script submits: record, indexes, event and audit entry included."""

from __future__ import annotations

from shraga_models import NewTask, Python
from shraga_queue.client import Shraga

NOTE = NewTask(name="note", action=Python("mark:note"))

shraga = Shraga.connect()


def one(count: int) -> None:
    for _ in range(count):
        shraga.submit_task(NOTE)


def many(count: int) -> None:
    shraga.submit_many([NOTE] * count)
