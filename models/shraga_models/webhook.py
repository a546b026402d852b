"""Webhooks: addresses outside that are told what happens."""

from __future__ import annotations

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator

from .actions import http_address
from .base import Model, Moment, Record, Sized, Slug
from .status import EventType

SECRET_NAME = r"^(\$\{env:[A-Za-z_]\w*\})?$"  # noqa: S105
TOLD_BY_WEBHOOKS = "webhook."
"""What events about webhooks begin with; no webhook is told of them, or one that fails would feed itself."""
_MASK = "••••••"
_TOKEN = 16
"""Characters from which a part of a path is taken for a key that lets in whoever knows it."""


class WebhookForm(StrEnum):
    """What is posted: the event as JSON, or a message with an adaptive card as Teams and Power Automate take it."""

    JSON = "json"
    TEAMS = "teams"


class NewWebhook(Sized):
    """A webhook to add (seed: Shraga events, delivery to Power Automate).

    `${env:NAME}` in `url` and `secret` is resolved by the controller, and is all that is stored of it.
    """

    name: Slug
    url: str = Field(min_length=1)
    form: WebhookForm = WebhookForm.JSON
    events: tuple[str, ...] = Field(min_length=1)
    """Types of events; `task.*` stands for all that begin with `task.`, `*` for all."""
    owner: Slug | None = None
    """Only what this user may see."""
    secret: str = Field(default="", pattern=SECRET_NAME)
    """The variable that holds the key of the signature, as `${env:NAME}`; empty for no signature."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return http_address(url)

    @field_validator("events")
    @classmethod
    def _patterns(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in events:
            if not re.fullmatch(r"[a-z._]*\*?", pattern) or not any(
                fnmatchcase(kind, pattern) for kind in EventType
            ):
                raise ValueError(
                    f"{pattern!r} is no type of event: write one such as task.failed, task.* for all of tasks, or *"
                )
            if pattern.startswith(TOLD_BY_WEBHOOKS):
                raise ValueError(f"{pattern!r} is not delivered: watch webhooks with `shraga webhook list`")
        return tuple(dict.fromkeys(events))


class Webhook(Record):
    """A webhook as it is stored, and how its deliveries stand."""

    name: str
    url: str
    form: WebhookForm
    events: tuple[str, ...]
    owner: str | None = None
    secret: str = ""
    active: bool = True
    failing: bool = False
    """Whether its latest deliveries failed again and again."""
    behind: int = 0
    """Events it has not come to yet."""
    waiting: int = 0
    """Events that are being delivered, or wait for another try."""
    delivered: int = 0
    failed: int = 0
    """Events that became dead letters, since it was added."""
    missed: int = 0
    """Events that had left the bounded stream before they could be looked at."""
    dead: int = 0
    """Dead letters that are kept and can be replayed."""
    tries: int = 0
    """How often the event that comes next was tried in vain."""
    retry_at: Moment | None = None
    last_delivered_at: Moment | None = None
    error: str = ""
    """Why the latest try failed; empty after one that did not."""

    @property
    def shown_url(self) -> str:
        """The address without what lets in whoever knows it: passwords, values of a query, long parts of a path."""
        parts = urlsplit(self.url)
        path = "/".join(_shown(part, _TOKEN) for part in parts.path.split("/"))
        query = "&".join(_shown_pair(pair) for pair in parts.query.split("&") if pair)
        host = parts.netloc.rpartition("@")
        place = f"{_MASK}@{host[2]}" if host[1] and "${env:" not in host[0] else parts.netloc
        return SplitResult(parts.scheme, place, path, query, "").geturl()

    def to_json_object(self) -> dict[str, Any]:
        """Return the webhook as plain JSON values, its address masked."""
        return super().to_json_object() | {"url": self.shown_url}


class DeadLetter(Model):
    """An event that a webhook did not take; `id` is that of the event."""

    id: str
    at: Moment
    """When it was given up."""
    type: str
    task_id: str | None = None
    name: str = ""
    recipient: str | None = None
    tries: int
    error: str


def _shown(text: str, longest: int = 0) -> str:
    return text if "${env:" in text or len(text) < longest else _MASK


def _shown_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={_shown(value)}" if equals else _shown(name)
