"""Webhooks in the store: added, changed, fed with the events they want, and how far each event has come."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import DeliveryStatus, Webhook
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.webhooks import MAX_WEBHOOKS, Replay
from tests.factories import execute, hire, new_task

URL = "http://127.0.0.1:1/hook"
TOKEN = "leader"


class Post:
    """The leader's side of a webhook, played by the test."""

    def __init__(self, shraga: Shraga, name: str = "ops") -> None:
        self.shraga, self.name = shraga, name

    def call(self, script: str, *args: Any, token: str = TOKEN) -> Any:
        from shraga_queue.calls import Call, as_is

        key = self.shraga.driver.keys.make("webhooks")
        return self.shraga.driver.call(Call(as_is, script, (key,), (token, self.name, *args)))

    def next(self, look_at: int = 200) -> tuple[str, str, str]:
        """Return what comes: the answer's word, its place, and the type of the event."""
        reply = self.call("webhook_next", look_at)
        if reply[0] != b"send":
            return reply[0].decode(), "", ""
        cells = dict(zip(reply[7][::2], reply[7][1::2], strict=True))
        return "send", reply[2].decode(), cells[b"type"].decode()

    def done(
        self, place: str, how: str = "delivered", error: str = "", *, pause: int = 0, token: str = TOKEN
    ) -> str:
        said: bytes = self.call("webhook_done", place, how, pause, error, 3, token=token)
        return said.decode()

    def give_up(self) -> None:
        """Make the next event a dead letter."""
        word, place, _ = self.next()
        assert (word, self.done(place, "dead", "it answered 500")) == ("send", "ok")


@pytest.fixture
def post(shraga: Shraga, engine: Engine) -> Post:
    engine.lead(TOKEN, 60_000)
    return Post(shraga)


def add(shraga: Shraga, *on: str, name: str = "ops", **fields: Any) -> Webhook:
    return shraga.webhooks.add(name, URL, on or ("task.*",), **fields)


def submit(shraga: Shraga, count: int = 1, **fields: Any) -> list[str]:
    """Submit tasks; returns the ids of their events."""
    for _ in range(count):
        shraga.submit_task(new_task(), **fields)
    return [event.id for event in shraga.events(tail=count)]


def statuses(shraga: Shraga, owner: str | None = None) -> list[DeliveryStatus]:
    """Return how far the events of submitted tasks have come, oldest first."""
    return [event.status for event in shraga.events(owner=owner) if event.type == "task.submitted"]


# Add and change


def test_webhook_is_stored_as_it_was_given(shraga: Shraga) -> None:
    added = add(shraga, "task.failed", "worker.*", form="teams", owner="alice", secret="${env:KEY}")
    assert shraga.webhooks.all() == [added]
    assert (added.name, added.url, added.form, added.events) == (
        "ops",
        URL,
        "teams",
        ("task.failed", "worker.*"),
    )
    assert (added.owner, added.secret, added.active, added.created_by) == (
        "alice",
        "${env:KEY}",
        True,
        "tester",
    )


def test_each_change_is_told_and_audited(shraga: Shraga) -> None:
    add(shraga)
    shraga.webhooks.pause("ops")
    shraga.webhooks.resume("ops")
    shraga.webhooks.remove("ops")
    assert [(one.action, one.entity_id, one.after) for one in shraga.audit()] == [
        ("add", "ops", "active"), ("pause", "ops", "paused"), ("resume", "ops", "active"), ("remove", "ops", "removed"),
    ]  # fmt: skip
    assert [event.content for event in shraga.events()] == ["added", "paused", "active", "removed"]
    assert shraga.webhooks.all() == []


def test_removed_webhook_leaves_no_key_and_no_group(shraga: Shraga, post: Post) -> None:
    add(shraga)
    submit(shraga, 2)
    post.give_up()
    assert post.next()[0] == "send"
    shraga.webhooks.remove("ops")
    keys = shraga.driver.keys
    left = [keys.make(name, webhook="ops") for name in ("webhook", "webhook_out", "webhook_dead")]
    assert execute(shraga, "EXISTS", keys.make("webhooks"), *left) == 0
    assert execute(shraga, "XINFO", "GROUPS", keys.make("events")) == []
    assert post.next()[0] == "off"


def test_name_is_taken_once(shraga: Shraga) -> None:
    add(shraga)
    with pytest.raises(Refused, match="There is a webhook 'ops' already"):
        add(shraga)


def test_there_is_a_most_of_webhooks(shraga: Shraga) -> None:
    for number in range(MAX_WEBHOOKS):
        add(shraga, name=f"w{number}")
    with pytest.raises(Refused, match=f"There are {MAX_WEBHOOKS} webhooks"):
        add(shraga, name="one-more")


@pytest.mark.parametrize("change", ["pause", "resume", "remove", "test", "get", "dead", "replay_dead"])
def test_unknown_webhook_is_not_found(shraga: Shraga, change: str) -> None:
    with pytest.raises(NotFound, match="There is no webhook 'x'"):
        getattr(shraga.webhooks, change)("x")


