"""Artifacts: the files a run hands over; their bytes stay in its execution folder, as long as its task is kept."""

from __future__ import annotations

import mimetypes
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shraga_models import ExecutionDetails, Task, TaskOutput, run_id

if TYPE_CHECKING:
    from .context import RunContext
    from .engine import Outcome


def with_artifacts(outcome: Outcome, context: RunContext) -> Outcome:
    """Return the outcome with what the run has handed over among its deliverables."""
    if not context.artifacts:
        return outcome
    output = outcome.output or TaskOutput()
    named = tuple(dict.fromkeys((*output.deliverables, *context.artifacts)))
    where = outcome.execution or ExecutionDetails(execution_folder=str(context.folder))
    return replace(outcome, output=output.model_copy(update={"deliverables": named}), execution=where)


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """A deliverable of a task's latest run (seeds: Shraga deliverables, DataOps file metadata)."""

    name: str
    address: str
    """Its path on the worker's host, or its address elsewhere."""
    media_type: str
    size: int | None
    """Bytes; None where it was not measured."""
    sha256: str
    task_id: str
    run_id: str
    is_here: bool
    """Whether it is there on this host."""

    def to_json_object(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def artifacts_of(task: Task) -> list[ArtifactRow]:
    """Return what the latest run of a task handed over, with what was observed of it."""
    if task.output is None:
        return []
    measured = {one.name: one for one in task.output.evidence.artifacts} if task.output.evidence else {}
    rows = []
    for name in dict.fromkeys((*task.output.deliverables, *measured)):
        found = measured.get(name)
        address = found.address if found else _address(name, task.execution_details.execution_folder)
        rows.append(
            ArtifactRow(
                name=name,
                address=address,
                media_type=mimetypes.guess_type(name)[0] or "",
                size=found.size if found else None,
                sha256=found.sha256 if found else "",
                task_id=task.id,
                run_id=run_id(task.id, task.attempt),
                is_here=_is_here(address),
            )
        )
    return rows


def _address(name: str, folder: str | None) -> str:
    return name if "://" in name or not folder else str(Path(folder, name))


def _is_here(address: str) -> bool:
    try:
        return "://" not in address and Path(address).is_absolute() and Path(address).is_file()
    except (OSError, ValueError):
        return False
