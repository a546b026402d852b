"""Servers of a test's own, on given addresses: one, or a primary with replicas and sentinels."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import closing, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shraga_queue.embedded import _find_binary
from tests.hosts import Host, Lan
from tests.waiting import wait_until

OPTIONS = {
    "appendonly": "yes",
    "maxmemory-policy": "noeviction",
    "hash-max-listpack-value": "1024",
    "save": "",
    "protected-mode": "no",
    "repl-diskless-sync-delay": "0",
}
QUOTED_NOTHING = '""'


class Server:
    """One server process: started, killed, frozen, started again on the same data."""

    def __init__(self, folder: Path, port: int, host: Host | None = None, **options: str) -> None:
        self.folder, self.port, self.host = folder, port, host
        self.address = host.address if host else "127.0.0.1"
        self.options = OPTIONS | {name.replace("_", "-"): value for name, value in options.items()}
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Its address as a client writes it."""
        return f"redis://{self.address}:{self.port}/0"

    def start(self) -> None:
        """Start it on its host, else here, and wait until it answers."""
        config = self.folder / "server.conf"
        if not config.exists():
            # A file, since sentinels write into it who follows whom.
            place = {"bind": self.address, "port": str(self.port), "dir": str(self.folder)}
            lines = (f"{name} {value or QUOTED_NOTHING}\n" for name, value in (place | self.options).items())
            config.write_text("".join(lines))
        self._spawn(str(config))

    def _spawn(self, *arguments: str) -> None:
        with (self.folder / "log").open("ab") as log, self.host.inside() if self.host else nullcontext():
            # Killed with this process, so that no server outlives a test that was killed.
            leash = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
            self.process = subprocess.Popen(
                [*leash, _find_binary(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        wait_until(self.answers, 10, what=f"the server at {self.address}:{self.port}")

    def ask(self, *command: str | int) -> Any:
        """Send one command on a connection of its own."""
        client = redis.Redis(
            host=self.address,
            port=self.port,
            socket_timeout=2,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        with closing(client):
            return client.execute_command(*command)

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self.ask("PING"))
        except (RedisError, OSError):
            return False

    def kill(self) -> None:
        """End it as a power cut of its host would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Sentinel(Server):
    """A sentinel that watches one primary."""

    def watch(self, primary: Server, down_after: float) -> None:
        """Start it over a primary."""
        lines = (
            f"port {self.port}",
            f"bind {self.address}",
            f"dir {self.folder}",
            "protected-mode no",
            f"sentinel monitor main {primary.address} {primary.port} 2",
            f"sentinel down-after-milliseconds main {down_after * 1000:.0f}",
            "sentinel failover-timeout main 6000",
            "sentinel parallel-syncs main 1",
        )
        (self.folder / "sentinel.conf").write_text("\n".join(lines) + "\n")
        self._spawn(str(self.folder / "sentinel.conf"), "--sentinel")


class Guarded:
    """A primary, replicas and three sentinels, on loopback or each on a host; use it as a context manager.

    The sentinels take the primary for dead after `down_after` seconds; `options` are the servers'. They ask once a
    second, so with one second they replace a primary that has just been promoted and lose what it has taken.
    """

    def __init__(
        self,
        folder: Path,
        lan: Lan | None = None,
        replicas: int = 2,
        down_after: float = 3.0,
        **options: str,
    ) -> None:
        self.down_after = down_after
        names = [f"redis{number}" for number in range(1 + replicas)]
        watchers = [f"sentinel{number}" for number in range(3)]
        here = iter(free_ports(len(names) + len(watchers)))
        self.servers = [
            Server(folder / name, 6379 if lan else next(here), lan.host(name) if lan else None, **options)
            for name in names
        ]
        self.sentinels = [
            Sentinel(folder / name, 26379 if lan else next(here), lan.host(name) if lan else None)
            for name in watchers
        ]

    @property
    def url(self) -> str:
        """The address a client is given."""
        hosts = ",".join(f"{one.address}:{one.port}" for one in self.sentinels)
        return f"sentinel://{hosts}/main/0"

    def __enter__(self) -> Guarded:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self) -> None:
        first, *rest = self.servers
        first.start()
        for one in rest:
            one.options["replicaof"] = f"{first.address} {first.port}"
            one.start()
        wait_until(lambda: len(self.synced(first)) == len(rest), 15, what="the replicas to be in step")
        for sentinel in self.sentinels:
            sentinel.watch(first, self.down_after)
        wait_until(self._agree, 15, what="the sentinels to know each other and the replicas")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End them all."""
        for one in [*self.sentinels, *self.servers]:
            one.kill()

    def synced(self, primary: Server) -> list[str]:
        """Return the replicas that a primary counts as in step."""
        found = primary.ask("INFO", "replication")
        return [
            value for name, value in found.items() if name.startswith("slave") and value["state"] == "online"
        ]

    def _agree(self) -> bool:
        known = [dict_of(sentinel.ask("SENTINEL", "MASTER", "main")) for sentinel in self.sentinels]
        return all(
            int(one["num-other-sentinels"]) == len(self.sentinels) - 1
            and int(one["num-slaves"]) == len(self.servers) - 1
            for one in known
        )

    @property
    def primary(self) -> Server:
        """The server that the sentinels name now."""
        named = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
        return next(one for one in self.servers if [one.address, str(one.port)] == list(named))

    def wait_for_failover(self, old: Server, seconds: float = 30) -> Server:
        """Wait until the sentinels name another primary that takes writes; returns it."""
        wait_until(lambda: self.primary is not old and is_primary(self.primary), seconds, what="the failover")
        return self.primary


def is_primary(server: Server) -> bool:
    """Whether a server answers and says that it is a primary."""
    try:
        return bool(server.ask("ROLE")[0] == "master")
    except (RedisError, OSError):
        return False


def dict_of(reply: Any) -> dict[str, Any]:
    """Return a flat or mapped reply as a mapping."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on; ours by the time they are bound, or the start fails."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
