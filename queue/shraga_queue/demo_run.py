"""The demo: a throw-away server, a controller, two workers with two slots, and work that keeps arriving."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from shraga_models import (
    Event,
    EventType,
    Http,
    Limits,
    NewTask,
    Phase,
    Python,
    Shell,
    TaskKind,
    TaskStatus,
)

from .client import Shraga
from .config import Settings
from .connect import resolve_url
from .demo_scenes import Scenes, decide, end_schedules, make_repository
from .embedded import Embedded
from .embedded_keeper import lock
from .errors import Refused, ShragaError
from .up import House, house_parts

WORKERS = 2
SLOTS = 2
ARRIVE_EVERY = 0.7
"""Seconds between two arrivals, on average."""
MAX_WAITING = 3
DOWNLOAD_BYTES = 3_000_000
DRAIN_PATIENCE = 60.0
FOLDER = "shraga-demo-"
LOCKS = ("users.lock", "keeper.lock", "server.lock")
STARTING = 10.0
"""Seconds for which a home may be there before its lock is taken."""
_BUILD = (
    'for step in configure compile link test package; do echo "[$step] {name}";'
    ' for i in 1 2 3; do echo "  $step: unit $i of 3 ok"; sleep 0.3; done; done; echo "{name}: done"'
)


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What a demo did; `lost` counts tasks that were accepted and are in no known state, and is 0.

    `submitted` and what follows from it count tasks, steps of workflows among them; `workflows` those that completed,
    `asked` questions, `answered`, `approved` and `accepted` what a person did, `fired` runs that a schedule began.
    """

    seconds: float
    submitted: int
    completed: int
    failed: int
    canceled: int
    skipped: int
    retried: int
    timed_out: int
    asked: int
    answered: int
    approved: int
    accepted: int
    fired: int
    workflows: int
    unfinished: int
    lost_runs: int
    lost: int

    def to_json_object(self) -> dict[str, Any]:
        """Return the summary as plain JSON values."""
        return asdict(self)


class _Files(BaseHTTPRequestHandler):
    """Serves a file of zeros, slowly enough that a download's progress can be seen."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(DOWNLOAD_BYTES))
        self.end_headers()
        try:
            for _ in range(30):
                self.wfile.write(bytes(DOWNLOAD_BYTES // 30))
                time.sleep(0.1)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the terminal belongs to the dashboard."""


def sweep(folder: Path) -> list[Path]:
    """Remove the homes in `folder` that demos of this user left when they were killed; returns those.

    A home whose lock anybody holds, or that has none yet, is never touched.
    """
    swept = []
    for home in folder.glob(f"{FOLDER}*"):
        with suppress(OSError), ExitStack() as stack:
            if _is_abandoned(home, stack):
                shutil.rmtree(home, ignore_errors=True)
                swept.append(home)
    return swept


def _is_abandoned(home: Path, stack: ExitStack) -> bool:
    """Whether nobody uses a home; its locks are held until the stack is closed, so that nobody begins to."""
    found, made = home.lstat(), (home / LOCKS[0]).lstat().st_mtime
    # A demo that is just starting has made its lock and not yet taken it.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or time.time() - made < STARTING:
        return False
    for name in LOCKS:
        held = lock(str(home / name), fcntl.LOCK_EX)
        if held is None:
            return False
        stack.callback(os.close, held)
    return True


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


@contextmanager
def demo_house() -> Iterator[tuple[Settings, House]]:
    """Yield the settings and processes of a throw-away house; all of it is gone afterwards."""
    sweep(Path(tempfile.gettempdir()))
    home = Path(tempfile.mkdtemp(prefix=FOLDER))
    for sig in (signal.SIGTERM, signal.SIGHUP):
        # A closed terminal must not leave the house standing.
        signal.signal(sig, _leave)
    # Whatever the environment points at, a demo never touches it.
    settings = Settings(home=home, user="demo", redis_url=None, prefix="shraga", context=None)
    log_file = (home / "processes.log").open("wb")
    try:
        resolve_url(settings)
        house = House(settings, house_parts(WORKERS, SLOTS), output=log_file.fileno())
        house.tick()
        try:
            yield settings, house
        finally:
            house.stop(patience=1.0)
    finally:
        log_file.close()
        Embedded.release(settings)
        Embedded.stop(settings)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def file_server() -> Iterator[str]:
    """Yield the address of a local server to download from."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="files", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Workload:
    """Makes up tasks as a small team's day would: builds, downloads, estimates, reviews, and trouble."""

    def __init__(self, files: str) -> None:
        self._files = files
        self._number = 0
        self._makers: list[Callable[[], NewTask]] = [
            self._build,
            self._crunch,
            self._hang,
            self._broken,
            self._flaky,
            self._download,
            self._review,
            self._build,
        ]

    def next(self) -> NewTask:
        """Return the next task; the first ones show every sort."""
        maker = self._makers[self._number % len(self._makers)]
        self._number += 1
        return maker()

    def _build(self) -> NewTask:
        name = random.choice(["billing", "search", "gateway", "mobile", "docs-site"])
        return NewTask(
            name=f"Build {name}",
            action=Shell(_BUILD.format(name=name)),
            kind=TaskKind.FEATURE,
            labels=("ci",),
        )

    def _crunch(self) -> NewTask:
        steps = random.randint(12, 24)
        action = Python("shraga_queue.demo:crunch", args={"steps": steps})
        return NewTask(name="Estimate pi with darts", action=action, kind=TaskKind.DATA_PROCESS)

    def _flaky(self) -> NewTask:
        return NewTask(
            name="Fetch receipt from payment sandbox",
            action=Python("shraga_queue.demo:flaky"),
            kind=TaskKind.QUERY,
            limits=Limits(retries=3, backoff=1.5),
        )

    def _download(self) -> NewTask:
        name = f"data-{self._number:03}.bin"
        return NewTask(
            name=f"Download {name}",
            action=Http(self._files + name, save_as=name),
            kind=TaskKind.DATA_PROCESS,
        )

    def _review(self) -> NewTask:
        return NewTask(
            name=f"Review change #{random.randint(100, 999)}",
            action=Python("shraga_queue.demo:review"),
            kind=TaskKind.REVIEW,
            priority="high",
        )

    def _hang(self) -> NewTask:
        command = 'echo "connecting to the staging database"; sleep 600'
        return NewTask(
            name="Migrate staging (hangs)",
            action=Shell(command),
            kind=TaskKind.BUGFIX,
            limits=Limits(timeout=8, grace=1),
        )

    def _broken(self) -> NewTask:
        command = 'echo "checking links"; echo "docs/setup.md: 2 dead links" >&2; exit 3'
        return NewTask(name="Check documentation links", action=Shell(command), kind=TaskKind.DOCS)


