"""Fixtures shared by all tests: one real server for the session, a prefix of its own for each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.embedded import Embedded
from shraga_queue.engine import Engine
from tests.processes import Processes

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("shraga", deadline=None)
hypothesis.settings.load_profile("shraga")

for name in [name for name in os.environ if name.startswith("SHRAGA_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real embedded server that lives as long as the session."""
    settings = Settings(home=tmp_path_factory.mktemp("server"))
    yield Embedded.ensure(settings)
    Embedded.release(settings)
    Embedded.stop(settings)


@pytest.fixture
def settings(server_url: str, tmp_path: Path) -> Settings:
    """Settings for the session's server with a prefix that no other test uses."""
    return Settings(
        home=tmp_path / "home", redis_url=server_url, prefix=f"t{uuid.uuid4().hex[:10]}", user="tester"
    )


@pytest.fixture
def shraga(settings: Settings) -> Iterator[Shraga]:
    """A sync client on the session's server."""
    with Shraga.connect(settings=settings) as client:
        yield client


@pytest.fixture
def engine(shraga: Shraga) -> Engine:
    """What workers and controllers ask of the store."""
    return Engine(shraga.driver)


@pytest.fixture
def processes(settings: Settings) -> Iterator[Processes]:
    """Starts real workers and controllers for the test's prefix; all are ended with the test."""
    with Processes(settings) as started:
        yield started
