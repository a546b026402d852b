"""A wall clock that tests set, for the processes started with it; Debian's faketime breaks Python's sleep."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest


def build_clock(folder: Path) -> Path:
    """Return the library for LD_PRELOAD, built into a folder; skips the test where it cannot be built."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("a wall clock of its own needs Linux and a C compiler")
    library = folder / "stepped_clock.so"
    source = Path(__file__).parent / "stepped_clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


class Clock:
    """One such clock: `set` lets it be off by so many seconds from then on."""

    def __init__(self, library: Path, step: Path) -> None:
        self._step = step
        step.write_bytes(struct.pack("q", 0))
        self.environment = {"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(step)}

    def set(self, seconds: int) -> None:
        """Let the wall clock be off by so many seconds from now on."""
        with self._step.open("r+b") as file:
            file.write(struct.pack("q", seconds))
