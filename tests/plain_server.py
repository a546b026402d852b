"""A server without a keeper, which tests kill, freeze and bring back."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

from shraga_queue import proctree
from shraga_queue.embedded import _find_binary
from shraga_queue.embedded_keeper import ask
from tests.waiting import wait_until


class PlainServer:
    """A valkey-server on a Unix socket with an append-only file, as a team would run one."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None) -> None:
        self._env = env or {}
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "s"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it where it does not run, let it go on where it was frozen; returns once it answers."""
        if self.process is None or self.process.poll() is not None:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [_find_binary(), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
                     "--dir", str(self.folder), "--appendonly", "yes", "--save", ""],
                    stdout=log, stderr=log, env=os.environ | self._env,
                )  # fmt: skip
        self.thaw()
        wait_until(lambda: ask(str(self.socket)).startswith(b"+PONG"), what="the server")

    def kill(self) -> None:
        """Kill it; what it wrote stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Let it stand still, as a stalled machine does."""
        proctree.send([self.pid], signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        proctree.send([self.pid], signal.SIGCONT)
