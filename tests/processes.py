"""Real worker and controller processes for tests."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType

from shraga_models import Worker
from shraga_queue import proctree
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.up import environment, part_arguments
from tests.waiting import wait_until

HOUSE = Path(__file__).parent.parent


class Processes:
    """Starts parts as `shraga up` would, each in a group of its own, and ends them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started: list[subprocess.Popen[bytes]] = []
        self.log_path = Path(settings.home) / "processes.log"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.started:
            proctree.send([process.pid, *proctree.descendants(process.pid)], signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for process in self.started:
            process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, kind: str, *options: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a part and return its process."""
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                part_arguments(kind, *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                env=environment(self.settings)
                | {"PYTHONPATH": os.pathsep.join(str(HOUSE / part) for part in ("", "queue", "models"))}
                | (env or {})
                | {proctree.PARENT_MARK: str(os.getpid())},
            )
        self.started.append(process)
        return process

    def controller(self) -> subprocess.Popen[bytes]:
        """Start a controller."""
        return self.start("controller")

    def worker(
        self,
        shraga: Shraga,
        name: str = "w1",
        slots: int = 1,
        *options: str,
        env: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a worker and wait until all its slots are registered with RQ."""
        process = self.start(
            "worker", f"--name={name}", f"--slots={slots}", "--allow-module=tests.jobs", *options, env=env
        )
        wait_until(lambda: self.slots_of(process) == slots, 15, what=f"{slots} slots of {name}: {self.log()}")
        wait_until(lambda: self.worker_record(shraga, name), 15, what=f"the record of {name}")
        return process

    def worker_record(self, shraga: Shraga, name: str) -> Worker | None:
        """Return the record of a worker by name."""
        return next((worker for worker in shraga.workers() if worker.name == name), None)

    def slots_of(self, process: subprocess.Popen[bytes]) -> int:
        """Return how many slots of a worker have a horse."""
        return len(self.horse_pids(process))

    def slot_pids(self, process: subprocess.Popen[bytes]) -> list[int]:
        """Return the slot processes of a worker."""
        return [pid for pid in proctree.children(process.pid) if name_of(pid).startswith("shraga-slot")]

    def horse_pids(self, process: subprocess.Popen[bytes]) -> list[int]:
        """Return the horses of a worker."""
        return [
            horse
            for slot in self.slot_pids(process)
            for horse in proctree.children(slot)
            if name_of(horse) == "shraga-horse"
        ]

    def log(self) -> str:
        """Return what the processes have written."""
        return self.log_path.read_text(errors="replace")[-2000:]


def name_of(pid: int) -> str:
    """Return the name of a process as `top` shows it, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def alive_with(text: str) -> list[int]:
    """Return live processes whose command line holds a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and text in _command(int(entry.name)) and proctree.is_alive(int(entry.name)):
            found.append(int(entry.name))
    return found
