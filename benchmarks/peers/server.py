"""The server every system is measured on: Shraga's embedded one, thrown away afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from shraga_queue.config import Settings
from shraga_queue.embedded import Embedded


@dataclass(frozen=True)
class Counters:
    """What the server has counted: socket reads, which are round trips, and commands, a script's own too."""

    reads: int
    commands: int


class Server:
    """The server and what it counts."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings = settings
        self.connection = redis.Redis.from_url(url)
        self.socket = str(Embedded.socket_path(settings))

    @property
    def version(self) -> str:
        """The server's name and version."""
        info = self.connection.info("server")
        return f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}"

    def flush(self) -> None:
        """Empty the server at once, not in the background."""
        self.connection.execute_command("FLUSHALL", "SYNC")

    def data_size(self) -> int:
        """Return the bytes the data takes, which is lost: what emptying the server frees.

        The difference to an earlier empty server would count buffers that have grown since as well.
        """
        full = self.connection.info("memory")["used_memory"]
        self.flush()
        return int(full - self.connection.info("memory")["used_memory"])

    def counters(self) -> Counters:
        """Return the counters."""
        reads = self.connection.info("stats")["total_reads_processed"]
        commands = self.connection.info("commandstats")
        return Counters(reads, sum(command["calls"] for command in commands.values()))


@contextmanager
def throwaway_server() -> Iterator[Server]:
    """Yield a server with the configuration of Shraga's embedded one and nothing in it."""
    os.environ.pop("SHRAGA_REDIS_URL", None)
    home = Path(tempfile.mkdtemp(prefix="shraga-bench-"))
    settings = Settings(home=home, user="bench", redis_url=None, context=None)
    try:
        server = Server(settings, Embedded.ensure(settings))
        yield server
        server.connection.close()
    finally:
        Embedded.stop(settings)
        shutil.rmtree(home, ignore_errors=True)
