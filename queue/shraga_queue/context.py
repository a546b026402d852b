"""What a running task may say, ask and hear: how far it is, what it does, what it thinks, what it needs to know."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shraga_models import (
    ExecutionDetails,
    LogLevel,
    Message,
    MessageType,
    ModelCall,
    NewQuestion,
    SenderType,
)

from .briefing import Resume
from .conversation import Conversation, HasFileno
from .errors import InvalidInput, Refused
from .submission import invalid

MAX_LINE = 16_384
"""Characters of one log line; longer ones are split."""
MAX_ARTIFACTS = 100


@dataclass(frozen=True)
class RunContext:
    """The run this process is executing."""

    task_id: str
    attempt: int
    owner: str
    name: str
    home: str
    """The worker's data folder."""
    say: Callable[[float | None, str], None]
    write: Callable[[str, str, str, str], None]
    talk: Conversation
    inputs: dict[str, Any] = field(default_factory=dict)
    """Of a step: `workflow`, its fields, and `steps`, by name what the completed ones gave; else empty."""
    artifacts: list[str] = field(default_factory=list)
    """Files of the execution folder that the run hands over, by their names in it."""
    occurrence: str = ""
    """What a task that repeats runs for: its id with the slot, or with the key of the emit."""
    event: str = ""
    """The data of the event that started it, as JSON."""

    @property
    def resumed(self) -> Resume | None:
        """Where the run goes on, or None for one that begins anew."""
        return self.talk.resumed

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The task's chat as it was when the run began, oldest first."""
        return self.talk.messages

    @property
    def documents(self) -> tuple[tuple[str, str], ...]:
        """Titles and Markdown of the context documents that the task asks for."""
        return self.talk.documents

    def ask(self, text: str, **fields: Any) -> str:
        """Ask a person and return the answer; `fields` are those of `NewQuestion`.

        Raises Suspended, which ends the run until it is answered, and InvalidInput for a question that is none.
        """
        try:
            return self.talk.ask(NewQuestion.model_validate({"text": text} | fields))
        except ValidationError as error:
            raise invalid(error) from None

    def chat(
        self, text: str, kind: MessageType = MessageType.TEXT, sender: SenderType = SenderType.ASSISTANT
    ) -> None:
        """Add a message to the task's chat."""
        self.talk.chat(sender.value, kind.value, text, "", "")

    def artifact(self, path: str | Path) -> Path:
        """Hand over a file of the execution folder; returns where it is. Raises InvalidInput for any other."""
        root = self.folder.resolve()
        found = (root / path).resolve()
        if not found.is_relative_to(root) or not found.is_file():
            raise InvalidInput(
                "path",
                f"path: {str(path)!r} is no file of the execution folder {root}; write it there first.",
            )
        name = str(found.relative_to(root))
        if name not in self.artifacts:
            if len(self.artifacts) >= MAX_ARTIFACTS:
                raise Refused(f"A run hands over {MAX_ARTIFACTS} files at most; put them into an archive.")
            self.artifacts.append(name)
        return found

    def record(self, call: ModelCall) -> None:
        """Tell what a call of a model cost."""
        self.talk.record(call)

    def goes_on_at(self, details: ExecutionDetails) -> None:
        """Tell where the run goes on should it be suspended, even where this process is ended by force."""
        self.talk.goes_on_at(details)

    def listen(
        self, files: Sequence[HasFileno], timeout: float | None
    ) -> tuple[list[HasFileno], list[Message]]:
        """Wait for a file to be readable or a person to speak; returns the ready files and what was said."""
        return self.talk.listen(files, timeout)

    @property
    def idempotency_key(self) -> str:
        """A key for effects outside: the same for every attempt of the task, or of its occurrence where it repeats."""
        return self.occurrence or self.task_id

    @property
    def event_data(self) -> Any:
        """The data of the event that started the run, or None."""
        return json.loads(self.event) if self.event else None

    @property
    def folder(self) -> Path:
        """The execution folder, the one it had before where the run goes on; `make_folder` creates it."""
        attempt = self.resumed.folder_attempt if self.resumed else self.attempt
        return Path(self.home, "runs", self.task_id, str(attempt))

    def make_folder(self) -> Path:
        """Return the execution folder, created where it is missing, readable by its owner alone."""
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


_current: RunContext | None = None


def enter(context: RunContext | None) -> None:
    """Make `context` the run of this process, or none."""
    global _current
    _current = context


def current_run() -> RunContext | None:
    """Return the run this process is executing, or None outside of one."""
    return _current


def progress(done: float, total: float = 1.0, thought: str = "") -> None:
    """Say how far the task is: `progress(0.4)` or `progress(3, 8)`; outside of a run nothing happens."""
    if _current is not None and total > 0:
        _current.say(min(1.0, max(0.0, done / total)), thought[:500])


def thought(text: str) -> None:
    """Say what the task is doing or thinking, for the board and the log; outside of a run nothing happens."""
    if _current is not None:
        _current.say(None, text[:500])
        _current.write("thought", LogLevel.INFO, text[:MAX_LINE], "")


def ask(
    text: str,
    *,
    options: Sequence[str] = (),
    default: str | None = None,
    deadline: float | str | None = None,
    key: str = "",
) -> str:
    """Ask a person and return the answer; a wait that takes long ends the run, and the answer starts it again.

    The task then begins anew in its old folder, and the same question is answered at once: do what must happen once
    after the question, or note in the folder that it has. `deadline` in seconds or as `90s`, `1h`; then `default` is
    the answer. Raises Refused outside of a run, InvalidInput for a question that is none.
    """
    if _current is None:
        raise Refused("There is nobody to ask outside of a run.")
    return _current.ask(text, options=tuple(options), default=default, deadline=deadline, key=key)


def artifact(path: str | Path) -> Path:
    """Hand over a file of the run's execution folder as one of its results, by its path there; returns where it is.

    Raises InvalidInput for what is no file there, Refused outside of a run.
    """
    if _current is None:
        raise Refused("There is no run to hand a file over.")
    return _current.artifact(path)


def log(message: str, level: LogLevel | str = LogLevel.INFO, **metadata: Any) -> None:
    """Write a line to the run's log; raises ValueError for an unknown level."""
    if _current is not None:
        said = json.dumps(metadata, default=str) if metadata else ""
        _current.write("log", LogLevel(level).value, message[:MAX_LINE], said)
