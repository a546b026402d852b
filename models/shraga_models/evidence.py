"""What the worker itself observed of a run's result, to be set beside what the run says of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Model

Count = Annotated[int, Field(ge=0)]

MOST_FILES = 100
"""Changed files and artifacts that evidence names one by one."""


class CheckResult(Model):
    """How the task's check command ended."""

    command: str
    exit_code: int | None = None
    """None where it took too long and was ended."""
    seconds: float = 0.0
    tail: str = ""
    """The last of what it printed."""

    @property
    def holds(self) -> bool:
        """Whether the success criteria hold."""
        return self.exit_code == 0


class Changes(Model):
    """What a git folder holds beyond the commit its task began at, committed or not."""

    branch: str = ""
    base: str
    head: str
    commits: Count = 0
    """Commits since the base."""
    uncommitted: Count = 0
    """Files that differ from the last commit, new ones among them."""
    files: Count = 0
    insertions: Count = 0
    deletions: Count = 0
    changed: tuple[str, ...] = ()
    """The names of the changed files, at most `MOST_FILES` of them."""
    diff_sha256: str = ""
    """Of the whole difference to the base, in git's binary form; empty where there is none."""


class Artifact(Model):
    """A file that a run handed over (seeds: Shraga deliverables, DataOps file metadata); its bytes stay there."""

    name: str
    address: str
    size: Count
    sha256: str


class Evidence(Model):
    """What was observed after an action (seed: Shraga output.verdict, as far as it can be proved)."""

    exit_code: int | None = None
    check: CheckResult | None = None
    changes: Changes | None = None
    artifacts: tuple[Artifact, ...] = ()
    missing: tuple[str, ...] = ()
    """Deliverables that were named, and are no files of the execution folder."""
