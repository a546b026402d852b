"""The async client: the same answers as the sync one, for each operation."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest

from shraga_models import Schedule, Shell, TaskStatus, WorkerMode
from shraga_queue.aclient import AsyncShraga
from shraga_queue.board import BoardQuery, Column
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import Engine, LogLine
from shraga_queue.errors import InvalidInput, NotFound, Refused, Unreachable
from tests.factories import assert_agreement, bring_to, hire, new_task

T = TypeVar("T")


async def settled(given: T | Awaitable[T]) -> T:
    """Return what a client returned, awaited where that is to be done."""
    return await given if isinstance(given, Awaitable) else given


@pytest.fixture
async def ashraga(settings: Settings) -> AsyncIterator[AsyncShraga]:
    async with AsyncShraga.connect(settings=settings) as client:
        yield client


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest, shraga: Shraga, ashraga: AsyncShraga) -> Shraga | AsyncShraga:
    return shraga if request.param == "sync" else ashraga


async def test_submitted_task_is_the_one_both_clients_read(ashraga: AsyncShraga, shraga: Shraga) -> None:
    task = await ashraga.submit("n", Shell("true"), owner="alice", labels=["a"], priority="high")
    assert await ashraga.get(task.id) == shraga.get(task.id) == task
    assert_agreement(shraga)


async def test_many_are_submitted_in_order(ashraga: AsyncShraga, shraga: Shraga) -> None:
    tasks = await ashraga.submit_many(new_task(f"n{i}") for i in range(501))
    assert [task.name for task in tasks] == [f"n{i}" for i in range(501)]
    assert shraga.counts().total == 501


async def test_both_clients_read_the_same(ashraga: AsyncShraga, shraga: Shraga, engine: Engine) -> None:
    hand = hire(engine)
    for status in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.SCHEDULED):
        task = bring_to(shraga, hand, status)
    shraga.submit("n", Shell("true"))
    claim = hand.claim()
    engine.append_log(claim, [LogLine("stdout", "one"), LogLine("log", "two", "warning", '{"a":1}')])
    query = BoardQuery((Column(("queued", "failed", "completed"), 1, 2), Column(("running",))))
    assert await ashraga.find("status:completed,failed") == shraga.find("status:completed,failed") != []
    assert await ashraga.find_rows() == shraga.find_rows()
    assert (await ashraga.board(query)).columns == shraga.board(query).columns
    assert (await ashraga.counts("tester")).by_status == shraga.counts("tester").by_status
    assert await ashraga.runs(claim.task_id) == shraga.runs(claim.task_id)
    assert (await ashraga.get_with_runs(task.id)).task == shraga.get_with_runs(task.id).task
    assert await ashraga.logs(claim.task_id) == shraga.logs(claim.task_id)
    assert await ashraga.logs(claim.task_id, tail=1) == shraga.logs(claim.task_id, tail=1)
    assert list((await ashraga.events()).events) == shraga.events()
    assert await ashraga.audit() == shraga.audit()
    assert await ashraga.workers() == shraga.workers() != []


async def test_acting_is_the_same(ashraga: AsyncShraga, shraga: Shraga, engine: Engine) -> None:
    hand = hire(engine)
    task = await ashraga.submit("n", Shell("true"), schedule=Schedule(at="2099-01-01"))
    assert (await ashraga.retry(task.id)).status is TaskStatus.QUEUED
    assert (await ashraga.cancel(task.id, "why")).cancel_reason == "why"
    assert (await ashraga.wait(task.id)).status is TaskStatus.CANCELED
    assert await ashraga.set_worker_mode("w1", WorkerMode.DRAINING) == hand.worker_id
    assert shraga.workers()[0].mode is WorkerMode.DRAINING
    assert_agreement(shraga)


async def test_errors_are_the_same(ashraga: AsyncShraga, shraga: Shraga) -> None:
    task = await ashraga.submit("n", Shell("true"))
    with pytest.raises(NotFound, match="There is no task 'nope'"):
        await ashraga.get("nope")
    with pytest.raises(InvalidInput, match="name has 100,001 characters"):
        await ashraga.submit("x" * 100_001, Shell("true"))
    with pytest.raises(InvalidInput, match="is unknown: use one of"):
        await ashraga.find("colour:red")
    with pytest.raises(Refused, match="only an ended, a scheduled or a blocked task"):
        await ashraga.retry(task.id)


async def test_server_that_is_not_there_is_one_sentence(settings: Settings) -> None:
    gone = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    async with AsyncShraga.connect(settings=gone) as client:
        client.driver.connection.get_connection_kwargs()["retry"]._retries = 0
        with pytest.raises(Unreachable):
            await client.counts()


async def test_waiting_for_events_leaves_the_loop_free(ashraga: AsyncShraga, shraga: Shraga) -> None:
    first = await ashraga.submit("a", Shell("true"))
    last = (await ashraga.events()).last_id
    waiting = asyncio.create_task(ashraga.more_events(last, block_ms=4000))
    await ashraga.submit("b", Shell("true"))
    page = await waiting
    assert [event.name for event in page.events] == ["b"]
    assert (await ashraga.events_after(last)).events == page.events
    assert first.id not in [event.task_id for event in page.events]


async def test_events_are_followed(ashraga: AsyncShraga) -> None:
    await ashraga.submit("a", Shell("true"))
    following = ashraga.follow_events(tail=1)
    assert (await anext(following)).name == "a"
    await ashraga.submit("b", Shell("true"))
    assert (await anext(following)).name == "b"


async def test_more_logs_waits_for_the_next_line(ashraga: AsyncShraga, engine: Engine) -> None:
    task = await ashraga.submit("n", Shell("true"))
    claim = hire(engine).claim()
    page = await ashraga.log_page(task.id)
    assert (page.entries, page.attempt) == ((), 1)
    waiting = asyncio.create_task(ashraga.more_logs(task, page, block_ms=4000))
    await ashraga.counts()
    engine.append_log(claim, [LogLine("stdout", "one")])
    assert [line.message for line in (await waiting).entries] == ["one"]


async def test_wait_ends_with_the_task(ashraga: AsyncShraga, engine: Engine) -> None:
    task = await ashraga.submit("n", Shell("true"))
    hand = hire(engine)
    claim = hand.claim()
    waiting = asyncio.create_task(ashraga.wait(task.id, timeout=30))
    await ashraga.counts()
    assert hand.commit(claim) == "completed"
    assert (await waiting).status is TaskStatus.COMPLETED


async def test_dependencies_are_made_undone_and_explained(ashraga: AsyncShraga) -> None:
    first = await ashraga.submit("first", Shell("true"))
    task = await ashraga.submit("task", Shell("true"))
    assert (await ashraga.depend(task.id, f"{first.id}:finished")).status is TaskStatus.BLOCKED
    assert [one.id for one in (await ashraga.dependencies(task.id)).prerequisites] == [first.id]
    assert [reason.code for reason in (await ashraga.why(task.id)).reasons] == ["dependency"]
    assert (await ashraga.undepend(task.id, first.id)).status is TaskStatus.QUEUED


async def test_documents_are_the_same_on_both(either: Shraga | AsyncShraga, shraga: Shraga) -> None:
    documents = either.documents
    added = await settled(documents.add(title="Style", content="# One", tags=["style"]))
    edited = await settled(documents.edit(added.id, content="# Two", version=1))
    assert await settled(documents.get(added.id)) == edited == shraga.documents.get(added.id)
    assert [one.id for one in await settled(documents.find(["style"]))] == [added.id]
    assert [one.version for one in await settled(documents.history(added.id))] == [2, 1]
    assert (await settled(documents.at(added.id, 1)))[1] == "# One"
    assert await settled(documents.given_to(new_task(documents=(added.id,)))) == [("Style", "# Two")]
    with pytest.raises(Refused, match="at version 2"):
        await settled(documents.edit(added.id, content="late", version=1))
    with pytest.raises(InvalidInput, match="title"):
        await settled(documents.add(content="x"))
    await settled(documents.remove(added.id))
    with pytest.raises(NotFound, match="no document"):
        await settled(documents.get(added.id))


async def test_webhooks_are_the_same_on_both(either: Shraga | AsyncShraga, shraga: Shraga) -> None:
    webhooks = either.webhooks
    added = await settled(webhooks.add("ops", "https://example.org/hook", ["task.failed"], owner="alice"))
    assert await settled(webhooks.all()) == [added] == shraga.webhooks.all()
    await settled(webhooks.pause("ops"))
    assert not (await settled(webhooks.get("ops"))).active
    await settled(webhooks.resume("ops"))
    with pytest.raises(Refused, match="active already"):
        await settled(webhooks.resume("ops"))
    with pytest.raises(Refused, match="nobody delivers"):
        await settled(webhooks.test("ops"))
    assert await settled(webhooks.dead("ops")) == []
    assert (await settled(webhooks.replay_dead("ops"))).count == 0
    assert (await settled(webhooks.replay_events("ops", "-"))).count == 0
    with pytest.raises(InvalidInput, match="no HTTP address"):
        await settled(webhooks.add("bad", "x", ["*"]))
    await settled(webhooks.remove("ops"))
    with pytest.raises(NotFound, match="no webhook"):
        await settled(webhooks.get("ops"))


async def test_what_is_offered_keeps_its_name_words_and_parameters(ashraga: AsyncShraga) -> None:
    offered = ashraga.documents.find
    assert (offered.__name__, list(inspect.signature(offered).parameters)) == ("find", ["tags", "repository"])
    assert (inspect.getdoc(offered) or "").startswith("Return the documents that have all the tags")
