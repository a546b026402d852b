"""What is posted to a webhook: the body of each form, and its signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from shraga_models import Event, WebhookForm
from shraga_models.text import clean_line

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
SECRET_MARK = "whsec_"  # noqa: S105
_COLORS = {
    "completed": "good",
    "failed": "attention",
    "canceled": "warning",
    "skipped": "warning",
    "overdue": "warning",
}


def make_body(form: str, event: Event) -> bytes:
    """Return the body of a request that tells an event."""
    told = _card(event) if form == WebhookForm.TEAMS else event.model_dump(mode="json", exclude={"status"})
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def make_headers(event_id: str, seconds: int, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers by which a receiver knows an event and who sent it (source: standardwebhooks.com).

    The signature is the base64 of HMAC-SHA256 over `id.timestamp.body`; without a secret there is none.
    """
    headers = {
        "content-type": "application/json",
        "user-agent": "shraga-webhook",
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
    }
    if secret:
        signed = f"{event_id}.{seconds}.".encode() + body
        digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _key(secret: str) -> bytes:
    """A secret that is marked as such is base64, any other one the key itself."""
    if secret.startswith(SECRET_MARK):
        try:
            return base64.b64decode(secret.removeprefix(SECRET_MARK), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _card(event: Event) -> dict[str, Any]:
    lines = [_run(f"{event.type.replace('.', ' ')}: {event.name}", weight="bolder", **_color(event))]
    if event.content:
        lines.append(_run(event.content))
    facts = {
        "task": event.task_id,
        "attempt": event.attempt,
        "owner": event.recipient,
        "by": event.created_by,
        "at": event.at.isoformat(timespec="seconds"),
    }
    said = " · ".join(f"{name} {value}" for name, value in facts.items() if value)
    lines.append(_run(said, isSubtle=True, size="small"))
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": lines,
    }
    return {
        "type": "message",
        "attachments": [{"contentType": CARD_TYPE, "contentUrl": None, "content": content}],
    }


def _color(event: Event) -> dict[str, str]:
    color = _COLORS.get(event.type.rpartition(".")[2])
    return {"color": color} if color else {}


def _run(text: str, **look: Any) -> dict[str, Any]:
    """A line of text as such: in a plain text block Markdown of a task's name would become links."""
    return {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": clean_line(text), **look}],
    }
