"""How the long-running processes talk: one line a fact, on standard error."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import structlog


class _Steady:
    """Standard error as it is at the moment; a full disk or a closed terminal costs the line, not the process."""

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


_steady: Any = _Steady()


def configure_logs() -> None:
    """Write log lines to standard error, with colours on a terminal alone."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(_steady),
        cache_logger_on_first_use=False,
    )
