"""Snapshots look the same on every machine: no terminal settings, one time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import tests.tui  # noqa: F401


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
