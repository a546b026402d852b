"""The keeper: the small process that starts valkey-server, restarts it, and ends it after the last user.

Run by file (`python -I -S embedded_keeper.py HOME SOCKET BINARY`), so it starts in milliseconds and imports
the standard library only. It answers its starter with one line on standard output: `ok`, `repaired <copy>`,
`taken` (another keeper is there) or `failed <sentences>`. Three flocks in HOME tell everything, and the
kernel drops each of them even after kill -9:

users.lock    shared by every user process; the keeper ends the server once it gets it exclusively
keeper.lock   held by the keeper; holds its pid and socket path as text
server.lock   held by the keeper and inherited by valkey-server: two servers never share one data folder
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable

TICK = 0.5
START_LIMIT = 15.0
STOP_LIMIT = 10.0
ORPHAN_LIMIT = 1.0
SETTLED = 5.0
MAX_BACKOFF = 5.0
BROKEN_AOF = b"Bad file format reading the append only file"


def ask(path: str, command: bytes = b"PING\r\n", timeout: float = 1.0) -> bytes:
    """Return the start of the server's reply on the Unix socket at `path`, or b"" if nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(path)
            connection.sendall(command)
            return connection.recv(65536)
        except OSError:
            return b""


def serves(answer: bytes) -> bool:
    """Whether the answer to PING is that of a server that can be read, be it that its disk takes no writes."""
    return answer.startswith((b"+PONG", b"-MISCONF"))


def lock(path: str, operation: int) -> int | None:
    """Return a close-on-exec descriptor that holds the flock, or None if somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def server_pid(path: str) -> int:
    """Return the process id of the server on the Unix socket at `path`, or 0."""
    for line in ask(path, b"INFO server\r\n").splitlines():
        if line.startswith(b"process_id:"):
            return int(line.partition(b":")[2])
    return 0


def note(text: str) -> None:
    """Append one dated line to the keeper's log, its standard error."""
    with contextlib.suppress(OSError):
        os.write(2, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode())


def death_pact() -> Callable[[], object]:
    """Return what a child calls so that the kernel ends it with its parent; outside Linux it does nothing."""
    if sys.platform != "linux":
        return lambda: None
    import ctypes

    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(1, signal.SIGTERM)


class Broken(Exception):
    """The server does not come up; the message is for a person."""


