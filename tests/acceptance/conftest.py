"""What the fault tests share: a place for the times they measure, a server that may be taken away."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from tests.clocks import build_clock
from tests.plain_server import PlainServer
from tests.processes import Processes

Timed = Callable[[str, float], None]


@pytest.fixture
def timed(record_property: Callable[[str, object], None]) -> Timed:
    """Note how long something took (s); `benchmarks/faults.py` makes its table of it."""

    def note(what: str, seconds: float) -> None:
        record_property(what, seconds)
        if path := os.environ.get("FAULT_TIMES"):
            with Path(path).open("a") as file:
                file.write(json.dumps({"what": what, "seconds": round(seconds, 3)}) + "\n")

    return note


@pytest.fixture(scope="session")
def stepped_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library for LD_PRELOAD whose wall clock can be set."""
    return build_clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[PlainServer]:
    """A server that nobody restarts but the test."""
    server = PlainServer(tmp_path / "server")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def away_settings(plain_server: PlainServer, tmp_path: Path) -> Settings:
    """Settings for the server that may be taken away."""
    return Settings(home=tmp_path / "home", redis_url=plain_server.url, user="tester")


@pytest.fixture
def away(away_settings: Settings) -> Iterator[Shraga]:
    """A client on the server that may be taken away."""
    with Shraga.connect(settings=away_settings) as client:
        yield client


@pytest.fixture
def away_processes(away_settings: Settings, plain_server: PlainServer) -> Iterator[Processes]:
    """Starts workers and controllers on the server that may be taken away; it is there when they end."""
    with Processes(away_settings) as started:
        yield started
        plain_server.start()
