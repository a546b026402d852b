"""What a step's run is told at its start: looked up by its slot, put into its action by its horse."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shraga_models import Action
from shraga_models.step_values import fill_values

from .client import SyncDriver
from .engine import Claim
from .errors import InvalidInput, NotFound
from .operations import Operations
from .submission import invalid
from .workflow_moves import WorkflowMoves

FIELD = "inputs"
_MARK = '"workflow_id"'


def may_be_step(claim: Claim) -> bool:
    """Whether the claim could be that of a workflow's step, as far as can be told without asking the store."""
    return _MARK in claim.fields.get("spec", "")


def workflow_of(claim: Claim) -> str:
    """Return the id of the workflow that a claim says it is a step of; empty for none."""
    return (json.loads(claim.fields["spec"]).get("workflow_id") or "") if may_be_step(claim) else ""


def with_inputs(driver: SyncDriver, claim: Claim) -> Claim:
    """Return a step's claim with what it may know of its workflow; Redis's own errors pass through."""
    workflow_id = workflow_of(claim)
    if not workflow_id:
        return claim
    try:
        known = driver.drive(
            WorkflowMoves(Operations(driver.keys, "worker")).inputs(workflow_id, claim.task_id)
        )
    except NotFound:
        # A task may carry any id there: it is a label of the submitter's then.
        return claim
    return replace(claim, fields=claim.fields | {FIELD: json.dumps(known)})


def inputs_of(claim: Claim) -> dict[str, Any]:
    """Return what a claim brought along, empty for a task that is no step."""
    found: dict[str, Any] = json.loads(claim.fields.get(FIELD, "{}"))
    return found


def filled_action(action: Action, inputs: dict[str, Any]) -> Action:
    """Return a step's action with what it takes over put in; raises InvalidInput naming what is not there."""
    if not inputs:
        return action
    body = action.model_dump(mode="json")
    try:
        filled = fill_values(body, inputs)
        found: Action = action if filled == body else TypeAdapter(Action).validate_python(filled)
    except LookupError as error:
        raise InvalidInput("action", f"action: {error.args[0]}.") from None
    except ValidationError as error:
        raise invalid(error) from None
    return found