def test_what_is_so_already_is_refused(shraga: Shraga) -> None:
    add(shraga)
    with pytest.raises(Refused, match="'ops' is active already"):
        shraga.webhooks.resume("ops")


# What comes next


def test_only_what_happens_after_it_was_added_is_delivered(shraga: Shraga, post: Post) -> None:
    submit(shraga)
    add(shraga)
    assert post.next()[0] == "idle"
    submit(shraga)
    assert post.next()[::2] == ("send", "task.submitted")


def test_only_wanted_types_of_the_owner_are_delivered(shraga: Shraga, engine: Engine, post: Post) -> None:
    add(shraga, "task.started", "worker.*", owner="alice")
    submit(shraga, owner="bob")
    submit(shraga, owner="alice")
    hand = hire(engine)
    assert {hand.claim().owner, hand.claim().owner} == {"alice", "bob"}
    word, place, kind = post.next()
    assert (word, kind) == ("send", "task.started")
    assert post.done(place) == "ok"
    assert post.next()[0] == "idle"
    assert shraga.webhooks.get("ops").delivered == 1


def test_what_webhooks_tell_is_delivered_to_none(shraga: Shraga, post: Post) -> None:
    add(shraga, "*")
    add(shraga, "*", name="other")
    shraga.webhooks.pause("other")
    assert post.next()[0] == "idle"
    with pytest.raises(InvalidInput, match="is not delivered"):
        add(shraga, "webhook.*", name="third")


def test_order_is_kept_while_one_waits_for_its_next_try(shraga: Shraga, post: Post) -> None:
    add(shraga)
    submit(shraga, 2)
    _, first, _ = post.next()
    assert post.done(first, "again", "it answered 500", pause=60_000) == "ok"
    assert post.next()[0] == "wait"
    found = shraga.webhooks.get("ops")
    assert (found.tries, found.waiting, found.error, found.failing) == (1, 2, "it answered 500", False)
    assert found.retry_at is not None
    shraga.webhooks.pause("ops")
    shraga.webhooks.resume("ops")
    assert post.next() == ("send", first, "task.submitted")


def test_stranger_is_given_nothing_and_gives_up_nothing(shraga: Shraga, post: Post) -> None:
    add(shraga)
    submit(shraga)
    assert post.call("webhook_next", 10, token="stranger")[0] == b"off"
    _, place, _ = post.next()
    assert post.done(place, "dead", token="stranger") == "stale"
    assert post.done(place, "again", token="stranger") == "stale"
    assert post.done(place, token="stranger") == "ok"
    assert post.done(place) == "stale"
    assert shraga.webhooks.get("ops").delivered == 1


def test_failing_and_recovery_are_told_once_each(shraga: Shraga, post: Post) -> None:
    add(shraga)
    submit(shraga)
    _, place, _ = post.next()
    for _ in range(5):
        post.done(place, "again", "it answered 500")
    post.done(place)
    told = [event.type for event in shraga.events() if event.type.startswith("webhook.")]
    assert told == ["webhook.changed", "webhook.failing", "webhook.recovered"]
    assert not shraga.webhooks.get("ops").failing


def test_events_gone_before_they_were_looked_at_are_counted_and_told(shraga: Shraga, post: Post) -> None:
    add(shraga)
    submit(shraga, 10)
    execute(shraga, "XTRIM", shraga.driver.keys.make("events"), "MAXLEN", 4)
    assert shraga.webhooks.get("ops").behind == 4
    assert post.next()[0] == "send"
    found = shraga.webhooks.get("ops")
    assert (found.missed, found.waiting, found.behind) == (6, 4, 1)
    assert shraga.events()[-1].content == "6 events were gone before they could be looked at"
    execute(shraga, "XTRIM", shraga.driver.keys.make("events"), "MAXLEN", 1)
    submit(shraga)
    for _ in range(5):
        _, place, _ = post.next()
        post.done(place)
    assert shraga.webhooks.get("ops").missed == 6


def test_what_waits_survives_that_the_stream_is_trimmed_or_deleted(shraga: Shraga, post: Post) -> None:
    add(shraga)
    submit(shraga, 2)
    _, place, _ = post.next()
    execute(shraga, "DEL", shraga.driver.keys.make("events"))
    assert post.done(place) == "ok"
    _, place, kind = post.next()
    assert kind == "task.submitted"
    post.done(place)
    assert post.next()[0] == "idle"
    submit(shraga)
    assert post.next()[0] == "send"


# Dead letters and replay


