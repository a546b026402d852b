"""The async client: the same operations as the sync one, for dashboards and async programs."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import redis.asyncio
from redis.exceptions import NoScriptError, RedisError

from shraga_models import (
    Action,
    AuditEntry,
    Dependency,
    Event,
    LogEntry,
    NewTask,
    Run,
    Task,
    TaskStatus,
    Template,
    Worker,
    WorkerMode,
    Workflow,
)

from .board import BoardQuery, BoardSnapshot, Counts
from .calls import Batch, Call, Flow, Passage, Stream
from .client_schedule import AsyncSchedules
from .client_spend import AsyncSpend
from .client_talk import AsyncTalk
from .client_workflows import AsyncWorkflows
from .codec import TaskRow, TaskWithRuns
from .config import Settings, load_settings
from .connect import connect_async, explain, resolve_url
from .depending import Neighbourhood
from .documents import Documents
from .keys import Keys
from .listing import Found, ListQuery, Place, TaskPage
from .operations import EventPage, LogPage, Operations
from .scripts import Bounds
from .submission import build_task
from .webhooks import Webhooks
from .wording import Wording

if TYPE_CHECKING:
    from .foreign import Deed, QueueJobs
    from .why import Why

T = TypeVar("T")


class AsyncDriver(Wording):
    """Runs calls and flows on a redis-py asyncio client."""

    def __init__(
        self, connection: redis.asyncio.Redis, keys: Keys, bounds: Bounds = Bounds(), url: str = ""
    ) -> None:
        super().__init__(keys, bounds, url)
        self.connection = connection

    async def call(self, call: Call[T]) -> T:
        """Send one call and read its answer; Redis's own errors pass through."""
        try:
            reply = await self.connection.execute_command(*self.words(call))
        except NoScriptError:
            reply = await self.connection.execute_command(*self.words_with_text(call))
        return call.read(reply)

    async def batch(self, batch: Batch) -> list[Any]:
        """Send calls in one round trip; the scripts are loaded first where the server lacks them."""
        scripts = {call.script: self.script(call) for call in batch.calls if call.script}
        if scripts:
            known = await self.connection.script_exists(*(script.sha for script in scripts.values()))
            for script, there in zip(scripts.values(), known, strict=True):
                if not there:
                    await self.connection.script_load(script.text)
        pipeline = self.connection.pipeline(transaction=False)
        for call in batch.calls:
            pipeline.execute_command(*self.words(call))
        return [call.read(reply) for call, reply in zip(batch.calls, await pipeline.execute(), strict=True)]

    async def stream(self, stream: Stream) -> list[Any]:
        """Send calls while earlier ones are under way, over one connection; the first error ends it."""
        pool = self.connection.connection_pool
        line, passage = await pool.get_connection(), Passage(stream)

        async def lost(error: Exception) -> None:
            await line.disconnect()
            passage.restart()

        try:
            while await line.retry.call_with_retry(lambda: self._advance(line, passage), lost):
                pass
        except BaseException:
            # Answers that nobody has read must not be taken for those of the next who gets this connection.
            await line.disconnect(nowait=True)
            raise
        finally:
            await pool.release(line)
        return passage.answers

    async def _advance(self, line: Any, passage: Passage) -> bool:
        """Send what may be sent and read one answer; returns whether there was one to come."""
        while (call := passage.next_to_send()) is not None:
            await line.send_command(*self.words(call))
        if (oldest := passage.oldest) is None:
            return False
        try:
            passage.take(oldest.read(await line.read_response()))
        except NoScriptError:
            passage.take(await self.call(oldest))
        return True

    async def _answer(self, wanted: Call[Any] | Batch | Stream) -> Any:
        if isinstance(wanted, Call):
            return await self.call(wanted)
        return await (self.batch(wanted) if isinstance(wanted, Batch) else self.stream(wanted))

    async def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its result; Redis's errors become one clear sentence (`ShragaError`)."""
        answer: Any = None
        try:
            while True:
                answer = await self._answer(flow.send(answer))
        except StopIteration as stop:
            result: T = stop.value
            return result
        except (RedisError, OSError) as error:
            raise explain(error, self.url) from error


