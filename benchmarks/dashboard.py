"""The dashboard over a store of many tasks, in a process of its own: `make bench-dashboard`.

Every figure is taken where it counts: a key goes in as the bytes of a terminal, the clock stops at the frame whose
bytes hold what the key has to show. `driver` is the app with a driver that stamps each flush; `pty` and `tmux` are the
real command in a real terminal, read from outside. The terminal's own drawing is not in it. Fill a store once with
`benchmarks/fill.py` and give it as `--home` to measure it again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TEXTUAL_FPS", "120")
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ.setdefault("TERM", "xterm-256color")
os.environ.setdefault("COLORTERM", "truecolor")

ROOT = Path(__file__).parent.parent
EVENTS_A_SECOND = 1_000
RING_FULL = 6.0
"""Seconds until the dashboard keeps as many events as it ever will: while a list grows, each tick costs a layout."""
PRESSES = 60
SIZE = (160, 48)
WAIT = 5.0
MILLION = 1_000_000
"""Tasks over which the budgets are meant; figures over fewer are printed and not kept."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]")
NUMBERED = re.compile(r"evt-(\d+)\.")
BUDGETS: dict[str, float] = {
    "board: first paint, ms": 200,
    "tasks: key to first rows, ms": 200,
    "down: key to paint p50, ms": 15,
    "down: key to paint p95, ms": 40,
    "page down: key to paint p50, ms": 15,
    "page down: key to paint p95, ms": 40,
    "jump: wish to paint p50, ms": 15,
    "jump: wish to paint p95, ms": 40,
    "memory at the end, MB": 90,
    "script calls per page": 1,
    "board, 1,000 events/s: CPU, %": 20,
    "tasks, 1,000 events/s: CPU, %": 20,
    "events, 1,000 events/s: CPU, %": 20,
    "board: event to paint p95, ms": 130,
    "events: event to paint p95, ms": 130,
}


def text_of(frame: str) -> str:
    """Return what a frame writes, without the escape sequences."""
    return ESCAPES.sub("", frame)


def contains(said: str, text: str) -> bool:
    """Return whether a screen's text has something in it."""
    return said in text


