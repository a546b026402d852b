"""`shraga doctor`, `schema`, `completions`: is all well, what do the records look like, what can be typed."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Annotated, Any

import typer

from shraga_queue.errors import InvalidInput

from .errors import TaskFailed
from .options import Invocation, Json, verb, verb_group
from .output import cell, data, print_json, to_terminal

app = verb_group()

RECORDS = (
    "Task",
    "NewTask",
    "Workflow",
    "NewWorkflow",
    "Run",
    "Worker",
    "User",
    "Event",
    "LogEntry",
    "AuditEntry",
)
SHELLS = ("bash", "zsh", "fish")
_MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


@app.command()
@verb
def doctor(call: Invocation, as_json: Json = False) -> None:
    """Examine the server, the workers and the queues; each finding says what to do. Exit 1 on a failure."""
    from shraga_queue.doctor import examine

    with call.connect() as shraga:
        findings = examine(shraga)
    if as_json:
        print_json([finding.to_json_object() for finding in findings])
    else:
        for finding in findings:
            mark = f"{_MARKS[finding.level]} " if to_terminal() else f"{finding.level}\t"
            data(f"{mark}{finding.check}: {cell(finding.says)}{f' -> {finding.do}' if finding.do else ''}")
    failed = sum(finding.level == "fail" for finding in findings)
    if failed:
        raise TaskFailed("" if as_json else f"{failed} of {len(findings)} checks failed.")


@app.command()
@verb
def schema(
    call: Invocation,
    record: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(RECORDS)}; all otherwise.", metavar="RECORD")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the JSON Schema of a record, or of all by name."""
    import shraga_models
    from shraga_models.schema import json_schema

    def shape(name: str) -> Any:
        return json_schema(getattr(shraga_models, name), stored=not name.startswith("New"))

    if record is None:
        print_json({name: shape(name) for name in RECORDS})
        return
    known = {name.lower(): name for name in RECORDS}
    if record.lower() not in known:
        raise InvalidInput("record", f"There is no record {record!r}: use one of {', '.join(RECORDS)}.")
    print_json(shape(known[record.lower()]))


@app.command()
@verb
def completions(
    call: Invocation,
    shell: Annotated[
        str | None, typer.Argument(help="bash, zsh or fish; your shell otherwise.", metavar="SHELL")
    ] = None,
) -> None:
    """Print the completion script of a shell: `source <(shraga completions bash)`."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    wanted = shell or PurePath(os.environ.get("SHELL", "")).name
    if wanted not in SHELLS:
        raise InvalidInput(
            "shell", f"There are no completions for {wanted!r}: use one of {', '.join(SHELLS)}."
        )
    data(get_completion_script(prog_name="shraga", complete_var="_SHRAGA_COMPLETE", shell=wanted))