class AsyncShraga(AsyncTalk, AsyncSchedules, AsyncSpend, AsyncWorkflows):
    """The store, for async programs; use it as an async context manager.

    Errors are `ShragaError`s: `InvalidInput`, `Refused`, `NotFound`, `Unreachable`, `Forbidden`.
    """

    def __init__(self, driver: AsyncDriver, settings: Settings) -> None:
        self.driver = driver
        self.settings = settings
        self.operations = Operations(driver.keys, settings.user)
        self.documents = Documents(self.operations, driver)
        self.webhooks = Webhooks(self.operations, driver)

    @classmethod
    def connect(
        cls,
        url: str | None = None,
        *,
        context: str | None = None,
        user: str | None = None,
        prefix: str | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """Prepare a client for the server of `url`, of a named context, or for the embedded one."""
        chosen = settings or load_settings(url=url, context=context, user=user, prefix=prefix)
        address = resolve_url(chosen)
        return cls(AsyncDriver(connect_async(chosen), Keys(chosen.prefix), url=address), chosen)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.driver.connection.aclose()

    async def submit(self, name: str, action: Action, *, owner: str | None = None, **fields: Any) -> Task:
        """Submit a task; `fields` are those of `NewTask`. Once it returns, the task is kept."""
        return await self.submit_task(build_task(name, action, fields), owner=owner)

    async def submit_task(self, new: NewTask, *, owner: str | None = None) -> Task:
        """Submit a task that was built before."""
        return await self.driver.run(self.operations.submit(new, owner))

    async def submit_many(self, tasks: Iterable[NewTask], *, owner: str | None = None) -> list[Task]:
        """Submit many tasks in few round trips."""
        return await self.driver.run(self.operations.submit_many(tasks, owner))

    async def templates(self) -> list[Template]:
        """Return the templates that can be run, by name; the faulty ones are left out."""
        from .templates import Templates

        return await to_thread(Templates.of(self.settings).usable)

    async def run_template(
        self, name: str, values: Mapping[str, Any] | None = None, *, owner: str | None = None
    ) -> Task | Workflow:
        """Submit the task or workflow of a template, its parameters filled in with `values`."""
        from .templates import Templates

        new = await to_thread(lambda: Templates.of(self.settings).load(name).instance(values or {}))
        if isinstance(new, NewTask):
            return await self.submit_task(new, owner=owner)
        return await self._accept(new, owner)

    async def get(self, task_id: str) -> Task:
        """Return a task."""
        return await self.driver.run(self.operations.get_task(task_id))

    async def get_with_runs(self, task_id: str) -> TaskWithRuns:
        """Return a task and its runs, read at one moment."""
        return await self.driver.run(self.operations.get(task_id))

    async def runs(self, task_id: str) -> tuple[Run, ...]:
        """Return a task's runs, oldest first."""
        return await self.driver.run(self.operations.get_runs(task_id))

    async def find(self, filter: str = "", *, limit: int = 100) -> list[Task]:  # noqa: A002
        """Return the tasks a filter matches, newest move first."""
        return await self.driver.run(self.operations.find(filter, limit))

    async def find_rows(self, filter: str = "", *, limit: int = 100) -> list[TaskRow]:  # noqa: A002
        """Return what lists show of the tasks a filter matches."""
        return await self.driver.run(self.operations.find_rows(filter, limit))

    async def find_ids(self, filter: str = "", *, limit: int = 100) -> list[str]:  # noqa: A002
        """Return the ids of the tasks a filter matches, newest move first."""
        return await self.driver.run(self.operations.find_ids(filter, limit))

    async def task_page(self, query: ListQuery, first: int, count: int, pin: int | None = None) -> TaskPage:
        """Return rows from a rank on, of what moved up to `pin` (ms)."""
        return await self.driver.run(self.operations.task_page(query, first, count, pin))

    async def search(self, query: ListQuery, after: Place | None = None) -> Found:
        """Return the next ids a filter matches, after looking at a bounded number of tasks."""
        return await self.driver.run(self.operations.search(query, after))

    async def task_rows(self, ids: Sequence[str]) -> tuple[TaskRow | None, ...]:
        """Return the rows of some tasks as they are now, None for one that is gone."""
        return await self.driver.run(self.operations.task_rows(ids))

    async def ask_cancel(self, task_id: str, reason: str = "") -> tuple[str, TaskStatus]:
        """Ask a task to stop without waiting for it; returns `canceled` or `asked`, and its status."""
        return await self.driver.run(self.operations.ask_cancel(task_id, reason))

    async def board(self, query: BoardQuery) -> BoardSnapshot:
        """Return pages of the board's columns."""
        return await self.driver.run(self.operations.board(query))

    async def counts(self, owner: str | None = None) -> Counts:
        """Return how many tasks there are in each status."""
        return await self.driver.run(self.operations.counts(owner))

    async def cancel(self, task_id: str, reason: str = "", *, timeout: float | None = None) -> Task:
        """Stop a task; returns it once that is confirmed."""
        return await self.driver.run(self.operations.cancel(task_id, reason, timeout))

    async def retry(self, task_id: str) -> Task:
        """Run an ended task again, or a scheduled or blocked one now, whatever it waits for."""
        return await self.driver.run(self.operations.retry(task_id))

    async def depend(self, task_id: str, *on: Dependency | str) -> Task:
        """Let a task that has not begun wait for others, as `ID` or `ID:finished`, or link it to them."""
        await self.driver.run(self.operations.depend(task_id, on))
        return await self.get(task_id)

    async def undepend(self, task_id: str, *on: str) -> Task:
        """Let a task wait for others no more, or unlink it from them."""
        await self.driver.run(self.operations.undepend(task_id, on))
        return await self.get(task_id)

    async def dependencies(self, task_id: str, *, limit: int = 20) -> Neighbourhood:
        """Return what a task depends on and what depends on it, `limit` of each."""
        return await self.driver.run(self.operations.dependencies(task_id, limit))

    async def why(self, task_id: str) -> Why:
        """Return why a task is not running: each reason with a code, a sentence and what to do."""
        return await self.driver.run(self.operations.why(task_id))

    async def wait(self, task_id: str, timeout: float | None = None) -> Task:
        """Return a task when it has ended, or as it is after `timeout` seconds."""
        return await self.driver.run(self.operations.wait(task_id, timeout))

    async def logs(
        self, task_id: str, *, attempt: int | None = None, tail: int | None = None
    ) -> list[LogEntry]:
        """Return the lines a run wrote; the latest run where none is named."""
        return list((await self.log_page(task_id, attempt=attempt, tail=tail)).entries)

    async def log_page(self, task_id: str, *, attempt: int | None = None, tail: int | None = None) -> LogPage:
        """Return the lines a run wrote and where to go on from there."""
        return await self.driver.run(self.operations.logs(task_id, attempt, tail))

    async def more_logs(self, task: Task, page: LogPage, *, block_ms: int = 1000) -> LogPage:
        """Return the lines after a page, waiting up to `block_ms` for the first."""
        return await self.driver.run(self.operations.more_logs(task, page, block_ms))

    async def events(self, *, owner: str | None = None, tail: int = 100) -> EventPage:
        """Return the last events, oldest first, and where to go on."""
        return await self.driver.run(self.operations.events(owner, tail))

    async def events_after(self, last_id: str, *, owner: str | None = None) -> EventPage:
        """Return what followed an event without waiting; `gap` says that some of it is gone."""
        return await self.driver.run(self.operations.events_after(last_id, owner))

    async def more_events(self, last_id: str, *, owner: str | None = None, block_ms: int = 1000) -> EventPage:
        """Return what followed an event, waiting up to `block_ms` for the first."""
        return await self.driver.run(self.operations.more_events(last_id, owner, block_ms))

    async def follow_events(self, *, owner: str | None = None, tail: int = 0) -> AsyncIterator[Event]:
        """Yield events as they come, for ever; the last `tail` first."""
        page = await self.events(owner=owner, tail=max(1, tail))
        for event in page.events[-tail:] if tail else ():
            yield event
        while True:
            page = await self.more_events(page.last_id, owner=owner)
            for event in page.events:
                yield event

    async def audit(self, *, tail: int = 100) -> list[AuditEntry]:
        """Return the last audit entries, oldest first."""
        return await self.driver.run(self.operations.audit(tail))

    async def workers(self) -> list[Worker]:
        """Return the workers, the ones seen last first."""
        return await self.driver.run(self.operations.workers())

    async def plain_rq(self) -> list[QueueJobs]:
        """Return other programs' queues, each with some jobs of every state."""
        return await self.driver.run(self.operations.foreign.overview())

    async def act_on_job(self, deed: Deed, job_id: str) -> str:
        """Requeue, cancel or delete a job of another program; returns `done`, or `asked` for one that runs."""
        return await self.driver.run(getattr(self.operations.foreign, deed)(job_id))

    async def set_worker_mode(self, worker: str, mode: WorkerMode) -> str:
        """Drain, resume or stop a worker by name or id; returns its id."""
        return await self.driver.run(self.operations.set_worker_mode(worker, mode))
