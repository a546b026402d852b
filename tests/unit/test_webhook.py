"""Webhooks: what may be added, and what of an address is shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shraga_models import NewWebhook, Webhook, WebhookForm
from shraga_queue.errors import InvalidInput
from shraga_queue.webhooks import build_webhook

URL = "https://example.org/hook"
AT = datetime(2026, 1, 2, tzinfo=UTC)


def stored(url: str) -> Webhook:
    times: dict[str, Any] = {"created_at": AT, "updated_at": AT, "created_by": "a", "updated_by": "a"}
    return Webhook(id="i", name="ops", url=url, form=WebhookForm.JSON, events=("*",), **times)


def test_patterns_are_kept_once_and_in_order() -> None:
    new = build_webhook("ops", URL, ["task.*", "worker.lost", "task.*"], {})
    assert new == NewWebhook(name="ops", url=URL, events=("task.*", "worker.lost"))


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"events": ["task.fialed"]}, "events", "'task.fialed' is no type of event"),
        ({"events": ["*.failed"]}, "events", "is no type of event"),
        ({"events": [""]}, "events", "is no type of event"),
        ({"events": ["webhook.failing"]}, "events", "is not delivered"),
        ({"events": []}, "events", "at least 1"),
        ({"url": "ftp://x"}, "url", "is no HTTP address"),
        ({"name": "a b"}, "name", "use 1 to 64 letters"),
        ({"form": "slack"}, "form", "'json' or 'teams'"),
        ({"owner": "a/b"}, "owner", "use 1 to 64 letters"),
        ({"secret": "hunter2"}, "secret", "a secret is named, never given: write ${env:NAME}"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_the_fix(fields: dict[str, Any], field: str, says: str) -> None:
    given = {"name": "ops", "url": URL, "events": ["*"]} | fields
    with pytest.raises(InvalidInput) as caught:
        build_webhook(given.pop("name"), given.pop("url"), given.pop("events"), given)
    assert caught.value.field == field
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, URL),
        ("${env:HOOK}", "${env:HOOK}"),
        ("https://h/a?sig=topsecret&v=${env:V}&flag", "https://h/a?sig=••••••&v=${env:V}&••••••"),
        ("https://me:topsecret@h:8080/a", "https://••••••@h:8080/a"),
        ("https://h/services/T00/topsecret0123456789", "https://h/services/T00/••••••"),
        ("https://h/a#topsecret", "https://h/a"),
    ],
)
def test_address_shows_nothing_that_lets_in_whoever_knows_it(url: str, shown: str) -> None:
    hook = stored(url)
    assert (hook.shown_url, hook.to_json_object()["url"]) == (shown, shown)
    assert "topsecret" not in str(hook.to_json_object())
