"""How the long-running processes talk: one line a fact, on standard error."""

from __future__ import annotations

import sys

import structlog


def configure_logs() -> None:
    """Write log lines to standard error, with colours on a terminal alone."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
        ],
        # Looked up anew each time: whoever redirects standard error means later lines too.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
