"""The door of a run: a Unix socket at which the commands of a run, such as `shraga ask`, reach it without Redis.

A request is one JSON line, and so is its answer: `{"ask": {question}}` -> `{"answer": text}` or `{"error": text}`,
`{"note": {"text", "progress", "chat"}}` -> `{"ok": true}`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shraga_models import Message, NewQuestion, SenderType

from .context import MAX_LINE, RunContext
from .conversation import ASK_WAIT, HasFileno, Suspended
from .errors import Refused, ShragaError
from .sockets import make_private, socket_in
from .submission import invalid

VARIABLE = "SHRAGA_RUN_SOCKET"
MAX_REQUEST = 1 << 20
_PREFIX = "run-"


class _Caller:
    """One command at the door."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.received = b""
        self.question: NewQuestion | None = None
        self.until = 0.0

    def fileno(self) -> int:
        return self.end.fileno()

    def tell(self, said: dict[str, Any]) -> None:
        with suppress(OSError):
            self.end.sendall(json.dumps(said).encode() + b"\n")
        self.end.close()


class Door:
    """Opened for one run and closed after it; use it as a context manager."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._callers: list[_Caller] = []
        name = hashlib.sha256(f"{run.task_id}.{run.attempt}".encode()).hexdigest()[:12]
        self._path = socket_in(Path(run.home), f"{_PREFIX}{name}.sock")
        self._bell = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Door:
        make_private(self._path.parent, Path(self._run.home))
        self._path.unlink(missing_ok=True)
        self._bell.bind(str(self._path))
        self._path.chmod(0o600)
        self._bell.listen(16)
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)
        for one in (self._bell, *(caller.end for caller in self._callers)):
            one.close()

    def let_in(self, env: dict[str, str]) -> dict[str, str]:
        """Return the environment for a process of the run, in which it finds `shraga ask` and the door."""
        path, own = env.get("PATH", os.defpath), str(Path(sys.executable).parent)
        if not shutil.which("shraga", path=path):
            path = f"{path}{os.pathsep}{own}"
        return env | {"PATH": path, VARIABLE: str(self._path)}

    def listen(self, files: Sequence[HasFileno], timeout: float) -> tuple[list[HasFileno], list[Message]]:
        """Wait as `RunContext.listen` does, and serve who knocks meanwhile; raises Suspended."""
        self._suspend_where_it_takes_long()
        due = [caller.until for caller in self._callers if caller.question]
        wait = min([timeout, *(max(0.0, at - time.monotonic()) for at in due)])
        ready, heard = self._run.listen([*files, self._bell, *self._callers], wait)
        for one in ready:
            if one is self._bell:
                self._callers.append(_Caller(self._bell.accept()[0]))
            elif isinstance(one, _Caller):
                self._read(one)
        self._pass_on_answers()
        return [one for one in ready if one in files], heard

    def _read(self, caller: _Caller) -> None:
        data = caller.end.recv(65536)
        caller.received += data
        if not data or len(caller.received) > MAX_REQUEST:
            self._leave(caller, {"error": "the request is no line of JSON below 1 MB"})
        elif b"\n" in caller.received:
            try:
                self._serve(caller, json.loads(caller.received.partition(b"\n")[0]))
            except (ValueError, TypeError, AttributeError, KeyError, ShragaError) as error:
                self._leave(caller, {"error": str(error)})

    def _serve(self, caller: _Caller, request: dict[str, Any]) -> None:
        if "ask" in request:
            try:
                caller.question = NewQuestion.model_validate(request["ask"])
            except ValidationError as error:
                raise invalid(error) from None
            caller.until = time.monotonic() + ASK_WAIT
            if not self._run.talk.is_settled(caller.question.own_key):
                self._run.talk.put(caller.question)
            return
        if "artifact" in request:
            self._leave(caller, {"address": str(self._run.artifact(str(request["artifact"])))})
            return
        self._take_note(str(request["note"].get("text") or ""), request["note"])
        self._leave(caller, {"ok": True})

    def _take_note(self, text: str, note: dict[str, Any]) -> None:
        progress = note.get("progress")
        self._run.say(None if progress is None else min(1.0, max(0.0, float(progress))), text[:500])
        if text:
            self._run.write("thought", "info", text[:MAX_LINE], "")
        if text and note.get("chat"):
            self._run.chat(text, sender=SenderType.WORKER)

    def _pass_on_answers(self) -> None:
        for caller in [one for one in self._callers if one.question]:
            assert caller.question is not None
            if self._run.talk.is_settled(caller.question.own_key):
                try:
                    self._leave(caller, {"answer": self._run.talk.answer_to(caller.question)})
                except Refused as error:
                    self._leave(caller, {"error": str(error)})

    def _suspend_where_it_takes_long(self) -> None:
        for caller in self._callers:
            if caller.question is not None and time.monotonic() >= caller.until:
                raise Suspended(caller.question.text)

    def _leave(self, caller: _Caller, said: dict[str, Any]) -> None:
        self._callers.remove(caller)
        caller.tell(said)


def knock(request: dict[str, Any]) -> dict[str, Any]:
    """Send a request to the run that this process belongs to, and return its answer; raises Refused outside of one."""
    path = os.environ.get(VARIABLE)
    if not path:
        raise Refused("This is no run of a task: the command works inside a shell or agent task only.")
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(path)
            end.sendall(json.dumps(request).encode() + b"\n")
            received = b"".join(iter(lambda: end.recv(65536), b""))
            answer: dict[str, Any] = json.loads(received)
    except (OSError, ValueError) as error:
        raise Refused(f"The run cannot be reached any more: {error}.") from error
    if "error" in answer:
        raise Refused(str(answer["error"]))
    return answer


def remove_dead(home: Path) -> None:
    """Remove the doors of runs that were killed."""
    for path in socket_in(home, f"{_PREFIX}{'0' * 12}.sock").parent.glob(f"{_PREFIX}*.sock"):
        with socket.socket(socket.AF_UNIX) as end, suppress(OSError):
            if end.connect_ex(str(path)) == errno.ECONNREFUSED:
                path.unlink()
