"""Asking the store for something on an operator's behalf, and saying what came of it: never before it did."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING

from shraga_models import ForeignJob, Task, TaskStatus, Worker, WorkerMode, Workflow
from shraga_models.text import clean_line
from shraga_queue.artifacts import artifacts_of
from shraga_queue.errors import ShragaError
from shraga_tui import clipboard
from shraga_tui.bulk import Act, Bulk
from shraga_tui.desk import TaskRef
from shraga_tui.look import attempt_word

if TYPE_CHECKING:
    from shraga_queue.foreign import Deed
    from shraga_tui.app import ShragaApp

CANCEL_HOW: dict[str, str] = {
    TaskStatus.RUNNING: "It is running: its whole process tree is ended.",
    TaskStatus.WAITING_FOR_INPUT: "It waits for an answer and will not go on.",
}
CANCEL_PATIENCE = 60.0
"""Seconds to wait for a worker to confirm that a run has stopped."""
NAMES_READ = 500
SCHEDULE_SAID = {
    "pause_schedule": "is paused: nothing starts it until it is resumed",
    "resume_schedule": "repeats again",
    "skip_slot": "leaves its next slot out",
}


def short(name: str) -> str:
    """Return a name as it stands in a sentence."""
    return f"“{clean_line(name, 60)}”"


def say(app: ShragaApp, sentence: str, *, bad: bool = False) -> None:
    """Show a sentence for a few seconds; none of it is read as markup."""
    severity = "error" if bad else "information"
    app.notify(clean_line(sentence, 600), severity=severity, markup=False, timeout=12 if bad else 5)  # type: ignore[arg-type]


async def confirmed(app: ShragaApp, title: str, text: str, yes: str) -> bool:
    """Ask whether to go on; the answer is no unless it is clearly yes."""
    from shraga_tui.screens.confirm import ConfirmScreen

    return await app.push_screen_wait(ConfirmScreen(title, text, yes)) is True


async def cancel_task(app: ShragaApp, task: TaskRef) -> None:
    """Stop a task after a confirmation, and tell how it really ended."""
    how = CANCEL_HOW.get(task.status, "It has not started yet, and never will.")
    if not await confirmed(
        app, "Cancel this task?", f"{clean_line(task.name, 200)}\n\n{how}", "Cancel the task"
    ):
        return
    try:
        await app.desk.source.cancel(task.id, timeout=CANCEL_PATIENCE)
    except ShragaError as error:
        say(app, str(error), bad=True)
        return
    say(app, f"{short(task.name)} is canceled: confirmed.")


async def retry_task(app: ShragaApp, task: TaskRef) -> None:
    """Run a task again and tell under which attempt."""
    try:
        done = await app.desk.source.retry(task.id)
    except ShragaError as error:
        say(app, str(error), bad=True)
        return
    say(app, f"{short(task.name)} is queued again, as {attempt_word(done)} {done.attempt}.")


async def act_on_many(app: ShragaApp, act: Act, named: Mapping[str, str]) -> dict[str, str]:
    """Act on exactly these tasks (names by id) after a confirmation; returns those that were not done."""
    from shraga_tui.screens.bulk import BulkScreen, tasks

    bulk = Bulk(app.desk.source, act, await _with_names(app, named))
    await app.push_screen_wait(BulkScreen(bulk))
    if bulk.receipts:
        done, refused = bulk.counts["done"], bulk.counts["refused"]
        deed = "canceled" if act == "cancel" else "queued again"
        left = len(bulk.undone) - refused
        parts = [f"{tasks(done)} {deed}: confirmed"]
        parts += [f"{refused:,} refused"] if refused else []
        parts += [f"{left:,} not done yet, still selected"] if left else []
        say(app, f"{', '.join(parts)}.", bad=bool(refused or left))
    return bulk.undone


async def _with_names(app: ShragaApp, named: Mapping[str, str]) -> dict[str, str]:
    """Fill in the names that the question shows."""
    missing = [task_id for task_id, name in named.items() if not name][:NAMES_READ]
    try:
        rows = await app.desk.source.task_rows(missing) if missing else ()
    except ShragaError:
        # Ids say enough to ask; the act itself tells what is wrong.
        rows = ()
    return dict(named) | {row.id: row.name for row in rows if row}


async def change_schedule(app: ShragaApp, task: TaskRef, action: str) -> None:
    """Pause or resume a schedule or skip its next slot, and tell that it was accepted."""
    source = app.desk.source
    deeds = {
        "pause_schedule": source.pause_schedule,
        "resume_schedule": source.resume_schedule,
        "skip_slot": source.skip_slot,
    }
    try:
        done = await deeds[action](task.id)
    except ShragaError as error:
        say(app, str(error), bad=True)
        return
    coming = f" Next: {done.next_run_at.astimezone():%d %b %H:%M:%S}." if done.next_run_at else ""
    say(app, f"{short(task.name)} {SCHEDULE_SAID[action]}.{coming}")


async def change_worker(app: ShragaApp, worker: Worker, mode: WorkerMode) -> None:
    """Drain, resume or stop a worker, and tell that it was accepted."""
    if mode is WorkerMode.STOPPING and not await _stop_confirmed(app, worker):
        return
    try:
        await app.desk.source.set_worker_mode(worker.name, mode)
    except ShragaError as error:
        say(app, str(error), bad=True)
        return
    said = {
        WorkerMode.DRAINING: "takes nothing new from now on",
        WorkerMode.ACCEPTING: "takes tasks again",
        WorkerMode.STOPPING: "was told to end; it is shown as gone once it has",
    }
    say(app, f"The worker {short(worker.name)} {said[mode]}.")


async def _stop_confirmed(app: ShragaApp, worker: Worker) -> bool:
    count = len(worker.current_tasks)
    tasks = (
        f"It runs {count} task{'' if count == 1 else 's'} right now."
        if count
        else "It runs nothing right now."
    )
    return await confirmed(
        app, "Stop this worker?", f"{clean_line(worker.name, 200)}\n\n{tasks}", "Stop the worker"
    )


def _what(job: ForeignJob) -> str:
    return f"{clean_line(job.description or job.id, 200)}\n\n"


async def _on_job(app: ShragaApp, deed: Deed, job: ForeignJob, said: dict[str, str]) -> None:
    try:
        answer = await app.desk.source.act_on_job(deed, job.id)
    except ShragaError as error:
        say(app, str(error), bad=True)
        return
    say(app, f"{short(job.description or job.id)} {said[answer]}.")


async def requeue_job(app: ShragaApp, job: ForeignJob) -> None:
    """Put a job of another program on its queue again."""
    await _on_job(app, "requeue", job, {"done": "waits in its queue again"})


async def cancel_job(app: ShragaApp, job: ForeignJob) -> None:
    """Cancel a job of another program after a confirmation, or have its worker stop it."""
    how = "Its worker is asked to stop it." if job.is_running else "It has not started yet, and will not."
    if await confirmed(app, "Cancel this RQ job?", _what(job) + how, "Cancel the job"):
        said = {
            "done": "is canceled",
            "asked": "is to be stopped by its worker; it is shown as stopped once it has",
        }
        await _on_job(app, "cancel", job, said)


async def delete_job(app: ShragaApp, job: ForeignJob) -> None:
    """Delete a job of another program after a confirmation."""
    how = "The job and its results are gone for good."
    if await confirmed(app, "Delete this RQ job?", _what(job) + how, "Delete the job"):
        await _on_job(app, "delete", job, {"done": "is deleted"})


async def _steered(app: ShragaApp, act: Awaitable[Workflow], sentence: str) -> None:
    try:
        await act
    except ShragaError as error:
        say(app, str(error), bad=True)
        return
    say(app, sentence)


async def pause_workflow(app: ShragaApp, workflow: Workflow) -> None:
    """Hold a workflow, or let a held one go on."""
    source, name = app.desk.source, short(workflow.title)
    if workflow.paused:
        await _steered(app, source.resume_workflow(workflow.id), f"{name} goes on.")
    else:
        said = f"{name} is paused: no further step begins; what runs goes on."
        await _steered(app, source.pause_workflow(workflow.id), said)


async def cancel_workflow(app: ShragaApp, workflow: Workflow) -> None:
    """Cancel a workflow after a confirmation."""
    text = f"{clean_line(workflow.title, 200)}\n\nIts running steps are ended, the others never begin."
    if await confirmed(app, "Cancel this workflow?", text, "Cancel the workflow"):
        done = f"{short(workflow.title)} is canceled; running steps are told to stop."
        await _steered(app, app.desk.source.cancel_workflow(workflow.id), done)


async def retry_step(app: ShragaApp, workflow: Workflow, step: str) -> None:
    """Run a step and all that come after it again, after a confirmation."""
    text = (
        f"{clean_line(workflow.title, 200)}\n\nRuns {clean_line(step, 80)} and all that come after it again."
    )
    if await confirmed(app, "Retry from this step?", text, "Run it again"):
        done = f"{short(workflow.title)} goes on from {short(step)}."
        await _steered(app, app.desk.source.retry_workflow(workflow.id, step), done)


async def skip_step(app: ShragaApp, workflow: Workflow, step: str) -> None:
    """Leave a step out, after a confirmation."""
    text = f"{clean_line(workflow.title, 200)}\n\n{clean_line(step, 80)} is left out; what comes after it goes on."
    if await confirmed(app, "Skip this step?", text, "Skip it"):
        done = f"{short(step)} is skipped."
        await _steered(app, app.desk.source.skip_step(workflow.id, step), done)


async def copy_ids(app: ShragaApp, ids: Sequence[str]) -> None:
    """Put ids on the clipboard, a line each, in every way there is, and say what was tried."""
    await _copy(app, ids, f"the id {ids[0]}" if len(ids) == 1 else f"{len(ids):,} ids")


async def copy_paths(app: ShragaApp, task: Task) -> None:
    """Put on the clipboard where the files are that a task has handed over, a line each."""
    paths = [row.address for row in artifacts_of(task)]
    if paths:
        await _copy(app, paths, "one path" if len(paths) == 1 else f"{len(paths):,} paths")
    else:
        say(app, "The task has handed over no files.")


async def _copy(app: ShragaApp, lines: Sequence[str], what: str) -> None:
    text = "\n".join(lines)
    app.copy_to_clipboard(text)
    took, failed = await clipboard.copy(text)
    ways = ["your terminal's clipboard (OSC 52; in tmux: set-clipboard on)", *took]
    trouble = f" {', '.join(failed)} failed." if failed else ""
    say(app, f"Sent {what} to {' and to '.join(ways)}.{trouble}")
