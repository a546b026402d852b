"""What the worker observes after an action, for the run's own word alone proves nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shraga_models import (
    Artifact,
    Changes,
    CheckResult,
    Evidence,
    LogLevel,
    Permission,
    RunStatus,
    TaskOutput,
)
from shraga_models.durations import format_duration
from shraga_models.evidence import MOST_FILES

from . import proctree
from .actions.secrets import run_secrets
from .child import end_tree
from .engine import Outcome
from .workspace import Workspace, ask_git, git

if TYPE_CHECKING:
    from shraga_models import TaskSpec

    from .context import RunContext

MOST_TAIL = 2_000
CHECK_GRACE = 2.0
_PLAIN_GIT = (
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "diff.context=3"),
)
_DIFF = (
    *(*_PLAIN_GIT, "diff", "--cached", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames"),
    *("--diff-algorithm=myers", "--inter-hunk-context=0"),
)
"""What the repository's or the agent's own settings cannot bend."""


def observe(spec: TaskSpec, context: RunContext, outcome: Outcome, space: Workspace | None = None) -> Outcome:
    """Return the outcome with what was observed of it; a failed check fails the run, but for a person to judge.

    Nothing is observed of a run that goes on later, or was stopped.
    """
    if outcome.status not in (RunStatus.COMPLETED, RunStatus.FAILED):
        return outcome
    named = outcome.output.deliverables if outcome.output else ()
    folder = space.folder if space else context.folder
    check = _check(spec, context, folder) if outcome.status is RunStatus.COMPLETED else None
    artifacts = list(_artifacts(folder, named))
    evidence = Evidence(
        exit_code=outcome.exit_code,
        check=check,
        changes=observe_changes(space) if space else None,
        artifacts=tuple(artifacts),
        missing=tuple(_missing(named, artifacts)),
    )
    output = (outcome.output or TaskOutput()).model_copy(update={"evidence": evidence})
    seen = replace(outcome, output=output)
    if check is None or check.holds or spec.permission is Permission.SUPERVISED:
        return seen
    return replace(seen, status=RunStatus.FAILED, error=_unmet(check, spec))


def _unmet(check: CheckResult, spec: TaskSpec) -> str:
    if check.exit_code is None:
        limit = format_duration(spec.input.check_timeout)
        return f"The check took longer than its limit of {limit} (input.check_timeout)."
    last = next((line for line in reversed(check.tail.splitlines()) if line.strip()), "")
    return f"The check ended with exit code {check.exit_code}{f': {last[:300]}' if last else ''}."


# The check


def _check(spec: TaskSpec, context: RunContext, folder: Path) -> CheckResult | None:
    command = spec.input.check
    if not command:
        return None
    context.make_folder()
    context.write("system", LogLevel.INFO, f"Checking: {command}", "")
    began = time.monotonic()
    with tempfile.TemporaryFile() as printed:
        code = _run_check(command, folder, printed.fileno(), spec.input.check_timeout)
        printed.seek(max(0, os.fstat(printed.fileno()).st_size - 4 * MOST_TAIL))
        tail = run_secrets.mask(printed.read().decode("utf-8", "replace"))[-MOST_TAIL:]
    for line in tail.splitlines():
        context.write("stdout", LogLevel.INFO, line, "")
    seconds = round(time.monotonic() - began, 3)
    return CheckResult(command=command, exit_code=code, seconds=seconds, tail=tail)


def _run_check(command: str, folder: Path, output: int, longest: float) -> int | None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    proctree.own(process.pid)
    try:
        code = process.wait(longest)
        return code if code >= 0 else 128 - code
    except subprocess.TimeoutExpired:
        return None
    finally:
        end_tree(process, CHECK_GRACE)
        proctree.disown(process.pid)


# The folder


def observe_changes(space: Workspace) -> Changes | None:
    """Return what a worktree holds beyond its base, committed or not; None where git cannot say."""
    folder, base = space.folder, space.base
    head = ask_git(folder, "rev-parse", "HEAD")
    if not head or not base:
        return None
    with _whole_index(folder) as index:
        stat = ask_git(folder, *_DIFF, "--numstat", "-z", base, extra=index)
        loose = ask_git(folder, *_DIFF, "--name-only", "-z", "HEAD", extra=index)
        digest = _digest(folder, base, index)
    # Binary files have "-" for both numbers.
    counts = [line.split("\t", 2) for line in stat.split("\0") if line.count("\t") >= 2]
    return Changes(
        branch=ask_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD"),
        base=base,
        head=head,
        commits=int(ask_git(folder, "rev-list", "--count", f"{base}..HEAD") or 0),
        uncommitted=loose.count("\0"),
        files=len(counts),
        insertions=sum(int(count[0]) for count in counts if count[0].isdigit()),
        deletions=sum(int(count[1]) for count in counts if count[1].isdigit()),
        changed=tuple(count[2][:500] for count in counts[:MOST_FILES]),
        diff_sha256=digest if counts else "",
    )


@contextmanager
def _whole_index(folder: Path) -> Iterator[dict[str, str]]:
    """Give the environment of an index that holds all files of the folder; its own stays as it is."""
    with tempfile.TemporaryDirectory() as place:
        index = {"GIT_INDEX_FILE": str(Path(place, "index"))}
        git(folder, *_PLAIN_GIT, "add", "--all", extra=index)
        yield index


def _digest(folder: Path, base: str, index: dict[str, str]) -> str:
    with tempfile.TemporaryFile() as whole:
        git(folder, *_DIFF, "--binary", "--full-index", base, extra=index, output=whole.fileno())
        whole.seek(0)
        return hashlib.file_digest(whole, "sha256").hexdigest()


# Artifacts


def _artifacts(folder: Path, named: tuple[str, ...]) -> Iterator[Artifact]:
    root = folder.resolve()
    for name in named[:MOST_FILES]:
        try:
            path = (root / name).resolve()
            # A link that leads out of the folder would register somebody else's file.
            if path.is_relative_to(root) and path.is_file():
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                yield Artifact(name=name, address=str(path), size=path.stat().st_size, sha256=digest)
        except (OSError, ValueError):
            continue


def _missing(named: tuple[str, ...], found: list[Artifact]) -> Iterator[str]:
    there = {artifact.name for artifact in found}
    # An address elsewhere, such as a pull request's, is no file that could be there.
    return (name for name in named[:MOST_FILES] if name not in there and "://" not in name)
