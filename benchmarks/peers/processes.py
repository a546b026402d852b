"""The processes of one measurement: a producer that obeys lines, workers, and the file their tasks write to."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psutil

from shraga_queue.up import environment

from .failed import Failed
from .server import Server
from .systems import APPS, Peer, System

STAMP = struct.Struct("<d")
PATIENCE = 30.0
STOP_LIMIT = 10.0


@contextmanager
def explained(name: str) -> Iterator[IO[bytes]]:
    """Yield a file for what the processes say; a failure inside the block quotes the end of it."""
    with tempfile.TemporaryFile() as log:
        try:
            yield log
        except Failed as failed:
            log.seek(0)
            said = log.read().decode(errors="replace").strip()
            raise Failed(f"{name} {failed}\n{said[-2000:]}") from None


class Marks:
    """The file in memory to which each task appends the moment it ran."""

    def __init__(self) -> None:
        folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
        descriptor, name = tempfile.mkstemp(prefix="bench-marks-", dir=folder)
        os.close(descriptor)
        self.path = Path(name)

    def count(self) -> int:
        """Return how many tasks have run."""
        return self.path.stat().st_size // STAMP.size

    def times(self) -> list[float]:
        """Return when the tasks ran, in order, seconds on the monotonic clock."""
        return sorted(time for (time,) in STAMP.iter_unpack(self.path.read_bytes()))

    def wait_for(self, count: int) -> int:
        """Return how many tasks have run once it is `count`; raises Failed when none has for long."""
        seen, since = 0, time.monotonic()
        while (now := self.count()) < count:
            if now > seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > PATIENCE:
                raise Failed(f"stood still after {seen} of {count} tasks")
            time.sleep(0.005)
        return now


@contextmanager
def marks() -> Iterator[Marks]:
    """Yield a new file of marks."""
    made = Marks()
    try:
        yield made
    finally:
        made.path.unlink()


def surroundings(server: Server, peer: Peer, marks: Marks) -> dict[str, str]:
    """Return the environment of a producer or worker."""
    own = {"BENCH_SOCKET": server.socket, "BENCH_MARKS": str(marks.path), "PYTHONPATH": str(APPS)}
    return environment(server.settings) | own | peer.env


class Producer:
    """A process that submits a peer's tasks when told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.has_bulk = bool(self._answer()["bulk"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed("the producer ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ask(self, **order: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def one(self, count: int) -> float:
        """Submit tasks one by one; returns seconds."""
        return float(self._ask(do="one", count=count)["seconds"])

    def many(self, count: int) -> float:
        """Submit tasks the fastest way there is; returns seconds."""
        return float(self._ask(do="many", count=count)["seconds"])

    def starts(self, count: int) -> list[float]:
        """Submit to an idle worker, one after another; returns the milliseconds until each had started."""
        took: list[float] = self._ask(do="starts", count=count, pause=(0.005, 0.03))["ms"]
        return took


@contextmanager
def producer(server: Server, peer: Peer, marks: Marks, log: IO[bytes]) -> Iterator[Producer]:
    """Yield a connected producer of the peer."""
    process = subprocess.Popen(
        [peer.python, APPS / "producer.py", peer.app],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=surroundings(server, peer, marks),
    )
    with process:
        try:
            yield Producer(process)
        finally:
            process.terminate()


def processor_seconds(roots: Sequence[psutil.Process]) -> float:
    """Return the processor time of processes and all below them, dead ones that were waited for included."""
    family = [one for root in roots for one in (root, *root.children(recursive=True))]
    spent = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


@contextmanager
def workers(server: Server, system: System, marks: Marks, log: IO[bytes]) -> Iterator[list[psutil.Process]]:
    """Run the workers of a system for the time of the block; yields them."""
    env = surroundings(server, system.peer, marks)
    started = [
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
        )
        for command in system.commands()
    ]
    try:
        yield [psutil.Process(process.pid) for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            _see_off(process)


def _see_off(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT)
    # The group holds what the worker started; some leave it behind.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
