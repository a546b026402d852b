"""The sync client: connect, submit, watch, act."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import redis
from redis.exceptions import NoScriptError, RedisError

import shraga_models as models
from shraga_models import TaskStatus, WorkerMode

from .calls import Batch, Call, Flow, Passage, Stream
from .client_schedule import SyncSchedules
from .client_spend import SyncSpend
from .client_talk import SyncTalk
from .client_workflows import SyncWorkflows
from .codec import TaskRow, TaskWithRuns
from .config import Settings, load_settings
from .connect import check_server, connect_sync, explain, resolve_url
from .depending import Neighbourhood
from .documents import Documents
from .errors import ShragaError
from .keys import Keys
from .listing import Found, ListQuery, Place, TaskPage
from .operations import Operations
from .scripts import Bounds
from .submission import build_task
from .webhooks import Webhooks
from .wording import Wording

if TYPE_CHECKING:
    from shraga_models import (
        Action,
        AuditEntry,
        Dependency,
        Event,
        LogEntry,
        NewTask,
        Run,
        Task,
        Template,
        Worker,
        Workflow,
    )

    from .board import BoardQuery, BoardSnapshot, Counts
    from .foreign_client import PlainRq
    from .why import Why

T = TypeVar("T")


class SyncDriver(Wording):
    """Runs calls and flows on a redis-py client."""

    def __init__(self, connection: redis.Redis, keys: Keys, bounds: Bounds = Bounds(), url: str = "") -> None:
        super().__init__(keys, bounds, url)
        self.connection = connection

    def call(self, call: Call[T]) -> T:
        """Send one call and read its answer; Redis's own errors pass through."""
        try:
            reply = self.connection.execute_command(*self.words(call))
        except NoScriptError:
            reply = self.connection.execute_command(*self.words_with_text(call))
        return call.read(reply)

    def batch(self, batch: Batch) -> list[Any]:
        """Send calls in one round trip; the scripts are loaded first where the server lacks them."""
        scripts = {call.script: self.script(call) for call in batch.calls if call.script}
        if scripts:
            known = self.connection.script_exists(*(script.sha for script in scripts.values()))
            for script, there in zip(scripts.values(), known, strict=True):
                if not there:
                    self.connection.script_load(script.text)
        pipeline = self.connection.pipeline(transaction=False)
        for call in batch.calls:
            pipeline.execute_command(*self.words(call))
        return [call.read(reply) for call, reply in zip(batch.calls, pipeline.execute(), strict=True)]

    def stream(self, stream: Stream) -> list[Any]:
        """Send calls while earlier ones are under way, over one connection; the first error ends it."""
        pool = self.connection.connection_pool
        line, passage = pool.get_connection(), Passage(stream)

        def lost(error: Exception) -> None:
            line.disconnect()
            passage.restart()

        try:
            while line.retry.call_with_retry(lambda: self._advance(line, passage), lost):
                pass
        except BaseException:
            # Answers that nobody has read must not be taken for those of the next who gets this connection.
            line.disconnect()
            raise
        finally:
            pool.release(line)
        return passage.answers

    def _advance(self, line: Any, passage: Passage) -> bool:
        """Send what may be sent and read one answer; returns whether there was one to come."""
        while (call := passage.next_to_send()) is not None:
            line.send_command(*self.words(call))
        if (oldest := passage.oldest) is None:
            return False
        try:
            passage.take(oldest.read(line.read_response()))
        except NoScriptError:
            passage.take(self.call(oldest))
        return True

    def _answer(self, wanted: Call[Any] | Batch | Stream) -> Any:
        if isinstance(wanted, Call):
            return self.call(wanted)
        return self.batch(wanted) if isinstance(wanted, Batch) else self.stream(wanted)

    def drive(self, flow: Flow[T]) -> T:
        """Drive a flow to its result; Redis's own errors pass through."""
        answer: Any = None
        try:
            while True:
                answer = self._answer(flow.send(answer))
        except StopIteration as stop:
            result: T = stop.value
            return result

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its result; Redis's errors become one clear sentence (`ShragaError`)."""
        try:
            return self.drive(flow)
        except (RedisError, OSError) as error:
            raise explain(error, self.url) from error


