"""A store in memory for the dashboard's tests: what it is told, it answers; it can go away and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shraga_models import (
    Action,
    Brake,
    Event,
    Limits,
    Liveness,
    LocalMachine,
    LogEntry,
    Message,
    NewTask,
    Phase,
    Priority,
    Question,
    Run,
    RunStatus,
    Schedule,
    Shell,
    Task,
    TaskStatus,
    Template,
    Worker,
    WorkerMode,
    Workflow,
)
from shraga_models.template import ParameterFault, fill
from shraga_models.worker import Capability, CurrentTask
from shraga_queue.board import BoardQuery, BoardSnapshot, ColumnPage, Counts
from shraga_queue.codec import TaskRow, TaskWithRuns
from shraga_queue.depending import Neighbourhood
from shraga_queue.errors import InvalidInput, NotFound, Refused, Unreachable
from shraga_queue.foreign import Deed, QueueJobs
from shraga_queue.listing import Found, ListQuery, Place, TaskPage
from shraga_queue.operations import EventPage, LogPage
from shraga_queue.scheduling import ScheduleRow, Schedules
from shraga_queue.submission import build_task
from shraga_queue.talk import Judgement
from shraga_queue.timetable import words
from shraga_queue.why import FINDERS, Circumstances, Standing, Why
from shraga_queue.workflow_codec import WorkflowTree

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
AWAY = "Nothing listens at redis://box:6379/0. Start Redis there, or correct host and port in the url."


def ago(**parts: float) -> datetime:
    """Return a time before the fake's now."""
    return NOW - timedelta(**parts)


def make_row(task_id: str, name: str, status: TaskStatus, **fields: Any) -> TaskRow:
    """Return a row of the board."""
    defaults: dict[str, Any] = {
        "owner": "alice",
        "kind": "general",
        "priority": "normal",
        "capability": "any",
        "labels": (),
        "moved_at": NOW_MS - 240_000,
        "created_at": NOW_MS - 600_000,
        "attempt": 1,
        "progress": None,
        "thought": "",
        "error": "",
        "worker": "",
        "scheduled_at": 0,
        "started_at": NOW_MS - 720_000,
        "canceling": False,
        "failures": 0,
        "run": "pending",
        "exit_code": "",
        "due": 0,
    }
    defaults["try_number"] = fields.get("attempt", 1)
    return TaskRow(id=task_id, name=name, status=status, **(defaults | fields))


def make_task(task_id: str, name: str, status: TaskStatus, **fields: Any) -> Task:
    """Return a whole task."""
    defaults: dict[str, Any] = {
        "action": Shell("make check"),
        "owner": "alice",
        "moved_at": ago(minutes=4),
        "created_at": ago(minutes=10),
        "updated_at": ago(minutes=4),
        "created_by": "alice",
        "updated_by": "alice",
        "attempt": 1,
        "queue": "shraga.any.normal",
        "limits": Limits(),
    }
    return Task(id=task_id, name=name, status=status, **(defaults | fields))


def make_run(task_id: str, attempt: int, status: RunStatus, **fields: Any) -> Run:
    """Return one attempt."""
    return Run(
        id=f"{task_id}.{attempt}", task_id=task_id, attempt=attempt, fence=attempt, status=status, **fields
    )


def make_event(number: int, kind: str, **fields: Any) -> Event:
    """Return an event with a running number."""
    return Event(id=f"{NOW_MS + number}-0", at=ago(seconds=60 - number % 60), type=kind, **fields)


def make_schedule(task_id: str, name: str, schedule: Schedule, **fields: Any) -> ScheduleRow:
    """Return a task that repeats."""
    defaults: dict[str, Any] = {
        "owner": "alice",
        "status": TaskStatus.SCHEDULED,
        "words": words(schedule),
        "next_run_at": schedule.next_run_at,
        "last_run_at": ago(minutes=4),
        "last_status": RunStatus.COMPLETED,
        "last_error": "",
        "waiting": 0,
    }
    return ScheduleRow(id=task_id, name=name, schedule=schedule, **(defaults | fields))


def make_worker(name: str, **fields: Any) -> Worker:
    """Return a worker that is there."""
    defaults: dict[str, Any] = {
        "owner": "alice",
        "details": LocalMachine(hostname=name),
        "created_at": ago(hours=1),
        "updated_at": ago(seconds=1),
        "created_by": "alice",
        "updated_by": "alice",
        "last_seen": ago(seconds=1),
        "max_concurrent_tasks": 2,
        "load": 0.42,
        "memory_mb": 131.0,
    }
    return Worker(id=f"id-{name}", name=name, **(defaults | fields))


