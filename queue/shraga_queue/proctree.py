"""Processes and their descendants: end them together, and never outlive the parent.

On Linux by the kernel's means (parent-death signal, subreaper, /proc); elsewhere by psutil.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

RUN_MARK = "SHRAGA_RUN"
WORKER_MARK = "SHRAGA_WORKER_ID"
PARENT_MARK = "SHRAGA_PARENT_PID"
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class _Descriptor:
    """A bare descriptor that can be waited for."""

    fd: int

    def fileno(self) -> int:
        return self.fd


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; leaves at once if that has happened already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that none of them escapes."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def name_process(name: str) -> None:
    """Name this process for `ps` and `top`; 15 characters are kept."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def close_inherited_sockets(*keep: int) -> None:
    """Close the sockets a fork has copied, all but those to keep.

    A child that keeps its parent's connections open would go on consuming from Redis after the parent died.
    Their Python objects have to stay referenced, lest a collected one closes somebody else's descriptor.
    """
    table = Path("/proc/self/fd")
    for fd in [int(name) for name in os.listdir(table)] if table.is_dir() else range(3, 1024):
        with suppress(OSError):
            if fd > 2 and fd not in keep and stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.close(fd)


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    try:
        found: list[int] = []
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        return found
    except OSError:
        if sys.platform == "linux":
            return []
    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children()]
    return []


def has_children() -> bool:
    """Return whether this process has children, ended but uncollected ones among them; without a look at /proc."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def descendants(pid: int) -> list[int]:
    """Return all processes below a process, parents before their children."""
    found: dict[int, None] = {}
    waiting = [pid]
    while waiting:
        below = [child for child in children(waiting.pop()) if child not in found]
        found.update(dict.fromkeys(below))
        waiting += below
    return list(found)


def marked(name: str, value: str) -> list[int]:
    """Return the processes whose environment carries a mark, except this one."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(name) == value:
                found.append(process.pid)
    return found


def send(pids: Iterable[int], sig: signal.Signals) -> None:
    """Send a signal to processes; those that are gone already are passed over."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sig)


def reap(pids: Iterable[int]) -> None:
    """Collect ended children, so that none stays a zombie."""
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def signal_name(number: int) -> str:
    """Return the name of a signal; the real-time ones have none of their own."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def is_running_child(pid: int) -> bool:
    """Return whether a child of this process runs; one that ended is collected."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False


def how_it_ended(pid: int) -> str:
    """Wait for a child's end and say in words how it was; "ended" where that has been collected already."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return "ended"
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL; out of memory?)"
    return f"was ended by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"


_owned: set[int] = set()


def own(pid: int) -> None:
    """Keep a child's end for whoever waits for it."""
    _owned.add(pid)


def disown(pid: int) -> None:
    """Let go of a child that was waited for."""
    _owned.discard(pid)


def reap_adopted() -> None:
    """Collect ended orphans that this process adopted, while it waits for a child of its own."""
    if _owned:
        reap(pid for pid in children(os.getpid()) if pid not in _owned)


def kill_below(pid: int, patience: float = 2.0) -> bool:
    """Kill everything below a process, repeatedly, since it may fork meanwhile; returns whether all is gone."""
    deadline = time.monotonic() + patience
    while True:
        below = [child for child in descendants(pid) if is_alive(child)]
        send(below, signal.SIGKILL)
        if pid == os.getpid():
            reap(children(pid))
        # An orphan that is adopted while the list is read is not in it; the kernel counts it.
        if not below and not (pid == os.getpid() and has_children()):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)


def end_below(pid: int, grace: float) -> bool:
    """Ask everything below a process to end, and kill what has not after `grace` seconds; whether all is gone."""
    send(descendants(pid), signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(is_alive(child) for child in descendants(pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return kill_below(pid)


@contextmanager
def ending(pid: int) -> Iterator[tuple[list[_Descriptor], float]]:
    """Give what becomes readable when a child ends, and the seconds after which to look at it all the same."""
    if not hasattr(os, "pidfd_open"):
        yield [], 0.05
        return
    fd = os.pidfd_open(pid)
    try:
        yield [_Descriptor(fd)], 60.0
    finally:
        os.close(fd)


def kill_marked(name: str, value: str, patience: float = 2.0) -> bool:
    """Kill every process that carries a mark, wherever it went; returns whether all is gone."""
    deadline = time.monotonic() + patience
    while found := [pid for pid in marked(name, value) if is_alive(pid)]:
        send(found, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
