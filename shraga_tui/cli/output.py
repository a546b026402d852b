"""Data to standard output, talk to standard error; text from Redis is made harmless for a terminal."""

from __future__ import annotations

import json
import os
import select
import shutil
import stat
import sys
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import typer

from shraga_models.text import clean_block, clean_line, strip_ansi
from shraga_queue.errors import ShragaError

SHORT_ID = 8
TITLE_CELLS = 200
"""Characters of a name on a terminal where it has a line to itself; a table has room for fewer."""
BROKEN_PIPE = 141
NARROWEST = 12
"""Cells that a column of a table keeps where the terminal has too few for all."""


class Unwritable(ShragaError):
    """Standard output takes nothing more, as on a full disk."""


def to_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def data(text: str, *, newline: bool = True) -> None:
    """Write data to standard output, byte for byte: `typer.echo` would take colours out of a task's log."""
    try:
        sys.stdout.write(text + "\n" if newline else text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        why = error.strerror or str(error)
        raise Unwritable(f"The output cannot be written: {why}. Send it to another place.") from error


def say(text: str) -> None:
    """Tell a person something on standard error."""
    typer.echo(f"shraga: {clean_text(text)}", err=True)


def clean_text(text: str) -> str:
    """Return a message whose parts came from anywhere, harmless and with its line breaks."""
    return clean_block(strip_ansi(text))


def cell(text: str, limit: int | None = None) -> str:
    """Return text from Redis as one harmless line."""
    return clean_line(strip_ansi(text), limit)


def title(text: str) -> str:
    """Return a name as one harmless line: whole for programs, and on a terminal as much as a screen has room for."""
    return cell(text, TITLE_CELLS if to_terminal() else None)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    # On a terminal what is not ASCII is escaped: C1 and bidi characters would act on it.
    data(json.dumps(value, indent=2, ensure_ascii=to_terminal()))


def print_json_array(chunks: Iterable[Sequence[Any]]) -> None:
    """Print one JSON array of all the values in the chunks, each chunk as soon as it is there."""
    ascii_only, first = to_terminal(), True
    data("[", newline=False)
    for chunk in chunks:
        if texts := [json.dumps(value, indent=2, ensure_ascii=ascii_only) for value in chunk]:
            data(("\n" if first else ",\n") + ",\n".join(texts), newline=False)
            first = False
    data("]" if first else "\n]")


def print_json_line(value: Any) -> None:
    """Print one line of JSON, for streams."""
    data(json.dumps(value, ensure_ascii=to_terminal()))


def short_id(record_id: str) -> str:
    """Return the end of an id: ids made in the same minute share their beginning."""
    return record_id[-SHORT_ID:]


def iso(moment: datetime | None) -> str:
    """Return a time as ISO 8601 in UTC, to the millisecond; empty for none."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: aligned under a head on a terminal, plain tab-separated lines into a pipe."""
    if not to_terminal():
        for row in rows:
            data("\t".join(row))
        return
    lines = [tuple(head), *map(tuple, rows)]
    room = shutil.get_terminal_size().columns
    widths = fair_widths([max(map(width, column)) for column in zip(*lines, strict=True)], room)
    for line in lines:
        cells = (fit(text, wide) for text, wide in zip(line, widths, strict=True))
        padded = (text + " " * (wide - width(text)) for text, wide in zip(cells, widths, strict=True))
        data(fit("  ".join(padded).rstrip(), room))


def fair_widths(wanted: Sequence[int], room: int) -> list[int]:
    """Return the cells for each column where all must fit into `room`: the widest give way first, down to 12."""
    widths, most = list(wanted), max(wanted, default=0)
    while most > NARROWEST and sum(widths) + 2 * (len(widths) - 1) > room:
        most -= 1
        widths = [min(width, most) for width in widths]
    return widths


def width(text: str) -> int:
    """Return how many cells a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def fit(text: str, room: int) -> str:
    """Return a text cut to `room` cells, with an ellipsis where something is missing."""
    if width(text) <= room:
        return text
    kept, used = [], 1
    for char in text:
        used += _cells(char)
        if used > room:
            break
        kept.append(char)
    return "".join(kept) + "…"


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def silence_stdout() -> None:
    """Let nothing more be written to a pipe that nobody reads, so that Python ends without a complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def leave_with_reader() -> None:
    """End this process when the reader of its output goes away, as `head` does, even with nothing to write."""
    if not stat.S_ISFIFO(os.fstat(1).st_mode) or not hasattr(select, "poll"):
        return
    watcher = select.poll()
    # Nothing is asked for: that the other end is gone is told all the same.
    watcher.register(1, 0)

    def watch() -> None:
        watcher.poll()
        os._exit(BROKEN_PIPE)

    threading.Thread(target=watch, name="reader", daemon=True).start()
