"""What the tasks of `schedules` run: a line in a file for each occurrence."""

from __future__ import annotations

import os
import time

from shraga_queue import current_run


def note(path: str) -> None:
    """Append the occurrence and how long after its slot the run began; one write, so that lines stay whole."""
    run = current_run()
    assert run is not None
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, f"{run.occurrence} {time.time():.3f}\n".encode())
    finally:
        os.close(file)
