"""Ending all that runs below a process."""

from __future__ import annotations

import subprocess
import sys

ORPHANS = """
import os, threading, time
from shraga_queue import proctree

proctree.adopt_orphans()
waiting = threading.Event()
for _ in range(3):
    threading.Thread(target=waiting.wait, daemon=True).start()
escaped = 0
for _ in range(300):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    proctree.kill_below(os.getpid())
    escaped += proctree.has_children()
proctree.kill_below(os.getpid())
print(escaped, flush=True)
os._exit(0)
"""


def test_no_orphan_escapes_that_is_adopted_while_the_others_are_listed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "0"
