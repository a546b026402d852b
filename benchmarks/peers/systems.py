"""What is measured: each library and, of each, the workers it runs, with its fast documented settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from shraga_queue.up import part_arguments

from .venvs import HERE, python_of, requirements

APPS = HERE / "apps"
SHRAGA = "shraga"


@dataclass(frozen=True)
class Peer:
    """A library and how its producer is started."""

    name: str
    venv: str
    app: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """The Python that has the library."""
        return Path(sys.executable) if self.venv == SHRAGA else python_of(self.venv)


@dataclass(frozen=True)
class System:
    """A way to run a peer's workers: `command` starts one of `copies`, `{n}` in it is its number."""

    name: str
    peer: Peer
    slots: int
    """Processes (or threads) that run tasks at one time."""
    command: tuple[str, ...]
    isolates: bool = False
    """Whether each task runs in another process than its worker, so that a crash or a stop harms nothing else."""
    copies: int = 1
    share: float = 1.0
    """How many tasks it is given, as a share of `--tasks`: enough that its processes start within the first tenth."""

    def commands(self) -> list[list[str]]:
        """Return the command line of each worker process to start."""
        python = [] if self.peer.venv == SHRAGA else [str(self.peer.python)]
        return [
            python + [word.format(n=number) for word in self.command] for number in range(1, self.copies + 1)
        ]


RQ = Peer("rq", "rq", "app_rq")
CELERY = Peer("celery", "celery", "app_celery")
# A fetch that brings nothing makes its worker sleep, so that a small prefetch costs most of the throughput.
DRAMATIQ = Peer("dramatiq", "dramatiq", "app_dramatiq", {"dramatiq_queue_prefetch": "1000"})
STREAM = Peer("taskiq-stream", "taskiq", "app_taskiq", {"BENCH_TASKIQ": "stream"})
LIST = Peer("taskiq-list", "taskiq", "app_taskiq", {"BENCH_TASKIQ": "list"})
HUEY = Peer("huey", "huey", "app_huey")
SHRAGA_PEER = Peer(SHRAGA, SHRAGA, "app_shraga", {"SHRAGA_PYTHON_MODULES": "mark"})


def _rq(name: str, kind: str, copies: int, share: float) -> System:
    command = (str(APPS / "worker_rq.py"), kind)
    return System(name, RQ, copies, command, isolates=kind == "Worker", copies=copies, share=share)


def _celery(name: str, slots: int, *pool: str, copies: int = 1) -> System:
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR")
    command = ("-m", "celery", "-A", "app_celery", "worker", "-n", "bench{n}", *quiet, *pool)
    return System(name, CELERY, slots, command, isolates="prefork" in pool, copies=copies, share=0.4)


def _dramatiq(name: str, processes: int, threads: int) -> System:
    command = ("-m", "dramatiq", "app_dramatiq", "-p", str(processes), "-t", str(threads))
    return System(name, DRAMATIQ, processes, command, share=2)


def _taskiq(name: str, peer: Peer) -> System:
    options = ("--workers", "2", "--max-async-tasks", "100", "--log-level", "ERROR")
    return System(name, peer, 2, ("-m", "taskiq", "worker", "app_taskiq:broker", *options), share=2)


def _huey(name: str, slots: int, kind: str) -> System:
    options = ("-w", str(slots), "-k", kind, "--no-periodic", "--delay", "0.01", "--quiet")
    return System(name, HUEY, slots, ("-m", "huey.bin.huey_consumer", "app_huey.huey", *options), share=2)


def _shraga(name: str, slots: int) -> System:
    command = part_arguments("worker", f"--slots={slots}")
    return System(name, SHRAGA_PEER, slots, command, isolates=True, share=slots)


SYSTEMS: Sequence[System] = (
    _shraga("shraga-1", 1),
    _shraga("shraga-2", 2),
    _rq("rq-fork-1", "Worker", 1, 0.05),
    _rq("rq-fork-2", "Worker", 2, 0.08),
    _rq("rq-simple-1", "SimpleWorker", 1, 0.2),
    _rq("rq-simple-2", "SimpleWorker", 2, 0.3),
    _celery("celery-prefork-1", 1, "-P", "prefork", "-c", "1"),
    _celery("celery-prefork-2", 2, "-P", "prefork", "-c", "2"),
    _celery("celery-solo-1", 1, "-P", "solo"),
    _celery("celery-solo-2", 2, "-P", "solo", copies=2),
    _dramatiq("dramatiq-1x1", 1, 1),
    _dramatiq("dramatiq-2x8", 2, 8),
    _taskiq("taskiq-stream-2x100", STREAM),
    _taskiq("taskiq-list-2x100", LIST),
    _huey("huey-thread-1", 1, "thread"),
    _huey("huey-process-2", 2, "process"),
)
"""Shraga first, then stock RQ, against which every round is compared."""


def chosen(only: Sequence[str]) -> list[System]:
    """Return the systems whose name, or whose peer's, begins with one of `only`; all if it is empty."""
    unknown = [word for word in only if not any(system.name.startswith(word) for system in SYSTEMS)]
    if unknown:
        known = ", ".join(system.name for system in SYSTEMS)
        raise SystemExit(f"--only: no system is called {unknown[0]!r}; there are {known}")
    return [system for system in SYSTEMS if not only or system.name.startswith(tuple(only))]


def versions(peer: Peer) -> list[str]:
    """Return what is pinned for a peer; Shraga's own pins are the project's."""
    if peer.venv == SHRAGA:
        return [f"{name} {version(name)}" for name in ("shraga-tui", "rq", "redis", "hiredis")]
    return requirements(peer.venv).read_text().replace("==", " ").splitlines()
