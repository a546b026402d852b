"""The leader's duty to workflows: whatever has happened to one since, it is moved on as far as it goes."""

from __future__ import annotations

import time

import structlog
from redis.exceptions import RedisError

from .client import SyncDriver
from .errors import NotFound
from .operations import Operations
from .workflow_moves import WorkflowMoves

log = structlog.get_logger("shraga.workflows")

PATIENCE = 60.0
"""Seconds until a workflow that could not be moved on is tried again."""


class WorkflowDuty:
    """Moves workflows on; one that cannot be read or moved holds up none of the others."""

    def __init__(self, driver: SyncDriver) -> None:
        self._driver = driver
        self._moves = WorkflowMoves(Operations(driver.keys, "controller"))
        self._again_at: dict[str, float] = {}

    def __call__(self) -> None:
        now = time.monotonic()
        for workflow_id in self._driver.drive(self._moves.due()):
            if now >= self._again_at.get(workflow_id, 0.0):
                self._again_at.pop(workflow_id, None)
                self._advance(workflow_id)

    def _advance(self, workflow_id: str) -> None:
        try:
            self._driver.drive(self._moves.advance(workflow_id))
        except NotFound:
            # It was deleted with a mark left on it.
            self._driver.drive(self._moves.forget_mark(workflow_id))
        except (RedisError, OSError):
            raise
        except Exception:
            log.exception("a workflow could not be moved on", workflow=workflow_id)
            self._again_at[workflow_id] = time.monotonic() + PATIENCE