class Keeper:
    """Parent of one valkey-server; raises Broken if it cannot come up."""

    def __init__(self, home: str, path: str, binary: str) -> None:
        self.home = home
        self.path = path
        self.binary = binary
        self.data = os.path.join(home, "data")
        self.log = os.path.join(home, "valkey.log")
        self.server_lock: int | None = None
        self.server = 0
        self.adopted = False
        self.started = 0.0
        self.terminated = False
        self.copy = ""
        self.wakeup, self._writer = os.pipe()

    def obey_signals(self) -> None:
        """Let SIGTERM end this process cleanly, and the end of the server wake it."""
        for descriptor in (self.wakeup, self._writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, *_: object) -> None:
        self.terminated = True

    def wait(self, seconds: float) -> None:
        """Sleep until a signal comes, `seconds` at most."""
        if select.select([self.wakeup], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wakeup, 4096)

    def arguments(self) -> list[str]:
        """The command line of the server: a private socket, every write in the append-only file."""
        options = {
            "port": "0",
            "unixsocket": self.path,
            "unixsocketperm": "700",
            "dir": self.data,
            "logfile": self.log,
            "pidfile": os.path.join(self.home, "valkey.pid"),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",
            "stop-writes-on-bgsave-error": "no",
            "maxmemory-policy": "noeviction",
            "hash-max-listpack-value": "1024",
            "hash-max-listpack-entries": "512",
        }
        return [self.binary, *(word for name, value in options.items() for word in (f"--{name}", value))]

    def start(self) -> None:
        """Start a server, or adopt the one a killed keeper left; repair a corrupt append-only file once."""
        if not self._adopt():
            self._settle()
            tail = self._launch()
            if tail is not None and BROKEN_AOF in tail and self._repair():
                tail = self._launch()
            if tail is not None and not self.terminated:
                raise Broken(self._explain(tail))
        self.started = time.monotonic()

    def _settle(self) -> None:
        """Make sure of the data folder, also when a repair was interrupted between its two renames."""
        if not os.path.exists(self.data) and os.path.exists(f"{self.data}.repaired"):
            os.rename(f"{self.data}.repaired", self.data)
        # Not makedirs: a home that somebody has removed must not come back.
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.data, 0o700)

    def _adopt(self) -> bool:
        """Take the server's lock; or, if a server keeps it and serves on our socket, look after that one."""
        begin = time.monotonic()
        while self.server_lock is None:
            self.server_lock = lock(os.path.join(self.home, "server.lock"), fcntl.LOCK_EX)
            waited = time.monotonic() - begin
            # On Linux the server of a killed keeper is on its way out, so it gets a moment first.
            if self.server_lock is None and waited > ORPHAN_LIMIT:
                self.server = server_pid(self.path)
                self.adopted = bool(self.server)
                if self.adopted:
                    return True
            if waited > START_LIMIT:
                raise Broken(
                    f"A server that does not answer on {self.path} still uses {self.data}. "
                    "Find it with 'ps', end it and try again."
                )
            if self.server_lock is None:
                self.wait(0.01)
        return False

    def _launch(self) -> bytes | None:
        """Return None once the server answers, or what it wrote to its log if it ended instead."""
        log = os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        offset = os.lseek(log, 0, os.SEEK_END)
        try:
            self.server, self.adopted = self._fork(log), False
            deadline = time.monotonic() + START_LIMIT
            while not self.terminated:
                answer = ask(self.path)
                if serves(answer):
                    return None
                if not self.alive():
                    return os.pread(log, 1 << 20, offset)
                if answer.startswith(b"-LOADING"):
                    # A large file takes its time, and the server shows that it is at work.
                    deadline = time.monotonic() + START_LIMIT
                if time.monotonic() > deadline:
                    self.stop()
                    return os.pread(log, 1 << 20, offset)
                self.wait(0.003)
            return None
        finally:
            os.close(log)

    def _fork(self, log: int) -> int:
        die_with_parent = death_pact()
        keeper = os.getpid()
        child = os.fork()
        if child:
            return child
        try:
            die_with_parent()
            if os.getppid() == keeper:
                null = os.open(os.devnull, os.O_RDWR)
                for target, source in enumerate((null, log, log)):
                    os.dup2(source, target)
                if self.server_lock is not None:
                    os.set_inheritable(self.server_lock, True)
                os.execv(self.binary, self.arguments())  # noqa: S606 - no shell is wanted
        except OSError as error:
            note(f"{self.binary} cannot be run: {error}")
        finally:
            os._exit(127)

    def alive(self) -> bool:
        """Whether the server process still runs; forgets its pid once it has ended."""
        try:
            if self.adopted and self.server:
                os.kill(self.server, 0)
            elif self.server and os.waitpid(self.server, os.WNOHANG)[0]:
                self.server = 0
        except (ChildProcessError, ProcessLookupError):
            self.server = 0
        return bool(self.server)

    def _repair(self) -> bool:
        """Put a copy of the data, cut at the first bad byte, in its place; the original stays beside it."""
        import shutil

        attempt, repaired = f"{self.data}.repairing", f"{self.data}.repaired"
        for leftover in (attempt, repaired):
            shutil.rmtree(leftover, ignore_errors=True)
        try:
            shutil.copytree(self.data, attempt)
            if not self._cut(os.path.join(attempt, "appendonlydir")):
                shutil.rmtree(attempt, ignore_errors=True)
                return False
            self.copy = f"{self.data}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
            os.rename(attempt, repaired)
            os.rename(self.data, self.copy)
            os.rename(repaired, self.data)
        except OSError as error:
            raise Broken(
                f"The data in {self.data} is corrupt and was left as it is, because it could not be copied "
                f"for repair: {error}. Free disk space or correct the mode of {self.home}, then try again."
            ) from None
        note(f"the data was corrupt and has been cut at the first bad byte; the original is {self.copy}")
        return True

    def _cut(self, folder: str) -> bool:
        """Cut the newest increment with the server's own checker; it cannot check the snapshot before it."""
        import subprocess

        with open(os.path.join(folder, "appendonly.aof.manifest")) as manifest:
            increments = [line.split()[1] for line in manifest if line.split()[-1:] == ["i"]]
        if not increments:
            return False
        # Both servers are their own checker when they are called by that name.
        name = os.path.basename(self.binary).replace("server", "check-aof")
        command = [name, "--fix", os.path.join(folder, increments[-1])]
        done = subprocess.run(command, executable=self.binary, input=b"y\n", capture_output=True)
        note(f"{name}: {done.stdout.decode(errors='replace').strip()}")
        return done.returncode == 0

    def _explain(self, tail: bytes) -> str:
        lines = tail.decode(errors="replace").strip().splitlines() or ["it wrote no log"]
        complaints = [line for line in lines if " # " in line and "WARNING Memory" not in line]
        words = (complaints or lines)[-1].rpartition(" # ")[2].strip().rstrip(".")
        kept = f" A copy of the data from before the repair is {self.copy}." if self.copy else ""
        return (
            f"The embedded server does not start: {words}. Its log is {self.log}, its data is {self.data}, "
            f"and nothing was deleted.{kept} Correct the cause or restore a backup of that folder, "
            "or set SHRAGA_REDIS_URL to use another Redis."
        )

    def stop(self) -> None:
        """End the server cleanly; one that does not obey in time is killed, which its file survives."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + STOP_LIMIT
            if self.alive():
                os.kill(self.server, sign)
            while self.alive() and time.monotonic() < deadline:
                self.wait(0.01)

    def run(self) -> None:
        """Keep the server up until told to end or until the last user is gone."""
        backoff = 0.0
        while not self.terminated and self._wanted():
            self.wait(TICK)
            server, reachable = self.server, os.path.exists(self.path)
            if (self.alive() and reachable) or self.terminated:
                continue
            self.stop()
            settled = time.monotonic() - self.started > SETTLED
            backoff = 0.0 if settled else min(MAX_BACKOFF, backoff * 2 or 0.05)
            what = "ended unexpectedly" if reachable else "has lost its socket"
            note(f"the server {server} {what}; starting it again in {backoff} s")
            self.wait(backoff)
            self.start()
        self.stop()

    def _wanted(self) -> bool:
        if os.path.exists(os.path.join(self.home, "keep")):
            return True
        # The descriptor stays open on purpose: whoever comes now waits until this process has ended.
        return lock(os.path.join(self.home, "users.lock"), fcntl.LOCK_EX) is None


def claim(home: str, path: str) -> int | None:
    """Take keeper.lock and write pid, socket and machine into it; None if another keeper has it."""
    deadline = time.monotonic() + 1.0
    # Those who only look whether a keeper is there hold the lock for an instant, so one refusal says nothing.
    while (descriptor := lock(os.path.join(home, "keeper.lock"), fcntl.LOCK_EX)) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.002)
    os.ftruncate(descriptor, 0)
    os.pwrite(
        descriptor, f"{os.getpid()}\n{path}\n{os.uname().nodename}\n".encode(errors="surrogateescape"), 0
    )
    return descriptor


def answer(line: str) -> None:
    """Tell the starter the outcome and let go of its pipe."""
    with contextlib.suppress(OSError):
        os.write(1, line.replace("\n", " ").encode(errors="replace") + b"\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def main(home: str, path: str, binary: str) -> int:
    """Detach from the starter, then keep the server; returns the exit status."""
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    try:
        if claim(home, path) is None:
            answer("taken")
            return 0
    except OSError as error:
        answer(
            f"failed The folder {home} cannot be used: {error.strerror}. Free disk space there, or mend the disk."
        )
        return 1
    keeper = Keeper(home, path, binary)
    keeper.obey_signals()
    try:
        keeper.start()
        answer(f"repaired {keeper.copy}" if keeper.copy else "ok")
        keeper.run()
    except (Broken, OSError) as error:
        note(str(error))
        answer(f"failed {error}")
        return 1
    finally:
        keeper.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
