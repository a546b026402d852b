"""Opens the dashboard; nothing here loads Textual before it is needed."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import TYPE_CHECKING

from shraga_queue.config import Settings
from shraga_queue.errors import Refused

if TYPE_CHECKING:
    from shraga_queue import AsyncShraga


def connection_label(settings: Settings) -> str:
    """Return what the header calls the connection: the context, `embedded`, or the url without secrets."""
    from shraga_queue.connect_errors import redact

    if settings.context:
        return settings.context
    return redact(settings.redis_url) if settings.redis_url else "embedded"


def run_dashboard(settings: Settings, *, notice: str | None = None, settle_s: float = 0.0) -> int:
    """Show the dashboard until the operator leaves and return the exit status.

    `settle_s` are the seconds for which workers of its own may still be coming up.

    Raises Unreachable if the embedded server cannot run; another Redis that is away shows as a banner.
    """
    if not sys.stdout.isatty():
        raise Refused(
            "The dashboard needs a terminal; `shraga list`, `show` and `events` say the same in text."
        )
    # At 60 frames a second the frame after a key press waits up to 34 ms; Textual reads this once.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    # Nothing made until the first paint is garbage; the app collects again from then on.
    gc.disable()
    return asyncio.run(_run(settings, notice, settle_s))


async def _run(settings: Settings, notice: str | None, settle_s: float) -> int:
    from shraga_queue import AsyncShraga
    from shraga_tui.app import ShragaApp
    from shraga_tui.preferences import read_preferences

    preferences = read_preferences(settings)
    source = AsyncShraga.connect(settings=settings)
    app = ShragaApp(
        source,
        user=settings.user,
        label=connection_label(settings),
        notice=notice,
        preferences=preferences,
        on_terminal=True,
        settle_s=settle_s,
    )
    try:
        await app.run_async()
    finally:
        await _close(source)
    return app.return_code or 0


async def _close(source: AsyncShraga) -> None:
    try:
        await asyncio.wait_for(source.close(), 1.0)
    except TimeoutError:
        # A server that hangs must not keep the terminal.
        pass
