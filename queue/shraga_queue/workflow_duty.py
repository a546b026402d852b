"""The leader's duty to workflows: whatever has happened to one since, it is moved on as far as it goes."""

from __future__ import annotations

import structlog

from .client import SyncDriver
from .errors import NotFound, ShragaError
from .operations import Operations
from .workflow_moves import WorkflowMoves

log = structlog.get_logger("shraga.workflows")


def advance_due(driver: SyncDriver) -> int:
    """Move on the workflows that something has happened to; returns how many there were."""
    moves = WorkflowMoves(Operations(driver.keys, "controller"))
    due = driver.drive(moves.due())
    for workflow_id in due:
        try:
            driver.drive(moves.advance(workflow_id))
        except NotFound:
            driver.drive(moves.forget_mark(workflow_id))
        except ShragaError as error:
            log.warning("a workflow could not be moved on", workflow=workflow_id, why=str(error))
    return len(due)
