"""Webhooks: add, watch, pause, test and replay them; and how far events have come to them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

import shraga_models as models
from shraga_models import DeliveryStatus, EventType, new_id

from . import codec, stream_codec
from .calls import Argument, Call, Flow, as_is
from .errors import InvalidInput, NotFound, Refused
from .keys import Keys
from .offer import Driver, Offer, offered
from .submission import invalid

if TYPE_CHECKING:
    from shraga_models import DeadLetter, Event, NewWebhook, Webhook


MAX_WEBHOOKS = 32
"""Each takes a thread and a connection of the leading controller."""
TEST_PATIENCE = 20.0
"""Seconds after which a test that nobody has answered is given up; longer than a delivery may take."""
EVENT_ID = r"\d+-\d+"


@dataclass(frozen=True, slots=True)
class Replay:
    """How many events will be delivered again, and after which one there is more, empty for none."""

    count: int
    more_after: str = ""


class WebhookFlows:
    """The operations on webhooks, as flows without a network."""

    keys: Keys
    user: str

    def _webhook_call(self, script: str, *args: Argument) -> Call[Any]:
        return Call(as_is, script, (self.keys.make("webhooks"),), args)

    def add_webhook(self, new: NewWebhook) -> Flow[Webhook]:
        """Add a webhook, told of what happens from now on; raises Refused where the name is taken."""
        what = ("url", new.url, "form", new.form.value, "on", ",".join(new.events))
        who = ("owner", new.owner or "", "secret", new.secret)
        reply = yield self._webhook_call(
            "webhook_add", new.name, self.user, new_id(), MAX_WEBHOOKS, *what, *who
        )
        if codec.text(reply) == "taken":
            raise Refused(
                f"There is a webhook {new.name!r} already; remove it first, or give this one another name."
            )
        if codec.text(reply) == "full":
            raise Refused(f"There are {MAX_WEBHOOKS} webhooks, and no more are kept; remove one first.")
        return (yield from self.webhook(new.name))

    def all_webhooks(self) -> Flow[list[Webhook]]:
        """Return the webhooks and how their deliveries stand, the oldest first."""
        reply = yield self._webhook_call("webhooks", "")
        return [_read_webhook(row) for row in reply]

    def webhook(self, name: str) -> Flow[Webhook]:
        """Return one webhook; raises NotFound."""
        reply = yield self._webhook_call("webhooks", name)
        if not name or not reply:
            raise _unknown(name)
        return _read_webhook(reply[0])

    def change_webhook(self, name: str, after: str) -> Flow[None]:
        """Make a webhook `paused`, `active` or `removed`; raises NotFound, or Refused where it is so already."""
        answer = codec.text((yield self._webhook_call("webhook_change", name, self.user, after)))
        if answer == "missing":
            raise _unknown(name)
        if answer == "already":
            raise Refused(f"The webhook {name!r} is {after} already.")

    def test_webhook(self, name: str, patience: float = TEST_PATIENCE) -> Flow[str]:
        """Have a made-up event delivered once; returns what went wrong, empty for nothing.

        Raises NotFound, or Refused where the webhook is paused, nobody delivers, or no answer comes in time.
        """
        answer, last_id = map(codec.text, (yield self._webhook_call("webhook_test", name, self.user)))
        if answer == "missing":
            raise _unknown(name)
        if answer == "paused":
            raise Refused(f"The webhook {name!r} is paused; resume it first: shraga webhook resume {name}")
        if answer == "alone":
            raise Refused("No controller leads, so nobody delivers; start one with: shraga controller")
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            block = max(1, min(1000, int(left * 1000)))
            command = ("XREAD", "COUNT", 2000, "BLOCK", block, "STREAMS", self.keys.make("events"), last_id)
            read = yield Call(stream_codec.read_streams, command=command)
            for event in map(stream_codec.read_event, next(iter(read.values()), [])):
                last_id = event.id
                if event.type == EventType.WEBHOOK_TESTED and event.name == name:
                    return "" if event.content == "delivered" else event.content
        raise Refused(
            f"The test of {name!r} has not been answered within {patience:g} s; look at the controller."
        )

    def replay_dead(self, name: str, ids: Sequence[str] = ()) -> Flow[Replay]:
        """Deliver dead letters once more, all where none is named; raises NotFound."""
        replay = yield from self._replay(name, "dead", ids)
        if ids and not replay.count:
            raise NotFound(
                f"None of these is a dead letter of {name!r}; `shraga webhook dead {name}` shows them."
            )
        return replay

    def replay_events(self, name: str, first: str, last: str = "+") -> Flow[Replay]:
        """Deliver the events of a range once more, both ends included; raises NotFound or InvalidInput."""
        for field, given in (("from", first), ("to", last)):
            if not re.fullmatch(EVENT_ID, given) and given not in "-+":
                raise InvalidInput(
                    field, f"{field}: {given!r} is no event's id; `shraga events --json` shows them."
                )
        return (yield from self._replay(name, "events", (first, last)))

    def _replay(self, name: str, what: str, args: Sequence[str]) -> Flow[Replay]:
        answer, count, more = yield self._webhook_call("webhook_replay", name, self.user, what, *args)
        if codec.text(answer) == "missing":
            raise _unknown(name)
        if codec.text(answer) == "full":
            raise Refused(f"Too many events wait for {name!r} already; try again when some are delivered.")
        return Replay(int(count), codec.text(more))

    def dead_letters(self, name: str, limit: int = 1000) -> Flow[list[DeadLetter]]:
        """Return what a webhook did not take, the latest first; raises NotFound."""
        yield from self.webhook(name)
        key = self.keys.make("webhook_dead", webhook=name)
        reply = yield Call(as_is, command=("XREVRANGE", key, "+", "-", "COUNT", limit))
        return [_read_letter(entry) for entry in reply]

    # Events

    def with_delivery(self, events: Sequence[Event]) -> Flow[list[Event]]:
        """Return events with how far each has come on its way to the webhooks that want it."""
        if not events:
            return []
        args = [cell for event in events for cell in (event.id, event.type, event.recipient or "")]
        reply = yield self._webhook_call("deliveries", *args)
        return [
            event.model_copy(update={"status": DeliveryStatus(codec.text(status))})
            for event, status in zip(events, reply, strict=True)
        ]

    def mark_read(self, event_id: str) -> Flow[None]:
        """Mark an event as read; raises NotFound, also where the event is no longer kept."""
        answer = None
        if re.fullmatch(EVENT_ID, event_id):
            answer = yield Call(codec.text, "event_read", (self.keys.make("read"),), (event_id, self.user))
        if answer in (None, "missing"):
            raise NotFound(
                f"There is no event {event_id!r}; `shraga events --json` shows the ones there are."
            )


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no webhook {name!r}; `shraga webhook list` shows the ones there are.")


def build_webhook(name: str, url: str, events: Sequence[str], fields: dict[str, Any]) -> NewWebhook:
    """Return a checked webhook; raises InvalidInput naming the first bad field and the fix."""
    try:
        return models.NewWebhook.model_validate({"name": name, "url": url, "events": tuple(events)} | fields)
    except ValidationError as error:
        raise invalid(error) from None


def _read_webhook(row: Any) -> Webhook:
    waiting, dead, behind = map(int, row[1:4])
    got = codec.pairs(row[4])
    return models.Webhook(
        id=got["id"],
        name=codec.text(row[0]),
        url=got["url"],
        form=models.WebhookForm(got["form"]),
        events=tuple(got["on"].split(",")),
        owner=got["owner"] or None,
        secret=got["secret"],
        active=got["active"] == "1",
        failing=got.get("failing") == "1",
        behind=behind,
        waiting=waiting,
        dead=dead,
        delivered=int(got.get("delivered", 0)),
        failed=int(got.get("failed", 0)),
        missed=int(got.get("missed", 0)),
        tries=int(got.get("tries", 0)),
        retry_at=codec.moment(got.get("retry_at")),
        last_delivered_at=codec.moment(got.get("delivered_at")),
        error=got.get("error", ""),
        created_at=codec.sure_moment(got["created_at"]),
        updated_at=codec.sure_moment(got["updated_at"]),
        created_by=got["created_by"],
        updated_by=got["updated_by"],
        version=int(got["version"]),
    )


def _read_letter(entry: Any) -> DeadLetter:
    got = codec.pairs(entry[1])
    return models.DeadLetter(
        id=got["event"],
        at=codec.sure_moment(codec.text(entry[0]).partition("-")[0]),
        type=got["type"],
        task_id=got.get("task_id") or None,
        name=got.get("name", ""),
        recipient=got.get("recipient") or None,
        tries=int(got["tries"]),
        error=got["error"],
    )


class Webhooks(Offer[Driver]):
    """The webhooks of a connected client: `shraga.webhooks.add("ops", url, ["task.failed"])`."""

    @offered
    def add(self, /, name: str, url: str, events: Sequence[str], **fields: Any) -> Flow[Webhook]:
        """Add a webhook; `fields` are the others of `NewWebhook`."""
        return (yield from self._flows.add_webhook(build_webhook(name, url, events, fields)))

    @offered
    def all(self) -> Flow[list[Webhook]]:
        """Return the webhooks and how their deliveries stand."""
        return self._flows.all_webhooks()

    @offered
    def get(self, name: str) -> Flow[Webhook]:
        """Return one webhook."""
        return self._flows.webhook(name)

    @offered
    def pause(self, name: str) -> Flow[None]:
        """Deliver nothing until it is resumed; what happens meanwhile is delivered then."""
        return self._flows.change_webhook(name, "paused")

    @offered
    def resume(self, name: str) -> Flow[None]:
        """Deliver again."""
        return self._flows.change_webhook(name, "active")

    @offered
    def remove(self, name: str) -> Flow[None]:
        """Remove a webhook, with all that waits for it."""
        return self._flows.change_webhook(name, "removed")

    @offered
    def test(self, name: str, patience: float = TEST_PATIENCE) -> Flow[str]:
        """Have a made-up event delivered once; returns what went wrong, empty for nothing."""
        return self._flows.test_webhook(name, patience)

    @offered
    def dead(self, name: str) -> Flow[list[DeadLetter]]:
        """Return what a webhook did not take, the latest first."""
        return self._flows.dead_letters(name)

    @offered
    def replay_dead(self, name: str, ids: Sequence[str] = ()) -> Flow[Replay]:
        """Deliver dead letters once more, all where none is named."""
        return self._flows.replay_dead(name, ids)

    @offered
    def replay_events(self, name: str, first: str, last: str = "+") -> Flow[Replay]:
        """Deliver the events of a range once more, both ends included."""
        return self._flows.replay_events(name, first, last)
