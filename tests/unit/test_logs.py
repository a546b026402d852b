"""Log lines go to standard error, and never end who writes them."""

from __future__ import annotations

import errno
import io

import pytest
import structlog

from shraga_queue.logs import configure_logs


@pytest.fixture(autouse=True)
def configured() -> object:
    configure_logs()
    yield
    structlog.reset_defaults()


def test_a_line_goes_to_standard_error_as_it_is_at_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.get_logger("test")
    for stream in (io.StringIO(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        log.warning("said", why="so")
        assert "said" in stream.getvalue()


class FullDisk(io.StringIO):
    """A stream to a file for which there is no room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_without_room_costs_the_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.get_logger("test")
    monkeypatch.setattr("sys.stderr", FullDisk())
    log.warning("lost")
    later = io.StringIO()
    monkeypatch.setattr("sys.stderr", later)
    log.warning("kept")
    assert "kept" in later.getvalue()
    assert "lost" not in later.getvalue()
