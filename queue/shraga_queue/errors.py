"""Everything that can go wrong on purpose; each message is one or more complete sentences for a person.

ShragaError            exit 1   the base; catch this one
├── Refused            exit 1   the state or the rules do not allow the operation
│   └── InvalidInput   exit 2   a field is wrong; carries its name
├── Unreadable         exit 1   a stored record is not what it should be
├── NotFound           exit 3   no such task, run, worker, user ...
├── Unreachable        exit 4   Redis cannot be reached or used
└── Forbidden          exit 5   this user may not do that
"""

from __future__ import annotations

from typing import ClassVar


class ShragaError(Exception):
    """Base of all errors that Shraga raises deliberately; `exit_code` is the process exit status."""

    exit_code: ClassVar[int] = 1


class Refused(ShragaError):
    """The current state or the rules do not allow the operation."""


class InvalidInput(Refused):
    """A value given by the caller is wrong; `field` names it and the message says how to fix it."""

    exit_code: ClassVar[int] = 2

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    def __reduce__(self) -> tuple[type[InvalidInput], tuple[str, str]]:
        return type(self), (self.field, str(self))


class Unreadable(ShragaError):
    """A stored record is not what it should be; the message says which and what is wrong with it."""


class NotFound(ShragaError):
    """The named record does not exist, or not for this user."""

    exit_code: ClassVar[int] = 3


class Unreachable(ShragaError):
    """Redis cannot be reached or used; the message says why and what to do."""

    exit_code: ClassVar[int] = 4


class Forbidden(ShragaError):
    """This user may not do that."""

    exit_code: ClassVar[int] = 5


def no_such_task(task_id: str) -> NotFound:
    """Return the error for an id that belongs to no task."""
    return NotFound(f"There is no task {task_id!r}; `shraga list` shows the ones there are.")
