"""The function RQ's job of a task names, so that RQ's tools have something true to show."""

from __future__ import annotations


def perform(task_id: str) -> None:
    """Refuse to run a task outside a Shraga worker; raises RuntimeError saying what to do."""
    raise RuntimeError(
        f"Task {task_id} is run by `shraga worker`, which leases and fences it. A plain `rq worker` "
        "took it from the queue; the controller puts it back. Give that worker other queues."
    )
