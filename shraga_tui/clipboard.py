"""The programs that put a text on the clipboard of the machine the dashboard runs on."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping

LIMIT = 2.0
"""Seconds a program may take; one without a display may wait for ever."""


def programs(env: Mapping[str, str], platform: str) -> list[tuple[str, ...]]:
    """Return the commands that fit this machine's display, found or not."""
    if platform == "darwin":
        return [("pbcopy",)]
    wayland = [("wl-copy",)] if env.get("WAYLAND_DISPLAY") else []
    return [*wayland, ("xclip", "-selection", "clipboard")] if env.get("DISPLAY") else [*wayland]


async def copy(text: str) -> tuple[list[str], list[str]]:
    """Hand a text to the first program that takes it; returns the names of those that did, and that failed."""
    failed: list[str] = []
    for command in programs(os.environ, sys.platform):
        if shutil.which(command[0]) is None:
            continue
        if await _ran(command, text):
            return [command[0]], failed
        failed.append(command[0])
    return [], failed


async def _ran(command: tuple[str, ...], text: str) -> bool:
    nowhere = asyncio.subprocess.DEVNULL
    try:
        # Its output goes nowhere: xclip stays behind with the clipboard and would hold a pipe open.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=nowhere, stderr=nowhere
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode("utf-8", "replace")), LIMIT)
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0
