"""What the leader does about slots that are due: each is seen to once, in one script, whoever else tries."""

from __future__ import annotations

import json
from typing import NamedTuple

import structlog

from shraga_models import Schedule

from .calls import Batch, Call, as_is
from .codec import text
from .engine import Engine
from .timetable import due_at, plan, slot_name

log = structlog.get_logger("shraga.firing")

LIMIT = 500
"""Slots seen to at once."""
UNREADABLE_MS = 60_000


class Firing(NamedTuple):
    """What is to become of a slot, as the script `fire` takes it; empty for none, times in ms."""

    task_id: str
    slot: str
    run: int | str = ""
    occurrence: str = ""
    overlap: str = ""
    following: int | str = ""
    due: int = 0
    skipped: int = 0


def fire_due(engine: Engine, token: str) -> tuple[int, int] | None:
    """See to what is due; returns how many slots and ms until the next (-1 for none), or None when not leading."""
    slots = (engine.keys.make("slots"),)
    now, wait, *due = engine.driver.call(Call(as_is, "slots", slots, (LIMIT,)))
    firings = [one for cells in due if (one := _readable(engine, *map(text, cells), now=int(now)))]
    if firings:
        calls = tuple(Call(as_is, "fire", slots, (token, *firing)) for firing in firings)
        if None in engine.driver.batch(Batch(calls)):
            return None
    return len(due), int(wait)


def _readable(engine: Engine, task_id: str, slot: str, spec: str, *, now: int) -> Firing | None:
    try:
        return planned(task_id, slot, spec, now)
    except ValueError as error:
        # A newer submitter's schedule, or a damaged one: the others go on.
        log.warning("a schedule cannot be read; looking again in a minute", task=task_id, why=str(error))
        slots = engine.keys.make("slots")
        engine.driver.call(Call(as_is, command=("ZADD", slots, "XX", now + UNREADABLE_MS, task_id)))
        return None


def planned(task_id: str, slot: str, spec: str, now: int) -> Firing:
    """Return what is to become of a slot at `now` (ms); raises ValueError for a schedule that cannot be read."""
    if not slot:
        # The task is gone: the script clears its slot away.
        return Firing(task_id, "")
    schedule = Schedule.model_validate(json.loads(spec).get("schedule"))
    wanted = plan(schedule, int(slot), now)
    key = "" if wanted.run is None else f"{task_id}@{slot_name(wanted.run)}"
    run, following = ("" if one is None else one for one in (wanted.run, wanted.following))
    due = due_at(task_id, schedule, wanted.following) if wanted.following is not None else 0
    return Firing(task_id, slot, run, key, wanted.overlap.value, following, due, wanted.skipped)
