"""What a run prints: read from its stdout and stderr as it appears, cut into lines, bounded, sent in batches."""

from __future__ import annotations

import codecs
import os
import selectors
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from .context import MAX_LINE
from .engine import LogLine

BATCH_EVERY = 0.05
"""Seconds that lines are collected before they are sent; the first one goes at once."""
BATCH_LINES = 200
READS = 16
THOROUGH_READS = 4_096
LINE_COST = 64
"""Bytes a line costs besides its text; without them five megabytes of line breaks would be five million entries."""


class _Stream:
    """One of this process's output pipes, and the text file that writes to it; every run of a horse uses the same."""

    def __init__(self, source: str, target: int) -> None:
        self.source = source
        self._target = target
        self.reader, writer = os.pipe()
        self._pipe = os.fstat(writer).st_ino
        os.dup2(writer, target)
        os.close(writer)
        os.set_blocking(self.reader, False)
        self.file = _text_file(target)
        self.closed = False
        self.begin()

    def begin(self) -> None:
        """Forget the run before."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._partial = ""

    @property
    def is_worn(self) -> bool:
        """Whether the task has closed the file or put something else in its place."""
        try:
            return self.file.closed or os.fstat(self._target).st_ino != self._pipe
        except OSError:
            return True

    def read(self) -> tuple[list[str], int, bool]:
        """Return complete lines, bytes read, and whether more may be there."""
        try:
            data = os.read(self.reader, 65_536)
        except BlockingIOError:
            return [], 0, False
        # Only a task that has closed the other end itself brings this about.
        self.closed = not data
        *lines, self._partial = (self._partial + self._decoder.decode(data)).split("\n")
        while len(self._partial) > MAX_LINE:
            lines.append(self._partial[:MAX_LINE])
            self._partial = self._partial[MAX_LINE:]
        return lines, len(data), bool(data)

    def rest(self) -> list[str]:
        """Return what came after the last line break."""
        return [self._partial] if self._partial else []


def _shown(line: str) -> str:
    # A progress bar redraws its line with carriage returns; its last state is what a person would see.
    return line.rstrip("\r").rpartition("\r")[2]


def _text_file(fd: int) -> TextIO:
    return open(fd, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)


def _flush_quietly() -> None:
    for file in (sys.stdout, sys.stderr):
        with suppress(Exception):
            file.flush()


class OutputPump:
    """Redirects this process's stdout and stderr for one run after another and sends on what appears."""

    def __init__(self, send: Callable[[list[LogLine]], None]) -> None:
        self._send = send
        self._lock = threading.RLock()
        self._lines: list[LogLine] = []
        self._selector = selectors.DefaultSelector()
        self._left = 0
        self._cut = 0
        self._sent_at = 0.0
        self._open = False
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
        self._streams = [_Stream("stdout", 1), _Stream("stderr", 2)]
        for stream in self._streams:
            self._selector.register(stream.reader, selectors.EVENT_READ, stream)
        threading.Thread(target=self._work, name="output", daemon=True).start()

    @property
    def is_worn(self) -> bool:
        """Whether the run has spoiled the way its output takes, so that another process must serve the next one."""
        return any(stream.is_worn for stream in self._streams)

    def open(self, limit: int) -> None:
        """Begin a run whose output is kept up to `limit` bytes."""
        with self._lock:
            self._left, self._cut, self._open = limit, 0, True
            for stream in self._streams:
                stream.begin()
        sys.stdout, sys.stderr = (stream.file for stream in self._streams)

    def add(self, line: LogLine) -> None:
        """Add a line the task wrote by itself, in its place among what it printed."""
        _flush_quietly()
        with self._lock:
            self._drain()
            self._bounded(line)
            if time.monotonic() - self._sent_at >= BATCH_EVERY:
                self._flush()
        self._wake()

    def close(self) -> None:
        """End the run: read what is left and mark what was cut."""
        _flush_quietly()
        with self._lock:
            self._drain(thorough=True)
            for stream in self._streams:
                for line in stream.rest():
                    self._keep(LogLine(stream.source, _shown(line), "info"))
            if self._cut:
                said = f"{self._cut:,} bytes more were printed and are not kept (limits.log_bytes)."
                self._lines.append(LogLine("system", said, "warning"))
            self._flush()
            self._open = False

    def _wake(self) -> None:
        os.write(self._wake_writer, b".")

    def _work(self) -> None:
        pending = False
        while True:
            ready = self._selector.select(BATCH_EVERY if pending else None)
            with self._lock:
                for key, _ in ready:
                    if key.fd == self._wake_reader:
                        os.read(self._wake_reader, 4096)
                self._drain()
                if self._lines and time.monotonic() - self._sent_at >= BATCH_EVERY:
                    self._flush()
                pending = bool(self._lines)

    def _drain(self, thorough: bool = False) -> None:
        for stream in self._streams:
            # A program that prints without end must not keep the other stream, or the task, waiting.
            for _ in range(THOROUGH_READS if thorough else READS):
                lines, size, more = stream.read()
                if self._open:
                    self._count(stream.source, lines, size)
                if not more:
                    break
            if stream.closed and stream.reader in self._selector.get_map():
                self._selector.unregister(stream.reader)

    def _count(self, source: str, lines: list[str], size: int) -> None:
        if self._left <= 0:
            self._cut += size
        for line in lines if self._left > 0 else ():
            self._bounded(LogLine(source, _shown(line)))

    def _bounded(self, line: LogLine) -> None:
        size = len(line.message) + len(line.metadata) + LINE_COST
        if self._left <= 0:
            self._cut += size
            return
        self._left -= size
        self._keep(line)
        if self._left <= 0:
            said = "The output is cut here: it has reached the limit (limits.log_bytes)."
            self._keep(LogLine("system", said, "warning"))

    def _keep(self, line: LogLine) -> None:
        self._lines.append(line)
        if len(self._lines) >= BATCH_LINES:
            self._flush()

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        self._sent_at = time.monotonic()
        if lines:
            self._send(lines)
