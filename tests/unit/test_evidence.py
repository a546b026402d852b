"""What is observed of a run's result, whatever the run says of it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Agent, Evidence, Python, RunStatus, Shell, TaskOutput, TaskSpec, Verdict
from shraga_queue import proctree
from shraga_queue.actions import run_action
from shraga_queue.context import RunContext
from shraga_queue.engine import Outcome
from shraga_queue.evidence import observe, observe_changes
from shraga_queue.workspace import Workspace
from tests.repositories import git, make_repository
from tests.runs import make_context, written

DONE = Outcome(RunStatus.COMPLETED, exit_code=0)


def spec(**fields: Any) -> TaskSpec:
    """Return what is asked of a task."""
    return TaskSpec.model_validate({"name": "n", "action": Shell("x")} | fields)


def seen(outcome: Outcome) -> Evidence:
    """Return the evidence of an outcome."""
    assert outcome.output is not None and outcome.output.evidence is not None
    return outcome.output.evidence


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return make_context(tmp_path)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    folder = make_repository(tmp_path / "work", code_py="one\ntwo\n")
    return Workspace(folder, "main", git(folder, "rev-parse", "HEAD"), is_new=True)


def test_a_run_without_anything_to_observe_has_no_evidence(context: RunContext) -> None:
    outcome = run_action(
        spec(action=Python("tests.jobs:add", args={"a": 1, "b": 2})), context, ("tests.jobs",)
    )
    assert outcome.output is not None and (outcome.output.result, outcome.output.evidence) == (3, None)


def test_the_check_of_any_action_is_run(context: RunContext) -> None:
    asked = spec(action=Python("tests.jobs:add", args={"a": 1, "b": 2}), input={"check": "exit 1"})
    outcome = run_action(asked, context, ("tests.jobs",))
    assert outcome.status is RunStatus.FAILED
    assert outcome.output is not None and outcome.output.result == 3
    assert seen(outcome).check is not None


@pytest.mark.parametrize("status", [RunStatus.SUSPENDED, RunStatus.CANCELED, RunStatus.TIMEOUT])
def test_a_run_that_did_not_end_by_itself_is_not_observed(context: RunContext, status: RunStatus) -> None:
    outcome = Outcome(status)
    assert observe(spec(input={"check": "true"}), context, outcome) is outcome


def test_a_check_that_holds(context: RunContext) -> None:
    outcome = observe(spec(input={"check": "echo 12 pass; pwd"}), context, DONE)
    check = seen(outcome).check
    assert check is not None and check.holds
    assert check.tail == f"12 pass\n{context.folder}\n"
    assert outcome.status is RunStatus.COMPLETED and seen(outcome).exit_code == 0
    assert written(context, "stdout") == ["12 pass", str(context.folder)]


def test_a_check_that_does_not_hold_fails_the_run(context: RunContext) -> None:
    outcome = observe(spec(input={"check": "echo 2 fail; exit 3"}), context, DONE)
    assert (outcome.status, outcome.error) == (RunStatus.FAILED, "The check ended with exit code 3: 2 fail.")
    assert seen(outcome).check is not None


def test_a_supervised_result_is_a_persons_to_judge(context: RunContext) -> None:
    outcome = observe(spec(input={"check": "exit 3"}, permission="supervised"), context, DONE)
    check = seen(outcome).check
    assert outcome.status is RunStatus.COMPLETED
    assert check is not None and check.exit_code == 3


def test_a_check_that_hangs_is_ended_with_all_below_it(context: RunContext) -> None:
    command = "sleep 30 & echo $!; wait"
    outcome = observe(spec(input={"check": command, "check_timeout": "0.3s"}), context, DONE)
    check = seen(outcome).check
    assert check is not None and check.exit_code is None
    assert "limit of 0s (input.check_timeout)" in outcome.error
    assert not proctree.is_alive(int(check.tail))


def test_a_failed_action_is_not_checked(context: RunContext) -> None:
    failed = Outcome(RunStatus.FAILED, exit_code=1, error="no", output=TaskOutput(deliverables=("a",)))
    outcome = observe(spec(input={"check": "touch checked"}), context, failed)
    assert seen(outcome).check is None and not (context.folder / "checked").exists()


def test_the_claim_stands_beside_what_was_seen(context: RunContext, space: Workspace) -> None:
    claim = TaskOutput(summary="All fixed", verdict=Verdict(approved=True))
    outcome = observe(spec(action=Agent()), context, Outcome(RunStatus.COMPLETED, output=claim), space)
    changes = seen(outcome).changes
    assert outcome.output is not None and outcome.output.summary == "All fixed"
    assert changes is not None
    assert (changes.commits, changes.files, changes.diff_sha256, changes.head) == (0, 0, "", space.base)


def test_committed_and_loose_changes_are_counted(space: Workspace) -> None:
    (space.folder / "code.py").write_text("one\nthree\nfour\n")
    git(space.folder, "commit", "--quiet", "--all", "-m", "change")
    (space.folder / "new.bin").write_bytes(b"\0\1\2")
    (space.folder / "ümlaut ä.txt").write_text("x\n")
    index = (space.folder / ".git" / "index").read_bytes()
    changes = observe_changes(space)
    assert changes is not None
    assert (changes.branch, changes.base, changes.commits, changes.uncommitted) == ("main", space.base, 1, 2)
    assert (changes.files, changes.insertions, changes.deletions) == (3, 3, 1)
    assert changes.changed == ("code.py", "new.bin", "ümlaut ä.txt")
    assert (space.folder / ".git" / "index").read_bytes() == index


def test_the_hash_is_that_of_gits_own_difference(space: Workspace) -> None:
    (space.folder / "code.py").write_bytes(b"one\r\nthree\r\n")
    git(space.folder, "commit", "--quiet", "--all", "-m", "change")
    command = ["git", "diff", "--no-renames", "--binary", "--full-index", space.base]
    whole = subprocess.run(command, cwd=space.folder, capture_output=True, check=True).stdout
    changes = observe_changes(space)
    assert changes is not None and changes.diff_sha256 == hashlib.sha256(whole).hexdigest()


def test_the_repositorys_own_settings_bend_nothing(space: Workspace) -> None:
    git(space.folder, "config", "diff.external", "true")
    git(space.folder, "config", "diff.noprefix", "true")
    (space.folder / "code.py").write_text("changed\n")
    changes = observe_changes(space)
    assert changes is not None and (changes.files, changes.insertions) == (1, 1)


def test_a_folder_that_is_no_repository_any_more_has_no_changes(space: Workspace) -> None:
    gone = Workspace(space.folder.parent, "main", space.base, is_new=False)
    assert observe_changes(gone) is None


def test_deliverables_are_looked_for_in_the_folder_alone(context: RunContext, tmp_path: Path) -> None:
    folder = context.make_folder()
    (folder / "report.md").write_text("well\n")
    (tmp_path / "secret").write_text("s")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    named = ("report.md", "gone.md", "link", "../../../secret", "pipe", "a\0b", "https://host/pull/7")
    outcome = observe(spec(), context, Outcome(RunStatus.COMPLETED, output=TaskOutput(deliverables=named)))
    (artifact,) = seen(outcome).artifacts
    assert (artifact.name, artifact.size) == ("report.md", 5)
    assert artifact.sha256 == hashlib.sha256(b"well\n").hexdigest()
    assert artifact.address == str(folder / "report.md")
    assert seen(outcome).missing == ("gone.md", "link", "../../../secret", "pipe", "a\0b")
