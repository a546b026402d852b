"""`shraga submit-many`: a task a line; nothing is submitted unless all lines are good."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Annotated

import typer

from shraga_queue.errors import InvalidInput, Refused, ShragaError

from .errors import TaskFailed
from .options import Invocation, Json, option, verb, verb_group
from .output import data, print_json_array, say

if TYPE_CHECKING:
    from shraga_models import NewTask, Task
    from shraga_queue.client import Shraga
    from shraga_queue.taskfile import BadLine

app = verb_group()

CHUNK = 2_000
"""Tasks in hand at once: enough for the pipeline, nothing for the memory."""
SHOWN = 20
STDIN_IN_MEMORY = 32 << 20


class BadLines(InvalidInput):
    """Lines of the file are no tasks; `details` has each with its number, field and message."""

    def __init__(self, bad: list[BadLine], total: int) -> None:
        more = f"\n... and {total - len(bad)} more" if total > len(bad) else ""
        lines = "\n".join(map(str, bad))
        count = "1 line is" if total == 1 else f"{total} lines are"
        super().__init__("lines", f"{count} no task, so nothing was submitted:\n{lines}{more}")
        self.details = {
            "lines": [{"line": one.number, "field": one.field, "message": one.message} for one in bad]
        }


@app.command("submit-many")
@verb
def submit_many(
    call: Invocation,
    file: Annotated[
        str, typer.Argument(help="A file with one task as JSON a line; - is stdin.", metavar="FILE")
    ],
    owner: Annotated[str | None, option("--owner", "Whose tasks they are.", "USER")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Submit the good lines, exit 1.", show_default=False)
    ] = False,
    as_json: Json = False,
) -> None:
    """Submit a task for each line of a file; prints their ids. One bad line and none is submitted."""
    with opened(file) as stream:
        good, bad, documents = survey(stream, report=skip_bad)
        if not good:
            say("there is no task in it" if not bad else "no line is good")
        with call.connect() as shraga:
            shraga.driver.run(shraga.operations.check_documents(documents))
            send(shraga, stream, owner, as_json)
    if bad:
        raise TaskFailed(f"{bad} of {good + bad} lines were skipped.")


@contextmanager
def opened(file: str) -> Iterator[IO[bytes]]:
    """Yield a file that can be read twice; standard input is copied, beyond 32 MB to the disk."""
    if file != "-":
        try:
            stream = open(file, "rb")  # noqa: SIM115
        except OSError as error:
            raise InvalidInput("file", f"{file} cannot be read: {error.strerror}.") from None
        with stream:
            if stream.seekable():
                yield stream
                return
            with _copied(stream) as copy:
                yield copy
        return
    with _copied(sys.stdin.buffer) as copy:
        yield copy


@contextmanager
def _copied(source: IO[bytes]) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(STDIN_IN_MEMORY) as copy:
        while block := source.read(1 << 20):
            copy.write(block)
        copy.seek(0)
        yield copy


def survey(stream: IO[bytes], report: bool) -> tuple[int, int, dict[str, None]]:
    """Read all lines; return how many are good and bad, and the documents that the good ones name.

    Raises BadLines, or reports each with `report`.
    """
    from shraga_queue.taskfile import BadLine, parse_lines

    good, bad, shown, documents = 0, 0, list[BadLine](), dict[str, None]()
    try:
        for parsed in parse_lines(stream):
            if not isinstance(parsed, BadLine):
                good += 1
                documents |= dict.fromkeys(parsed.documents)
                continue
            bad += 1
            if report:
                say(str(parsed))
            elif len(shown) < SHOWN:
                shown.append(parsed)
    except OSError as error:
        raise InvalidInput("file", f"the file cannot be read: {error.strerror}.") from None
    if shown:
        raise BadLines(shown, bad)
    stream.seek(0)
    return good, bad, documents


def send(shraga: Shraga, stream: IO[bytes], owner: str | None, as_json: bool) -> None:
    """Submit the good lines in chunks, printing each chunk once it is accepted."""
    from shraga_queue.taskfile import BadLine, parse_lines

    tasks = (parsed for parsed in parse_lines(stream) if not isinstance(parsed, BadLine))
    chunks = _accepted(shraga, tasks, owner)
    if as_json:
        print_json_array([task.to_json_object() for task in chunk] for chunk in chunks)
        return
    for chunk in chunks:
        data("\n".join(task.id for task in chunk))


def _accepted(shraga: Shraga, tasks: Iterator[NewTask], owner: str | None) -> Iterator[list[Task]]:
    accepted = 0
    while chunk := list(islice(tasks, CHUNK)):
        done = _send_chunk(shraga, chunk, owner, accepted)
        yield done
        accepted += len(done)


def _send_chunk(shraga: Shraga, chunk: list[NewTask], owner: str | None, accepted: int) -> list[Task]:
    try:
        return shraga.submit_many(chunk, owner=owner)
    except Refused:
        raise
    except ShragaError as error:
        before = f"{accepted:,} tasks were accepted and printed before"
        raise type(error)(f"{error} {before}; of the next {len(chunk):,} some may be.") from error