def test_dead_letter_is_kept_and_delivered_on_demand(shraga: Shraga, post: Post) -> None:
    add(shraga)
    event, other = submit(shraga, 2)
    post.give_up()
    post.give_up()
    letters = shraga.webhooks.dead("ops")
    assert [(one.id, one.type, one.tries, one.error) for one in letters] == [
        (other, "task.submitted", 1, "it answered 500"), (event, "task.submitted", 1, "it answered 500"),
    ]  # fmt: skip
    execute(shraga, "XTRIM", shraga.driver.keys.make("events"), "MAXLEN", 0)
    assert shraga.webhooks.replay_dead("ops", [event]) == Replay(1)
    _, place, kind = post.next()
    assert kind == "task.submitted"
    post.done(place)
    assert [one.id for one in shraga.webhooks.dead("ops")] == [other]
    with pytest.raises(NotFound, match="None of these is a dead letter"):
        shraga.webhooks.replay_dead("ops", [event])
    assert shraga.webhooks.replay_dead("ops") == Replay(1)
    assert shraga.webhooks.get("ops").dead == 0


def test_events_of_a_range_are_delivered_again(shraga: Shraga, post: Post) -> None:
    first, second, _ = submit(shraga, 3)
    add(shraga)
    assert shraga.webhooks.replay_events("ops", second) == Replay(2)
    assert shraga.webhooks.replay_events("ops", first, first) == Replay(1)
    assert shraga.webhooks.get("ops").waiting == 3
    assert statuses(shraga) == [DeliveryStatus.SENT] * 3
    with pytest.raises(InvalidInput, match="from: 'yesterday' is no event's id"):
        shraga.webhooks.replay_events("ops", "yesterday")


def test_no_more_waits_than_fits(shraga: Shraga) -> None:
    shraga.submit_many([new_task() for _ in range(1001)])
    ids = [event.id for event in shraga.events(tail=1001)]
    add(shraga)
    assert shraga.webhooks.replay_events("ops", "-") == Replay(1000, more_after=ids[999])
    with pytest.raises(Refused, match="Too many events wait for 'ops'"):
        shraga.webhooks.replay_events("ops", ids[1000])


# Delivery status


def test_status_of_an_event_follows_its_delivery(shraga: Shraga, post: Post) -> None:
    submit(shraga)
    add(shraga, "task.submitted")
    submit(shraga, 3)
    assert statuses(shraga) == [DeliveryStatus.PENDING] * 4
    _, place, _ = post.next()
    assert statuses(shraga) == [DeliveryStatus.PENDING] + [DeliveryStatus.SENT] * 3
    post.done(place)
    post.give_up()
    assert statuses(shraga) == ["pending", "delivered", "failed", "sent"]
    assert statuses(shraga, owner="tester") == statuses(shraga)


def test_of_two_webhooks_the_one_that_is_worse_off_counts(shraga: Shraga, post: Post) -> None:
    add(shraga)
    add(shraga, name="other")
    submit(shraga)
    _, place, _ = post.next()
    post.done(place)
    assert statuses(shraga) == [DeliveryStatus.PENDING]
    Post(shraga, "other").give_up()
    assert statuses(shraga) == [DeliveryStatus.FAILED]


def test_read_event_says_so(shraga: Shraga) -> None:
    event, other = submit(shraga, 2)
    shraga.mark_read(event)
    shraga.mark_read(event)
    assert statuses(shraga) == [DeliveryStatus.READ, DeliveryStatus.PENDING]
    assert [one.entity_id for one in shraga.audit() if one.action == "read"] == [event]
    execute(shraga, "XTRIM", shraga.driver.keys.make("events"), "MAXLEN", 1)
    shraga.mark_read(other)
    for unknown in (event, "5-0", "nothing"):
        with pytest.raises(NotFound, match="There is no event"):
            shraga.mark_read(unknown)


def test_what_was_read_is_forgotten_with_the_event(shraga: Shraga) -> None:
    read, events = (shraga.driver.keys.make(name) for name in ("read", "events"))
    submit(shraga)
    execute(shraga, "ZADD", read, 5, "5-0")
    shraga.mark_read(shraga.events()[-1].id)
    assert execute(shraga, "ZRANGE", read, 0, -1) == [execute(shraga, "XRANGE", events, "-", "+")[0][0]]


def test_event_has_one_id_for_its_user_and_for_all(shraga: Shraga) -> None:
    submit(shraga, 3, owner="alice")
    assert [event.id for event in shraga.events(owner="alice")] == [event.id for event in shraga.events()]


def test_user_whose_stream_is_ahead_is_told_all_the_same(shraga: Shraga) -> None:
    submit(shraga, owner="alice")
    own = shraga.driver.keys.make("user_events", owner="alice")
    execute(shraga, "XADD", own, "99999999999999-0", "type", "error")
    submit(shraga, owner="alice")
    assert [event.type for event in shraga.events(owner="alice")][-1] == "task.submitted"


def test_test_is_refused_where_nobody_delivers(shraga: Shraga) -> None:
    add(shraga)
    with pytest.raises(Refused, match="No controller leads"):
        shraga.webhooks.test("ops")
    shraga.webhooks.pause("ops")
    with pytest.raises(Refused, match="is paused; resume it first"):
        shraga.webhooks.test("ops")
