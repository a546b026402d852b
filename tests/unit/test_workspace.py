"""The worktree of a task's repository: made, kept on its branch, given back, refused."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Agent, TaskSpec
from shraga_queue.workspace import WorkspaceError, open_workspace
from tests.repositories import git, make_repository
from tests.runs import TASK, make_context

OTHER = "019abcde-0000-7000-8000-ba9876543210"


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "origin")


def spec(origin: Path, **fields: Any) -> TaskSpec:
    """Return what is asked of a task with a repository."""
    return TaskSpec.model_validate({"name": "n", "action": Agent(), "repository_url": str(origin)} | fields)


def test_a_new_task_has_a_branch_of_its_own_at_the_remotes_head(origin: Path, tmp_path: Path) -> None:
    with open_workspace(spec(origin), make_context(tmp_path)) as space:
        assert space.folder == tmp_path / "runs" / TASK / "1"
        assert (space.folder / "readme.md").read_text() == "hello\n"
        assert git(space.folder, "symbolic-ref", "--short", "HEAD") == "shraga/0123456789ab" == space.branch
        assert space.base == git(origin, "rev-parse", "HEAD")
        assert space.is_new
        assert space.folder.stat().st_mode & 0o777 == 0o700


def test_a_branch_of_the_remote_is_gone_on_with(origin: Path, tmp_path: Path) -> None:
    git(origin, "switch", "--quiet", "-c", "feature")
    (origin / "more.md").write_text("more\n")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "-m", "more")
    git(origin, "switch", "--quiet", "main")
    with open_workspace(spec(origin, branch="feature"), make_context(tmp_path)) as space:
        assert (space.folder / "more.md").exists()
        assert space.branch == "feature"


def test_the_clone_is_brought_up_to_date(origin: Path, tmp_path: Path) -> None:
    with open_workspace(spec(origin), make_context(tmp_path)):
        pass
    (origin / "later.md").write_text("later\n")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "-m", "later")
    with open_workspace(spec(origin), make_context(tmp_path, OTHER)) as space:
        assert (space.folder / "later.md").exists()


def test_a_run_that_goes_on_finds_its_folder_as_it_left_it(origin: Path, tmp_path: Path) -> None:
    with open_workspace(spec(origin), make_context(tmp_path)) as first:
        (first.folder / "draft.md").write_text("draft\n")
    with open_workspace(spec(origin), make_context(tmp_path, attempt=2, folder_attempt=1)) as second:
        assert second.folder == first.folder
        assert (second.folder / "draft.md").read_text() == "draft\n"
        assert (second.base, second.is_new) == (first.base, False)


def test_another_attempt_goes_on_from_what_was_committed(origin: Path, tmp_path: Path) -> None:
    with open_workspace(spec(origin), make_context(tmp_path)) as first:
        (first.folder / "kept.md").write_text("kept\n")
        git(first.folder, "add", "--all")
        git(first.folder, "commit", "--quiet", "-m", "kept")
        (first.folder / "loose.md").write_text("loose\n")
    with open_workspace(spec(origin), make_context(tmp_path, attempt=2)) as second:
        assert second.folder != first.folder
        assert (second.folder / "kept.md").exists() and not (second.folder / "loose.md").exists()
        assert second.base == first.base
        assert (first.folder / "loose.md").exists()


def test_a_branch_at_work_is_refused_and_lent_when_it_is_free(origin: Path, tmp_path: Path) -> None:
    shared = spec(origin, branch="shared")
    with (
        open_workspace(shared, make_context(tmp_path)) as first,
        pytest.raises(WorkspaceError, match=r"branch: another run .* works on shared") as refused,
        open_workspace(shared, make_context(tmp_path, OTHER)),
    ):
        pass
    assert refused.value.retry
    with open_workspace(shared, make_context(tmp_path, OTHER)) as second:
        (second.folder / "two.md").write_text("two\n")
        git(second.folder, "add", "--all")
        git(second.folder, "commit", "--quiet", "-m", "two")
    with open_workspace(shared, make_context(tmp_path, attempt=2, folder_attempt=1)) as third:
        assert third.folder == first.folder and (third.folder / "two.md").exists()
        assert git(third.folder, "symbolic-ref", "--short", "HEAD") == "shared"


@pytest.mark.parametrize("branch", ["-x", "a b", "a..b", "x.lock"])
def test_a_name_that_git_refuses_is_named(origin: Path, tmp_path: Path, branch: str) -> None:
    with (
        pytest.raises(WorkspaceError, match="is no name for a git branch") as refused,
        open_workspace(spec(origin, branch=branch), make_context(tmp_path)),
    ):
        pass
    assert not refused.value.retry


def test_a_repository_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(
            WorkspaceError, match=r"repository_url: .*nowhere cannot be fetched: .*Correct the address"
        ),
        open_workspace(spec(tmp_path / "nowhere"), make_context(tmp_path)),
    ):
        pass


def test_an_empty_repository_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    with (
        pytest.raises(WorkspaceError, match="has no commit to begin at"),
        open_workspace(spec(empty), make_context(tmp_path)),
    ):
        pass


def test_without_git_the_fix_is_said(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(WorkspaceError, match="this worker has no git; install it"),
        open_workspace(spec(origin), make_context(tmp_path)),
    ):
        pass


def test_a_secret_in_the_address_is_not_written_down(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDDEN_PLACE", str(origin.parent))
    named = spec(origin, repository_url="${env:HIDDEN_PLACE}/origin")
    with open_workspace(named, make_context(tmp_path)) as space:
        address = git(space.folder, "config", "remote.origin.url")
        assert address == "${env:HIDDEN_PLACE}/origin"
        assert (space.folder / "readme.md").exists()


def test_a_secret_that_is_missing_is_named(origin: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(
            WorkspaceError, match="repository_url: the worker has no environment variable NOT_THERE"
        ),
        open_workspace(spec(origin, repository_url="${env:NOT_THERE}/x"), make_context(tmp_path)),
    ):
        pass


def test_commits_have_an_author_where_the_host_has_none(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with open_workspace(spec(origin), make_context(tmp_path)) as space:
        (space.folder / "a").write_text("a")
        command = "git add a && git commit -q -m a && git log -1 --format=%an"
        done = subprocess.run(command, shell=True, cwd=space.folder, capture_output=True, text=True)
        assert done.stdout.strip() == "Shraga", done.stderr