def make_log(number: int, message: str, attempt: int = 1, **fields: Any) -> LogEntry:
    """Return a line of a run's log."""
    return LogEntry(
        id=f"{number}-0", at=ago(seconds=30 - number % 30), attempt=attempt, message=message, **fields
    )


def make_message(number: int, text: str, **fields: Any) -> Message:
    """Return a message of a chat."""
    defaults = {"task_id": "t", "sender": "alice", "sender_type": "user"}
    return Message(id=f"{number}-0", at=ago(seconds=60 - number), text=text, **(defaults | fields))


def make_question(task_id: str, text: str, **fields: Any) -> Question:
    """Return a question that is open."""
    defaults = {"owner": "alice", "attempt": 1, "asked_at": ago(minutes=4), "key": "k"}
    return Question(id=f"{task_id}.q1", task_id=task_id, text=text, **(defaults | fields))


class FakeSource:
    """Implements what the dashboard asks of `AsyncShraga`; tests fill the attributes and call `tell`."""

    def __init__(self) -> None:
        self.rows: list[TaskRow] = []
        self.tasks: dict[str, Task] = {}
        self.runs: dict[str, tuple[Run, ...]] = {}
        self.logs: dict[tuple[str, int], list[LogEntry]] = {}
        self.neighbours: dict[str, Neighbourhood] = {}
        self.chats: dict[str, list[Message]] = {}
        self.event_log: list[Event] = []
        self.worker_list: list[Worker] = []
        self.schedule_rows: list[ScheduleRow] = []
        self.rq_queues: list[QueueJobs] = []
        self.has_leader = True
        self.brakes: tuple[Brake, ...] = ()
        self.away = ""
        self.gap = False
        self.calls: list[tuple[Any, ...]] = []
        self.known_templates: list[Template] = []
        self.trees: list[WorkflowTree] = []
        self.refuses = ""
        self.refused: set[str] = set()
        self.now_ms = NOW_MS
        self.scan_step = 5
        self.search_goes_on = asyncio.Event()
        self.search_goes_on.set()
        self.cancel_ends = asyncio.Event()
        self.cancel_ends.set()
        self._news = asyncio.Event()

    def tell(self, *events: Event) -> None:
        """Let events happen."""
        for event in events:
            number = 100 + len(self.event_log)
            self.event_log.append(event.model_copy(update={"id": f"{NOW_MS + number}-0"}))
        self._news.set()

    def add(self, row: TaskRow, **fields: Any) -> None:
        """Put a task on the board."""
        self.rows.append(row)
        self.tasks[row.id] = make_task(row.id, row.name, TaskStatus(row.status), **fields)

    def move(self, task_id: str, status: TaskStatus, **fields: Any) -> None:
        """Move a task to another column and tell so."""
        place = next(index for index, row in enumerate(self.rows) if row.id == task_id)
        self.rows[place] = replace(self.rows[place], status=status, **fields)
        self.tasks[task_id] = self.tasks[task_id].model_copy(update={"status": status})
        self.tell(make_event(len(self.event_log), "task.queued", task_id=task_id, task_status=status))

    def _answering(self) -> None:
        if self.away:
            raise Unreachable(self.away)

    async def board(self, query: BoardQuery) -> BoardSnapshot:
        """Return pages of the columns."""
        self._answering()
        self.calls.append(("board", query))
        pages = []
        for column in query.columns:
            rows = [
                row for row in self.rows if row.status in column.statuses and query.owner in (None, row.owner)
            ]
            rows.sort(key=lambda row: row.moved_at, reverse=True)
            pages.append(ColumnPage(len(rows), tuple(rows[column.first : column.first + column.count])))
        return BoardSnapshot(NOW_MS, tuple(pages))

    def _matching(self, query: ListQuery) -> list[TaskRow]:
        """Return the rows of a filter in its order; the fake knows what its tests ask for."""
        wanted = query.wanted
        rows = [
            row
            for row in self.rows
            if (not wanted.status or row.status in wanted.status)
            and (not wanted.owner or row.owner in wanted.owner)
            and (not wanted.kind or row.kind in wanted.kind)
            and all(word in row.name.lower() for word in wanted.words)
        ]
        return sorted(rows, key=lambda row: row.moved_at, reverse=not query.oldest_first)

    async def task_page(self, query: ListQuery, first: int, count: int, pin: int | None = None) -> TaskPage:
        """Return rows by rank."""
        self._answering()
        self.calls.append(("page", query, first, count, pin))
        everything = self._matching(query)
        rows = [row for row in everything if pin is None or row.moved_at <= pin]
        page = tuple(rows[first : first + count])
        return TaskPage(self.now_ms, len(rows), len(everything) - len(rows), page)

    async def search(self, query: ListQuery, after: Place | None = None) -> Found:
        """Return the next matches, a few rows a step."""
        self._answering()
        self.calls.append(("search", query, after))
        await self.search_goes_on.wait()
        start = after.index if after else 0
        everything = self._matching(ListQuery(oldest_first=query.oldest_first))
        looked = everything[start : start + self.scan_step]
        matching = {row.id for row in self._matching(query)}
        end = start + len(looked)
        go_on = Place("0", end, "") if end < len(everything) else None
        ids = tuple(row.id for row in looked if row.id in matching)
        return Found(ids, (), go_on, len(looked), len(everything))

    async def task_rows(self, ids: Sequence[str]) -> tuple[TaskRow | None, ...]:
        """Return rows by id."""
        self._answering()
        self.calls.append(("rows", tuple(ids)))
        known = {row.id: row for row in self.rows}
        return tuple(known.get(task_id) for task_id in ids)

    async def counts(self, owner: str | None = None) -> Counts:
        """Return the counts."""
        self._answering()
        by_status = {status: sum(row.status == status for row in self.rows) for status in TaskStatus}
        pulse = tuple(minute % 7 for minute in range(60))
        return Counts(NOW_MS, by_status, pulse, (0,) * 59 + (1,), 0, 0, self.has_leader, self.brakes)

    async def schedules(self, *, owner: str | None = None, first: int = 0, count: int = 1000) -> Schedules:
        """Return the schedules."""
        self._answering()
        return Schedules(tuple(self.schedule_rows), len(self.schedule_rows), NOW)

    async def _change_schedule(self, task_id: str, wish: str, **fields: Any) -> Task:
        self._answering()
        self.calls.append((wish, task_id))
        if self.refuses:
            raise Refused(self.refuses)
        place = next(index for index, row in enumerate(self.schedule_rows) if row.id == task_id)
        row = self.schedule_rows[place]
        schedule = row.schedule.model_copy(update=fields)
        self.schedule_rows[place] = replace(row, schedule=schedule, next_run_at=schedule.next_run_at)
        return make_task(task_id, row.name, row.status, schedule=schedule, next_run_at=schedule.next_run_at)

    async def pause_schedule(self, task_id: str) -> Task:
        """Pause a schedule."""
        return await self._change_schedule(task_id, "pause", is_active=False, next_run_at=None)

    async def resume_schedule(self, task_id: str) -> Task:
        """Resume a schedule."""
        return await self._change_schedule(task_id, "resume", is_active=True, next_run_at=NOW)

    async def skip_slot(self, task_id: str) -> Task:
        """Skip a slot."""
        return await self._change_schedule(task_id, "skip", skipped=1)

    async def workers(self) -> list[Worker]:
        """Return the workers."""
        self._answering()
        return list(self.worker_list)

    async def events(self, *, owner: str | None = None, tail: int = 100) -> EventPage:
        """Return the last events."""
        self._answering()
        events = tuple(self.event_log[-tail:])
        return EventPage(events, events[-1].id if events else "0-0")

    async def events_after(self, last_id: str, *, owner: str | None = None) -> EventPage:
        """Return what followed an event."""
        self._answering()
        events = tuple(event for event in self.event_log if event.id > last_id)
        gap, self.gap = self.gap, False
        return EventPage(events, events[-1].id if events else last_id, gap)

    async def more_events(self, last_id: str, *, owner: str | None = None, block_ms: int = 1000) -> EventPage:
        """Return what followed an event, waiting for it."""
        page = await self.events_after(last_id)
        if not page.events:
            self._news.clear()
            await _until(self._news, block_ms)
            page = await self.events_after(last_id)
        return page

    async def get_with_runs(self, task_id: str) -> TaskWithRuns:
        """Return a task."""
        self._answering()
        if task_id not in self.tasks:
            raise NotFound(f"There is no task {task_id!r}; `shraga list` shows the ones there are.")
        task = self.tasks[task_id]
        runs = self.runs.get(task_id) or (make_run(task_id, task.attempt, RunStatus.PENDING),)
        return TaskWithRuns(task, runs, NOW)

    async def dependencies(self, task_id: str, *, limit: int = 20) -> Neighbourhood:
        """Return what a task depends on and what depends on it."""
        self._answering()
        return self.neighbours.get(task_id, Neighbourhood((), (), 0, 0, 0))

    async def why(self, task_id: str) -> Why:
        """Return why a task is not running; its queue is empty but for it."""
        found, around = await self.get_with_runs(task_id), await self.dependencies(task_id)
        standing = Standing(0, 1, 0, suspended=False, has_leader=self.has_leader)
        seen = Circumstances(found.task, found.runs, NOW, around, standing, tuple(self.worker_list))
        return Why(found.task, NOW, tuple(reason for find in FINDERS for reason in find(seen)))

    async def log_page(self, task_id: str, *, attempt: int | None = None, tail: int | None = None) -> LogPage:
        """Return the last lines of a log."""
        self._answering()
        number = attempt or self.tasks[task_id].attempt
        entries = tuple(self.logs.get((task_id, number), [])[-(tail or 10_000) :])
        return LogPage(entries, number, str(len(self.logs.get((task_id, number), []))))

    async def more_logs(self, task: Task, page: LogPage, *, block_ms: int = 1000) -> LogPage:
        """Return the lines after a page; the fake's ids are line counts."""
        self._answering()
        lines = self.logs.get((task.id, page.attempt), [])
        if len(lines) <= int(page.last_id):
            await _until(asyncio.Event(), 20)
            lines = self.logs.get((task.id, page.attempt), [])
        return LogPage(tuple(lines[int(page.last_id) :]), page.attempt, str(len(lines)))

    async def submit(self, name: str, action: Action, *, owner: str | None = None, **fields: Any) -> Task:
        """Accept a task."""
        self._answering()
        new = build_task(name, action, fields)
        task_id = f"new-{len(self.rows)}"
        self.calls.append(("submit", new))
        row = make_row(task_id, new.name, TaskStatus.QUEUED, moved_at=NOW_MS, priority=str(new.priority))
        self.add(row, action=new.action, priority=Priority(new.priority))
        self.tell(make_event(len(self.event_log), "task.submitted", task_id=task_id, name=new.name))
        return self.tasks[task_id]

    async def workflows(self) -> list[Workflow]:
        """Return the workflows the test has put there."""
        self._answering()
        return [tree.workflow for tree in self.trees]

    async def workflow(self, workflow_id: str) -> WorkflowTree:
        """Return one of them."""
        self._answering()
        return next(tree for tree in self.trees if tree.workflow.id == workflow_id)

    def _steer(self, act: str, workflow_id: str, *said: Any, **fields: Any) -> Workflow:
        self.calls.append((act, workflow_id, *said))
        if self.refuses:
            raise Refused(self.refuses)
        place = next(i for i, tree in enumerate(self.trees) if tree.workflow.id == workflow_id)
        changed = self.trees[place].workflow.model_copy(update=fields)
        self.trees[place] = WorkflowTree(changed, self.trees[place].steps)
        self.tell(make_event(len(self.event_log) + 50, "workflow.changed", name=changed.title))
        return changed

    async def pause_workflow(self, workflow_id: str) -> Workflow:
        """Hold a workflow."""
        return self._steer("pause_workflow", workflow_id, paused=True)

    async def resume_workflow(self, workflow_id: str) -> Workflow:
        """Let it go on."""
        return self._steer("resume_workflow", workflow_id, paused=False)

    async def cancel_workflow(self, workflow_id: str, reason: str = "") -> Workflow:
        """Cancel a workflow."""
        return self._steer("cancel_workflow", workflow_id, phase=Phase.CANCELED)

    async def retry_workflow(self, workflow_id: str, step: str | None = None) -> Workflow:
        """Run a step again."""
        return self._steer("retry_workflow", workflow_id, step, phase=Phase.EXECUTING)

    async def skip_step(self, workflow_id: str, step: str) -> Workflow:
        """Leave a step out."""
        return self._steer("skip_step", workflow_id, step)

    async def templates(self) -> list[Template]:
        """Return the templates the test has put there."""
        return self.known_templates

    async def run_template(
        self, name: str, values: Mapping[str, Any] | None = None, *, owner: str | None = None
    ) -> Task:
        """Accept the task of a template."""
        self.calls.append(("run_template", (name, dict(values or {}))))
        template = next(one for one in self.known_templates if one.name == name)
        try:
            filled = fill(template.body, template.values(values or {}))
        except ParameterFault as fault:
            raise InvalidInput(fault.parameter, f"{fault.parameter}: {fault}.") from None
        return await self.submit(filled["name"], NewTask.model_validate(filled).action)

    async def cancel(self, task_id: str, reason: str = "", *, timeout: float | None = None) -> Task:
        """Cancel a task once the test lets it."""
        self.calls.append(("cancel", task_id))
        if self.refuses:
            raise Refused(self.refuses)
        await self.cancel_ends.wait()
        self.move(task_id, TaskStatus.CANCELED)
        return self.tasks[task_id]

    async def ask_cancel(self, task_id: str, reason: str = "") -> tuple[str, TaskStatus]:
        """Ask a task to stop: at once where it waits, later where it runs."""
        self._answering()
        self.calls.append(("ask_cancel", task_id))
        if task_id in self.refused:
            raise Refused(f"The task {task_id} is completed already; there is nothing to cancel.")
        if self.tasks[task_id].status is TaskStatus.RUNNING:
            return "asked", TaskStatus.RUNNING
        self.move(task_id, TaskStatus.CANCELED)
        return "canceled", TaskStatus.CANCELED

    async def retry(self, task_id: str) -> Task:
        """Queue a task again."""
        self.calls.append(("retry", task_id))
        if self.refuses or task_id in self.refused:
            raise Refused(self.refuses or f"The task {task_id} is queued.")
        self.move(task_id, TaskStatus.QUEUED)
        self.tasks[task_id] = self.tasks[task_id].model_copy(update={"attempt": 2})
        return self.tasks[task_id]

    async def plain_rq(self) -> list[QueueJobs]:
        """Return other programs' queues."""
        self._answering()
        return list(self.rq_queues)

    async def act_on_job(self, deed: Deed, job_id: str) -> str:
        """Act on another program's job."""
        self.calls.append((deed, job_id))
        if self.refuses:
            raise Refused(self.refuses)
        return "done"

    async def questions(self, *, owner: str | None = None, limit: int = 1000) -> list[Question]:
        """Return the open questions."""
        self._answering()
        return [task.question for task in self.tasks.values() if task.question]

    async def chat(self, task_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a chat."""
        self._answering()
        return tuple(self.chats.get(task_id, ()))

    async def answer(self, target: str, text: str, *, alike: bool = False) -> list[str]:
        """Answer a question, or the identical ones too."""
        self.calls.append(("answer", target, text, alike))
        if self.refuses:
            raise Refused(self.refuses)
        asked = next(one for one in await self.questions() if one.id == target)
        same = [one for one in await self.questions() if alike and one.signature == asked.signature]
        tasks = [one.task_id for one in same or [asked]]
        for task_id in tasks:
            self.tasks[task_id] = self.tasks[task_id].model_copy(update={"question": None})
            self.move(task_id, TaskStatus.QUEUED)
        return tasks

    async def approve(self, task_id: str, note: str = "") -> Task:
        """Let a task run."""
        self.calls.append(("approve", task_id, note))
        self.move(task_id, TaskStatus.QUEUED)
        return self.tasks[task_id]

    async def review(
        self, task_id: str, judgement: Judgement, note: str = "", *, attempt: int | None = None
    ) -> Task:
        """Judge a result."""
        self.calls.append(("review", task_id, judgement, note, attempt))
        ends = {"accept": TaskStatus.COMPLETED, "reject": TaskStatus.FAILED, "send_back": TaskStatus.QUEUED}
        self.move(task_id, ends[judgement])
        return self.tasks[task_id]

    async def say(self, task_id: str, text: str, **fields: Any) -> Message:
        """Say something to a task."""
        self.calls.append(("say", task_id, text))
        said = self.chats.setdefault(task_id, [])
        said.append(make_message(len(said) + 1, text, task_id=task_id))
        return said[-1]

    async def workflow_say(self, workflow_id: str, text: str, **fields: Any) -> Message:
        """Say something about a workflow; the steps that run are told."""
        self._steer("workflow_say", workflow_id, text)
        tree = next(tree for tree in self.trees if tree.workflow.id == workflow_id)
        told = tuple(step.name for step in tree.steps if step.status == TaskStatus.RUNNING)
        said = self.chats.setdefault(workflow_id, [])
        said.append(
            make_message(
                len(said) + 1, text, task_id=None, workflow_id=workflow_id, told=told, sender="alice"
            )
        )
        return said[-1]

    async def workflow_chat(self, workflow_id: str, *, tail: int | None = None) -> tuple[Message, ...]:
        """Return a workflow's chat."""
        self._answering()
        return tuple(self.chats.get(workflow_id, ()))

    async def set_worker_mode(self, worker: str, mode: WorkerMode) -> str:
        """Change what a worker does about new tasks."""
        self.calls.append(("mode", worker, mode))
        if self.refuses:
            raise Refused(self.refuses)
        self.worker_list = [
            one.model_copy(update={"mode": mode}) if worker in (one.id, one.name) else one
            for one in self.worker_list
        ]
        self.tell(make_event(len(self.event_log), "worker.changed", name=worker, content=mode))
        return worker

    async def close(self) -> None:
        """Nothing to close."""


async def _until(event: asyncio.Event, ms: int) -> None:
    try:
        await asyncio.wait_for(event.wait(), ms / 1000)
    except TimeoutError:
        pass


def busy_source() -> FakeSource:
    """Return a store in the middle of a working day."""
    source, s = FakeSource(), TaskStatus
    source.add(
        make_row(
            "t-ask",
            "Fix login redirect",
            s.WAITING_FOR_INPUT,
            thought="Which of the two flows?",
            priority="high",
        )
    )
    source.add(make_row("t-gpu", "Retrain ranking model", s.QUEUED, capability="gpu", priority="critical"))
    source.add(make_row("t-later", "Nightly backup", s.SCHEDULED, scheduled_at=NOW_MS + 3 * 3_600_000))
    source.add(make_row("t-run", "Refactor billing", s.RUNNING, progress=0.71, thought="running tests…"))
    source.add(make_row("t-mute", "Crawl the docs", s.RUNNING, moved_at=NOW_MS - 500_000))
    source.add(
        make_row("t-stop", "Long export", s.RUNNING, canceling=True, moved_at=NOW_MS - 900_000),
        cancel_requested_by="bob",
    )
    for number in range(12):
        source.add(
            make_row(
                f"t-done-{number}",
                f"Docs for webhook {number}",
                s.COMPLETED,
                moved_at=NOW_MS - 120_000 - number,
            )
        )
    source.add(
        make_row(
            "t-fail",
            "Import Dataverse",
            s.FAILED,
            error="connection reset by peer",
            exit_code="137",
            attempt=3,
        )
    )
    source.add(make_row("t-gone", "Old experiment", s.CANCELED, moved_at=NOW_MS - 800_000))
    current = (CurrentTask(slot=1, task_id="t-run", attempt=1, since=ago(minutes=12)),)
    source.worker_list = [
        make_worker("box-1", liveness=Liveness.BUSY, current_tasks=current, completed=41, failed=2),
        make_worker("box-2", mode=WorkerMode.DRAINING, capabilities=(Capability(name="gpu"),)),
        make_worker("laptop", liveness=Liveness.ERROR, last_seen=ago(minutes=3)),
    ]
    source.runs["t-fail"] = tuple(
        make_run(
            "t-fail",
            attempt,
            RunStatus.FAILED,
            worker="box-1.1",
            started_at=ago(minutes=9 - attempt),
            finished_at=ago(minutes=8 - attempt),
            exit_code=137,
            error="connection reset by peer",
            triggered_by="manual" if attempt == 1 else "retry",
        )
        for attempt in (1, 2, 3)
    )
    source.tasks["t-fail"] = source.tasks["t-fail"].model_copy(
        update={"attempt": 3, "error": "connection reset by peer", "failures": 3}
    )
    source.logs["t-run", 1] = [
        make_log(1, "collecting tests", source="system"),
        make_log(2, "214 tests pass, 2 to go"),
        make_log(3, "one test is slow", source="stderr"),
        make_log(4, "running tests…", source="thought"),
    ]
    source.event_log = [
        make_event(1, "task.submitted", task_id="t-run", name="Refactor billing", created_by="alice"),
        make_event(2, "task.started", task_id="t-run", name="Refactor billing", task_status="running"),
        make_event(
            3,
            "agent.message",
            task_id="t-run",
            name="Refactor billing",
            content="214 tests pass",
            task_status="running",
        ),
        make_event(
            4,
            "task.failed",
            task_id="t-fail",
            name="Import Dataverse",
            content="exit 137",
            task_status="failed",
        ),
    ]
    return source
