"""The execution folder of a task with a repository: a git worktree on a branch of its own, of a clone kept here."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from .actions.secrets import run_secrets
from .errors import Refused

if TYPE_CHECKING:
    from shraga_models import TaskSpec

    from .context import RunContext

_NEVER_ASK = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_OPTIONAL_LOCKS": "0",
}
_NEVER_HANG = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60")
_OF_OTHERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
"""What a worker started inside a git hook would carry to every repository."""


class WorkspaceError(Refused):
    """The folder cannot be made; the message names the field and the fix. `retry`: whether time could help."""

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a task works; `base` is the commit its work began at and `is_new` says that it holds none yet."""

    folder: Path
    branch: str
    base: str
    is_new: bool


def git(
    folder: Path, *args: str, extra: dict[str, str] | None = None, output: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder without ever asking a person; raises WorkspaceError where there is no git."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_OTHERS}
    env = {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=20"} | kept | _NEVER_ASK | (extra or {})
    try:
        return subprocess.run(
            ["git", *_NEVER_HANG, *args],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise WorkspaceError(
            "repository_url: this worker has no git; install it, or give the task a capability "
            "that only workers with git have."
        ) from None


def ask_git(folder: Path, *args: str, extra: dict[str, str] | None = None) -> str:
    """Return what git prints, without its line's end; empty where it fails."""
    done = git(folder, *args, extra=extra)
    return done.stdout.decode("utf-8", "replace").strip("\n") if done.returncode == 0 else ""


@contextmanager
def open_workspace(spec: TaskSpec, context: RunContext) -> Iterator[Workspace]:
    """Give the worktree of a task's repository, its branch kept from other runs of this host for as long.

    It is made where it is missing and taken as it is where the run goes on. Raises WorkspaceError.
    """
    url = spec.repository_url or ""
    clone = Path(
        context.home, "repositories", f"{_short_name(url)}-{sha256(url.encode()).hexdigest()[:12]}.git"
    )
    branch = spec.branch or f"shraga/{context.task_id[-12:]}"
    clone.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(clone / f"shraga-{sha256(branch.encode()).hexdigest()[:12]}.lock") as is_free:
        if not is_free:
            raise WorkspaceError(
                f"branch: another run on this worker's host works on {branch} at the moment; "
                "give the task a branch of its own, or let it wait for the other one.",
                retry=True,
            )
        with _locked(clone / "shraga.lock", wait=True):
            space = _prepare(clone, url, branch, context)
        yield space


def _short_name(url: str) -> str:
    last = url.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", last).strip("-.")[:40] or "repository"


@contextmanager
def _locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock that ends with this process, whatever ends it; gives whether it was to be had."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def _prepare(clone: Path, url: str, branch: str, context: RunContext) -> Workspace:
    folder = context.folder
    known = f"shraga.{context.task_id}.base"
    if (folder / ".git").exists():
        _return_to(clone, folder, branch)
        base = ask_git(clone, "config", "--get", known) or _commit(folder, "HEAD")
        return Workspace(folder, branch, base, is_new=False)
    _check_branch(clone.parent, branch)
    _update(clone, url)
    start = _start_of(clone, branch)
    git(clone, "worktree", "prune")
    _make_way(clone, branch)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _must(clone, "worktree", "add", "--quiet", "--no-track", "-B", branch, str(folder), start)
    folder.chmod(0o700)
    base = ask_git(clone, "config", "--get", known)
    if not base:
        base = _commit(folder, "HEAD")
        _must(clone, "config", known, base)
    return Workspace(folder, branch, base, is_new=True)


def _update(clone: Path, url: str) -> None:
    """Bring the clone up to date; the address that holds a secret is never written down."""
    try:
        address = run_secrets.resolve(url)
    except LookupError as error:
        raise WorkspaceError(f"repository_url: {error}.") from None
    if not (clone / "HEAD").exists():
        _must(clone, "init", "--quiet", "--bare", ".")
    settled = {"remote.origin.url": url, "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*"}
    # Written down here, since an agent may be given a home of its own, where git knows nobody.
    email = f"shraga@{socket.gethostname()}"
    for name, otherwise in {"user.name": "Shraga", "user.email": email}.items():
        settled[name] = ask_git(clone, "config", "--includes", name) or otherwise
    for name, value in settled.items():
        _must(clone, "config", name, value)
    instead = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{address}.insteadOf",
        "GIT_CONFIG_VALUE_0": url,
    }
    done = git(clone, "fetch", "--quiet", "--prune", "origin", extra=instead if address != url else None)
    if done.returncode:
        raise WorkspaceError(
            f"repository_url: {url} cannot be fetched: {_why(done)}. Correct the address, "
            "or give the worker's user access to it without a password prompt.",
            retry=True,
        )
    git(clone, "remote", "set-head", "origin", "--auto", extra=instead if address != url else None)


def _check_branch(folder: Path, branch: str) -> None:
    if branch.startswith("-") or git(folder, "check-ref-format", f"refs/heads/{branch}").returncode:
        raise WorkspaceError(
            f"branch: {branch!r} is no name for a git branch; use letters, digits, '/', '-' and '.'."
        )


def _start_of(clone: Path, branch: str) -> str:
    """Return where the branch goes on, or the remote's own head for a new one."""
    for ref in (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}", "refs/remotes/origin/HEAD"):
        if found := _commit(clone, ref):
            return found
    raise WorkspaceError("repository_url: the repository has no commit to begin at; push one to it.")


def _commit(folder: Path, ref: str) -> str:
    return ask_git(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")


def _make_way(clone: Path, branch: str, but: Path | None = None) -> None:
    """Let the folder of an earlier run go of the branch; it keeps its files and its commit."""
    for entry in ask_git(clone, "worktree", "list", "--porcelain").split("\n\n"):
        lines = entry.splitlines()
        if f"branch refs/heads/{branch}" in lines:
            holder = Path(lines[0].removeprefix("worktree "))
            if holder.is_dir() and holder != but:
                _must(holder, "checkout", "--quiet", "--detach")


def _return_to(clone: Path, folder: Path, branch: str) -> None:
    """Bring the folder of a run that goes on back to its branch, where another run has had it meanwhile."""
    if git(folder, "symbolic-ref", "--quiet", "HEAD").returncode == 0:
        return
    _make_way(clone, branch, but=folder)
    _must(folder, "checkout", "--quiet", branch, "--")


def _must(folder: Path, *args: str) -> None:
    done = git(folder, *args)
    if done.returncode:
        raise WorkspaceError(f"repository_url: `git {args[0]}` failed in {folder}: {_why(done)}.", retry=True)


def _why(done: subprocess.CompletedProcess[bytes]) -> str:
    told = done.stderr.decode("utf-8", "replace")
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    plain = re.sub(r"^(fatal|error): ", "", said).rstrip(".")
    return run_secrets.mask(plain or f"it ended with exit code {done.returncode}")[:500]
