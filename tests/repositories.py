"""Real git repositories for tests, with nobody's settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_PLAIN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "tester",
    "GIT_AUTHOR_EMAIL": "tester@localhost",
    "GIT_COMMITTER_NAME": "tester",
    "GIT_COMMITTER_EMAIL": "tester@localhost",
}


def git(folder: Path, *args: str) -> str:
    """Run git in a folder and return what it prints; raises CalledProcessError."""
    command = ["git", "-c", "commit.gpgsign=false", *args]
    done = subprocess.run(command, cwd=folder, env=os.environ | _PLAIN, check=True, capture_output=True)
    return done.stdout.decode().strip()


def make_repository(folder: Path, **files: str) -> Path:
    """Return a new repository with one commit on `main`; a file's name has `_` for the dot."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in ({"readme_md": "hello\n"} | files).items():
        (folder / name.replace("_", ".")).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "begin")
    return folder
