"""Several hosts on one machine: network namespaces on a switch of our own that delays, loses and cuts.

A namespace here has no name and no file: it lives as long as this process holds it or another one lives in it, and
its only wire is a tap device that ends with this process. Nothing can be left behind, however a test ends. The switch
runs in user space because kernels built without `sch_netem` can neither delay nor lose; it also counts what passes.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from types import TracebackType

CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x0002 | 0x1000
_FRAME = 2048
_WIRE = "wire0"


@cache
def why_not() -> str:
    """Return in a sentence why this machine cannot play several hosts, or nothing when it can."""
    if sys.platform != "linux":
        return "Network namespaces exist on Linux only."
    if os.geteuid() != 0:
        return "Making network namespaces takes root."
    if shutil.which("ip") is None:
        return "The program `ip` (iproute2) is not installed."
    try:
        with Lan() as lan:
            lan.host("probe")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"This machine allows no network namespace with a tap device: {error}."
    return ""


@dataclass
class Line:
    """The cable between one host and the switch; what passes meanwhile meets its state at both ends."""

    delay: float = 0.0
    """Seconds a frame takes, each way."""
    loss: float = 0.0
    """The part of the frames that vanish, each way, from 0 to 1."""
    cut: bool = False
    frames: int = 0
    octets: int = 0

    def meter(self) -> tuple[int, int]:
        """Return how many frames and bytes, both ways, have passed so far."""
        return self.frames, self.octets


class Host:
    """A namespace with one address."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address = f"10.77.0.{number}"
        self.mac = bytes((2, 0, 0, 0, 0, number))
        self.line = Line()
        self.namespace = _new_namespace()
        with self.inside():
            self.tap = _open_tap()
            mac = ":".join(f"{octet:02x}" for octet in self.mac)
            for words in (
                f"link set {_WIRE} address {mac}",
                f"address add {self.address}/24 dev {_WIRE}",
                "link set lo up",
                f"link set {_WIRE} up",
            ):
                _ip(words)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Move this thread into the namespace: sockets it makes and processes it starts belong there."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _enter(self.namespace)
            yield
        finally:
            _enter(before)
            os.close(before)

    def sever(self, how: str = "silent") -> None:
        """Cut the line: `silent`, so that nothing arrives, or `unplug`, so that the host itself knows at once."""
        if how == "unplug":
            with self.inside():
                _ip(f"link set {_WIRE} down")
        else:
            self.line.cut = True

    def heal(self) -> None:
        """Mend the line, however it was cut."""
        self.line.cut = False
        with self.inside():
            _ip(f"link set {_WIRE} up")

    def close(self) -> None:
        """Let go of the namespace and its wire."""
        os.close(self.tap)
        os.close(self.namespace)


class Lan:
    """The hosts and the switch between them; use it as a context manager. `seed` repeats what gets lost."""

    def __init__(self, seed: int = 0) -> None:
        self.hosts: dict[str, Host] = {}
        self._random = random.Random(seed)
        self._apart: set[frozenset[str]] = set()
        self._due: list[tuple[float, int, Host, bytes]] = []
        self._sent = 0
        self._wake, self._woken = os.pipe()
        self._closing = False
        self._thread = threading.Thread(target=self._switch, name="switch", daemon=True)

    def __enter__(self) -> Lan:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        os.write(self._woken, b"x")
        self._thread.join()
        for host in self.hosts.values():
            host.close()
        os.close(self._wake)
        os.close(self._woken)

    def host(self, name: str) -> Host:
        """Return the host of that name, plugged in on first use."""
        if name not in self.hosts:
            self.hosts[name] = Host(name, len(self.hosts) + 1)
            self._introduce(self.hosts[name])
            os.write(self._woken, b"x")
        return self.hosts[name]

    def _introduce(self, new: Host) -> None:
        # Neighbours are told, not asked: else a cut would show as "no route", which a router's would not.
        for host in self.hosts.values():
            for here, there in ((host, new), (new, host)):
                if here is not there:
                    with here.inside():
                        mac = ":".join(f"{octet:02x}" for octet in there.mac)
                        _ip(f"neighbour replace {there.address} lladdr {mac} dev {_WIRE} nud permanent")

    def weather(self, *, round_trip: float | None = None, loss: float | None = None) -> None:
        """Give every line its share of a round trip between two hosts (seconds), and of the loss (0 to 1)."""
        for host in self.hosts.values():
            if round_trip is not None:
                host.line.delay = round_trip / 4
            if loss is not None:
                host.line.loss = 1 - (1 - loss) ** 0.5

    def part(self, *names: str) -> None:
        """Let these hosts reach each other only, and the others each other only."""
        self._apart |= {
            frozenset((one, other)) for one in names for other in self.hosts if other not in names
        }

    def block(self, one: str, other: str) -> None:
        """Let two hosts not reach each other."""
        self._apart.add(frozenset((one, other)))

    def rejoin(self) -> None:
        """Let every host reach every other again."""
        self._apart.clear()

    # The switch

    def _switch(self) -> None:
        while not self._closing:
            by_tap = {host.tap: host for host in list(self.hosts.values())}
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else 1.0
            ready, _, _ = select.select([self._wake, *by_tap], [], [], wait)
            for one in ready:
                if one == self._wake:
                    os.read(self._wake, 64)
                else:
                    self._take(by_tap[one])
            self._deliver()

    def _take(self, sender: Host) -> None:
        for _ in range(64):
            try:
                frame = os.read(sender.tap, _FRAME)
            except OSError:
                return
            if not self._passes(sender.line, frame):
                continue
            for host in list(self.hosts.values()):
                wanted = frame[:6] == host.mac or frame[0] & 1
                if host is not sender and wanted and frozenset((host.name, sender.name)) not in self._apart:
                    self._sent += 1
                    due = time.monotonic() + sender.line.delay + host.line.delay
                    heapq.heappush(self._due, (due, self._sent, host, frame))

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, _, host, frame = heapq.heappop(self._due)
            if self._passes(host.line, frame):
                # An interface that is down takes nothing, as a pulled plug would not.
                with suppress(OSError):
                    os.write(host.tap, frame)

    def _passes(self, line: Line, frame: bytes) -> bool:
        if line.cut or (line.loss and self._random.random() < line.loss):
            return False
        line.frames += 1
        line.octets += len(frame)
        return True


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _enter(namespace: int) -> None:
    _check(_libc().setns(namespace, CLONE_NEWNET), "setns")


def _new_namespace() -> int:
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(_libc().unshare(CLONE_NEWNET), "unshare")
        made = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _enter(before)
        return made
    finally:
        os.close(before)


def _open_tap() -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH14x", _WIRE.encode(), _TAP_WITHOUT_HEADER))
    except OSError:
        os.close(tap)
        raise
    return tap


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)
