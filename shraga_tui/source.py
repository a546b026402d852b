"""What the dashboard asks of the store, and the one place where text from Redis is made harmless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel

from shraga_models import (
    Action,
    Event,
    Message,
    Question,
    Task,
    TaskStatus,
    Template,
    Worker,
    WorkerMode,
    Workflow,
)
from shraga_models.text import clean_block, clean_line, strip_ansi
from shraga_queue.board import BoardQuery, BoardSnapshot, ColumnPage, Counts
from shraga_queue.codec import TaskRow, TaskWithRuns
from shraga_queue.depending import Neighbour, Neighbourhood
from shraga_queue.foreign import Deed, QueueJobs
from shraga_queue.listing import Found, ListQuery, Place, TaskPage
from shraga_queue.operations import EventPage, LogPage
from shraga_queue.scheduling import ScheduleRow, Schedules
from shraga_queue.talk import Judgement
from shraga_queue.workflow_codec import WorkflowTree

if TYPE_CHECKING:
    from shraga_queue.why import Why

LINE_LIMIT = 500
LABEL_LIMIT = 64
LOG_LINE_LIMIT = 4_000

M = TypeVar("M", bound=BaseModel)


class Source(Protocol):
    """The operations of `AsyncShraga` that the dashboard uses; all raise `ShragaError`."""

    async def board(self, query: BoardQuery) -> BoardSnapshot: ...
    async def task_page(
        self, query: ListQuery, first: int, count: int, pin: int | None = None
    ) -> TaskPage: ...
    async def search(self, query: ListQuery, after: Place | None = None) -> Found: ...
    async def task_rows(self, ids: Sequence[str]) -> tuple[TaskRow | None, ...]: ...
    async def counts(self, owner: str | None = None) -> Counts: ...
    async def workers(self) -> list[Worker]: ...
    async def events(self, *, owner: str | None = None, tail: int = 100) -> EventPage: ...
    async def events_after(self, last_id: str, *, owner: str | None = None) -> EventPage: ...
    async def more_events(
        self, last_id: str, *, owner: str | None = None, block_ms: int = 1000
    ) -> EventPage: ...
    async def get_with_runs(self, task_id: str) -> TaskWithRuns: ...
    async def dependencies(self, task_id: str, *, limit: int = 20) -> Neighbourhood: ...
    async def why(self, task_id: str) -> Why: ...
    async def log_page(
        self, task_id: str, *, attempt: int | None = None, tail: int | None = None
    ) -> LogPage: ...
    async def more_logs(self, task: Task, page: LogPage, *, block_ms: int = 1000) -> LogPage: ...
    async def submit(self, name: str, action: Action, *, owner: str | None = None, **fields: Any) -> Task: ...
    async def workflows(self) -> list[Workflow]: ...
    async def workflow(self, workflow_id: str) -> WorkflowTree: ...
    async def pause_workflow(self, workflow_id: str) -> Workflow: ...
    async def resume_workflow(self, workflow_id: str) -> Workflow: ...
    async def cancel_workflow(self, workflow_id: str, reason: str = "") -> Workflow: ...
    async def retry_workflow(self, workflow_id: str, step: str | None = None) -> Workflow: ...
    async def skip_step(self, workflow_id: str, step: str) -> Workflow: ...
    async def workflow_say(self, workflow_id: str, text: str, **fields: Any) -> Message: ...
    async def workflow_chat(self, workflow_id: str, *, tail: int | None = None) -> tuple[Message, ...]: ...
    async def templates(self) -> list[Template]: ...
    async def run_template(
        self, name: str, values: Mapping[str, Any] | None = None, *, owner: str | None = None
    ) -> Task | Workflow: ...
    async def cancel(self, task_id: str, reason: str = "", *, timeout: float | None = None) -> Task: ...
    async def ask_cancel(self, task_id: str, reason: str = "") -> tuple[str, TaskStatus]: ...
    async def retry(self, task_id: str) -> Task: ...
    async def set_worker_mode(self, worker: str, mode: WorkerMode) -> str: ...
    async def schedules(
        self, *, owner: str | None = None, first: int = 0, count: int = 1000
    ) -> Schedules: ...
    async def pause_schedule(self, task_id: str) -> Task: ...
    async def resume_schedule(self, task_id: str) -> Task: ...
    async def skip_slot(self, task_id: str) -> Task: ...
    async def plain_rq(self) -> list[QueueJobs]: ...
    async def act_on_job(self, deed: Deed, job_id: str) -> str: ...
    async def questions(self, *, owner: str | None = None, limit: int = 1000) -> list[Question]: ...
    async def chat(self, task_id: str, *, tail: int | None = None) -> tuple[Message, ...]: ...
    async def answer(self, target: str, text: str, *, alike: bool = False) -> list[str]: ...
    async def approve(self, task_id: str, note: str = "") -> Task: ...
    async def review(
        self, task_id: str, judgement: Judgement, note: str = "", *, attempt: int | None = None
    ) -> Task: ...
    async def say(self, task_id: str, text: str, **fields: Any) -> Message: ...
    async def close(self) -> None: ...


def harmless(value: Any) -> Any:
    """Return a value with every text in it, at any depth, made safe for a terminal."""
    if type(value) is str:
        return clean_block(strip_ansi(value))
    if isinstance(value, BaseModel):
        return harmless_record(value)
    if isinstance(value, dict):
        return {harmless(key): harmless(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(harmless(item) for item in value)
    return value


def harmless_record(record: M) -> M:
    """Return a record with all its texts made safe; a record that needs nothing comes back as it is."""
    changed = {}
    for name, value in record.__dict__.items():
        if (cleaned := harmless(value)) != value:
            changed[name] = cleaned
    return record.model_copy(update=changed) if changed else record


def harmless_line_record(record: M) -> M:
    """Return a record with its own texts made safe and each on one line."""
    record = harmless_record(record)
    changed = {
        name: cleaned
        for name, value in record.__dict__.items()
        if type(value) is str and (cleaned := _one_line(value, LINE_LIMIT)) != value
    }
    return record.model_copy(update=changed) if changed else record


def harmless_row(row: TaskRow) -> TaskRow:
    """Return a row of a list with all its texts made safe and short; one that needs nothing as it is."""
    if _is_plain(row):
        return row
    changed: dict[str, Any] = {
        name: cleaned
        for name in TaskRow.__slots__
        if type(value := getattr(row, name)) is str and (cleaned := _one_line(value, LINE_LIMIT)) != value
    }
    labels = tuple(_one_line(label, LABEL_LIMIT) for label in row.labels)
    return replace(row, **changed, labels=labels) if changed or labels != row.labels else row


def _is_plain(row: TaskRow) -> bool:
    """Whether a row surely needs nothing, by one look at most of its texts together."""
    said = (row.id, row.name, row.status, row.owner, row.kind, row.priority, row.capability, *row.labels)
    together = "".join((*said, row.thought, row.error, row.worker, row.run, row.exit_code))
    short = len(together) <= LINE_LIMIT and all(len(label) <= LABEL_LIMIT for label in row.labels)
    return short and clean_line(together) is together


def _plain_lines(record: M) -> M:
    """Return a record with its texts in single harmless lines; an error keeps its last one, which says most."""
    changed = {
        name: _one_line(value.rstrip().rpartition("\n")[2] if name == "error" else value, LINE_LIMIT)
        for name, value in record.__dict__.items()
        # An id is sent back as it is; it is shown by its harmless end.
        if type(value) is str and name != "id"
    }
    return record.model_copy(update=changed)


def _harmless_rows(rows: Sequence[TaskRow | None]) -> tuple[TaskRow | None, ...]:
    return tuple(row and harmless_row(row) for row in rows)


def _one_line(text: str, limit: int) -> str:
    return clean_line(strip_ansi(text), limit)


def _harmless_event(event: Event) -> Event:
    changed = {
        name: cleaned
        for name, value in event.__dict__.items()
        if type(value) is str and (cleaned := _one_line(value, LINE_LIMIT)) != value
    }
    return event.model_copy(update=changed) if changed else event


def _harmless_events(page: EventPage) -> EventPage:
    return replace(page, events=tuple(map(_harmless_event, page.events)))


def _harmless_logs(page: LogPage) -> LogPage:
    entries = tuple(
        entry.model_copy(
            update={
                "message": clean_block(strip_ansi(entry.message[:LOG_LINE_LIMIT])),
                "source": _one_line(entry.source, 16),
                "metadata": harmless(entry.metadata),
            }
        )
        for entry in page.entries
    )
    return replace(page, entries=entries)


def _harmless_schedule(row: ScheduleRow) -> ScheduleRow:
    return replace(
        row,
        name=_one_line(row.name, LINE_LIMIT),
        owner=_one_line(row.owner, LINE_LIMIT),
        words=_one_line(row.words, LINE_LIMIT),
        last_error=_one_line(row.last_error, LINE_LIMIT),
    )


def _harmless_neighbour(one: Neighbour) -> Neighbour:
    return replace(one, name=_one_line(one.name, LINE_LIMIT), status=_one_line(one.status, LABEL_LIMIT))


class HarmlessSource:
    """A source whose answers carry no text that could act on the terminal; acts pass through unread."""

    def __init__(self, inner: Source) -> None:
        self.submit = inner.submit
        self.run_template = inner.run_template
        self.pause_workflow = inner.pause_workflow
        self.resume_workflow = inner.resume_workflow
        self.cancel_workflow = inner.cancel_workflow
        self.retry_workflow = inner.retry_workflow
        self.skip_step = inner.skip_step
        self.workflow_say = inner.workflow_say
        self.cancel = inner.cancel
        self.ask_cancel = inner.ask_cancel
        self.retry = inner.retry
        self.set_worker_mode = inner.set_worker_mode
        self.answer = inner.answer
        self.approve = inner.approve
        self.review = inner.review
        self.say = inner.say
        self.pause_schedule = inner.pause_schedule
        self.resume_schedule = inner.resume_schedule
        self.skip_slot = inner.skip_slot
        self.search = inner.search
        self.act_on_job = inner.act_on_job
        self.close = inner.close
        self._inner = inner

    async def board(self, query: BoardQuery) -> BoardSnapshot:
        """Return pages of the board's columns."""
        got = await self._inner.board(query)
        pages = (ColumnPage(page.total, tuple(map(harmless_row, page.rows))) for page in got.columns)
        return BoardSnapshot(got.now, tuple(pages))

    async def task_page(self, query: ListQuery, first: int, count: int, pin: int | None = None) -> TaskPage:
        """Return rows from a rank on."""
        page = await self._inner.task_page(query, first, count, pin)
        return replace(page, rows=_harmless_rows(page.rows))

    async def task_rows(self, ids: Sequence[str]) -> tuple[TaskRow | None, ...]:
        """Return the rows of some tasks."""
        return _harmless_rows(await self._inner.task_rows(ids))

    async def workflows(self) -> list[Workflow]:
        """Return the workflows, the one that moved last first."""
        return [harmless_line_record(one) for one in await self._inner.workflows()]

    async def workflow(self, workflow_id: str) -> WorkflowTree:
        """Return a workflow and its steps."""
        got = await self._inner.workflow(workflow_id)
        steps = (replace(one, row=one.row and harmless_row(one.row)) for one in got.steps)
        return WorkflowTree(harmless_line_record(got.workflow), tuple(steps))

    async def templates(self) -> list[Template]:
        """Return the templates that can be run."""
        return [harmless_record(template) for template in await self._inner.templates()]

    async def counts(self, owner: str | None = None) -> Counts:
        """Return the counts."""
        got = await self._inner.counts(owner)
        return replace(got, brakes=tuple(map(harmless_line_record, got.brakes)))

    async def schedules(self, *, owner: str | None = None, first: int = 0, count: int = 1000) -> Schedules:
        """Return tasks that repeat."""
        got = await self._inner.schedules(owner=owner, first=first, count=count)
        return replace(got, rows=tuple(map(_harmless_schedule, got.rows)))

    async def workers(self) -> list[Worker]:
        """Return the workers."""
        return [harmless_record(worker) for worker in await self._inner.workers()]

    async def plain_rq(self) -> list[QueueJobs]:
        """Return other programs' queues with their jobs."""
        found = await self._inner.plain_rq()
        return [QueueJobs(_plain_lines(one.queue), tuple(map(_plain_lines, one.jobs))) for one in found]

    async def events(self, *, owner: str | None = None, tail: int = 100) -> EventPage:
        """Return the last events."""
        return _harmless_events(await self._inner.events(owner=owner, tail=tail))

    async def events_after(self, last_id: str, *, owner: str | None = None) -> EventPage:
        """Return what followed an event, and whether there is a gap."""
        return _harmless_events(await self._inner.events_after(last_id, owner=owner))

    async def more_events(self, last_id: str, *, owner: str | None = None, block_ms: int = 1000) -> EventPage:
        """Return what followed an event, waiting for the first."""
        return _harmless_events(await self._inner.more_events(last_id, owner=owner, block_ms=block_ms))

    async def get_with_runs(self, task_id: str) -> TaskWithRuns:
        """Return a task and its runs."""
        got = await self._inner.get_with_runs(task_id)
        return TaskWithRuns(harmless_record(got.task), tuple(map(harmless_record, got.runs)), got.now)

    async def dependencies(self, task_id: str, *, limit: int = 20) -> Neighbourhood:
        """Return what a task depends on and what depends on it."""
        got = await self._inner.dependencies(task_id, limit=limit)
        return replace(
            got,
            prerequisites=tuple(map(_harmless_neighbour, got.prerequisites)),
            dependents=tuple(map(_harmless_neighbour, got.dependents)),
        )

    async def why(self, task_id: str) -> Why:
        """Return why a task is not running."""
        got = await self._inner.why(task_id)
        reasons = tuple(
            replace(
                one,
                says=_one_line(one.says, LINE_LIMIT),
                do=_one_line(one.do, LINE_LIMIT),
                facts=harmless(one.facts),
            )
            for one in got.reasons
        )
        return replace(got, task=harmless_record(got.task), reasons=reasons)

    async def questions(self, *, owner: str | None = None, limit: int = 1000) -> list[Question]:
        """Return the open questions."""
        return [harmless_record(one) for one in await self._inner.questions(owner=owner, limit=limit)]

    async def workflow_chat(self, workflow_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a workflow's chat."""
        return tuple(harmless_record(one) for one in await self._inner.workflow_chat(workflow_id, tail=tail))

    async def chat(self, task_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a task's chat."""
        return tuple(harmless_record(one) for one in await self._inner.chat(task_id, tail=tail))

    async def log_page(self, task_id: str, *, attempt: int | None = None, tail: int | None = None) -> LogPage:
        """Return lines of a run's log."""
        return _harmless_logs(await self._inner.log_page(task_id, attempt=attempt, tail=tail))

    async def more_logs(self, task: Task, page: LogPage, *, block_ms: int = 1000) -> LogPage:
        """Return the lines after a page."""
        return _harmless_logs(await self._inner.more_logs(task, page, block_ms=block_ms))
