"""Run a command line; its output goes to the run's log as it appears."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

from shraga_models import MAX_FIELD_CHARACTERS, ExecutionDetails, RunStatus, Shell, TaskOutput

from .. import proctree
from ..context import RunContext
from ..conversation import Suspended
from ..door import Door
from ..engine import Outcome
from .secrets import run_secrets

RESULT = "SHRAGA_RESULT"
"""The variable with the path of the file whose content becomes the task's result."""
SUSPEND_GRACE = 2.0
"""Seconds a command has to leave once its run is suspended."""


def run_shell(action: Shell, context: RunContext, modules: tuple[str, ...]) -> Outcome:
    """Run `/bin/sh -c` in the execution folder; exit code 0 completes the run."""
    folder = str(context.make_folder())
    details = ExecutionDetails(execution_folder=folder)
    try:
        command = run_secrets.resolve(action.command)
        given = {name: run_secrets.resolve(value) for name, value in action.env.items()}
    except LookupError as error:
        return Outcome(RunStatus.FAILED, error=f"{error}.", execution=details, retry=False)
    with Door(context) as door:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd=action.cwd or folder,
                env=door.let_in(os.environ | {RESULT: f"{folder}/result"} | given),
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            reason = f"The command could not be started: {error.strerror or error} ({error.filename})."
            return Outcome(RunStatus.FAILED, error=reason, execution=details)
        outcome = _ended(_wait(process, door), details)
    return replace(outcome, output=_output(Path(folder, "result"))) if outcome.exit_code == 0 else outcome


def _output(file: Path) -> TaskOutput | None:
    """What the command left in the file it was told of: JSON where it is, else text; of a larger one nothing."""
    try:
        with file.open(encoding="utf-8", errors="replace") as said:
            text = said.read(MAX_FIELD_CHARACTERS + 1)
    except OSError:
        return None
    if len(text) > MAX_FIELD_CHARACTERS:
        return TaskOutput(
            summary=f"The result has more than {MAX_FIELD_CHARACTERS:,} characters and is not kept."
        )
    try:
        return TaskOutput(result=json.loads(text))
    except ValueError:
        return TaskOutput(result=text.removesuffix("\n"))


def _wait(process: subprocess.Popen[bytes], door: Door) -> int:
    proctree.own(process.pid)
    try:
        with proctree.ending(process.pid) as (end, look_every):
            while process.poll() is None:
                door.listen(end, look_every)
        return process.wait()
    except Suspended:
        proctree.end_below(os.getpid(), SUSPEND_GRACE)
        process.wait()
        raise
    except BaseException:
        # The run was asked to stop: pass it on to the whole tree, and let the worker's grace run.
        proctree.send([process.pid, *proctree.descendants(os.getpid())], signal.SIGTERM)
        process.wait()
        raise
    finally:
        proctree.disown(process.pid)


def _ended(code: int, details: ExecutionDetails) -> Outcome:
    if code == 0:
        return Outcome(RunStatus.COMPLETED, exit_code=0, execution=details)
    if code < 0:
        name = proctree.signal_name(-code)
        return Outcome(
            RunStatus.FAILED,
            exit_code=128 - code,
            error=f"The command was ended by {name}.",
            execution=details,
        )
    return Outcome(
        RunStatus.FAILED, exit_code=code, error=f"The command ended with exit code {code}.", execution=details
    )
