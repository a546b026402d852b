"""A program of a run that is spoken with by its input and output, and ended with all that it started."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

from . import proctree

MOST_LINE = 16 << 20
"""Bytes of one line: a longer one is no line of any agent's, and would fill the memory."""
READ_SIZE = 1 << 16
MOST_READS = 64
"""How often it is read in one go: who follows it has others to listen to."""
LOOK_EVERY = 0.05
"""Seconds between two looks for the end of a process whose output others may hold open."""


class Child:
    """A program whose standard error is this process's own; neither reading nor telling ever blocks."""

    def __init__(self, command: list[str], folder: str, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        proctree.own(self._process.pid)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._input.fileno(), False)
        os.set_blocking(self._output.fileno(), False)
        self._untold = bytearray()
        self._closing = False
        self._received = bytearray()
        self._whole: deque[bytes | bytearray] = deque()
        self.is_silent = False
        """Whether it has closed its output."""
        self.is_drained = True
        """Whether all was read that it had written then."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor of its output."""
        return self._output.fileno()

    @property
    def has_ended(self) -> bool:
        """Whether the process itself is gone; what it started may be there still."""
        return self._process.poll() is not None

    @property
    def hears(self) -> bool:
        """Whether its input is open."""
        return not (self._closing or self._input.closed)

    @property
    def is_told_all(self) -> bool:
        """Whether nothing waits to be written to its input."""
        return not self._untold

    def tell(self, data: bytes) -> None:
        """Write to its input, as far as it takes it now; the rest goes with later calls of `flush`."""
        self._untold += data
        self.flush()

    def flush(self) -> None:
        """Write what waits to be written."""
        try:
            while self._untold and not self._input.closed:
                written = self._input.write(self._untold)
                if not written:
                    return
                del self._untold[:written]
        except OSError:
            # It reads no more; how it ends tells the rest.
            self._untold.clear()
            self._closing = True
        if self._closing and not self._input.closed:
            with suppress(OSError):
                self._input.close()

    def close_input(self) -> None:
        """Close its input once all is written."""
        self._closing = True
        self.flush()

    def lines(self) -> Iterator[str]:
        """Yield lines it has written since; the last one without its end when the output has been closed.

        Where the reading is broken off, the lines that were not yielded come first the next time.
        """
        for _ in range(MOST_READS):
            data = self._read()
            self.is_drained = not data
            if self.is_drained:
                break
            *whole, rest = (self._received + data).split(b"\n")
            self._received = (
                rest if len(rest) <= MOST_LINE else bytearray(b"(a line of many megabytes is cut)")
            )
            self._whole += whole
            yield from self._next_lines()
        if self.is_silent and self._received:
            self._whole.append(self._received)
            self._received = bytearray()
        yield from self._next_lines()

    def _next_lines(self) -> Iterator[str]:
        while self._whole:
            yield _text(self._whole.popleft())

    def _read(self) -> bytes:
        try:
            data = self._output.read(READ_SIZE)
        except OSError:
            data = b""
        self.is_silent = self.is_silent or data == b""
        return data or b""

    def wait(self, longest: float) -> int | None:
        """Return its exit code, minus the number for a signal; None where it is there still after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(longest)
        return None

    def last_lines(self) -> Iterator[str]:
        """Ask the whole tree to end, and yield lines until the process has: whoever asked for it will see to that."""
        proctree.send([self.pid, *proctree.descendants(self.pid)], signal.SIGTERM)
        has_ended = False
        while not (self.is_silent or (has_ended and self.is_drained)):
            has_ended = self.has_ended
            select.select([self], [], [], 0 if has_ended else LOOK_EVERY)
            yield from self.lines()
        yield from self.lines()
        self._process.wait()

    def end(self, grace: float) -> None:
        """End the whole tree."""
        end_tree(self._process, grace)

    def close(self) -> None:
        """Let go of it after its end."""
        self._untold.clear()
        for file in (self._input, self._output):
            with suppress(OSError):
                file.close()
        proctree.disown(self.pid)


def end_tree(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask a process and all below it to end, and kill what has not after `grace` seconds; nothing for an ended one."""
    if process.poll() is not None:
        return
    tree = [process.pid, *proctree.descendants(process.pid)]
    proctree.send(tree, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(map(proctree.is_alive, tree)) and time.monotonic() < deadline:
        process.poll()
        time.sleep(0.01)
    proctree.send([*filter(proctree.is_alive, tree), *proctree.descendants(process.pid)], signal.SIGKILL)
    process.wait()


def _text(line: bytes | bytearray) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
