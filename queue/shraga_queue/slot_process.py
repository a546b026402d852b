"""The process of a slot, from the supervisor's fork to its end."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from . import proctree
from .client import SyncDriver
from .config import Settings
from .connect import connect_sync
from .deadline import Deadline
from .engine import Engine
from .keys import Keys
from .slot import IDLE_BLOCK, SlotSetup, SlotWorker


def run_slot(setup: SlotSetup, supervisor: int, deadline: Deadline) -> NoReturn:
    """Serve as a slot in a process the supervisor has just forked; the process ends with it."""
    code = 1
    try:
        proctree.die_with_parent(supervisor)
        proctree.name_process(f"shraga-slot {setup.slot}")
        proctree.adopt_orphans()
        proctree.close_inherited_sockets()
        settings = Settings(
            redis_url=setup.url, prefix=setup.prefix, home=Path(setup.home), user=setup.user, context=None
        )
        connection = connect_sync(settings, retries=0, socket_timeout=2.0 + IDLE_BLOCK)
        engine = Engine(SyncDriver(connection, Keys(setup.prefix), url=setup.url))
        SlotWorker(setup, engine, f"{setup.worker_name}.{setup.slot}.{os.getpid()}", deadline).work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)
