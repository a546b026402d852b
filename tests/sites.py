"""A site: Redis, workers, controllers and a desk, each on a host of its own."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from shraga_models import Liveness
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from tests.hosts import Host, Lan
from tests.processes import Processes
from tests.servers import Guarded, Server
from tests.waiting import wait_until


class Site:
    """The hosts `redis0` and `desk`, the caller being at the desk, and those that parts are started on."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.lan = Lan(seed)
        self._stack = ExitStack()
        self._processes: dict[str, Processes] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.lan)
            self.host("redis0")
            stack.enter_context(self.host("desk").inside())
            self.url = self._start_servers(stack)
            self.shraga = stack.enter_context(Shraga.connect(settings=self.settings("desk")))
            self._stack = stack.pop_all()
        return self

    def _start_servers(self, stack: ExitStack) -> str:
        server = Server(self.folder / "redis0", 6379, self.host("redis0"))
        stack.callback(server.kill)
        server.start()
        return server.url

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lan.rejoin()
        for host in self.lan.hosts.values():
            host.line.loss, host.line.delay = 0.0, 0.0
            host.heal()
        self._stack.close()

    def settings(self, host: str) -> Settings:
        """What a process on a host is told: the server's address, and a folder of that host's own."""
        return Settings(
            home=self.folder / host, redis_url=self.url, prefix="site", user="tester", context=None
        )

    def host(self, name: str) -> Host:
        """Return a host by name."""
        return self.lan.host(name)

    def on(self, host: str) -> Processes:
        """Return what starts processes for a host; the caller has to be inside it."""
        if host not in self._processes:
            self._processes[host] = self._stack.enter_context(Processes(self.settings(host)))
        return self._processes[host]

    def controller(self, host: str) -> subprocess.Popen[bytes]:
        """Start a controller on a host."""
        with self.host(host).inside():
            return self.on(host).controller()

    def worker(self, host: str, slots: int = 1, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker named like its host, and wait until it is ready."""
        processes = self.on(host)
        with self.host(host).inside():
            process = processes.start(
                "worker", f"--name={host}", f"--slots={slots}", "--allow-module=tests.jobs", *options
            )
        wait_until(lambda: processes.slots_of(process) == slots, 20, what=f"the slots of {host}")
        wait_until(lambda: processes.worker_record(self.shraga, host), 20, what=f"the record of {host}")
        return process


class GuardedSite(Site):
    """A site whose Redis is a primary, replicas and sentinels, each on a host; `options` as for `Guarded`."""

    def __init__(
        self, folder: Path, seed: int = 0, replicas: int = 1, down_after: float = 3.0, **options: str
    ) -> None:
        super().__init__(folder, seed)
        self._replicas, self._down_after, self._options = replicas, down_after, options

    def _start_servers(self, stack: ExitStack) -> str:
        made = Guarded(self.folder, self.lan, self._replicas, self._down_after, **self._options)
        self.guarded = stack.enter_context(made)
        return self.guarded.url


def seen_lately(shraga: Shraga, name: str) -> bool:
    """Whether a worker is known to be alive now."""
    return any(
        worker.name == name and worker.liveness in (Liveness.IDLE, Liveness.BUSY)
        for worker in shraga.workers()
    )
