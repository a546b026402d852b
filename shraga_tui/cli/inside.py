"""`shraga ask`, `note`, `artifact`: for the commands of a run, which reach it through its door and need no Redis."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .options import Json, option, verb_group
from .output import data, print_json

app = verb_group()


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="What to ask.", metavar="TEXT")],
    options: Annotated[
        list[str] | None, option("--option", "A possible answer; may be repeated.", "TEXT")
    ] = None,
    default: Annotated[
        str | None, option("--default", "The answer where none comes by the deadline.")
    ] = None,
    deadline: Annotated[str | None, option("--deadline", "How long to wait, as 90s or 2h.", "TIME")] = None,
    key: Annotated[str, option("--key", "What tells it from the run's other questions.")] = "",
    as_json: Json = False,
) -> None:
    """Ask a person from inside a task, and print the answer.

    Where the answer takes long, the run is suspended and its slot is free; the answer runs the task's command again,
    in the same folder, and this question is then answered at once.
    """
    from shraga_queue.door import knock

    wanted: dict[str, Any] = {"text": text, "options": options or [], "default": default, "key": key}
    if deadline is not None:
        wanted["deadline"] = deadline
    answer = str(knock({"ask": wanted})["answer"])
    if as_json:
        print_json({"answer": answer})
    else:
        data(answer)


@app.command()
def artifact(
    path: Annotated[str, typer.Argument(help="A file of the execution folder.", metavar="PATH")],
    as_json: Json = False,
) -> None:
    """Hand over a file from inside a task as one of its results."""
    from pathlib import Path

    from shraga_queue.door import knock

    address = str(knock({"artifact": str(Path(path).absolute())})["address"])
    if as_json:
        print_json({"address": address})
    else:
        data(address)


@app.command()
def note(
    text: Annotated[str, typer.Argument(help="What the task is at.", metavar="TEXT")] = "",
    progress: Annotated[
        float | None, typer.Option("--progress", min=0, max=1, help="The share done.", metavar="0..1")
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Say it in the task's chat too.", show_default=False)
    ] = False,
) -> None:
    """Say from inside a task what it is at and how far it is."""
    from shraga_queue.door import knock

    knock({"note": {"text": text, "progress": progress, "chat": chat}})
