"""The demo with its dashboard: a throw-away house, work that keeps arriving, and the board over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.demo_run import Workload, demo_house, file_server, keep_arriving
from shraga_queue.demo_scenes import Scenes, make_repository
from shraga_queue.errors import ShragaError
from shraga_queue.up import House

from .launch import run_dashboard

NOTICE = (
    "A demo on a server of its own: 7 shows what waits on you, a answers it; q leaves and throws it all away."
)
TICK = 0.2
SETTLE = 8.0
"""Seconds within which the demo's own workers come up, on a busy machine."""


def run_demo_dashboard(seconds: float | None = None) -> int:
    """Show the dashboard over a demo until the operator leaves; work arrives for `seconds`, or all the time."""
    stopping = threading.Event()
    if seconds is not None:
        timer = threading.Timer(seconds, stopping.set)
        timer.daemon = True
        timer.start()
    with demo_house() as (settings, house), file_server() as files:
        helpers = [
            threading.Thread(target=_submit, args=(settings, files, stopping), name="arrivals", daemon=True),
            threading.Thread(target=_keep, args=(house, stopping), name="house", daemon=True),
        ]
        for helper in helpers:
            helper.start()
        try:
            return run_dashboard(settings, notice=NOTICE, settle_s=SETTLE)
        finally:
            stopping.set()
            for helper in helpers:
                helper.join(timeout=5)


def _submit(settings: Settings, files: str, stopping: threading.Event) -> None:
    workload, scenes = Workload(files), Scenes(make_repository(settings.home))

    def arrive() -> None:
        with Shraga.connect(settings=settings) as shraga:
            keep_arriving(shraga, workload, scenes, stopping)

    _again_until(stopping, arrive)


def _again_until(stopping: threading.Event, do: Callable[[], None]) -> None:
    while not stopping.is_set():
        try:
            do()
        except ShragaError:
            # The operator may well have killed the server to see what happens.
            stopping.wait(1.0)


def _keep(house: House, stopping: threading.Event) -> None:
    while not stopping.is_set():
        house.tick()
        time.sleep(TICK)
