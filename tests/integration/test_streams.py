"""Streams of calls: sent while earlier ones are under way, each answered once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from redis.connection import AbstractConnection
from redis.exceptions import ResponseError

from shraga_queue.aclient import AsyncShraga
from shraga_queue.calls import UNDER_WAY, Call, Stream, as_is
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.errors import Unreachable
from tests.factories import assert_agreement, execute, new_task

CHUNK = 5
TASKS = (UNDER_WAY + 6) * CHUNK


@pytest.fixture
async def ashraga(settings: Settings) -> AsyncIterator[AsyncShraga]:
    async with AsyncShraga.connect(settings=settings) as client:
        yield client


@pytest.fixture
def calls(shraga: Shraga) -> list[Call[Any]]:
    """Calls that submit five tasks each, a few more than may be under way."""
    named = [(new_task(f"n{number}"), f"task-{number:03}") for number in range(TASKS)]
    return [
        shraga.operations._submit_call(named[at : at + CHUNK], "tester") for at in range(0, len(named), CHUNK)
    ]


def hurting(calls: list[Call[Any]], hurt: Callable[[], object]) -> Iterator[Call[Any]]:
    """Yield the calls, and do something bad once some are answered and others under way."""
    for number, call in enumerate(calls):
        if number == UNDER_WAY + 2:
            hurt()
        yield call


def names(answers: list[Any]) -> list[str]:
    return [task.name for tasks in answers for task in tasks]


def test_a_call_is_built_while_others_are_under_way(
    shraga: Shraga, calls: list[Call[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shraga.driver.call(calls[0])
    done = list[str]()
    send, read = AbstractConnection.send_command, AbstractConnection.read_response

    def sent(self: Any, *args: Any, **options: Any) -> Any:
        done.append("send")
        return send(self, *args, **options)  # type: ignore[no-untyped-call]

    def received(self: Any, *args: Any, **options: Any) -> Any:
        done.append("read")
        return read(self, *args, **options)

    monkeypatch.setattr(AbstractConnection, "send_command", sent)
    monkeypatch.setattr(AbstractConnection, "read_response", received)
    shraga.driver.stream(Stream(iter(calls)))
    overlapping = ["read", "send"] * (len(calls) - UNDER_WAY)
    assert done == ["send"] * UNDER_WAY + overlapping + ["read"] * UNDER_WAY


@pytest.mark.parametrize("command", [("CLIENT", "KILL", "TYPE", "normal"), ("SCRIPT", "FLUSH")])
async def test_a_lost_connection_or_script_costs_no_task_and_doubles_none(
    shraga: Shraga, ashraga: AsyncShraga, calls: list[Call[Any]], command: tuple[str, ...]
) -> None:
    def hurt() -> None:
        shraga.driver.connection.execute_command(*command)

    expected = [f"n{number}" for number in range(TASKS)]
    assert names(shraga.driver.stream(Stream(hurting(calls, hurt)))) == expected
    assert shraga.counts().total == len(expected)
    assert names(await ashraga.driver.stream(Stream(hurting(calls, hurt)))) == expected
    assert (
        shraga.counts().total == execute(shraga, "XLEN", shraga.driver.keys.make("events")) == len(expected)
    )
    assert_agreement(shraga)


async def test_the_error_of_any_call_is_raised_and_leaves_no_answers_behind(
    shraga: Shraga, ashraga: AsyncShraga, calls: list[Call[Any]]
) -> None:
    calls[4] = Call(calls[4].read, "submit", calls[4].keys, ("owner", "actor", "", "", "id without fields"))
    with pytest.raises(ResponseError):
        shraga.driver.stream(Stream(iter(calls)))
    with pytest.raises(ResponseError):
        await ashraga.driver.stream(Stream(iter(calls)))
    assert shraga.counts().total == (await ashraga.counts()).total >= 4 * CHUNK
    assert_agreement(shraga)


async def test_a_call_that_cannot_be_built_ends_the_stream_cleanly(
    shraga: Shraga, ashraga: AsyncShraga, calls: list[Call[Any]]
) -> None:
    def broken() -> None:
        raise KeyError("this one")

    with pytest.raises(KeyError):
        shraga.driver.stream(Stream(hurting(calls, broken)))
    with pytest.raises(KeyError):
        await ashraga.driver.stream(Stream(hurting(calls, broken)))
    assert shraga.counts().total == (await ashraga.counts()).total >= 2 * CHUNK


async def test_a_server_that_cannot_be_reached_is_one_clear_sentence(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with AsyncShraga.connect(settings=away) as client:
        with pytest.raises(Unreachable):
            await client.submit_many([new_task()] * 200)


async def test_a_stream_takes_plain_commands_among_its_scripts(
    shraga: Shraga, ashraga: AsyncShraga, calls: list[Call[Any]]
) -> None:
    echo = Call(as_is, command=("ECHO", 7))
    first, accepted, last = shraga.driver.stream(Stream(iter((echo, calls[0], echo))))
    assert (first, len(accepted), last) == (b"7", CHUNK, b"7")
    first, accepted, last = await ashraga.driver.stream(Stream(iter((echo, calls[1], echo))))
    assert (first, len(accepted), last) == (b"7", CHUNK, b"7")
