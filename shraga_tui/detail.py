"""What the detail screen says of a task: why it stands where it stands, its facts, runs, log and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from shraga_models import (
    Agent,
    DependencyKind,
    Http,
    LogEntry,
    LogLevel,
    Message,
    MessageType,
    Prompt,
    Python,
    Reminder,
    Run,
    RunStatus,
    SenderType,
    Shell,
    Task,
    TaskStatus,
)
from shraga_models.durations import format_duration
from shraga_models.text import usd
from shraga_queue.codec import TaskWithRuns
from shraga_queue.depending import PAUSED, Neighbour, Neighbourhood
from shraga_queue.timetable import words
from shraga_tui.cards import bar, look_of, took
from shraga_tui.evidence import claim_lines, evidence_lines, review_text
from shraga_tui.look import Look, attempt_word, way_of
from shraga_tui.widgets.paint import Line, Span

if TYPE_CHECKING:
    from shraga_queue.why import Reason, Why

Fact = tuple[Line, Span]
LABEL = 13
LINKS = {DependencyKind.RELATED.value, DependencyKind.DUPLICATE.value}
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
    return look_of(task.status, RunStatus.COMPLETED if task.awaits_verdict else "")


def headline(found: TaskWithRuns) -> tuple[Line, Line]:
    """Return the state and the name, and how long it has been so."""
    task, look = found.task, status_look(found.task)
    name = task.name.replace("\n", " ").strip()
    return (
        ((f" {look.glyph} {look.word.upper()} ", look.tone), (f" {name}", "strong")),
        ((f"{ago(found.now, task.moved_at)} ", "faint"),),
    )


def sentence(found: TaskWithRuns, why: Why | None) -> str:
    """Return why the task stands where it stands, the weightiest reason first, and what comes next."""
    task, now = found.task, found.now
    since = ago(now, task.moved_at)
    match task.status:
        case TaskStatus.QUEUED | TaskStatus.BLOCKED:
            return f"Waits for {since}. {_first_reason(why)}".strip()
        case TaskStatus.SCHEDULED:
            return f"{_due(found, why)} {_first_reason(why)}".strip()
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


def _due(found: TaskWithRuns, why: Why | None) -> str:
    task, now, runs = found.task, found.now, found.runs
    if task.next_run_at is None:
        return "" if _hindrances(why) else "Scheduled, without a time."
    left = (task.next_run_at - now).total_seconds()
    when = f"in {format_duration(left)}" if left > 0 else "now; the controller starts it"
    # What repeats rests with its last run ended: only a try that is still to come follows a failed one.
    tries = len(runs) > 1 and runs[-1].status is RunStatus.PENDING
    what = f"Try {task.try_number - 1} failed; the next one is due" if tries else "Due"
    return f"{what} {when} ({task.next_run_at.astimezone():%d %b %H:%M:%S}). Press r to run it now."


def _hindrances(why: Why | None) -> list[Reason]:
    """Return the reasons but the due time, which is told with the key that runs the task now."""
    return [one for one in why.reasons if one.code not in ("schedule", "retry_delay")] if why else []


def _first_reason(why: Why | None) -> str:
    reasons = _hindrances(why)
    return _told(reasons[0]) if reasons else ""


def _told(reason: Reason) -> str:
    # Ids are for who has only a shell: here the task has its name, and one that goes on needs nothing done.
    said = reason.says.replace(f" ({reason.facts.get('task_id')})", "")
    status = reason.facts.get("status")
    goes_on = reason.code == "dependency" and status in set(TaskStatus) and not TaskStatus(status).is_final
    return said if goes_on else f"{said} {reason.do}".strip()


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
    elif isinstance(action, Agent):
        yield from _fact("agent", f"{action.agent}{f' · {action.model}' if action.model else ''}", "accent")
        yield from _fact("goal", action.prompt, "text") if action.prompt else ()
    elif isinstance(action, Prompt):
        yield from _fact(
            "endpoint", f"{action.endpoint}{f' · {action.model}' if action.model else ''}", "accent"
        )
        yield from _fact("prompt", action.prompt, "text")
    elif isinstance(action, Python):
        given = ", ".join(f"{name}={value!r}" for name, value in action.args.items())
        yield from _fact("call", f"{action.callable}({given})", "accent")
    elif isinstance(action, Reminder):
        yield from _fact("reminds of", action.text, "accent")


def facts(found: TaskWithRuns, why: Why | None = None, around: Neighbourhood | None = None) -> list[Fact]:
    """Return everything worth knowing about a task, as labelled lines; what is empty is left out."""
    task, now = found.task, found.now
    reasons = [_told(one) for one in _hindrances(why)]
    said = [
        ("waits", "\n".join(reasons) if len(reasons) > 1 else "", "waiting"),
        ("error", task.error, "failed"),
        *_outcome(task, now),
        ("description", task.description or task.input.description, "text"),
        *_edges(around),
        *_asked(task, now),
        *_course(task, now),
    ]
    lines = list(_action(task))
    for label, text, tone in said:
        if text:
            lines += _fact(label, text, tone)
    return lines


def _outcome(task: Task, now: datetime) -> Iterator[tuple[str, str, str]]:
    if output := task.output:
        yield from claim_lines(output)
        yield "result", "" if output.result is None else json.dumps(output.result, ensure_ascii=False), "done"
        yield from evidence_lines(output.evidence)
    if review := task.review:
        said = review_text(review, f"{ago(now, review.at)} ago")
        yield "review", said, "faint" if review.is_stale else "text"


def _edges(around: Neighbourhood | None) -> Iterator[tuple[str, str, str]]:
    if around:
        waits = [one for one in around.prerequisites if one.kind not in LINKS]
        linked = [one for one in around.prerequisites if one.kind in LINKS]
        yield "depends on", _named(waits, around.prerequisites_total - len(linked)), "text"
        yield "linked to", _named(linked, len(linked)), "text"
        yield "needed by", _named(around.dependents, around.dependents_total), "text"


def _named(edges: Sequence[Neighbour], total: int) -> str:
    lines = [
        "its workflow, which is paused"
        if one.id == PAUSED
        else f"{one.name or one.id} · {one.status or 'gone'}{_edge(one)}"
        for one in edges
    ]
    return "\n".join((*lines, *([f"and {total - len(edges):,} more"] if total > len(edges) else [])))


def _edge(one: Neighbour) -> str:
    return " · waits" if one.is_unmet else f" · {one.kind}" if one.kind in LINKS else ""


def _plan(task: Task, now: datetime) -> str:
    plan = task.schedule
    if plan is None or not plan.is_recurring:
        return ""
    last = f" · last {ago(now, plan.last_run_at)} ago" if plan.last_run_at else ""
    skipped = f" · {plan.skipped:,} skipped" if plan.skipped else ""
    return f"{words(plan)}{'' if plan.is_active else ' · paused'}{last}{skipped}"


def _asked(task: Task, now: datetime) -> Iterator[tuple[str, str, str]]:
    due = (task.due_at - now).total_seconds() if task.due_at else 0
    late = f"{format_duration(-due)} ago" if due < 0 else f"in {format_duration(due)}"
    made_of = f"{task.template.name} · {task.template.revision[:19]}" if task.template else ""
    return iter(
        (
            ("repeats", _plan(task, now), "text"),
            ("id", task.id, "text"),
            ("owner", task.owner, "text"),
            ("assignee", task.assignee or "", "text"),
            (
                "wanted by",
                f"{task.due_at.astimezone():%Y-%m-%d %H:%M:%S}  {late}" if task.due_at else "",
                "text",
            ),
            ("workflow", task.workflow_id or "", "text"),
            ("template", made_of, "text"),
            ("kind", f"{task.kind} · priority {task.priority}", "text"),
            ("labels", " ".join(f"#{label}" for label in task.labels), "text"),
            ("queue", f"{task.queue} · needs {task.capability}", "text"),
        )
    )


def _course(task: Task, now: datetime) -> Iterator[tuple[str, str, str]]:
    limits = task.limits
    tries = f"{task.attempt} · {limits.retries} retries allowed · {task.failures} failed · {task.losses} lost"
    return iter(
        (
            ("worker", task.assigned_worker or "", "text"),
            (attempt_word(task), tries, "text"),
            ("timeout", format_duration(limits.timeout), "text"),
            ("cost", _cost(task), "text"),
            ("created", _moment(now, task.created_at), "text"),
            ("started", _moment(now, task.started_at), "text"),
            ("ended", _moment(now, task.completed_at), "text"),
            ("folder", task.execution_details.execution_folder or "", "text"),
        )
    )


def _cost(task: Task) -> str:
    if not (task.cost or task.prompt_tokens or task.response_tokens or task.budget is not None):
        return ""
    of = f" of {usd(task.budget)}" if task.budget is not None else ""
    return f"{usd(task.cost)}{of} USD · {task.prompt_tokens:,} tokens in · {task.response_tokens:,} out"


def run_facts(runs: Sequence[Run], shown: int, now: datetime) -> list[Fact]:
    """Return the runs, newest first; the one whose log is shown is marked."""
    lines: list[Fact] = [
        (
            ((f"   {'run':<5}{'status':<12}{'worker':<18}{'took':<9}{'exit':<6}", "faint"),),
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


def chat_facts(
    messages: Iterable[Message], nothing: str = "Nothing has been said. Press t to say something."
) -> list[Fact]:
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
        marks += f" ({way})" if (way := way_of(message)) else ""
        said = f"{'? ' if message.type is MessageType.QUESTION else ''}{message.text}{marks}"
        for place, line in enumerate(said.splitlines()):
            lines.append((lead if place == 0 else ((" " * 21, "text"),), (line, tone)))
    return lines or [(((" ", "text"),), (nothing, "faint"))]


def json_facts(found: TaskWithRuns) -> list[Fact]:
    """Return the record and its runs as indented JSON."""
    whole = {"task": found.task.to_json_object(), "runs": [run.model_dump(mode="json") for run in found.runs]}
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    return [(((" ", "text"),), (line, "text")) for line in text.splitlines()]
