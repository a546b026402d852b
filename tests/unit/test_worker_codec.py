"""Workers' hashes to records."""

from __future__ import annotations

import pytest

from shraga_models import Liveness
from shraga_queue.worker_codec import read_worker
from tests.factories import DETAILS

WORKER = {"name": "w", "owner": "a", "created_at": "1", "updated_at": "1", "details": DETAILS}


def flat(got: dict[str, str]) -> list[bytes]:
    """Return a hash as a reply."""
    return [cell.encode() for pair in got.items() for cell in pair]


@pytest.mark.parametrize(
    ("fields", "silent", "shown"),
    [
        ({}, 0, Liveness.IDLE),
        ({"run:t": "1 1 1 1000"}, 0, Liveness.BUSY),
        ({}, 7000, Liveness.ERROR),
        ({"gone": "1", "lost": "0"}, 7000, Liveness.OFFLINE),
        ({"gone": "1", "lost": "1"}, 0, Liveness.OFFLINE),
    ],
)
def test_liveness_is_derived_from_silence_and_slots(
    fields: dict[str, str], silent: int, shown: Liveness
) -> None:
    worker = read_worker([b"id", b"10000", flat(WORKER | fields)], 10_000 + silent, 6000)
    assert worker.liveness is shown


def test_current_tasks_are_in_the_order_of_their_slots() -> None:
    slots = {"run:c": "10 1 1 1", "run:b": "2 3 4 1000"}
    worker = read_worker([b"id", b"1", flat(WORKER | slots)], 1, 6000)
    assert [(now.slot, now.task_id, now.attempt) for now in worker.current_tasks] == [
        (2, "b", 3),
        (10, "c", 1),
    ]
