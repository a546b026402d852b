"""What waits on a person, as a form: what to show, what to choose or type, and what to ask of the store then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shraga_models import Question, Task, TaskOutput, TaskStatus
from shraga_queue.talk import Judgement
from shraga_tui.evidence import claim_lines, evidence_lines
from shraga_tui.source import Source

UNDECIDED = "…"
LABEL = 13
_JUDGEMENTS: dict[str, Judgement] = {"accept": "accept", "reject": "reject", "send back": "send_back"}

_JUDGED = {"accept": "Accepted", "reject": "Rejected", "send back": "Sent back"}


@dataclass(frozen=True, slots=True)
class Wait:
    """The form of one wait; `question_id` is empty for leave and verdict, `hint` empty where nothing is typed."""

    text: str
    question_id: str = ""
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hint: str = ""

    def problem(self, chosen: Mapping[str, str], typed: str) -> str:
        """Return what is missing before it can be sent, or nothing."""
        if self.question_id and not typed.strip():
            return "Type the answer first."
        if chosen.get("decision") == UNDECIDED:
            return "Choose with ← and → first."
        if chosen.get("decision") == "send back" and not typed.strip():
            return "Say what is to be done: the note goes to the task."
        return ""


def of(task: Task, alike: int = 0) -> Wait:
    """Return the form of what a task waits for; `alike` is how many tasks ask the same, itself included."""
    if task.question is not None:
        return _asked(task.question, alike)
    if task.awaits_verdict:
        choices = {"decision": (UNDECIDED, *_JUDGEMENTS)}
        return Wait(_result(task), "", choices, "a note, for the record and the task")
    if task.status is TaskStatus.AWAITING_APPROVAL:
        text = "\n\n".join(part for part in (_wish(task), "It waits for leave to run.") if part)
        return Wait(text, "", {"decision": (UNDECIDED, "approve", "reject")}, "a note, for the record")
    return Wait(f"The task is {task.status}.")


def _asked(question: Question, alike: int) -> Wait:
    lines = [question.text]
    if question.options:
        lines += ["", *(f"{number}  {option}" for number, option in enumerate(question.options, 1))]
    if question.due_at is not None:
        then = f"“{question.default}” is taken" if question.default is not None else "the task fails"
        lines += ["", f"By {question.due_at.astimezone():%d %b %H:%M:%S}, else {then}."]
    choices = {"to": ("this task", f"all {alike} that ask the same")} if alike > 1 else {}
    hint = "a number or a word" if question.options else "the answer"
    if question.options and question.takes_any_words:
        hint = "a number, or in your own words"
    return Wait("\n".join(lines), question.id, choices, hint)


def _wish(task: Task) -> str:
    parts = (task.description, task.input.description, task.input.success_criteria)
    return "\n\n".join(part for part in parts if part)


def _result(task: Task) -> str:
    """Return what the task claims, and under it what was observed, which does not depend on its word."""
    output = task.output or TaskOutput()
    parts = [
        f"It was to: {task.input.success_criteria}" if task.input.success_criteria else "",
        _section("It says", claim_lines(output)) or "It says nothing of what it did.",
        _section("Observed", evidence_lines(output.evidence)) or "Nothing else was observed of its result.",
    ]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, lines: Sequence[tuple[str, str, str]]) -> str:
    said = [
        f"  {label if place == 0 else '':<{LABEL}}{line}"
        for label, text, _ in lines
        for place, line in enumerate(text.strip().splitlines())
    ]
    return "\n".join((f"{title}:", *said)) if said else ""


async def decide(source: Source, task: Task, wait: Wait, chosen: Mapping[str, str], typed: str) -> str:
    """Do what was decided; returns what came of it, as a sentence. Raises ShragaError."""
    if wait.question_id:
        alike = chosen.get("to", "").startswith("all")
        answered = await source.answer(wait.question_id, typed, alike=alike)
        return "Answered." if len(answered) == 1 else f"Answered, for {len(answered)} tasks."
    decision = chosen["decision"]
    if decision == "approve":
        return f"Approved: it is {(await source.approve(task.id, typed)).status}."
    if decision == "reject" and not task.awaits_verdict:
        return f"Not approved: it is {(await source.cancel(task.id, typed or 'not approved')).status}."
    judged = await source.review(task.id, _JUDGEMENTS[decision], typed, attempt=task.attempt)
    return f"{_JUDGED[decision]}: it is {judged.status}."