def spread(took: list[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile."""
    ordered = sorted(took)
    return statistics.median(ordered), ordered[max(0, int(len(ordered) * 0.95) - 1)]


# In the process


def bench_driver() -> Any:
    """Return a driver's class that stamps what it flushes."""
    from textual import events
    from textual._xterm_parser import XTermParser
    from textual.driver import Driver
    from textual.geometry import Size

    class BenchDriver(Driver):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.parser = XTermParser()
            self.frames: list[tuple[float, str]] = []
            self._written: list[str] = []

        def write(self, data: str) -> None:
            self._written.append(data)

        def flush(self) -> None:
            if self._written:
                self.frames.append((time.perf_counter(), "".join(self._written)))
                self._written.clear()

        def key(self, raw: str) -> float:
            started = time.perf_counter()
            for event in self.parser.feed(raw):
                self.process_message(event)
            return started

        def start_application_mode(self) -> None:
            size = Size(*(self._size or SIZE))
            self.send_message(events.Resize(size, size))

        def disable_input(self) -> None: ...
        def stop_application_mode(self) -> None: ...

    return BenchDriver


def bench_app(settings: Any) -> Any:
    """Return the dashboard as it runs on a terminal, with a driver that stamps what it flushes."""
    from shraga_queue import AsyncShraga
    from shraga_tui.app import ShragaApp

    app = ShragaApp(AsyncShraga.connect(settings=settings), user="alice", label="bench", on_terminal=True)
    app.driver_class = bench_driver()
    # Nobody sits at a terminal here, and that is no reason to leave.
    app._leave_if_orphaned = lambda: None  # type: ignore[method-assign]
    return app


async def frame_with(driver: Any, since: float, holds: Callable[[str], bool], what: str) -> float:
    """Return the time of the first frame after a moment whose text fits."""
    looked, deadline = 0, time.perf_counter() + WAIT
    while time.perf_counter() < deadline:
        frames = driver.frames
        for at, frame in frames[looked:]:
            if at > since and holds(text_of(frame)):
                return float(at)
        looked = len(frames)
        await asyncio.sleep(0.0005)
    raise TimeoutError(f"no frame shows {what}")


async def key_latency(app: Any, source: Any, raw: str, step: int, presses: int) -> list[float]:
    """Return how long each press of a key that moves the cursor by `step` rows takes to be painted, in ms."""
    from shraga_queue.listing import ListQuery

    driver, table, took = app._driver, app.screen.table, []
    for _ in range(presses):
        query = ListQuery(app.screen.pager.query.wanted)
        (row,) = (await source.task_page(query, table.cursor + step, 1, app.screen.pager.pin)).rows
        driver.frames.clear()
        started = driver.key(raw)
        at = await frame_with(driver, started, partial(contains, row.name), row.name)
        took.append((at - started) * 1000)
        await asyncio.sleep(random.uniform(0.01, 0.05))
    return took


async def jump_latency(app: Any, source: Any, presses: int) -> list[float]:
    """Return how long a jump to any rank takes until that row is painted, in ms."""
    from shraga_queue.listing import ListQuery

    driver, table, took = app._driver, app.screen.table, []
    for _ in range(presses):
        rank = random.randrange(table.total - 1)
        (row,) = (await source.task_page(ListQuery(), rank, 1, app.screen.pager.pin)).rows
        driver.frames.clear()
        started = time.perf_counter()
        app.call_later(table.move_to, rank)
        at = await frame_with(driver, started, partial(contains, row.name), row.name)
        took.append((at - started) * 1000)
        await asyncio.sleep(random.uniform(0.01, 0.05))
    return took


async def shown(app: Any, condition: Callable[[], object], what: str) -> None:
    deadline = time.perf_counter() + WAIT
    while not condition():
        if time.perf_counter() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.001)


async def calls_per_page(source: Any, settings: Any) -> float:
    """Return how many scripts the server runs for a page, by its own count."""
    from shraga_queue.listing import ListQuery

    async def scripts() -> int:
        stats = await source.driver.connection.info("commandstats")
        return sum(one["calls"] for name, one in stats.items() if "eval" in name)

    await source.task_page(ListQuery(), 0, 1)
    before = await scripts()
    for _ in range(20):
        await source.task_page(ListQuery(), random.randrange(1000), 128)
    return (await scripts() - before) / 20


async def cpu_share(seconds: float) -> float:
    """Return the share of a core that this process takes, in percent."""
    before, started = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    return (time.process_time() - before) / (time.perf_counter() - started) * 100


def event_latency(frames: list[tuple[float, str]], stamps: list[float]) -> list[float]:
    """Return how long after it was sent each event was first covered by a frame, in ms."""
    took: list[float] = []
    covered = -1
    for at, frame in frames:
        newest = max((int(number) for number in NUMBERED.findall(text_of(frame))), default=-1)
        if covered == -1:
            covered = newest
        took += [(at - stamps[number]) * 1000 for number in range(covered + 1, newest + 1)]
        covered = max(covered, newest)
    return took


async def under_load(app: Any, settings: Any, seconds: float) -> dict[str, float]:
    """Return the CPU of each screen, and event and key latencies, while events come in."""
    from shraga_queue import AsyncShraga

    found: dict[str, float] = {}
    stamps_file = Path(tempfile.mkstemp(suffix=".json")[1])
    producer = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--produce", str(stamps_file), "--home", str(settings.home),
        "--seconds", str(seconds * 3 + 20),
    )  # fmt: skip
    idle_source = AsyncShraga.connect(settings=settings)
    frames: dict[str, list[tuple[float, str]]] = {}
    await asyncio.sleep(RING_FULL)
    for screen, key in (("board", "1"), ("tasks", "2"), ("events", "4")):
        app._driver.key(key)
        await asyncio.sleep(1.0)
        app._driver.frames.clear()
        found[f"{screen} in the driver: CPU, %"] = await cpu_share(seconds)
        frames[screen] = list(app._driver.frames)
        if screen == "tasks":
            p50, p95 = spread(await key_latency(app, idle_source, "\x1b[B", 1, PRESSES))
            found |= {
                "down under load: key to paint p50, ms": p50,
                "down under load: key to paint p95, ms": p95,
            }
    producer.send_signal(signal.SIGINT)
    await producer.wait()
    stamps = json.loads(stamps_file.read_text())
    found["events sent per second"] = (len(stamps) - 1) / (stamps[-1] - stamps[0])
    for screen in ("board", "events"):
        p50, p95 = spread(event_latency(frames[screen], stamps))
        found |= {f"{screen}: event to paint p50, ms": p50, f"{screen}: event to paint p95, ms": p95}
        found[f"{screen}: frames per second"] = len(frames[screen]) / seconds
    await idle_source.close()
    stamps_file.unlink()
    return found


