"""`shraga artifacts`: what a task handed over."""

from __future__ import annotations

from .find import full_id
from .options import Invocation, Json, verb, verb_group
from .output import cell, print_json, print_table, say, to_terminal
from .read import TaskId

app = verb_group()
SHORT_HASH = 12


@app.command()
@verb
def artifacts(call: Invocation, task_id: TaskId, as_json: Json = False) -> None:
    """List the files a task's latest run handed over: name, size, hash, and where they are."""
    from shraga_queue.artifacts import artifacts_of

    with call.connect() as shraga:
        task = shraga.get(full_id(shraga, task_id))
    rows = artifacts_of(task)
    if as_json:
        print_json([row.to_json_object() for row in rows])
        return
    if not rows:
        say(f"the task {task.id} has handed over nothing")
        return
    cells = [
        (
            cell(row.name),
            "" if row.size is None else f"{row.size:,}" if to_terminal() else str(row.size),
            cell(row.media_type),
            row.sha256[:SHORT_HASH] if to_terminal() else cell(row.sha256),
            "here" if row.is_here else "",
            cell(row.address),
        )
        for row in rows
    ]
    print_table(("NAME", "BYTES", "TYPE", "SHA256", "HERE", "WHERE"), cells)
