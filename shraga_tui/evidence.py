"""What a task claims of its result, and what the worker observed of it, as labelled lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shraga_models.durations import format_duration

if TYPE_CHECKING:
    from shraga_models import Changes, Evidence, Review, TaskOutput

Line = tuple[str, str, str]
"""Label, text and tone of a line."""


def claim_lines(output: TaskOutput) -> list[Line]:
    """Return what a task says of its own result; nothing where it says nothing."""
    verdict = output.verdict
    lines = [
        ("summary", output.summary, "text"),
        ("deliverables", "\n".join(output.deliverables), "text"),
        ("verdict", ("approved" if verdict.approved else "not approved") if verdict else "", "text"),
        ("tested", verdict.testing_done if verdict else "", "text"),
        ("results", verdict.results if verdict else "", "text"),
    ]
    return [line for line in lines if line[1]]


def review_text(review: Review, when: str) -> str:
    """Return what a person decided, who it was and why; `when` is that moment in words."""
    what = f"{review.decision.replace('_', ' ')} by {review.by} {when}, of try {review.attempt}"
    stale = " (work went on after it)" if review.is_stale else ""
    return f"{what}{stale}{f': {review.note}' if review.note else ''}"


def evidence_lines(evidence: Evidence | None) -> list[Line]:
    """Return what was observed; nothing where nothing was."""
    if evidence is None:
        return []
    lines: list[Line] = []
    if check := evidence.check:
        ended = "took too long" if check.exit_code is None else f"exit {check.exit_code}"
        tone = "done" if check.holds else "failed"
        lines.append(("check", f"{check.command} · {ended} · {format_duration(check.seconds)}", tone))
    if changes := evidence.changes:
        lines += _changes(changes)
    found = [f"{one.name} · {one.size:,} bytes · sha256 {one.sha256[:12]}" for one in evidence.artifacts]
    lines.append(("artifacts", "\n".join(found), "text"))
    lines.append(("missing", "\n".join(evidence.missing), "failed"))
    return [line for line in lines if line[1]]


def _changes(changes: Changes) -> list[Line]:
    size = f"{_count(changes.files, 'file')} · +{changes.insertions} −{changes.deletions}"
    loose = f" · {changes.uncommitted} uncommitted" if changes.uncommitted else ""
    said = f"{size} · {_count(changes.commits, 'commit')} on {changes.branch or 'no branch'}{loose}"
    more = changes.files - len(changes.changed)
    names = "\n".join((*changes.changed, *([f"and {more} more"] if more > 0 else [])))
    return [
        ("changes", said, "text"),
        ("changed", names, "text"),
        ("diff", f"sha256 {changes.diff_sha256}" if changes.diff_sha256 else "", "text"),
    ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