async def measure(settings: Any, seconds: float) -> dict[str, float]:
    """Return all figures of the app in this process."""
    import gc

    from shraga_queue import AsyncShraga

    gc.disable()
    app, source = bench_app(settings), AsyncShraga.connect(settings=settings)
    found = {"script calls per page": await calls_per_page(source, settings)}
    found["tasks in the store"] = (await source.counts()).total
    started = time.perf_counter()
    async with app.run_test(headless=False, size=SIZE):
        driver = app._driver
        at = await frame_with(driver, 0.0, lambda text: " ago" in text or "queued  " in text, "the board")
        found["board: first paint, ms"] = (at - started) * 1000
        await shown(app, lambda: app._settled, "a settled app")
        await asyncio.sleep(1.0)
        driver.frames.clear()
        pressed = driver.key("2")
        at = await frame_with(driver, pressed, lambda text: "1 of " in text and "alice" in text, "the tasks")
        found["tasks: key to first rows, ms"] = (at - pressed) * 1000
        await asyncio.sleep(0.5)
        page = app.screen.table._height - 1
        for name, raw, step in (("down", "\x1b[B", 1), ("page down", "\x1b[6~", page)):
            used = time.process_time()
            p50, p95 = spread(await key_latency(app, source, raw, step, PRESSES))
            found |= {f"{name}: key to paint p50, ms": p50, f"{name}: key to paint p95, ms": p95}
            # With the measuring in it; unlike the time, it hardly depends on what else the machine does.
            found[f"{name}: CPU per press, ms"] = (time.process_time() - used) / PRESSES * 1000
        used = time.process_time()
        p50, p95 = spread(await jump_latency(app, source, PRESSES))
        found |= {"jump: wish to paint p50, ms": p50, "jump: wish to paint p95, ms": p95}
        found["jump: CPU each, ms"] = (time.process_time() - used) / PRESSES * 1000
        app._driver.key("g")
        found["tasks, idle: CPU, %"] = await cpu_share(3.0)
        found |= await under_load(app, settings, seconds)
    await source.close()
    return found


# The events


def produce(settings: Any, target: Path, seconds: float) -> None:
    """Send events as tasks at work send them, ten at a time, and note when each was sent."""
    from shraga_queue.client import Shraga

    stamps: list[float] = []
    with Shraga.connect(settings=settings) as shraga:
        stream, connection = shraga.driver.keys.make("events"), shraga.driver.connection
        started = time.perf_counter()
        try:
            while time.perf_counter() - started < seconds:
                pipeline = connection.pipeline(transaction=False)
                for _ in range(10):
                    number = len(stamps)
                    kind = "task.started" if number % 10 == 0 else "task.progress"
                    pipeline.execute_command(
                        "XADD", stream, "MAXLEN", "~", 100_000, "*", "type", kind, "recipient", "alice",
                        "task_id", f"none-{number % 50}", "name", f"evt-{number}.", "task_status", "running",
                        "attempt", "1", "by", "bench", "content", "0.5",
                    )  # fmt: skip
                    stamps.append(time.perf_counter())
                pipeline.execute()
                ahead = started + len(stamps) / EVENTS_A_SECOND - time.perf_counter()
                time.sleep(max(0.0, ahead))
        except KeyboardInterrupt:
            pass
    target.write_text(json.dumps(stamps))


