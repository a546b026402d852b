"""Stream entries to events, log lines and audit entries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from sys import intern
from typing import TYPE_CHECKING, Any

import shraga_models as models

from .codec import pairs, sure_moment, text

if TYPE_CHECKING:
    from shraga_models import AuditEntry, Event, LogEntry, Message


_SHARED_TEXTS = {"type", "recipient", "task_id", "name", "task_status", "by"}


def stream_at(entry_id: str) -> datetime:
    """Return the time in an entry's id."""
    return sure_moment(int(entry_id.partition("-")[0]))


def read_streams(reply: Any) -> dict[str, list[Any]]:
    """Return the entries of an XREAD by stream; redis-py answers with a list, or in RESP3 with a dictionary."""
    found = reply.items() if isinstance(reply, dict) else reply or []
    return {text(name): _flat(entries) for name, entries in found}


def _flat(entries: Any) -> list[Any]:
    nested = len(entries) == 1 and entries[0] and isinstance(entries[0][0], list | tuple)
    return list(entries[0] if nested else entries)


@cache
def _event_fields() -> set[str]:
    return set(models.Event.model_fields) - {"status"}


def read_event(entry: Any) -> Event:
    """Return one entry of an event stream.

    Built without validation and from shared texts: dashboards keep thousands, and validated ones take 3.4 KB each.
    """
    entry_id, got = text(entry[0]), pairs(entry[1])
    shared = {name: intern(value) for name, value in got.items() if name in _SHARED_TEXTS}
    return models.Event.model_construct(
        _event_fields(),
        id=entry_id,
        at=stream_at(entry_id),
        type=shared.get("type", ""),
        recipient=shared.get("recipient") or None,
        task_id=shared.get("task_id") or None,
        workflow_id=got.get("workflow_id"),
        name=shared.get("name", ""),
        content=got.get("content", ""),
        task_status=shared.get("task_status") or None,
        attempt=int(got["attempt"]) if got.get("attempt") else None,
        created_by=shared.get("by", ""),
    )


def read_log(attempt: int, entries: Iterable[Any]) -> list[LogEntry]:
    """Return the entries of a run's log."""
    lines = []
    for entry in entries:
        entry_id, got = text(entry[0]), pairs(entry[1])
        fields = {
            "id": entry_id,
            "at": stream_at(entry_id),
            "attempt": attempt,
            "metadata": json.loads(got.get("metadata") or "{}"),
        }
        kept = {name: got[name] for name in ("source", "level", "message") if name in got}
        lines.append(models.LogEntry.model_validate(fields | kept))
    return lines


def read_audit(entries: Iterable[Any]) -> list[AuditEntry]:
    """Return the entries of the audit stream."""
    lines = []
    for entry in entries:
        entry_id, got = text(entry[0]), pairs(entry[1])
        said = got.pop("details", "")
        details = {"content": said} if said else {}
        lines.append(
            models.AuditEntry.model_validate(
                got | {"id": entry_id, "at": stream_at(entry_id), "details": details}
            )
        )
    return lines


def read_chat(
    task_id: str | None, entries: Iterable[Any], *, fold: bool = True, workflow_id: str | None = None
) -> tuple[Message, ...]:
    """Return the messages of a chat's entries; with `fold` an edit stands in the place of what it replaces."""
    found: dict[str, Message] = {}
    for entry in entries:
        entry_id, got = text(entry[0]), pairs(entry[1])
        fields = {
            "id": entry_id,
            "at": stream_at(entry_id),
            "task_id": task_id,
            "workflow_id": workflow_id,
            "parent_id": got.get("parent") or None,
            "edits": got.get("edits") or None,
            "attempt": int(got["attempt"]) if got.get("attempt") else None,
            "attachments": json.loads(got.get("attachments") or "[]"),
            "told": json.loads(got.get("told") or "[]"),
            "origin": got.get("origin"),
            "metadata": json.loads(got.get("metadata") or "{}") | _options(got),
        }
        kept = {name: got[name] for name in ("sender_type", "sender", "type", "text")}
        message = models.Message.model_validate(fields | kept)
        first = found.get(message.edits or "") if fold else None
        if first is not None:
            told = tuple(dict.fromkeys(first.told + message.told))
            message = first.model_copy(update={"text": message.text, "edited": True, "told": told})
        found[message.id] = message
    return tuple(found.values())


def _options(got: dict[str, str]) -> dict[str, Any]:
    options = json.loads(got.get("options") or "[]")
    return {"options": options} if options else {}
