"""How long ended tasks are kept: the store's part, deleted in batches by the leader, and the folders of their runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import structlog

from shraga_models import Phase, TaskStatus

from .calls import Argument, Call, as_is
from .client import SyncDriver
from .codec import text
from .config import Settings
from .connect import connect_sync
from .engine import Engine
from .keys import Keys

log = structlog.get_logger("shraga.retention")

BATCH = 200
"""Tasks deleted by one call of the script."""
_ENDED_PHASES = tuple(phase.value for phase in Phase if phase.is_final)
_ENDED = tuple(status.value for status in TaskStatus if status.is_final)


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of ended tasks: seconds since the end, how many; 0 for no limit."""

    seconds: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Retention:
        """Return what the settings ask for."""
        return cls(settings.keep_finished, settings.keep_finished_count)

    def forget(self, engine: Engine, token: str, limit: int = BATCH) -> list[str] | None:
        """Delete at most `limit` ended tasks that need not be kept; returns them, or None when not leading."""
        if not self.seconds and not self.count:
            return []
        index = (engine.keys.make("index", status=TaskStatus.COMPLETED),)
        args: tuple[Argument, ...] = (token, int(self.seconds * 1000), self.count, limit, *_ENDED)

        def read(reply: list[bytes] | None) -> list[str] | None:
            return None if reply is None else [text(one) for one in reply]

        return engine.driver.call(Call(read, "forget", index, args))

    def forget_workflows(self, engine: Engine, token: str) -> int | None:
        """Delete workflows that ended longer ago than ended tasks are kept; returns how many, None when not leading."""
        if not self.seconds:
            return 0
        args: tuple[Argument, ...] = (token, int(self.seconds * 1000), BATCH, *_ENDED_PHASES)
        workflows = (engine.keys.make("workflows"),)
        gone: int | None = engine.driver.call(Call(as_is, "workflow_forget", workflows, args))
        return gone


def remove_folders(home: Path, tasks: list[str]) -> None:
    """Remove what the runs of deleted tasks left on this host."""
    for task in tasks:
        shutil.rmtree(home / "runs" / task, ignore_errors=True)


def sweep_folders(home: Path, engine: Engine) -> int:
    """Remove the folders of deleted tasks from a host without a controller; returns how many went.

    Only what the store names as deleted goes: another store's tasks may have their folders here too.
    """
    runs, gone = home / "runs", 0
    folders = (folder.name for folder in runs.iterdir()) if runs.is_dir() else iter(())
    while names := list(islice(folders, BATCH)):
        command = ("ZMSCORE", engine.keys.make("forgotten"), *names)
        scores = engine.driver.call(Call(as_is, command=command))
        deleted = [name for name, score in zip(names, scores, strict=True) if score is not None]
        remove_folders(home, deleted)
        gone += len(deleted)
    return gone


def run_sweep(settings: Settings) -> int:
    """Sweep this host's folders once; returns the process's exit code."""
    connection = connect_sync(settings, retries=3, socket_timeout=5.0)
    gone = sweep_folders(settings.home, Engine(SyncDriver(connection, Keys(settings.prefix))))
    if gone:
        log.info("removed the folders of deleted tasks", folders=gone)
    return 0
