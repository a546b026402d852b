"""`shraga cancel`, `retry`: act on tasks, with a receipt for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_models.durations import parse_duration
from shraga_queue.errors import Forbidden, InvalidInput, Refused, ShragaError, Unreachable, Unreadable

from .chosen import Choice, DryRun, Filter, Ids, Yes
from .errors import TaskFailed, error_object
from .find import full_id
from .options import Invocation, Json, option, verb, verb_group
from .output import data, print_json, say

if TYPE_CHECKING:
    from shraga_models import Task
    from shraga_queue.client import Shraga

app = verb_group()


@dataclass(frozen=True)
class Receipt:
    """What became of one wish: the status now, with the task where its record can be read; or why not.

    `word` is printed where the status does not tell what was done.
    """

    id: str
    status: str = ""
    task: Task | None = None
    error: ShragaError | None = None
    word: str = ""

    def to_json_object(self) -> dict[str, Any]:
        """Return the receipt as plain JSON values."""
        if self.error is not None:
            return {"id": self.id, "ok": False, "error": error_object(self.error)}
        task = self.task.to_json_object() if self.task is not None else None
        return {"id": self.id, "ok": True, "status": self.status, "task": task}


def done(task: Task) -> Receipt:
    """Return the receipt of a wish that was granted."""
    return Receipt(task.id, task.status.value, task)


@app.command()
@verb
def cancel(
    call: Invocation,
    ids: Ids = None,
    wanted: Filter = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Annotated[str, option("--reason", "Why, for the record.")] = "",
    timeout: Annotated[
        str, typer.Option("--timeout", help="How long to wait for confirmations.", metavar="TIME")
    ] = "60s",
    as_json: Json = False,
) -> None:
    """Stop tasks, named or all that match; returns once it is confirmed that they have stopped."""
    choice = Choice("cancel", ids, wanted, dry_run, yes)
    try:
        longest = parse_duration(timeout)
    except ValueError as error:
        raise InvalidInput("timeout", f"--timeout: {error}.") from None
    with call.connect() as shraga:
        if (found := choice.settle(shraga, as_json)) is not None:
            settle(_cancel_all(shraga, found, reason, longest), as_json)


def _cancel_all(shraga: Shraga, ids: list[str], reason: str, longest: float) -> list[Receipt]:
    """Ask all of them first, so that they stop side by side; then wait for each."""
    operations, run = shraga.operations, shraga.driver.run

    def ask(task_id: str) -> Receipt:
        answer, status = run(operations.ask_cancel(task_id, reason))
        # What has stopped needs no more looking at: not even a record that can be read.
        found = run(operations.read_many([task_id])) if answer == "canceled" else [shraga.get(task_id)]
        task = found[0] if found and not isinstance(found[0], Unreadable) else None
        return Receipt(task_id, status.value, task)

    deadline = time.monotonic() + longest

    def confirm(receipt: Receipt) -> Receipt:
        if receipt.task is None:
            return receipt
        task = shraga.wait(receipt.task.id, max(0.0, deadline - time.monotonic()))
        return done(task) if task.status == "canceled" else Receipt(task.id, error=_not_stopped(task))

    return [confirm(receipt) for receipt in _each(shraga, ids, ask)]


def _not_stopped(task: Task) -> Refused:
    if task.status.is_final:
        return Refused(f"The task {task.id} was {task.status} before it could be stopped.")
    return Refused(f"The task {task.id} was asked to stop but is still {task.status}; look again later.")


@app.command()
@verb
def retry(
    call: Invocation,
    ids: Ids = None,
    wanted: Filter = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Run ended tasks again, or scheduled ones now; named, or all that match."""
    choice = Choice("retry", ids, wanted, dry_run, yes)
    with call.connect() as shraga:
        if (found := choice.settle(shraga, as_json)) is not None:
            settle(_each(shraga, found, lambda task_id: done(shraga.retry(task_id))), as_json)


def _each(shraga: Shraga, ids: list[str], act: Callable[[str], Receipt]) -> list[Receipt]:
    receipts = []
    for given in dict.fromkeys(ids):
        try:
            receipts.append(act(full_id(shraga, given)))
        except (Unreachable, Forbidden):
            raise
        except ShragaError as error:
            receipts.append(Receipt(given, error=error))
    return receipts


def settle_each(shraga: Shraga, ids: list[str], act: Callable[[str], Receipt], as_json: bool) -> None:
    """Act on each task, and print the receipts; raises as `settle` does."""
    settle(_each(shraga, ids, act), as_json)


def settle(receipts: list[Receipt], as_json: bool) -> None:
    """Print the receipts; raises the error of a single one, or TaskFailed where any of several failed."""
    failed = [receipt for receipt in receipts if receipt.error is not None]
    if as_json:
        print_json([receipt.to_json_object() for receipt in receipts])
    for receipt in receipts:
        if as_json:
            break
        if receipt.error is None:
            data(f"{receipt.word or receipt.status} {receipt.id}")
        elif len(receipts) > 1:
            say(str(receipt.error))
    if len(receipts) == 1 and failed and failed[0].error is not None:
        raise failed[0].error
    if failed:
        raise TaskFailed(f"{len(failed)} of {len(receipts)} were refused.")
