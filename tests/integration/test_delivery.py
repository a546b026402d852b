"""Couriers: what the world outside gets of the events, whatever it answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog.testing

from shraga_models import Webhook
from shraga_queue import delivery as module
from shraga_queue.client import Shraga
from shraga_queue.delivery import Answer, Delivery, judge, next_pause
from shraga_queue.engine import Engine
from tests.factories import new_task
from tests.receiver import Receiver
from tests.servers import free_ports
from tests.waiting import wait_until

SECRET = "correct horse battery"
Add = Callable[..., None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses short enough to be waited for."""
    for name, value in {"FIRST_PAUSE": 0.01, "LONGEST_PAUSE": 0.05, "LULL": 0.0, "BLOCK_MS": 50}.items():
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def delivery(engine: Engine) -> Iterator[Delivery]:
    """The couriers of a leader."""
    engine.lead("leader", 60_000)
    made = Delivery(engine.driver, "leader")
    yield made
    made.stop()
    wait_until(
        lambda: not [one for one in threading.enumerate() if one.name.startswith("webhook-")], what="the end"
    )


def add(shraga: Shraga, delivery: Delivery, url: str, name: str = "ops", **fields: Any) -> None:
    shraga.webhooks.add(name, url, ["task.submitted"], **fields)
    delivery.look()


def submit(shraga: Shraga, count: int = 1) -> list[str]:
    """Submit tasks; returns the ids of their events."""
    for number in range(count):
        shraga.submit_task(new_task(f"task {number}"))
    return [event.id for event in shraga.events(tail=10 * count) if event.type == "task.submitted"][-count:]


def state(shraga: Shraga, name: str = "ops") -> Webhook:
    return shraga.webhooks.get(name)


def delivered(shraga: Shraga, count: int, name: str = "ops") -> None:
    wait_until(lambda: state(shraga, name).delivered >= count, 10, what=f"{count} deliveries to {name}")