# In a real terminal


class Terminal:
    """A command in a pseudo terminal whose output is read and stamped."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self.seen = ""

    def read_until(self, holds: Callable[[str], bool], what: str, limit: float = 20.0) -> float:
        """Return when the output since the last `press` first fitted."""
        import select

        deadline = time.perf_counter() + limit
        while time.perf_counter() < deadline:
            if select.select([self.fd], [], [], 0.05)[0]:
                self.seen += os.read(self.fd, 1 << 16).decode("utf-8", "replace")
                at = time.perf_counter()
                if holds(text_of(self.seen)):
                    return at
        raise TimeoutError(f"the terminal never showed {what}: {text_of(self.seen)[-400:]!r}")

    def settle(self, quiet: float) -> None:
        """Read until nothing has come for a while."""
        import select

        while select.select([self.fd], [], [], quiet)[0]:
            os.read(self.fd, 1 << 16)

    def read_for(self, seconds: float) -> None:
        """Take what is written for some seconds, as a terminal does."""
        import select

        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                os.read(self.fd, 1 << 16)

    def press(self, raw: str) -> float:
        """Send a key."""
        self.seen = ""
        started = time.perf_counter()
        os.write(self.fd, raw.encode())
        return started

    def close(self) -> None:
        """Leave the dashboard."""
        os.write(self.fd, b"q")
        try:
            while os.read(self.fd, 1 << 16):
                # A terminal takes what is written to the last; without it the other end waits for ever.
                pass
        except OSError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def pressed_keys(shraga: Any, terminal: Any, name: str) -> dict[str, float]:
    """Press down and page down in the table of tasks, and return how long each took to show its row."""
    from shraga_queue.listing import ListQuery

    found: dict[str, float] = {}
    height, cursor = SIZE[1] - 6, 0
    for what, raw, step in (("down", "\x1b[B", 1), ("page down", "\x1b[6~", height - 1)):
        took = []
        for _ in range(PRESSES):
            terminal.settle(0.03)
            cursor += step
            row = shraga.task_page(ListQuery(), cursor, 1).rows[0]
            pressed = terminal.press(raw)
            assert row is not None
            at = terminal.read_until(partial(contains, row.name), row.name, WAIT)
            took.append((at - pressed) * 1000)
        p50, p95 = spread(took)
        found |= {
            f"{name}, {what}: key to paint p50, ms": p50,
            f"{name}, {what}: key to paint p95, ms": p95,
        }
    return found


def in_terminal(settings: Any, name: str) -> dict[str, float]:
    """Return what is seen from outside a terminal, with or without tmux in between."""
    from shraga_queue.client import Shraga
    from shraga_queue.up import environment

    env = environment(settings) | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "shraga_tui"]
    if name == "tmux":
        command = ["tmux", "-L", f"bench{os.getpid()}", "-f", "/dev/null", "new-session", *command, ";",
                   "set", "status", "off"]  # fmt: skip
    found: dict[str, float] = {}
    with Shraga.connect(settings=settings) as shraga:
        started = time.perf_counter()
        terminal = Terminal(command, env)
        at = terminal.read_until(lambda text: "1 Board" in text and "queued" in text, "the board")
        found[f"{name}: command to board, ms"] = (at - started) * 1000
        time.sleep(1.0)
        terminal.settle(0.3)
        pressed = terminal.press("2")
        at = terminal.read_until(lambda text: "1 of " in text, "the tasks")
        found[f"{name}: key to first rows, ms"] = (at - pressed) * 1000
        found |= pressed_keys(shraga, terminal, name)
        if name == "pty":
            found |= outside_under_load(settings, terminal)
        terminal.close()
    return found


def outside_under_load(settings: Any, terminal: Terminal) -> dict[str, float]:
    """Return the memory and the CPU of the real command while events come in, as the system counts them."""
    import psutil

    found: dict[str, float] = {}
    stamps = Path(tempfile.mkstemp(suffix=".json")[1])
    command = [
        sys.executable,
        __file__,
        "--produce",
        str(stamps),
        "--home",
        str(settings.home),
        "--seconds",
        "99",
    ]
    producer, process = subprocess.Popen(command), psutil.Process(terminal.pid)
    terminal.read_for(RING_FULL)
    for screen, key in (("board", "1"), ("tasks", "2"), ("events", "4")):
        terminal.press(key)
        terminal.read_for(1.0)
        before, started = process.cpu_times(), time.perf_counter()
        terminal.read_for(5.0)
        after, seconds = process.cpu_times(), time.perf_counter() - started
        used = after.user + after.system - before.user - before.system
        found[f"{screen}, 1,000 events/s: CPU, %"] = used / seconds * 100
    found["memory at the end, MB"] = process.memory_info().rss / (1 << 20)
    producer.send_signal(signal.SIGINT)
    producer.wait()
    stamps.unlink()
    return found


# All of it


def report(found: dict[str, float]) -> None:
    """Print the figures beside their budgets."""
    for name, value in found.items():
        budget = BUDGETS.get(name)
        verdict = "" if budget is None else f"{budget:>10,.0f}  {'ok' if value <= budget else 'OVER'}"
        print(f"{name:<46}{value:>14,.2f}{verdict}")


def put_budgets(found: dict[str, float]) -> None:
    """Leave the two budgets of the design for the report."""
    from benchmarks.peers.budgets import ELSEWHERE
    from benchmarks.result import put

    over = [name for name, value in found.items() if value > BUDGETS.get(name, math.inf)]
    feed = [name for name in over if "event" in name]
    board, stream = "board over 1,000,000 tasks", "feed at 1,000 events/s"
    p50, p95 = (found[f"page down: key to paint {which}, ms"] for which in ("p50", "p95"))
    paint, memory = found["board: first paint, ms"], found["memory at the end, MB"]
    put(
        "board",
        board,
        ELSEWHERE[board],
        f"{paint:.0f} ms, page down p50 {p50:.1f}, p95 {p95:.1f} ms, {memory:.0f} MB, 1 call a page",
        over == feed,
    )
    share = max(found[f"{screen}, 1,000 events/s: CPU, %"] for screen in ("board", "tasks", "events"))
    p95 = max(found[f"{screen}: event to paint p95, ms"] for screen in ("board", "events"))
    put("feed", stream, ELSEWHERE[stream], f"{share:.0f} % of a core, p95 {p95:.0f} ms", not feed)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=MILLION)
    parser.add_argument("--home", type=Path, help="a store filled before; else one is filled and thrown away")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each screen is under load")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--produce", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(settings: Any, given: argparse.Namespace) -> tuple[int, dict[str, float]]:
    """Return how many tasks the store of some settings has, filled first where it is empty, and the figures over it."""
    from benchmarks.fill import fill
    from shraga_queue.client import Shraga

    with Shraga.connect(settings=settings) as shraga:
        if shraga.counts().total == 0:
            fill(shraga, given.tasks)
        total = shraga.counts().total
        home = ("--home", str(settings.home), "--seconds", str(given.seconds))
        command = [sys.executable, __file__, "--measure", *home]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
        for name in ("pty", "tmux") if shutil.which("tmux") else ("pty",):
            found |= in_terminal(settings, name)
    return total, found


def main() -> None:
    given = arguments()
    os.environ.pop("SHRAGA_REDIS_URL", None)

    from shraga_queue.config import Settings
    from shraga_queue.embedded import Embedded

    home = given.home or Path(tempfile.mkdtemp(prefix="shraga-bench-"))
    settings = Settings(home=home, user="alice", redis_url=None, context=None)
    if given.produce:
        produce(settings, given.produce, given.seconds)
    elif given.measure:
        print(json.dumps(asyncio.run(measure(settings, given.seconds))))
    else:
        total, found = measured(settings, given)
        if given.json:
            given.json.write_text(json.dumps(found, indent=2))
        report(found)
        if total >= MILLION:
            put_budgets(found)
        Embedded.release(settings)
        if not given.home:
            Embedded.stop(settings)
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
