"""The task every system runs: it appends the moment it ran to a file in memory, and does nothing else."""

from __future__ import annotations

import functools
import os
import struct
import time

STAMP = struct.Struct("<d")


@functools.cache
def _file() -> int:
    return os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND)


def note() -> None:
    """Append seconds on the monotonic clock, which all processes of a machine share, as 8 bytes."""
    os.write(_file(), STAMP.pack(time.monotonic()))
