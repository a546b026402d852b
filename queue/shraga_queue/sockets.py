"""Where a Unix socket of ours lies: in the data folder, or, where its path is too long for the kernel, near it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shraga_queue.errors import Unreachable

# The kernel allows 108 bytes on Linux and 104 on macOS, the closing NUL included.
MAX_SOCKET_PATH = 100


def socket_in(home: Path, name: str) -> Path:
    """Return HOME/name, or if that is too long for the kernel, a path in a short folder named after HOME."""
    direct = home / name
    if len(os.fsencode(direct)) <= MAX_SOCKET_PATH:
        return direct
    folder = f"shraga-{os.getuid()}-{hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]}"
    return next(path for path in _short_paths(folder, name) if len(os.fsencode(path)) <= MAX_SOCKET_PATH)


def _short_paths(folder: str, name: str) -> Iterator[Path]:
    for above in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir()):
        if above and os.path.isdir(above):
            yield Path(above, folder, name)
    yield Path("/tmp", folder, name)  # noqa: S108 - the folder is checked to be ours and private


def make_private(folder: Path, home: Path) -> None:
    """Make sure that nobody else can have made, or can reach, the folder of a socket; raises Unreachable."""
    if folder == home:
        return
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Unreachable(
            f"{folder} is not a private folder of yours; remove it or choose a shorter SHRAGA_HOME."
        )
