"""What can be asked of the store, as flows that both clients drive; no network here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import shraga_models as models
from shraga_models import TaskStatus, WorkerMode

from . import codec, stream_codec
from .calls import Argument, Call, Flow, Stream, as_is
from .depending import Depending, raise_refused
from .documents import DocumentFlows
from .errors import NotFound, Refused, no_such_task
from .keys import Keys
from .scheduling import Scheduling, first_slot, next_slot, submitted_schedule
from .spend import Spend
from .submission import JOB_DATA, check_owner, in_chunks, job_data, name_tasks
from .talk import Talk
from .webhooks import WebhookFlows
from .worker_codec import read_worker

if TYPE_CHECKING:
    from shraga_models import AuditEntry, Event, LogEntry, NewTask, Task, Worker

    from .board import BoardQuery, BoardSnapshot, Counts
    from .foreign import Foreign
    from .why import Why

LEASE_MS = 6_000
"""How long a silent run or worker is trusted."""
SUBMIT_CHUNK = 50
"""Tasks a script call accepts: enough to share its costs, few enough not to hold up the server."""
BLOCK_MS = 1_000


@cache
def _blank() -> Task:
    """All of a task's defaults; a copy costs a tenth of what building a task from them does."""
    return models.Task.model_construct()  # type: ignore[call-arg]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events read from a stream, where to go on, and whether some between were trimmed away."""

    events: tuple[Event, ...]
    last_id: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines read from a run's log, and where to go on."""

    entries: tuple[LogEntry, ...]
    attempt: int
    last_id: str


