"""One virtual environment for each peer, made on demand: their requirements contradict each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .failed import Failed

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".bench"


def requirements(name: str) -> Path:
    """Return the file of pinned versions of an environment."""
    return HERE / "requirements" / f"{name}.txt"


def python_of(name: str) -> Path:
    """Return the Python of the environment `name`; it is made, or made anew, unless it has the pinned versions.

    Raises Failed if they cannot be installed.
    """
    wanted = requirements(name).read_text()
    folder = CACHE / name
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {' '.join(wanted.split())}", file=sys.stderr)
        try:
            _install(name, folder)
        except (OSError, subprocess.CalledProcessError):
            raise Failed("cannot be installed; what its installer said stands above") from None
        stamp.write_text(wanted)
    return python


def _install(name: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    install = f"-m pip install --quiet --disable-pip-version-check -r {requirements(name).name}"
    subprocess.run([folder / "bin" / "python", *install.split()], check=True, cwd=requirements(name).parent)
