"""What the detail screen says of a task: why it stands where it stands, its facts, runs, log and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from shraga_models import (
    Http,
    Liveness,
    LogEntry,
    LogLevel,
    Message,
    MessageType,
    Python,
    Reminder,
    Run,
    SenderType,
    Shell,
    Task,
    TaskStatus,
    Worker,
    WorkerMode,
)
from shraga_models.durations import format_duration
from shraga_queue.codec import TaskWithRuns
from shraga_tui.cards import bar, look_of, took
from shraga_tui.look import Look
from shraga_tui.widgets.paint import Line, Span

Fact = tuple[Line, Span]
LABEL = 13
RUN_TONES = {
    "completed": "done",
    "failed": "failed",
    "timeout": "failed",
    "lost": "failed",
    "running": "running",
}
LOG_TONES = {
    LogLevel.ERROR: "failed",
    LogLevel.CRITICAL: "failed",
    LogLevel.WARNING: "waiting",
    LogLevel.DEBUG: "faint",
}
SOURCE_MARKS: dict[str, Span] = {
    "stderr": ("! ", "failed"),
    "thought": ("“ ", "accent"),
    "log": ("· ", "running"),
    "system": ("◆ ", "planned"),
}


def ago(now: datetime, then: datetime | None) -> str:
    """Return how long ago something was, in words."""
    return format_duration((now - then).total_seconds()) if then else "–"


def status_look(task: Task) -> Look:
    """Return how a task looks; one that was asked to stop looks so until that is confirmed."""
    if task.status is TaskStatus.RUNNING and task.cancel_requested_by:
        return Look("◌", "asked to stop", "waiting")
    return look_of(task.status)


def headline(found: TaskWithRuns) -> tuple[Line, Line]:
    """Return the state and the name, and how long it has been so."""
    task, look = found.task, status_look(found.task)
    name = task.name.replace("\n", " ").strip()
    return (
        ((f" {look.glyph} {look.word.upper()} ", look.tone), (f" {name}", "strong")),
        ((f"{ago(found.now, task.moved_at)} ", "faint"),),
    )


def sentence(found: TaskWithRuns, workers: Sequence[Worker] | None) -> str:
    """Return why the task stands where it stands, and what comes next."""
    task, now = found.task, found.now
    since = ago(now, task.moved_at)
    match task.status:
        case TaskStatus.QUEUED:
            return f"Waits for a free worker for {since}. {_who_could(task, workers)}"
        case TaskStatus.SCHEDULED:
            return _due(task, now)
        case TaskStatus.RUNNING if task.cancel_requested_by:
            return f"Asked to stop by {task.cancel_requested_by}; waiting for the worker to confirm."
        case TaskStatus.RUNNING:
            heard = ago(now, task.last_worker_ping)
            return f"Runs on {task.assigned_worker or 'a worker'} for {since}; last heard of {heard} ago."
        case TaskStatus.WAITING_FOR_INPUT if task.question:
            return f"Asks for {since}: {_first_line(task.question.text)}? Press a to answer.".replace(
                "??", "?"
            )
        case TaskStatus.AWAITING_APPROVAL if task.awaits_verdict:
            return f"Its result waits for a verdict for {since}. Press a to judge it."
        case TaskStatus.AWAITING_APPROVAL:
            return f"Waits for {since} for leave to run. Press a to decide."
        case TaskStatus.COMPLETED:
            return f"Done {since} ago. {task.output.summary if task.output else ''}".strip()
        case TaskStatus.FAILED:
            return f"Failed {since} ago: {_first_line(task.error) or 'no reason was given'}. Press r to run it again."
        case TaskStatus.CANCELED:
            who = f" by {task.cancel_requested_by}" if task.cancel_requested_by else ""
            return f"Canceled{who} {since} ago{': ' + task.cancel_reason if task.cancel_reason else ''}."
        case TaskStatus.SKIPPED:
            return f"Skipped {since} ago: {_first_line(task.error) or 'it expired before it started'}."
        case _:
            return f"Waits for {since}: {task.thought or f'{look_of(task.status).word}.'}"


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else ""


def _due(task: Task, now: datetime) -> str:
    if task.next_run_at is None:
        return "Scheduled, without a time."
    left = (task.next_run_at - now).total_seconds()
    when = f"in {format_duration(left)}" if left > 0 else "now; the controller starts it"
    what = f"Try {task.attempt - 1} failed; the next one is due" if task.attempt > 1 else "Due"
    return f"{what} {when} ({task.next_run_at.astimezone():%d %b %H:%M:%S}). Press r to run it now."


def _who_could(task: Task, workers: Sequence[Worker] | None) -> str:
    if workers is None:
        return ""
    there = [worker for worker in workers if worker.liveness in (Liveness.IDLE, Liveness.BUSY)]
    if not there:
        return "No worker is running: start one with `shraga worker`."
    taking = [worker for worker in there if worker.mode is WorkerMode.ACCEPTING]
    if not taking:
        return "Every worker is draining: resume one, or start another."
    able = [
        w for w in taking if task.capability == "any" or task.capability in {c.name for c in w.capabilities}
    ]
    if not able:
        return f"No worker can do “{task.capability}”: start one with `shraga worker --capability {task.capability}`."
    free = sum(max(0, worker.max_concurrent_tasks - len(worker.current_tasks)) for worker in able)
    if not free:
        return f"Every slot that could run it is busy ({len(able)} worker{'' if len(able) == 1 else 's'})."
    return f"{free} slot{' is' if free == 1 else 's are'} free."


def progress_line(task: Task, width: int) -> Line:
    """Return the progress bar and the last thought of a running task."""
    if task.status is not TaskStatus.RUNNING or (task.progress is None and not task.thought):
        return ()
    thought: Span = (f"  “{_first_line(task.thought)}”" if task.thought else "", "faint")
    if task.progress is None:
        return ((" ", "text"), thought)
    return (
        (" ", "text"),
        (bar(task.progress, min(40, width // 3)), "running"),
        (f" {task.progress:.0%}", "strong"),
        thought,
    )


def _fact(label: str, text: str, tone: str = "text") -> Iterator[Fact]:
    for place, line in enumerate(text.splitlines() or [""]):
        lead = ((f" {label if place == 0 else '':<{LABEL}}", "faint"),)
        yield lead, (line, tone)


def _moment(now: datetime, then: datetime | None) -> str:
    return f"{then.astimezone():%Y-%m-%d %H:%M:%S}  {ago(now, then)} ago" if then else ""


def _action(task: Task) -> Iterator[Fact]:
    action = task.action
    if isinstance(action, Shell):
        yield from _fact("command", action.command, "accent")
        yield from _fact("in folder", action.cwd or "") if action.cwd else ()
    elif isinstance(action, Http):
        yield from _fact("request", f"{action.method} {action.url}", "accent")
    elif isinstance(action, Python):
        given = ", ".join(f"{name}={value!r}" for name, value in action.args.items())
        yield from _fact("call", f"{action.callable}({given})", "accent")
    elif isinstance(action, Reminder):
        yield from _fact("reminds of", action.text, "accent")


def facts(found: TaskWithRuns) -> list[Fact]:
    """Return everything worth knowing about a task, as labelled lines; what is empty is left out."""
    task, now, limits = found.task, found.now, found.task.limits
    output = task.output
    said: list[tuple[str, str, str]] = [
        ("error", task.error, "failed"),
        ("summary", output.summary if output else "", "text"),
        (
            "result",
            "" if output is None or output.result is None else json.dumps(output.result, ensure_ascii=False),
            "done",
        ),
        ("deliverables", "\n".join(output.deliverables) if output else "", "text"),
        ("description", task.description or task.input.description, "text"),
        ("id", task.id, "text"),
        ("owner", task.owner, "text"),
        ("kind", f"{task.kind} · priority {task.priority}", "text"),
        ("labels", " ".join(f"#{label}" for label in task.labels), "text"),
        ("queue", f"{task.queue} · needs {task.capability}", "text"),
        ("worker", task.assigned_worker or "", "text"),
        (
            "try",
            f"{task.attempt} · {limits.retries} retries allowed · {task.failures} failed · {task.losses} lost",
            "text",
        ),
        ("timeout", format_duration(limits.timeout), "text"),
        ("created", _moment(now, task.created_at), "text"),
        ("started", _moment(now, task.started_at), "text"),
        ("ended", _moment(now, task.completed_at), "text"),
        ("folder", task.execution_details.execution_folder or "", "text"),
    ]
    lines = list(_action(task))
    for label, text, tone in said:
        if text:
            lines += _fact(label, text, tone)
    return lines


def run_facts(runs: Sequence[Run], shown: int, now: datetime) -> list[Fact]:
    """Return the runs, newest first; the one whose log is shown is marked."""
    lines: list[Fact] = [
        (
            ((f"   {'try':<5}{'status':<12}{'worker':<18}{'took':<9}{'exit':<6}", "faint"),),
            ("why, and what went wrong", "faint"),
        )
    ]
    for run in reversed(runs):
        spent = took(run.duration) if run.duration is not None else ago(now, run.started_at)
        code = "" if run.exit_code is None else str(run.exit_code)
        lead: Line = (
            (" ▸ " if run.attempt == shown else "   ", "accent"),
            (f"{run.attempt:<5}", "strong"),
            (f"{run.status:<12}", RUN_TONES.get(run.status, "text")),
            (f"{(run.worker or '–')[:17]:<18}{spent:<9}{code:<6}", "text"),
        )
        error = _first_line(run.error)
        lines.append((lead, (f"{run.triggered_by}{': ' + error if error else ''}", "text")))
    return lines


def log_facts(entries: Iterable[LogEntry]) -> Iterator[Fact]:
    """Return log entries as lines: time, a mark for where it came from, the words."""
    for entry in entries:
        tone = "accent" if entry.source == "thought" else LOG_TONES.get(entry.level, "text")
        lead: Line = (
            (f" {entry.at.astimezone():%H:%M:%S} ", "faint"),
            SOURCE_MARKS.get(entry.source, ("  ", "text")),
        )
        for line in entry.message.splitlines() or [""]:
            yield lead, (line, tone)


def chat_facts(messages: Iterable[Message]) -> list[Fact]:
    """Return a chat as lines: time, who, the words; what is asked stands out."""
    lines: list[Fact] = []
    for message in messages:
        person = message.sender_type is SenderType.USER
        who = message.sender if person else message.sender_type.value
        tone = "waiting" if message.type is MessageType.QUESTION else "text" if person else "accent"
        lead: Line = (
            (f" {message.at.astimezone():%H:%M:%S} ", "faint"),
            (f"{who[:10]:<11}", "strong" if person else "planned"),
        )
        marks = (" (edited)" if message.edited else "") + "".join(
            f" [{one.name}]" for one in message.attachments
        )
        said = f"{'? ' if message.type is MessageType.QUESTION else ''}{message.text}{marks}"
        for place, line in enumerate(said.splitlines()):
            lines.append((lead if place == 0 else ((" " * 21, "text"),), (line, tone)))
    return lines or [(((" ", "text"),), ("Nothing has been said. Press t to say something.", "faint"))]


def json_facts(found: TaskWithRuns) -> list[Fact]:
    """Return the record and its runs as indented JSON."""
    whole = {"task": found.task.to_json_object(), "runs": [run.model_dump(mode="json") for run in found.runs]}
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    return [(((" ", "text"),), (line, "text")) for line in text.splitlines()]