class Operations(Talk, Depending, Scheduling, Spend, DocumentFlows, WebhookFlows):
    """Every operation on the store for one prefix, made by one user."""

    def __init__(self, keys: Keys, user: str) -> None:
        self.keys = keys
        self.user = user

    @cached_property
    def foreign(self) -> Foreign:
        """What can be asked of plain RQ and of rq-scheduler."""
        from .foreign import Foreign

        return Foreign(self.keys, self.user)

    # Submitting

    def _submit_call(
        self, tasks: Sequence[tuple[NewTask, str]], owner: str, there: datetime | None = None
    ) -> Call[list[Task]]:
        args: list[Argument] = [owner, self.user, *JOB_DATA]
        for new, task_id in tasks:
            repeats, timing = first_slot(new, task_id, there) if there else (("", ""), [])
            name, value, *rest = codec.task_fields(new)
            fields = [name, value, *timing, *rest]
            args += (
                task_id,
                new.capability,
                self.keys.queue_name(new.capability, new.priority),
                new.name[:120].encode("utf-8", "replace"),
                (new.schedule.at_ms or 0) if new.schedule else 0,
                int(new.limits.expires_in * 1000) if new.limits.expires_in and not repeats[0] else 0,
                int(new.limits.timeout) or 1,
                new.permission.value,
                *repeats,
                len(fields),
            )
            args += [field.encode("utf-8", "replace") for field in fields]
            args.append(2 * len(new.depends_on))
            for one in new.depends_on:
                args += (one.task_id, one.kind.value)

        def read(reply: Any) -> list[Task]:
            raise_refused(reply)
            now = codec.sure_moment(reply[0])
            return [
                self._submitted(new, task_id, owner, now, codec.text(status), there)
                for (new, task_id), status in zip(tasks, reply[1:], strict=True)
            ]

        return Call(read, "submit", (self.keys.make("task", owner=owner, task=tasks[0][1]),), tuple(args))

    def _submitted(
        self, new: NewTask, task_id: str, owner: str, now: datetime, status: str, there: datetime | None
    ) -> Task:
        # A repeated call after a lost reply finds the id taken; ids are fresh, so that is our own task.
        known = {
            "id": task_id,
            "owner": owner,
            # Empty where a failed prerequisite has still to be heard.
            "status": TaskStatus(status) if status else status,
            "moved_at": now,
            "created_at": now,
            "updated_at": now,
            "created_by": self.user,
            "updated_by": self.user,
            "attempt": 1,
            "queue": self.keys.queue_name(new.capability, new.priority),
        }
        if status == TaskStatus.SCHEDULED:
            known |= submitted_schedule(new, task_id, there)
        return _blank().model_copy(update=new.__dict__ | known)

    def submit(self, new: NewTask, owner: str | None = None) -> Flow[Task]:
        """Accept one task, in one round trip."""
        return (yield from self.submit_many((new,), owner))[0]

    def submit_many(
        self, tasks: Iterable[NewTask], owner: str | None = None, *, look_for_documents: bool = True
    ) -> Flow[list[Task]]:
        """Accept many tasks, many to a script call, sent while the ones before are accepted; each is by itself.

        `look_for_documents`: only if all documents that they name are there.
        """
        who = check_owner(owner or self.user)
        waiting = list(name_tasks(tasks, {}))
        named = tuple(dict.fromkeys(one for new, _ in waiting for one in new.documents if look_for_documents))
        chunks = list(in_chunks(waiting, SUBMIT_CHUNK))
        timed = any(new.schedule is not None and new.schedule.is_recurring for new, _ in waiting)
        there = (yield from self.now()) if timed else None
        done: list[Task] = []
        if len(chunks) > 1:
            yield from self.check_documents(named)
            named = ()
        if len(chunks) > 1 and not any(new.depends_on for new, _ in waiting):
            accepted = yield Stream(self._submit_call(chunk, who, there) for chunk in chunks)
            return [task for some in accepted for task in some]
        if len(chunks) > 1:
            yield from self.check_prerequisites(waiting)
        for chunk in chunks:
            # One after the other: a later part may depend on an earlier one, which has to be there.
            call = self._submit_call(chunk, who, there)
            done += yield self.with_documents(call, named) if named else call
        return (yield from self._settled(done))

    def _settled(self, tasks: list[Task]) -> Flow[list[Task]]:
        """Let the failed prerequisites of tasks have their say, where the script has left that open."""
        unsure = [task.id for task in tasks if not task.status]
        statuses = (yield from self.settle(unsure)) if unsure else []
        told = {task_id: TaskStatus(codec.text(one)) for task_id, one in zip(unsure, statuses, strict=True)}
        return [
            task.model_copy(update={"status": told[task.id]}) if task.id in told else task for task in tasks
        ]

    # Reading

    def why(self, task_id: str) -> Flow[Why]:
        """Return why a task is not running, in two round trips at most; raises NotFound or Unreadable."""
        from .why import explain

        return (yield from explain(self, task_id))

    def board(self, query: BoardQuery) -> Flow[BoardSnapshot]:
        """Return pages of the board's columns, in one script call."""
        from .board import read_board

        args: list[Argument] = [query.owner or ""]
        for column in query.columns:
            args += [",".join(column.statuses), column.first, column.count]
        index = (self.keys.make("index", status=TaskStatus.QUEUED),)
        snapshot: BoardSnapshot = yield Call(read_board, "board", index, tuple(args))
        return snapshot

    def counts(self, owner: str | None = None) -> Flow[Counts]:
        """Return how many tasks there are in each status, and the ends per minute of the last hour."""
        from .board import read_counts

        index = (self.keys.make("index", status=TaskStatus.QUEUED),)
        counts: Counts = yield Call(read_counts, "counts", index, (owner or "", *TaskStatus))
        return counts

    # Acting

    def ask_cancel(self, task_id: str, reason: str = "") -> Flow[tuple[str, TaskStatus]]:
        """Ask a task to stop; returns `canceled` or `asked`. Raises NotFound, or Refused when it has ended."""
        reply = yield Call(as_is, "cancel", (self.keys.make("owners"),), (task_id, self.user, reason))
        answer, status = codec.text(reply[0]), codec.text(reply[1])
        if answer == "missing":
            raise no_such_task(task_id)
        if answer == "ended":
            raise Refused(f"The task {task_id} is {status} already; there is nothing to cancel.")
        return answer, TaskStatus(status)

    def cancel(self, task_id: str, reason: str = "", timeout: float | None = None) -> Flow[Task]:
        """Stop a task and return it once that is confirmed; raises Refused when it ended otherwise or not in time."""
        answer, _ = yield from self.ask_cancel(task_id, reason)
        if answer == "canceled":
            return (yield from self.get_task(task_id))
        task = yield from self.wait(task_id, timeout)
        if not task.status.is_final:
            raise Refused(
                f"The task {task_id} was asked to stop but is still {task.status}; look again later."
            )
        if task.status is not TaskStatus.CANCELED:
            raise Refused(f"The task {task_id} {task.status} before it could be stopped.")
        return task

    def retry(self, task_id: str) -> Flow[Task]:
        """Run an ended task again, or a scheduled or blocked one now; raises NotFound or Refused."""
        task = yield from self.get_task(task_id)
        args: tuple[Argument, ...] = (task_id, self.user, job_data(task_id), int(task.limits.timeout) or 1)
        if task.schedule is not None and task.schedule.is_recurring:
            args += (*next_slot(task_id, task.schedule, (yield from self.now())), task.schedule.on or "")
        reply = yield Call(as_is, "retry", (self.keys.make("owners"),), args)
        answer, status = codec.text(reply[0]), codec.text(reply[1])
        if answer == "refused":
            raise Refused(
                f"The task {task_id} is {status}; only an ended, a scheduled or a blocked task can be run again."
            )
        return (yield from self.get_task(task_id))

    def wait(self, task_id: str, timeout: float | None = None) -> Flow[Task]:
        """Return a task when it has ended, or as it is after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        task = yield from self.get_task(task_id)
        stream = self.keys.make("user_events", owner=task.owner)
        last_id = yield from self.last_event_id(stream)
        task = yield from self.get_task(task_id)
        while not task.status.is_final and (deadline is None or time.monotonic() < deadline):
            left = (
                BLOCK_MS
                if deadline is None
                else max(1, min(BLOCK_MS, int((deadline - time.monotonic()) * 1000)))
            )
            page = yield self._block(stream, last_id, left)
            last_id = page.last_id
            if not page.events or any(event.task_id == task_id for event in page.events):
                task = yield from self.get_task(task_id)
        return task

    # Logs, events, audit

    def logs(self, task_id: str, attempt: int | None = None, tail: int | None = None) -> Flow[LogPage]:
        """Return the lines of a run (the latest where none is named), or its last `tail`."""
        task = yield from self.get_task(task_id)
        number = attempt or task.attempt
        key = self.keys.make("log", owner=task.owner, task=task_id, attempt=number)

        def read(reply: Any) -> list[LogEntry]:
            return stream_codec.read_log(number, reversed(reply) if tail is not None else reply)

        command: tuple[Argument, ...] = ("XRANGE", key, "-", "+")
        if tail is not None:
            command = ("XREVRANGE", key, "+", "-", "COUNT", max(1, tail))
        entries = yield Call(read, command=command)
        return LogPage(tuple(entries), number, entries[-1].id if entries else "0-0")

    def more_logs(self, task: Task, page: LogPage, block_ms: int = BLOCK_MS) -> Flow[LogPage]:
        """Return the lines after a page, waiting up to `block_ms` for the first."""
        key = self.keys.make("log", owner=task.owner, task=task.id, attempt=page.attempt)
        command = ("XREAD", "COUNT", 2000, "BLOCK", block_ms, "STREAMS", key, page.last_id)
        reply = yield Call(as_is, command=command)
        entries = stream_codec.read_log(page.attempt, _only_stream(reply))
        return LogPage(tuple(entries), page.attempt, entries[-1].id if entries else page.last_id)

    def event_stream(self, owner: str | None = None) -> str:
        """Return the key of the organisation's event stream, or of one user's."""
        return self.keys.make("user_events", owner=owner) if owner else self.keys.make("events")

    def last_event_id(self, stream: str) -> Flow[str]:
        """Return the id of a stream's newest entry, `0-0` where it is empty."""
        reply = yield Call(as_is, command=("XREVRANGE", stream, "+", "-", "COUNT", 1))
        return codec.text(reply[0][0]) if reply else "0-0"

    def events(self, owner: str | None = None, tail: int = 100) -> Flow[EventPage]:
        """Return the last `tail` events, oldest first."""
        command = ("XREVRANGE", self.event_stream(owner), "+", "-", "COUNT", max(1, tail))
        reply = yield Call(as_is, command=command)
        events = tuple(stream_codec.read_event(entry) for entry in reversed(reply))
        return EventPage(events, events[-1].id if events else "0-0")

    def events_after(self, last_id: str, owner: str | None = None, count: int = 2000) -> Flow[EventPage]:
        """Return what followed an event without waiting; `gap` says that some of it is gone."""

        def read(reply: Any) -> EventPage:
            events = tuple(stream_codec.read_event(entry) for entry in reply[1])
            return EventPage(events, events[-1].id if events else last_id, bool(reply[0]))

        page: EventPage = yield Call(read, "events", (self.event_stream(owner),), (last_id, count))
        return page

    def more_events(
        self, last_id: str, owner: str | None = None, block_ms: int = BLOCK_MS
    ) -> Flow[EventPage]:
        """Return what followed an event, waiting up to `block_ms` for the first."""
        page: EventPage = yield self._block(self.event_stream(owner), last_id, block_ms)
        return page

    def _block(self, stream: str, last_id: str, block_ms: int) -> Call[EventPage]:
        def read(reply: Any) -> EventPage:
            events = tuple(stream_codec.read_event(entry) for entry in _only_stream(reply))
            return EventPage(events, events[-1].id if events else last_id)

        return Call(read, command=("XREAD", "COUNT", 2000, "BLOCK", block_ms, "STREAMS", stream, last_id))

    def audit(self, tail: int = 100) -> Flow[list[AuditEntry]]:
        """Return the last `tail` audit entries, oldest first."""
        command = ("XREVRANGE", self.keys.make("audit"), "+", "-", "COUNT", max(1, tail))
        entries: list[AuditEntry] = yield Call(
            lambda reply: stream_codec.read_audit(reversed(reply)), command=command
        )
        return entries

    # Workers

    def workers(self, limit: int = 1000) -> Flow[list[Worker]]:
        """Return the workers, the ones seen last first."""
        workers: list[Worker] = yield self.workers_call(limit)
        return workers

    def workers_call(self, limit: int = 1000) -> Call[list[Worker]]:
        """Return the call that `workers` makes, for a round trip with others."""

        def read(reply: Any) -> list[Worker]:
            return [read_worker(row, int(reply[0]), LEASE_MS) for row in reply[1:] if row[2]]

        return Call(read, "workers", (self.keys.make("workers"),), (limit,))

    def set_worker_mode(self, worker: str, mode: WorkerMode) -> Flow[str]:
        """Drain, resume or stop a worker by name or id; returns its id. Raises NotFound or Refused."""
        args = (worker, mode.value, self.user)
        reply = yield Call(as_is, "worker_mode", (self.keys.make("workers"),), args)
        answer = codec.text(reply[0])
        if answer == "missing":
            raise NotFound(f"There is no worker {worker!r}; `shraga workers` shows the ones there are.")
        if answer == "gone":
            raise Refused(f"The worker {worker!r} is not running; start it with `shraga worker`.")
        if answer == "stopping":
            raise Refused(f"The worker {worker!r} is stopping already; start a new one with `shraga worker`.")
        return codec.text(reply[1])


def _only_stream(reply: Any) -> list[Any]:
    return next(iter(stream_codec.read_streams(reply).values()), [])
