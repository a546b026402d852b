"""How the long-running processes talk: on standard error, all lines alike, and never ending who writes them."""

from __future__ import annotations

import errno
import io
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from rq.logutils import setup_loghandlers

from shraga_queue.logs import configure_logs


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    rq = logging.getLogger("rq.worker")
    handlers, propagate = rq.handlers, rq.propagate
    configure_logs()
    yield
    rq.handlers, rq.propagate = handlers, propagate
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


def test_what_rq_logs_looks_as_all_other_lines(capsys: pytest.CaptureFixture[str]) -> None:
    setup_loghandlers("WARNING")
    logging.getLogger("rq.worker").warning("Worker %s: gone; trying again", "w.1")
    structlog.get_logger("shraga.worker").warning("waiting for Redis")
    captured = capsys.readouterr()
    assert captured.out == ""
    for line, said in zip(
        captured.err.splitlines(), ("Worker w.1: gone; trying again", "waiting for Redis"), strict=True
    ):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[warning  \] " + re.escape(said), line)
