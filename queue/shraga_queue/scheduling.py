"""What people ask about tasks that repeat: when, pause, resume, skip, emit an event; no network here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

import shraga_models as models
from shraga_models import RunStatus, TaskStatus, new_id
from shraga_models.base import JsonObject, Sized, Slug

from . import codec
from .calls import Argument, Call, Flow, as_is
from .errors import NotFound, Refused
from .listing import Listing
from .submission import invalid
from .timetable import Timetable, due_at, words

if TYPE_CHECKING:
    from shraga_models import NewTask, Schedule, Task


EMIT_BATCH = 100
"""Tasks that a call starts: few enough not to hold up the server."""
TRIES = 5
"""How often a decision is made anew because the slot it was made for has just passed."""


class _Emit(Sized):
    """An event as it is emitted."""

    event: Slug
    key: str | None = None
    data: JsonObject = {}


@dataclass(frozen=True, slots=True)
class Emitted:
    """What an emit started; `repeated` says that this key had been emitted before, so that nothing was done."""

    event: str
    key: str
    repeated: bool
    started: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A task that repeats, as a list shows it."""

    id: str
    name: str
    owner: str
    status: TaskStatus
    schedule: Schedule
    words: str
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_status: RunStatus | None
    """How the last run that has ended did."""
    last_error: str
    waiting: int
    """Occurrences that wait for the run at hand to end."""


@dataclass(frozen=True, slots=True)
class Schedules:
    """Tasks that repeat, the next due first, how many there are, and Redis's time."""

    rows: tuple[ScheduleRow, ...]
    total: int
    now: datetime


def first_slot(new: NewTask, task_id: str, now: datetime) -> tuple[tuple[Argument, Argument], list[str]]:
    """Return what `submit` takes of a task's repetition: when its first slot is due and its event, and fields."""
    schedule = new.schedule
    if schedule is None or not schedule.is_recurring:
        return ("", ""), []
    slot, due = next_slot(task_id, schedule, now)
    fields = ["repeats", schedule.overlap.value]
    if slot != "":
        fields += ["next_slot", str(slot)]
    if slot != "" and not schedule.on:
        fields += ["scheduled_at", str(slot)]
    if schedule.on:
        fields += ["event", schedule.on]
    if not schedule.is_active:
        fields += ["paused", "1"]
    if new.limits.expires_in:
        fields += ["lasts", str(int(new.limits.expires_in * 1000))]
    is_due = slot != "" and schedule.is_active
    return (due if is_due else "on", schedule.on or ""), fields


def submitted_schedule(new: NewTask, task_id: str, now: datetime | None) -> dict[str, Any]:
    """Return the fields of a submitted task that say when it runs first."""
    schedule = new.schedule
    if schedule is None or now is None or not schedule.is_recurring:
        return {"next_run_at": schedule.at if schedule else None}
    slot, _ = ("", "") if schedule.on else next_slot(task_id, schedule, now)
    first = codec.moment(slot)
    timed = schedule.model_copy(update={"next_run_at": first})
    return {"schedule": timed, "next_run_at": first if schedule.is_active else None}


def next_slot(
    task_id: str, schedule: Schedule, after: datetime, anchor: int | None = None
) -> tuple[int | str, int | str]:
    """Return the slot that follows and when it is due, or two empty texts; intervals count from `anchor`."""
    at = round(after.timestamp() * 1000)
    slot = Timetable(schedule, at if anchor is None else anchor).following(at)
    return ("", "") if slot is None else (slot, due_at(task_id, schedule, slot))


