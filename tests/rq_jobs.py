"""Functions that other programs' RQ jobs call in the tests, and those programs' side of RQ."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import rq
from redis import Redis

from shraga_queue import proctree

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def add(a: int, b: int = 0) -> int:
    """Add two numbers."""
    return a + b


def fail(why: str = "it broke") -> None:
    """Raise an error."""
    raise ValueError(why)


def wait_for(path: str) -> None:
    """Return once a file is there."""
    from tests.waiting import wait_until

    wait_until(lambda: Path(path).exists(), 60, what=path)


def work(connection: Redis, *queues: str) -> None:
    """Run all waiting jobs of some queues in this process."""
    rq.SimpleWorker(list(queues), connection=connection).work(burst=True, logging_level="ERROR")


class Programs:
    """Other programs' processes: `rq worker` and `rqscheduler`; all are ended with the block."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log_path = url, log
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Programs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.started:
            proctree.send([process.pid, *proctree.descendants(process.pid)], signal.SIGKILL)
            process.wait()

    def start(self, *command: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a program of the environment's."""
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                [BIN / command[0], *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                cwd=ROOT,
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("", "queue", "models"))}
                | env,
            )
        self.started.append(process)
        return process

    def worker(self, *queues: str) -> subprocess.Popen[bytes]:
        """Start a plain RQ worker."""
        return self.start("rq", "worker", "--url", self.url, *queues)

    def scheduler(self) -> subprocess.Popen[bytes]:
        """Start rq-scheduler, looking once a second."""
        return self.start("rqscheduler", "--url", self.url, "--interval", "1")

    def log(self) -> str:
        """Return what they have written."""
        return self.log_path.read_text(errors="replace")[-3000:]
