"""How the long-running processes talk."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from rq.logutils import setup_loghandlers

from shraga_queue.logs import configure_logs


@pytest.fixture
def configured() -> Iterator[None]:
    rq = logging.getLogger("rq.worker")
    handlers, propagate = rq.handlers, rq.propagate
    configure_logs()
    yield
    rq.handlers, rq.propagate = handlers, propagate
    structlog.reset_defaults()


@pytest.mark.usefixtures("configured")
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