def test_events_arrive_once_each_in_order_and_signed(
    shraga: Shraga, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_KEY", SECRET)
    with Receiver() as receiver:
        add(shraga, delivery, receiver.url, secret="${env:HOOK_KEY}")
        ids = submit(shraga, 20)
        delivered(shraga, 20)
        assert receiver.ids == ids
        request = receiver.requests[0]
        said = f"{request.id}.{request.headers['webhook-timestamp']}.".encode() + request.body
        digest = hmac.new(SECRET.encode(), said, hashlib.sha256).digest()
        assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
        assert (request.json["type"], request.json["name"]) == ("task.submitted", "task 0")
    assert [event.status for event in shraga.events() if event.id in ids] == ["delivered"] * 20


def test_what_fails_for_a_while_is_tried_again_under_the_same_id(shraga: Shraga, delivery: Delivery) -> None:
    with Receiver([500, 503, 429]) as receiver:
        add(shraga, delivery, receiver.url)
        first, second = submit(shraga, 2)
        delivered(shraga, 2)
        assert receiver.ids == [first] * 4 + [second]
    found = state(shraga)
    assert (found.tries, found.error, found.waiting, found.dead) == (0, "", 0, 0)


def test_what_fails_for_ever_becomes_a_dead_letter_and_is_delivered_on_demand(
    shraga: Shraga, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TRIES", 3)
    with Receiver([500, 500, 500]) as receiver:
        add(shraga, delivery, receiver.url)
        first, second = submit(shraga, 2)
        delivered(shraga, 1)
        (letter,) = shraga.webhooks.dead("ops")
        assert (letter.id, letter.tries) == (first, 3)
        assert letter.error == "it answered 500 Internal Server Error: answer 500"
        shraga.webhooks.replay_dead("ops")
        delivered(shraga, 2)
        assert receiver.ids == [first, first, first, second, first]


def test_refused_connection_is_tried_again(shraga: Shraga, delivery: Delivery) -> None:
    (port,) = free_ports(1)
    add(shraga, delivery, f"http://127.0.0.1:{port}/hook")
    submit(shraga)
    wait_until(lambda: state(shraga).tries >= 3, what="three tries")
    found = state(shraga)
    assert "ConnectError" in found.error
    assert (found.failing, found.waiting) == (True, 1)


def test_redirect_is_not_followed(shraga: Shraga, delivery: Delivery) -> None:
    with Receiver() as elsewhere, Receiver([302], {"Location": elsewhere.url}) as receiver:
        add(shraga, delivery, receiver.url)
        submit(shraga)
        wait_until(lambda: state(shraga).dead == 1, what="the dead letter")
        assert elsewhere.requests == []
        assert "redirects, here to 127.0.0.1, are not followed" in shraga.webhooks.dead("ops")[0].error


def test_slow_receiver_is_given_up_and_delays_nobody_else(
    shraga: Shraga, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_TIMEOUT", 0.3)
    with Receiver() as slow, Receiver() as quick:
        slow.gate.clear()
        add(shraga, delivery, slow.url, "slow")
        add(shraga, delivery, quick.url, "quick")
        submit(shraga, 5)
        delivered(shraga, 5, "quick")
        assert state(shraga, "slow").delivered == 0
        wait_until(lambda: "ReadTimeout" in state(shraga, "slow").error, what="the end of patience")
        slow.gate.set()
        delivered(shraga, 5, "slow")
        assert list(dict.fromkeys(slow.ids)) == quick.ids


def test_paused_webhook_gets_what_it_missed_when_it_is_resumed(shraga: Shraga, delivery: Delivery) -> None:
    with Receiver() as receiver:
        add(shraga, delivery, receiver.url)
        shraga.webhooks.pause("ops")
        ids = submit(shraga, 3)
        delivery.look()
        assert receiver.requests == []
        shraga.webhooks.resume("ops")

        def all_there() -> bool:
            delivery.look()
            return state(shraga).delivered == 3

        wait_until(all_there, what="the deliveries")
        assert receiver.ids == ids


def test_couriers_end_when_another_controller_leads(
    shraga: Shraga, engine: Engine, delivery: Delivery
) -> None:
    with Receiver() as receiver:
        add(shraga, delivery, receiver.url)
        (first,) = submit(shraga)
        delivered(shraga, 1)
        engine.lead("leader", 0)
        engine.lead("other", 60_000)
        other = Delivery(engine.driver, "other")
        try:
            (second,) = submit(shraga)
            other.look()
            delivered(shraga, 2)
            assert receiver.ids == [first, second]
        finally:
            other.stop()


def test_test_is_delivered_before_all_that_waits(shraga: Shraga, delivery: Delivery) -> None:
    with Receiver([500] * 3) as receiver:
        add(shraga, delivery, receiver.url)
        submit(shraga)
        wait_until(lambda: state(shraga).tries >= 3 or state(shraga).delivered, what="the tries")
        receiver.answers[:] = []
        assert shraga.webhooks.test("ops") == ""
        assert "webhook.test" in [request.json["type"] for request in receiver.requests]


def test_failed_test_says_why(shraga: Shraga, delivery: Delivery) -> None:
    with Receiver([404]) as receiver:
        add(shraga, delivery, receiver.url)
        assert shraga.webhooks.test("ops") == "it answered 404 Not Found: answer 404"
        assert state(shraga).dead == 0


def test_missing_variable_is_named(shraga: Shraga, delivery: Delivery) -> None:
    add(shraga, delivery, "${env:NO_SUCH_HOOK}")
    says = "the controller has no environment variable NO_SUCH_HOOK, which the webhook names"
    assert shraga.webhooks.test("ops") == says


def test_secret_in_an_address_is_masked_in_logs_and_errors(
    shraga: Shraga, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("HOOK_URL", f"http://127.0.0.1:{port}/{SECRET.replace(' ', '-')}")
    monkeypatch.setenv("HOOK_KEY", SECRET)
    with structlog.testing.capture_logs() as logs:
        add(shraga, delivery, "${env:HOOK_URL}", secret="${env:HOOK_KEY}")
        submit(shraga)
        wait_until(lambda: state(shraga).tries, what="a try")
        wait_until(lambda: logs, what="a line")
    everything = f"{logs} {state(shraga)} {shraga.events()} {shraga.audit()}"
    assert "not delivered" in everything
    assert "battery" not in everything


def test_card_is_posted_in_the_form_of_teams(shraga: Shraga, delivery: Delivery) -> None:
    with Receiver([202]) as receiver:
        add(shraga, delivery, receiver.url, form="teams")
        submit(shraga)
        delivered(shraga, 1)
        assert receiver.requests[0].json["attachments"][0]["content"]["type"] == "AdaptiveCard"


def test_without_webhooks_no_courier_is_sent_out(delivery: Delivery) -> None:
    delivery.look()
    assert delivery._threads == {}


@pytest.mark.parametrize(
    ("status", "hopeless"),
    [
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (599, False),
        (400, True),
        (404, True),
        (301, True),
    ],
)
def test_only_what_another_time_may_answer_is_tried_again(status: int, hopeless: bool) -> None:
    answer = judge(status, "R", {"retry-after": "7"}, "")
    assert (bool(answer.error), answer.hopeless) == (True, hopeless)
    assert judge(204, "No Content", {}, "") == Answer()


def test_pauses_grow_up_to_a_bound_and_heed_the_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for tries, usual in ((1, 1), (2, 2), (5, 16), (9, 256), (30, 300)):
        assert 0.75 * usual <= next_pause(tries) <= 1.25 * usual
    assert next_pause(1, asked=120) == 120
    assert next_pause(1, asked=999_999) == 3600
