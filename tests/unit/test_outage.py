"""Errors that say that nobody can reach the server, and those that say that we alone cannot."""

from __future__ import annotations

import pytest
import redis
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.sentinel import MasterNotFoundError

from shraga_queue.outage import server_is_down


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError("Error 111 connecting to 10.0.0.1:6379. Connection refused."),
        redis.ConnectionError("Error 2 connecting to unix socket: /x. No such file or directory."),
        ConnectionRefusedError(111, "Connection refused"),
        BusyLoadingError("Redis is loading the dataset in memory"),
        OutOfMemoryError("command not allowed"),
        ResponseError("MISCONF Errors writing to the AOF file"),
    ],
)
def test_a_server_that_nobody_can_write_to_is_down(error: Exception) -> None:
    assert server_is_down(error)


@pytest.mark.parametrize(
    "error",
    [
        redis.TimeoutError("Timeout reading from socket"),
        redis.ConnectionError("Connection closed by server."),
        OSError(101, "Network is unreachable"),
        OSError(113, "No route to host"),
        ReadOnlyError("You can't write against a read only replica."),
        MasterNotFoundError(
            "No master found for 'main': Error 111 connecting to 10.0.0.1:26379. Connection refused."
        ),
        ResponseError("NOREPLICAS Not enough good replicas to write."),
    ],
)
def test_a_server_that_others_may_still_reach_is_not_down(error: Exception) -> None:
    assert not server_is_down(error)
