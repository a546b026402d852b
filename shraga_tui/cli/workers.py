"""`shraga workers`, and `shraga worker`: see the workers, be one, drain and stop them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shraga_models import Liveness, Worker, WorkerMode
from shraga_models.durations import format_duration, parse_duration
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_tui.look import LOST, UNKNOWN, WORKER_LOOKS, Look

from .options import Invocation, Json, option, verb, verb_group, verb_with
from .output import cell, data, iso, print_json, print_table, say, to_terminal

if TYPE_CHECKING:
    from datetime import datetime

    from shraga_models import WorkerDetails
    from shraga_queue.client import Shraga

app = verb_group()
worker_app = verb_group("worker", "Run a worker here; drain, resume or stop any.")
app.add_typer(worker_app)

TYPES = ("local_machine", "cloud_vm", "container", "dev_box")
OPTIONS: dict[str, Any] = {
    "name": Annotated[str | None, option("--name", "What it is called; made up otherwise.", "NAME")],
    "capability": Annotated[
        list[str] | None, option("--capability", "What it can do; may be repeated.", "NAME")
    ],
    "allow_module": Annotated[
        list[str] | None, option("--allow-module", "A module whose functions may be called.", "MODULE")
    ],
    "type": Annotated[str | None, option("--type", f"The sort of machine: {', '.join(TYPES)}.")],
    "box_url": Annotated[str | None, option("--box-url", "The address of a dev_box.", "URL")],
}
Name = Annotated[str, typer.Argument(help="The worker's name or id.", metavar="NAME")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it has done so.", show_default=False)]
WaitTimeout = Annotated[str | None, option("--wait-timeout", "Wait no longer than this.", "TIME")]


@app.command()
@verb
def workers(call: Invocation, as_json: Json = False) -> None:
    """List the workers, the ones seen last first."""
    with call.connect() as shraga:
        found = shraga.workers()
        now = shraga.driver.run(shraga.operations.now())
    if as_json:
        print_json([worker.to_json_object() for worker in found])
    elif not found:
        say("there is no worker; start one with: shraga worker")
    else:
        head = ("STATE", "NAME", "OWNER", "BUSY", "CAPABILITIES", "SEEN", "DONE", "FAILED", "TASKS")
        print_table(head, [_row(worker, now) for worker in found])


def _row(worker: Worker, now: datetime) -> tuple[str, ...]:
    look = _look(worker)
    seen = format_duration((now - worker.last_seen).total_seconds()) + " ago"
    return (
        f"{look.glyph} {look.word}" if to_terminal() else look.word,
        cell(worker.name),
        cell(worker.owner),
        f"{len(worker.current_tasks)}/{worker.max_concurrent_tasks}",
        cell(" ".join(capability.name for capability in worker.capabilities)),
        seen if to_terminal() else iso(worker.last_seen),
        str(worker.completed),
        str(worker.failed),
        " ".join(current.task_id for current in worker.current_tasks),
    )


def _look(worker: Worker) -> Look:
    """Return how a worker looks, in the words of the dashboard."""
    state = worker.mode if _is_told(worker) else worker.liveness
    return LOST if worker.lost else WORKER_LOOKS.get(state, UNKNOWN)


def _is_out(worker: Worker) -> bool:
    return worker.liveness in (Liveness.OFFLINE, Liveness.ERROR)


def _is_told(worker: Worker) -> bool:
    return worker.mode is not WorkerMode.ACCEPTING and worker.liveness in (Liveness.IDLE, Liveness.BUSY)


@worker_app.callback()
@verb_with(OPTIONS)
def worker(
    call: Invocation,
    ctx: typer.Context,
    options: dict[str, Any],
    slots: Annotated[
        int, typer.Option("--slots", min=1, max=256, help="Tasks at the same time.", metavar="N")
    ] = 1,
    recycle_after: Annotated[
        int,
        typer.Option("--recycle-after", min=1, help="Runs until a slot's process is made anew.", metavar="N"),
    ] = 1000,
) -> None:
    """Run a worker here; drain, resume or stop any."""
    if ctx.invoked_subcommand is not None:
        return
    from shraga_queue.logs import configure_logs
    from shraga_queue.pool import WorkerOptions, run_worker

    configure_logs()
    chosen = WorkerOptions(
        name=slug("name", options.get("name")),
        slots=slots,
        capabilities=tuple(slug("capability", one) or "" for one in options.get("capability") or ()),
        recycle_after=recycle_after,
        allow_modules=tuple(options.get("allow_module") or ()),
        details=_details(options.get("type"), options.get("box_url")),
    )
    raise typer.Exit(run_worker(call.settings(), chosen))


def slug(field: str, value: str | None) -> str | None:
    """Return a name that is safe inside a key; raises InvalidInput naming the option."""
    import re

    from shraga_models.base import SLUG

    if value is not None and not re.fullmatch(SLUG, value):
        raise InvalidInput(
            field, f"--{field} {value!r} is not valid: use up to 64 letters, digits, '_', '.' and '-'."
        )
    return value


def _details(kind: str | None, box_url: str | None) -> WorkerDetails | None:
    import socket
    import sys

    from shraga_models import CloudVM, Container, DevBox, LocalMachine

    if box_url is not None and kind != "dev_box":
        raise InvalidInput("box_url", "--box-url goes with --type dev_box.")
    if kind is None:
        return None
    if kind == "dev_box":
        if box_url is None:
            raise InvalidInput("box_url", "A dev_box has an address: give it with --box-url.")
        return DevBox(url=box_url)
    host = socket.gethostname()
    made: dict[str, WorkerDetails] = {
        "local_machine": LocalMachine(hostname=host, platform=sys.platform),
        "cloud_vm": CloudVM(hostname=host),
        "container": Container(hostname=host),
    }
    if kind not in made:
        raise InvalidInput("type", f"--type {kind!r} is unknown: use one of {', '.join(TYPES)}.")
    return made[kind]


@worker_app.command()
@verb
def drain(
    call: Invocation, name: Name, wait: Wait = False, wait_timeout: WaitTimeout = None, as_json: Json = False
) -> None:
    """Let a worker finish its tasks and take no more; with --wait until it has none."""
    _tell(call, name, WorkerMode.DRAINING, wait or wait_timeout is not None, wait_timeout, as_json)


@worker_app.command()
@verb
def resume(call: Invocation, name: Name, as_json: Json = False) -> None:
    """Let a drained worker take tasks again."""
    _tell(call, name, WorkerMode.ACCEPTING, False, None, as_json)


@worker_app.command()
@verb
def stop(
    call: Invocation, name: Name, wait: Wait = False, wait_timeout: WaitTimeout = None, as_json: Json = False
) -> None:
    """Let a worker finish its tasks and end; with --wait until it is gone."""
    _tell(call, name, WorkerMode.STOPPING, wait or wait_timeout is not None, wait_timeout, as_json)


def _tell(
    call: Invocation, name: str, mode: WorkerMode, wait: bool, wait_timeout: str | None, as_json: bool
) -> None:
    try:
        longest = None if wait_timeout is None else parse_duration(wait_timeout)
    except ValueError as error:
        raise InvalidInput("wait_timeout", f"--wait-timeout: {error}.") from None
    with call.connect() as shraga:
        worker_id = shraga.set_worker_mode(name, mode)
        if wait:
            _wait(shraga, worker_id, mode, longest)
        now = _find(shraga, worker_id)
    if as_json:
        print_json(now.to_json_object())
    else:
        data(f"{_look(now).word if _is_out(now) else now.mode} {cell(now.name)}")


def _find(shraga: Shraga, worker_id: str) -> Worker:
    for found in shraga.workers():
        if found.id == worker_id:
            return found
    raise NotFound(f"The worker {worker_id} is no longer listed.")


def _wait(shraga: Shraga, worker_id: str, mode: WorkerMode, longest: float | None) -> None:
    """Look again with each event, and every second, since a worker that dies tells nobody."""
    deadline = None if longest is None else time.monotonic() + longest
    run, operations = shraga.driver.run, shraga.operations
    last_id = run(operations.last_event_id(operations.event_stream()))
    while not _has_done(_find(shraga, worker_id), mode):
        if deadline is not None and time.monotonic() >= deadline:
            raise Refused(
                f"The worker was told, but is not {mode.value.replace('ing', 'ed')} after {longest:g} s."
            )
        last_id = run(operations.more_events(last_id)).last_id


def _has_done(worker: Worker, mode: WorkerMode) -> bool:
    return _is_out(worker) or (mode is WorkerMode.DRAINING and not worker.current_tasks)