class Shraga(SyncTalk, SyncSchedules, SyncSpend, SyncWorkflows):
    """The store, for scripts and for the command line; use it as a context manager.

    Errors are `ShragaError`s: `InvalidInput`, `Refused`, `NotFound`, `Unreachable`, `Forbidden`.
    """

    def __init__(self, driver: SyncDriver, settings: Settings) -> None:
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
        """Connect to the server of `url`, of a named context, or to the embedded one; raises ShragaError."""
        chosen = settings or load_settings(url=url, context=context, user=user, prefix=prefix)
        address = resolve_url(chosen)
        connection = connect_sync(chosen)
        try:
            check_server(connection)
        except (RedisError, OSError) as error:
            connection.close()
            raise explain(error, address) from error
        except ShragaError:
            connection.close()
            raise
        return cls(SyncDriver(connection, Keys(chosen.prefix), url=address), chosen)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.driver.connection.close()

    @property
    def rq(self) -> PlainRq:
        """What other programs keep in plain RQ and in rq-scheduler on the same server."""
        from .foreign_client import PlainRq

        return PlainRq(self.driver, self.operations)

    def submit(self, name: str, action: Action, *, owner: str | None = None, **fields: Any) -> Task:
        """Submit a task; `fields` are those of `NewTask`. Once it returns, the task is kept."""
        return self.submit_task(build_task(name, action, fields), owner=owner)

    def submit_task(self, new: NewTask, *, owner: str | None = None) -> Task:
        """Submit a task that was built before."""
        return self.driver.run(self.operations.submit(new, owner))

    def submit_many(self, tasks: Iterable[NewTask], *, owner: str | None = None) -> list[Task]:
        """Submit many tasks in few round trips."""
        return self.driver.run(self.operations.submit_many(tasks, owner))

    def templates(self) -> list[Template]:
        """Return the templates that can be run, by name; the faulty ones are left out."""
        from .templates import Templates

        return Templates.of(self.settings).usable()

    def run_template(
        self, name: str, values: Mapping[str, Any] | None = None, *, owner: str | None = None
    ) -> Task | Workflow:
        """Submit the task or workflow of a template, its parameters filled in with `values`."""
        from .templates import Templates

        new = Templates.of(self.settings).load(name).instance(values or {})
        return (
            self.submit_task(new, owner=owner)
            if isinstance(new, models.NewTask)
            else self._accept(new, owner)
        )

    def get(self, task_id: str) -> Task:
        """Return a task."""
        return self.driver.run(self.operations.get_task(task_id))

    def get_with_runs(self, task_id: str) -> TaskWithRuns:
        """Return a task and its runs, read at one moment."""
        return self.driver.run(self.operations.get(task_id))

    def runs(self, task_id: str) -> tuple[Run, ...]:
        """Return a task's runs, oldest first."""
        return self.driver.run(self.operations.get_runs(task_id))

    def find(self, filter: str = "", *, limit: int = 100) -> list[Task]:  # noqa: A002
        """Return the tasks a filter matches, newest move first."""
        return self.driver.run(self.operations.find(filter, limit))

    def find_rows(self, filter: str = "", *, limit: int = 100) -> list[TaskRow]:  # noqa: A002
        """Return what lists show of the tasks a filter matches."""
        return self.driver.run(self.operations.find_rows(filter, limit))

    def find_ids(self, filter: str = "", *, limit: int = 100) -> list[str]:  # noqa: A002
        """Return the ids of the tasks a filter matches, newest move first."""
        return self.driver.run(self.operations.find_ids(filter, limit))

    def task_page(self, query: ListQuery, first: int, count: int, pin: int | None = None) -> TaskPage:
        """Return rows from a rank on, of what moved up to `pin` (ms)."""
        return self.driver.run(self.operations.task_page(query, first, count, pin))

    def search(self, query: ListQuery, after: Place | None = None) -> Found:
        """Return the next ids a filter matches, after looking at a bounded number of tasks."""
        return self.driver.run(self.operations.search(query, after))

    def task_rows(self, ids: Sequence[str]) -> tuple[TaskRow | None, ...]:
        """Return the rows of some tasks as they are now, None for one that is gone."""
        return self.driver.run(self.operations.task_rows(ids))

    def ask_cancel(self, task_id: str, reason: str = "") -> tuple[str, TaskStatus]:
        """Ask a task to stop without waiting for it; returns `canceled` or `asked`, and its status."""
        return self.driver.run(self.operations.ask_cancel(task_id, reason))

    def board(self, query: BoardQuery) -> BoardSnapshot:
        """Return pages of the board's columns."""
        return self.driver.run(self.operations.board(query))

    def counts(self, owner: str | None = None) -> Counts:
        """Return how many tasks there are in each status."""
        return self.driver.run(self.operations.counts(owner))

    def cancel(self, task_id: str, reason: str = "", *, timeout: float | None = None) -> Task:
        """Stop a task; returns it once that is confirmed."""
        return self.driver.run(self.operations.cancel(task_id, reason, timeout))

    def retry(self, task_id: str) -> Task:
        """Run an ended task again, or a scheduled or blocked one now, whatever it waits for."""
        return self.driver.run(self.operations.retry(task_id))

    def depend(self, task_id: str, *on: Dependency | str) -> Task:
        """Let a task that has not begun wait for others, as `ID` or `ID:finished`, or link it to them."""
        self.driver.run(self.operations.depend(task_id, on))
        return self.get(task_id)

    def undepend(self, task_id: str, *on: str) -> Task:
        """Let a task wait for others no more, or unlink it from them."""
        self.driver.run(self.operations.undepend(task_id, on))
        return self.get(task_id)

    def dependencies(self, task_id: str, *, limit: int = 20) -> Neighbourhood:
        """Return what a task depends on and what depends on it, `limit` of each."""
        return self.driver.run(self.operations.dependencies(task_id, limit))

    def why(self, task_id: str) -> Why:
        """Return why a task is not running: each reason with a code, a sentence and what to do."""
        return self.driver.run(self.operations.why(task_id))

    def wait(self, task_id: str, timeout: float | None = None) -> Task:
        """Return a task when it has ended, or as it is after `timeout` seconds."""
        return self.driver.run(self.operations.wait(task_id, timeout))

    def logs(self, task_id: str, *, attempt: int | None = None, tail: int | None = None) -> list[LogEntry]:
        """Return the lines a run wrote; the latest run where none is named."""
        return list(self.driver.run(self.operations.logs(task_id, attempt, tail)).entries)

    def follow_logs(self, task_id: str, *, attempt: int | None = None) -> Iterator[LogEntry]:
        """Yield a run's lines as they come, until the run has ended."""
        page = self.driver.run(self.operations.logs(task_id, attempt))
        yield from page.entries
        while True:
            task = self.get(task_id)
            ended = task.status.is_final or task.attempt != page.attempt
            page = self.driver.run(self.operations.more_logs(task, page, 1 if ended else 1000))
            yield from page.entries
            if ended and not page.entries:
                return

    def events(self, *, owner: str | None = None, tail: int = 100) -> list[Event]:
        """Return the last events, oldest first, with how far each has come to the webhooks that want it."""
        page = self.driver.run(self.operations.events(owner, tail))
        return self.driver.run(self.operations.with_delivery(page.events))

    def mark_read(self, event_id: str) -> None:
        """Mark an event as read."""
        self.driver.run(self.operations.mark_read(event_id))

    def follow_events(self, *, owner: str | None = None, tail: int = 0) -> Iterator[Event]:
        """Yield events as they come, for ever; the last `tail` first."""
        stream = self.operations.event_stream(owner)
        if tail:
            page = self.driver.run(self.operations.events(owner, tail))
            yield from page.events
            last_id = page.last_id
        else:
            last_id = self.driver.run(self.operations.last_event_id(stream))
        while True:
            page = self.driver.run(self.operations.more_events(last_id, owner))
            yield from page.events
            last_id = page.last_id

    def audit(self, *, tail: int = 100) -> list[AuditEntry]:
        """Return the last audit entries, oldest first."""
        return self.driver.run(self.operations.audit(tail))

    def workers(self) -> list[Worker]:
        """Return the workers, the ones seen last first."""
        return self.driver.run(self.operations.workers())

    def set_worker_mode(self, worker: str, mode: WorkerMode) -> str:
        """Drain, resume or stop a worker by name or id; returns its id."""
        return self.driver.run(self.operations.set_worker_mode(worker, mode))


@contextmanager
def clear_errors(url: str) -> Iterator[None]:
    """Turn Redis's errors inside the block into one clear sentence each."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise explain(error, url) from error