class Scheduling(Listing):
    """The operations on tasks that repeat."""

    def schedules(self, owner: str | None = None, first: int = 0, count: int = 1000) -> Flow[Schedules]:
        """Return tasks that repeat from a rank on, the next due first."""
        index = (self.keys.make("repeating"),)
        schedules: Schedules = yield Call(_read_schedules, "schedules", index, (owner or "", first, count))
        return schedules

    def pause_schedule(self, task_id: str) -> Flow[Task]:
        """Let no slot and no event start the task until it is resumed; a run at hand goes on. Raises Refused."""
        return (yield from self._change(task_id, "pause"))

    def resume_schedule(self, task_id: str) -> Flow[Task]:
        """Let a paused task repeat again, from its next slot on; raises Refused where it is not paused."""
        return (yield from self._change(task_id, "resume"))

    def skip_slot(self, task_id: str) -> Flow[Task]:
        """Leave the next slot out; raises Refused where there is none."""
        return (yield from self._change(task_id, "skip"))

    def _change(self, task_id: str, wish: str) -> Flow[Task]:
        answer = ""
        for _ in range(TRIES):
            task = yield from self.get_task(task_id)
            args = yield from self._wanted(task, wish)
            reply = yield Call(
                as_is, "schedule", (self.keys.make("owners"),), (task_id, self.user, wish, *args)
            )
            answer = codec.text(reply)
            if answer == "done":
                return (yield from self.get_task(task_id))
            if answer != "changed":
                break
        raise _refusal(task_id, wish, answer)

    def _wanted(self, task: Task, wish: str) -> Flow[tuple[Argument, Argument, Argument]]:
        """The slot that is known, the one to come instead, and when it is due."""
        schedule = task.schedule
        if schedule is None or not schedule.is_recurring:
            raise _refusal(task.id, wish, "once")
        known = schedule.ends_ms if schedule.on else schedule.next_ms
        if wish == "pause" or known is None:
            return known or "", "", ""
        if wish == "skip":
            if schedule.on:
                raise _refusal(task.id, wish, "same")
            return known, *next_slot(task.id, schedule, codec.sure_moment(known), known)
        # A slot that lies ahead, be it that others were skipped, stays the next one.
        after = max((yield from self.now()), codec.sure_moment(known - 1))
        return known, *next_slot(task.id, schedule, after, known)

    def emit(self, event: str, data: dict[str, Any] | None = None, key: str | None = None) -> Flow[Emitted]:
        """Start every task that is bound to an event, with `data` as its input.

        The same `key` is heard once a day; without one each emit counts. Raises InvalidInput.
        """
        given: dict[str, Any] = {"event": event, "key": key, "data": data or {}}
        try:
            _Emit.model_validate(given)
        except ValidationError as error:
            raise invalid(error) from None
        said, name = json.dumps(data, ensure_ascii=False) if data else "", key or new_id()
        digest = sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
        args = (event, name, self.user, said.encode("utf-8", "replace"), EMIT_BATCH, digest)
        found: dict[str, list[str]] = {"started": [], "waiting": [], "skipped": []}
        done = repeated = False
        while not done:
            reply = yield Call(as_is, "emit", (self.keys.make("on", event=event),), args)
            ended, before, *cells = map(codec.text, reply)
            done, repeated = ended == "1", before == "1" and not any(found.values())
            for task, answer in zip(cells[::2], cells[1::2], strict=True):
                found[answer].append(task)
        return Emitted(
            event, name, repeated, *(tuple(found[one]) for one in ("started", "waiting", "skipped"))
        )


def _refusal(task_id: str, wish: str, answer: str) -> NotFound | Refused:
    if answer == "missing":
        return NotFound(f"There is no task {task_id!r}; `shraga schedules` shows those that repeat.")
    said = {
        "once": "does not repeat; `shraga schedules` shows those that do",
        "ended": "has ended; `shraga retry` starts it and its schedule again",
        "changed": "went on meanwhile; look at its schedule and try again",
        "same": {"pause": "is paused already", "resume": "is not paused", "skip": "has no slot to skip"}[
            wish
        ],
    }
    return Refused(f"The task {task_id} {said[answer]}.")


def _read_schedules(reply: Any) -> Schedules:
    rows = [_row(cells) for cells in reply[2:]]
    far = datetime.max.replace(tzinfo=codec.sure_moment(0).tzinfo)
    ordered = sorted(rows, key=lambda row: (row.next_run_at or far, row.name, row.id))
    return Schedules(tuple(ordered), int(reply[1]), codec.sure_moment(reply[0]))


def _row(cells: Sequence[Any]) -> ScheduleRow:
    got = codec.pairs(cells[1]) | {"repeats": "1"}
    schedule = models.Schedule.model_validate(codec.read_spec(got)["schedule"])
    last = (
        got
        if codec.rests(got) and got["run"] != RunStatus.PENDING
        else json.loads(codec.text(cells[2]) or "{}")
    )
    return ScheduleRow(
        id=codec.text(cells[0]),
        name=got["name"],
        owner=got["owner"],
        status=TaskStatus(got["status"]),
        schedule=schedule,
        words=words(schedule),
        next_run_at=schedule.next_run_at if schedule.is_active else None,
        last_run_at=codec.moment(last.get("started_at") or last.get("finished_at")),
        last_status=RunStatus(last["run"]) if last.get("run") else None,
        last_error=last.get("error", ""),
        waiting=int(cells[3]),
    )
