"""What is posted: the event as JSON or as a card, and a signature that a receiver can verify in five lines."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from shraga_models import Event, EventType
from shraga_queue.stream_codec import read_event
from shraga_queue.webhook_body import make_body, make_headers

CELLS = {
    "type": "task.failed", "recipient": "alice", "task_id": "t1", "name": "im[port](http://evil)\x1b[31m",
    "task_status": "failed", "attempt": "2", "by": "w1", "content": "exit code 3",
}  # fmt: skip
EVENT: Event = read_event(("1767323045000-0", CELLS))


def verify(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(key, said, hashlib.sha256).digest()
    return hmac.compare_digest("v1," + base64.b64encode(digest).decode(), headers["webhook-signature"])


def test_json_is_the_event_without_its_status() -> None:
    told = json.loads(make_body("json", EVENT))
    assert told == {
        "id": "1767323045000-0", "at": "2026-01-02T03:04:05Z", "type": "task.failed", "recipient": "alice",
        "task_id": "t1", "name": "im[port](http://evil)\x1b[31m", "content": "exit code 3", "task_status": "failed",
        "attempt": 2, "created_by": "w1", "workflow_id": None,
    }  # fmt: skip


def test_card_is_a_message_with_one_adaptive_card_of_plain_text() -> None:
    told = json.loads(make_body("teams", EVENT))
    (attachment,) = told["attachments"]
    lines = attachment["content"]["body"]
    assert (told["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert attachment["content"]["type"] == "AdaptiveCard"
    assert {line["type"] for line in lines} == {"RichTextBlock"}
    runs = [run for line in lines for run in line["inlines"]]
    assert runs[0]["text"] == "task failed: im[port](http://evil)␛[31m"
    assert runs[0]["color"] == "attention"
    assert runs[1]["text"] == "exit code 3"
    assert runs[2]["text"] == "task t1 · attempt 2 · owner alice · by w1 · at 2026-01-02T03:04:05+00:00"


def test_card_of_an_overdue_task_warns() -> None:
    told = json.loads(make_body("teams", EVENT.model_copy(update={"type": EventType.TASK_OVERDUE})))
    run = told["attachments"][0]["content"]["body"][0]["inlines"][0]
    assert (run["text"].partition(":")[0], run["color"]) == ("task overdue", "warning")


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("s3cret", b"s3cret"),
        ("whsec_" + base64.b64encode(b"\x00\xffkey").decode(), b"\x00\xffkey"),
        ("whsec_no base64", b"whsec_no base64"),
    ],
)
def test_signature_is_verified_with_the_key_and_no_other(secret: str, key: bytes) -> None:
    body = make_body("json", EVENT)
    headers = make_headers(EVENT.id, 1767323046, body, secret)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (EVENT.id, "1767323046")
    assert verify(headers, body, key)
    assert not verify(headers, body + b" ", key)
    assert not verify(headers, body, b"another")
    assert secret not in str(headers)


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in make_headers("1-0", 1, b"", "")
