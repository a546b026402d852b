"""Functions that tests run as Python tasks."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from shraga_models import ModelCall
from shraga_queue import Refused, artifact, ask, current_run, log, progress, thought


def add(a: int, b: int) -> int:
    return a + b


async def add_later(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def fail(message: str) -> None:
    raise ValueError(message)


def pay(calls: int, cost: float) -> int:
    """Make calls of a model that each cost something; what was made before the run was parked is not made again."""
    run = current_run()
    assert run is not None
    noted = run.make_folder() / "made"
    for number in range(int(noted.read_text()) if noted.exists() else 0, calls):
        noted.write_text(str(number + 1))
        run.record(ModelCall(model="m", cost=cost))
        time.sleep(0.3)
    return calls


def signal_itself(signum: int) -> None:
    """Do to the own process what somebody else might do."""
    os.kill(os.getpid(), signum)
    time.sleep(60)


def leave() -> None:
    sys.exit(5)


def talk() -> str:
    print("printed")
    print("to stderr", file=sys.stderr)
    log("logged", level="warning", answer=42)
    thought("thinking")
    progress(1, 4)
    return os.environ["SHRAGA_TASK"]


def heard() -> list[Any]:
    """What the run is for, as a task sees it."""
    run = current_run()
    assert run is not None
    return [run.idempotency_key, run.event_data, os.environ.get("SHRAGA_OCCURRENCE")]


def unserialisable() -> object:
    return object()


def hold(path: str, seconds: float = 30.0) -> str:
    """Note begin and end in a file, so that overlapping runs of one task can be seen."""
    with Path(path).open("a") as file:
        file.write(f"begin {os.getpid()}\n")
    time.sleep(seconds)
    with Path(path).open("a") as file:
        file.write(f"end {os.getpid()}\n")
    return "held"


def stubborn(path: str) -> None:
    """Swallow whatever asks it to stop."""
    Path(path).write_text(str(os.getpid()))
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def daemonise(seconds: int) -> None:
    """Leave a process behind in a session of its own."""
    subprocess.Popen(["sleep", str(seconds)], start_new_session=True)


def slow_reads_as_blocked(seconds: float) -> str:
    """Keep the interpreter busy without ever looking at signals for long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))
    return "done"


def hand_over(text: str) -> list[str]:
    """Write a file and hand it over, and say what the run was given to read."""
    run = current_run()
    assert run is not None
    (run.make_folder() / "report.txt").write_text(text)
    artifact("report.txt")
    return [f"{title}: {content}" for title, content in run.documents]


def where() -> dict[str, object]:
    lazy = ("shraga_models.document", "shraga_models.lifecycle", "shraga_queue.workflows", "tomllib")
    missing = [name for name in lazy if name not in sys.modules]
    return {"pid": os.getpid(), "textual": "textual" in sys.modules, "missing": missing, "cwd": os.getcwd()}


def fork_and_return() -> str:
    """Come back twice, as a task that forks does."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return "parent"
    return "child"


def fork_and_raise() -> str:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return "parent"
    raise ValueError("in the child")


def spoil_stdout(how: str) -> str:
    """Do to standard output what careless libraries do."""
    import io

    print("before")
    if how == "replace":
        sys.stdout = io.StringIO()
    elif how == "none":
        sys.stdout = None
    elif how == "close":
        sys.stdout.close()
    else:
        os.close(1)
    return "fine"


def interrupt() -> None:
    raise KeyboardInterrupt


def half_a_pair(where: str) -> str:
    """Say or return half a surrogate pair, as the names of odd files hold it."""
    odd = "name \udcff"
    if where == "error":
        raise ValueError(odd)
    if where == "log":
        log(odd)
    if where == "thought":
        thought(odd)
    return odd


def not_a_number() -> float:
    return float("nan")


def generate() -> object:
    yield 1


def chatter(lines: int, size: int) -> None:
    for number in range(lines):
        log(f"{number} " + "x" * size)


def blind(path: str) -> None:
    """Hold the interpreter without ever letting another thread run."""
    import re

    with Path(path).open("a") as file:
        file.write(f"begin {os.getpid()}\n")
    re.match("(a+)+$", "a" * 48 + "b")


def leave_thread() -> None:
    import threading

    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def wall_clock() -> float:
    """Return this host's wall clock."""
    return time.time()


def close_descriptors() -> str:
    """Close everything but the standard streams, as old recipes for daemons do."""
    os.closerange(3, 4096)
    return "closed"


def slip_away(seconds: float) -> None:
    """Fork twice, with a session, a folder and an environment of its own, and close what was inherited."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            os.closerange(0, 4096)
            os.execve("/bin/sleep", ["sleep", str(seconds)], {})
        os._exit(0)


def devour(megabytes: int) -> int:
    """Take memory beyond a limit of its own."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    return len(bytearray(megabytes << 21))


def killed_for_memory() -> None:
    """End as the kernel ends the largest process where memory runs out."""
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def pace(path: str, seconds: float) -> str:
    """Note the time every 20 ms, so that it can be seen when each run of a task was alive.

    Lines are `<CLOCK_MONOTONIC> <pid> <word>`; all hosts that share the kernel share the clock.
    """
    end = time.monotonic() + seconds
    word = "begin"
    with Path(path).open("a", buffering=1) as file:
        while time.monotonic() < end:
            file.write(f"{time.monotonic():.4f} {os.getpid()} {word}\n")
            word = "on"
            time.sleep(0.02)
        file.write(f"{time.monotonic():.4f} {os.getpid()} end\n")
    return "paced"


def pace_blindly(path: str, seconds: float) -> str:
    """Do what `pace` does below a process whose interpreter never lets another thread run."""
    import re

    subprocess.Popen([sys.executable, "-c", f"import tests.jobs as j; j.pace({path!r}, {seconds})"])
    re.match("(a+)+$", "a" * 48 + "b")
    return "unreachable"


def echo(value: object) -> object:
    """Return what is given."""
    return value


def ask_and_note(path: str, question: str = "Which way?") -> str:
    """Note each time it begins, ask, and note the answer."""
    with Path(path).open("a") as file:
        file.write("begin\n")
    answer = ask(question, options=["left", "right"])
    with Path(path).open("a") as file:
        file.write(f"{answer}\n")
    return answer


def ask_from_a_thread() -> str:
    """Ask where it cannot be waited for."""
    said: list[str] = []

    def try_it() -> None:
        try:
            ask("Anybody?")
        except Refused as error:
            said.append(str(error))

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    return said[0]


def listen_in_a_fork() -> None:
    """Have a process that was forked listen to what people say."""
    child = os.fork()
    if child == 0:
        run = current_run()
        assert run is not None
        run.listen((), 0.002)
        os._exit(0)
    os.waitpid(child, 0)


def die_beside_a_fork(signum: int) -> None:
    """End as the kernel ends the largest process, while one that was forked goes on."""
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    os.kill(os.getpid(), signum)


def talk_nonsense() -> None:
    """Write what is no message into every socket there is, the channel among them, and go on."""
    for entry in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(entry)).st_mode):
                os.write(int(entry), struct.pack("!I", 3) + b"xyz")
    time.sleep(60)
