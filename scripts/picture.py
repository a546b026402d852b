"""Take the README's picture: the board over a real demo that has run for a while."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["TZ"] = "UTC"

from shraga_queue import AsyncShraga
from shraga_queue.client import Shraga
from shraga_queue.demo_run import Workload, demo_house, file_server, keep_arriving
from shraga_queue.demo_scenes import Scenes, make_repository
from shraga_tui.app import ShragaApp

TARGET = Path(__file__).parent.parent / "docs" / "images" / "board.svg"
SECONDS = 32.0
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def take() -> None:
    """Run the demo, look at it, and write what is seen."""
    stopping = threading.Event()
    with demo_house() as (settings, _), file_server() as files:

        def arrive() -> None:
            with Shraga.connect(settings=settings) as shraga:
                keep_arriving(shraga, Workload(files), Scenes(make_repository(settings.home)), stopping)

        arrivals = threading.Thread(target=arrive)
        arrivals.start()
        app = ShragaApp(AsyncShraga.connect(settings=settings), user="alice", label="embedded")
        async with app.run_test(size=(132, 40)) as pilot:
            await asyncio.sleep(SECONDS)
            await pilot.press("l")
            await pilot.pause()
            picture = app.export_screenshot(title="shraga")
        stopping.set()
        arrivals.join()
    # The fonts' addresses would make the picture ask a foreign server when it is looked at.
    TARGET.write_text(FONT.sub("", picture))


if __name__ == "__main__":
    asyncio.run(take())