def keep_arriving(shraga: Shraga, workload: Workload, scenes: Scenes, stopping: threading.Event) -> int:
    """Submit tasks until told to stop, unless enough wait already; returns how many."""
    submitted = 0
    while not stopping.is_set():
        if shraga.counts().by_status[TaskStatus.QUEUED] < MAX_WAITING:
            submitted += scenes.put_on(shraga) or _submit_one(shraga, workload)
        stopping.wait(random.uniform(0.4, 1.6) * ARRIVE_EVERY)
    return submitted


def _submit_one(shraga: Shraga, workload: Workload) -> int:
    shraga.submit_task(workload.next())
    return 1


def run_demo(seconds: float = 20.0) -> DemoSummary:
    """Run the demo without a dashboard for some seconds, let the work in hand end, and sum it up."""
    started = time.monotonic()
    with (
        demo_house() as (settings, house),
        file_server() as files,
        Shraga.connect(settings=settings) as shraga,
    ):
        stopping = threading.Event()
        timer = threading.Timer(seconds, stopping.set)
        timer.start()
        try:
            with _people(settings, seconds) as decided:
                scenes = Scenes(make_repository(settings.home))
                submitted = keep_arriving(shraga, Workload(files), scenes, stopping)
                fired = end_schedules(shraga)
                _let_end(shraga, house)
        finally:
            timer.cancel()
        return _sum_up(shraga, submitted, time.monotonic() - started, decided, fired)


@contextmanager
def _people(settings: Settings, seconds: float) -> Iterator[Counter[str]]:
    """Have somebody cancel a task and somebody decide what waits; yields what has been decided."""
    over, decided = threading.Event(), Counter[str]()
    helpers = [
        threading.Thread(target=_cancel_one, args=(settings, seconds), daemon=True),
        threading.Thread(target=decide, args=(settings, over, decided), daemon=True),
    ]
    for helper in helpers:
        helper.start()
    try:
        yield decided
    finally:
        over.set()
        for helper in helpers:
            helper.join()


def _cancel_one(settings: Settings, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with Shraga.connect(settings=settings) as shraga:
        while time.monotonic() < deadline:
            running = shraga.find_rows("status:running hangs", limit=1)
            if running:
                try:
                    shraga.cancel(running[0].id, "not on a Friday", timeout=20)
                    return
                except Refused:
                    continue
            time.sleep(0.2)


def _let_end(shraga: Shraga, house: House) -> None:
    deadline = time.monotonic() + DRAIN_PATIENCE
    while time.monotonic() < deadline:
        house.tick()
        if not _unfinished(shraga):
            return
        time.sleep(0.1)


def _unfinished(shraga: Shraga) -> int:
    """How many tasks and workflows have not ended."""
    counts = shraga.counts().by_status
    flows = shraga.workflows((phase for phase in Phase if not phase.is_final), limit=10_000)
    return len(flows) + sum(counts[status] for status in TaskStatus if not status.is_final)


def _sum_up(shraga: Shraga, submitted: int, seconds: float, decided: Counter[str], fired: int) -> DemoSummary:
    counts = shraga.counts()
    told = Counter[str](event.type for event in _all_events(shraga))
    timed_out = sum(
        run.status == "timeout"
        for row in shraga.find_rows("status:failed", limit=10_000)
        for run in shraga.runs(row.id)
    )
    return DemoSummary(
        seconds=round(seconds, 1),
        submitted=submitted,
        completed=counts.by_status[TaskStatus.COMPLETED],
        failed=counts.by_status[TaskStatus.FAILED],
        canceled=counts.by_status[TaskStatus.CANCELED],
        skipped=counts.by_status[TaskStatus.SKIPPED],
        retried=told[EventType.TASK_RETRYING],
        timed_out=timed_out,
        asked=told[EventType.TASK_ASKING],
        answered=decided["answered"],
        approved=decided["approved"],
        accepted=decided["accepted"],
        fired=fired,
        workflows=len(shraga.workflows((Phase.COMPLETED,), limit=10_000)),
        unfinished=_unfinished(shraga),
        lost_runs=told[EventType.TASK_LOST],
        lost=submitted - counts.total,
    )


def _all_events(shraga: Shraga) -> list[Event]:
    try:
        return shraga.events(tail=100_000)
    except ShragaError:
        return []
