"""Everything one machine needs, in the foreground: embedded server, controller, workers."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

import structlog
from redis.exceptions import RedisError

from . import proctree
from .client import SyncDriver
from .config import Settings, host_name
from .connect import check_server, connect_sync, explain, refuses, resolve_url
from .engine import Engine
from .errors import Forbidden, ShragaError, Unreachable
from .keys import Keys

log = structlog.get_logger("shraga.up")

RESTART_PAUSE = 1.0
"""Seconds before a part is started again; twice as long after each crash, up to the longest."""
RESTART_PAUSE_MAX = 30.0
SETTLED = 60.0
"""Seconds after which a part is no longer taken for one that crashes at once."""
TICK = 0.2


@dataclass
class Part:
    """One process of the house and how it is started again."""

    name: str
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    start_at: float = 0.0
    started_at: float = 0.0
    pause: float = RESTART_PAUSE
    follows: bool = False
    """Whether each process is told which one it comes after."""
    ended: int = 0
    """The id of the process before."""

    def crashed(self) -> float:
        """Plan the next start; returns the seconds until then."""
        now = time.monotonic()
        if now - self.started_at >= SETTLED:
            self.pause = RESTART_PAUSE
        pause, self.pause = self.pause, min(2 * self.pause, RESTART_PAUSE_MAX)
        self.ended = self.process.pid if self.process is not None else 0
        self.process, self.start_at = None, now + pause
        return pause


def part_arguments(kind: str, *extra: str) -> tuple[str, ...]:
    """Return the command line of a part: `controller`, or `worker` with its options."""
    return (sys.executable, "-m", "shraga_queue.part", kind, *extra)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a child process the same settings; a password stays off its command line."""
    given = {
        # Everything is settled here; a configuration file must not settle it again.
        "SHRAGA_CONFIG": os.devnull,
        "SHRAGA_AGENTS_FILE": str(settings.agents_source),
        "SHRAGA_ENDPOINTS_FILE": str(settings.endpoints_source),
        "SHRAGA_HOME": str(settings.home),
        "SHRAGA_PREFIX": settings.prefix,
        "SHRAGA_USER": settings.user,
        "SHRAGA_PYTHON_MODULES": ",".join(settings.python_modules),
        "SHRAGA_KEEP_FINISHED": str(settings.keep_finished),
        "SHRAGA_KEEP_FINISHED_COUNT": str(settings.keep_finished_count),
    }
    if settings.redis_url:
        given["SHRAGA_REDIS_URL"] = settings.redis_url
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHRAGA_")}
    return kept | given


class House:
    """Starts the parts, restarts what dies, and ends them together."""

    def __init__(self, settings: Settings, parts: Sequence[Part], output: int | None = None) -> None:
        self.settings = settings
        self.parts = list(parts)
        self.refusal: ShragaError | None = None
        """Why the server will have none of the parts, where that is so: starting them again cannot help."""
        self._output = output

    def tick(self) -> None:
        """Start what is to be started; note what has ended."""
        for part in self.parts:
            if part.process is not None and part.process.poll() == 0:
                log.info("ended as it was told to; it is not started again", part=part.name)
                part.process, part.start_at = None, math.inf
            elif part.process is not None and part.process.poll() is not None:
                code = part.process.returncode
                self._look_for_refusal(code)
                pause = part.crashed()
                log.warning("ended unexpectedly; starting it again", part=part.name, code=code, in_s=pause)
            if part.process is None and time.monotonic() >= part.start_at and self.refusal is None:
                part.started_at = time.monotonic()
                part.process = self._start(part)

    def _look_for_refusal(self, code: int) -> None:
        if code in (Unreachable.exit_code, Forbidden.exit_code):
            self.refusal = self.refusal or find_refusal(self.settings)

    def _start(self, part: Part) -> subprocess.Popen[bytes]:
        after = (f"--after={part.ended}",) if part.follows and part.ended else ()
        return subprocess.Popen(
            (*part.arguments, *after),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            process_group=0,
            env=environment(self.settings) | {proctree.PARENT_MARK: str(os.getpid())},
        )

    def signal_all(self, sig: signal.Signals) -> None:
        """Send a signal to every part that runs."""
        for part in self.parts:
            if part.process is not None and part.process.poll() is None:
                part.process.send_signal(sig)

    @property
    def running(self) -> list[str]:
        """The names of the parts that run."""
        return [part.name for part in self.parts if part.process is not None and part.process.poll() is None]

    def stop(self, patience: float = 10.0) -> None:
        """End all parts: politely, then at once."""
        self.signal_all(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while self.running and time.monotonic() < deadline:
            time.sleep(0.02)
        self.signal_all(signal.SIGTERM)
        for part in self.parts:
            if part.process is None:
                continue
            try:
                part.process.wait(10)
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()


def find_refusal(settings: Settings) -> ShragaError | None:
    """Return why the server will not have us, or None where it will or cannot be asked right now."""
    url = resolve_url(settings)
    connection = connect_sync(settings, retries=0)
    try:
        check_server(connection)
        # A script that writes, in nobody's name: to ask for less would prove less.
        Engine(SyncDriver(connection, Keys(settings.prefix), url=url)).lead("nobody", 0)
    except (RedisError, OSError) as error:
        return explain(error, url) if refuses(error) else None
    except ShragaError as error:
        cause = error.__cause__
        return error if not isinstance(cause, Exception) or refuses(cause) else None
    finally:
        connection.close()
    return None


def house_parts(
    workers: int, slots: int, capabilities: Sequence[str] = (), allow_modules: Sequence[str] = ()
) -> list[Part]:
    """Return a controller and so many workers, which are called the same whenever they are started."""
    options = [f"--slots={slots}", *(f"--capability={one}" for one in capabilities)]
    options += [f"--allow-module={one}" for one in allow_modules]
    parts = [Part("controller", part_arguments("controller"))]
    for number in range(1, workers + 1):
        named = part_arguments("worker", f"--usual-name={host_name()}-{number}", *options)
        parts.append(Part(f"worker {number}", named, follows=True))
    return parts


def run_up(
    settings: Settings,
    workers: int = 1,
    slots: int = 2,
    capabilities: Sequence[str] = (),
    allow_modules: Sequence[str] = (),
) -> int:
    """Run server, controller and workers until told to stop; the second signal ends the tasks in hand too.

    Raises Unreachable or Forbidden where the server refuses the login or the permission.
    """
    url = resolve_url(settings)
    if refusal := find_refusal(settings):
        raise refusal
    house = House(settings, house_parts(workers, slots, capabilities, allow_modules))
    stops = 0

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stops
        stops += 1

    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, stop)
    log.info("up", server="embedded" if url.startswith("unix:") else "given", home=str(settings.home))
    while not stops and house.refusal is None:
        house.tick()
        time.sleep(TICK)
    if house.refusal is not None:
        house.stop()
        raise house.refusal
    log.info("stopping after the tasks in hand; once more to stop at once")
    _stop_politely(house, lambda: stops)
    log.info("down")
    return 0


def _stop_politely(house: House, stops: object) -> None:
    assert callable(stops)
    relayed = 0
    while house.running:
        if stops() > relayed:
            relayed += 1
            house.signal_all(signal.SIGTERM)
        time.sleep(0.05)
