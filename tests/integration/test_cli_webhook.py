"""`shraga webhook` and `shraga events --ack`, on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog.testing

from shraga_queue import delivery as module
from shraga_queue.delivery import Delivery
from shraga_queue.engine import Engine
from tests.integration.test_cli import House, home, house  # noqa: F401
from tests.receiver import Receiver
from tests.waiting import wait_until

URL = "https://example.org/hook?sig=topsecret"
ADD = ("webhook", "add", "ops", URL, "--on", "task.submitted")


@pytest.fixture
def delivery(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Delivery]:  # noqa: F811
    """What the leading controller does for webhooks."""
    monkeypatch.setattr(module, "BLOCK_MS", 50)
    engine = Engine(house.shraga.driver)
    engine.lead("leader", 60_000)
    made = Delivery(engine.driver, "leader")
    with structlog.testing.capture_logs():
        yield made
        made.stop()


def test_webhook_is_added_shown_and_removed(house: House) -> None:  # noqa: F811
    added = house(*ADD, "--form", "teams", "--owner", "ann", "--secret-env", "HOOK_KEY", "--json")
    assert added.code == 0
    assert (
        added.json | {"url": "https://example.org/hook?sig=••••••", "secret": "${env:HOOK_KEY}"} == added.json
    )
    assert (added.json["form"], added.json["owner"], added.json["active"]) == ("teams", "ann", True)
    shown = house("webhook", "show", "ops")
    assert "topsecret" not in shown.out
    assert "url        https://example.org/hook?sig=••••••" in shown.lines
    assert house("webhook", "list", "--json").json == house("webhook", "--json").json
    assert house("webhook", "list").out == "ops\tactive\ttask.submitted\t0\t0\t0\t0\t0\t\n"
    assert house("webhook", "remove", "ops", "--json").json == {"name": "ops", "removed": True}
    assert house("webhook", "show", "ops").code == 3


def test_webhook_is_paused_and_resumed(house: House) -> None:  # noqa: F811
    house(*ADD)
    assert house("webhook", "pause", "ops").out == "paused ops\n"
    assert house("webhook", "list").lines[0].split("\t")[1] == "paused"
    again = house("webhook", "pause", "ops", "--json")
    assert (again.code, json.loads(again.err)["error"]["kind"]) == (1, "refused")
    assert house("webhook", "resume", "ops", "--json").json["active"] is True


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("webhook", "add", "ops", URL), 2, "Say which events it is told of"),
        (("webhook", "add", "ops", URL, "--on", "nothing"), 2, "events: 'nothing' is no type of event"),
        (("webhook", "add", "ops", "mail", "--on", "*"), 2, "url: 'mail' is no HTTP address"),
        (("webhook", "add", "ops", URL, "--on", "*", "--secret-env", "a b"), 2, "secret: a secret is named"),
        (("webhook", "replay", "ops"), 2, "Say what to deliver again"),
        (("webhook", "replay", "ops", "1-0", "--all"), 2, "Say what to deliver again"),
        (("webhook", "replay", "ops", "--to", "1-0"), 2, "Say what to deliver again"),
        (("webhook", "replay", "ops", "--from", "x"), 2, "from: 'x' is no event's id"),
        (("webhook", "replay", "ops", "--all"), 3, "There is no webhook 'ops'"),
        (("webhook", "test", "ops"), 3, "There is no webhook 'ops'"),
        (("events", "--ack", "1-0"), 3, "There is no event '1-0'"),
    ],
)
def test_what_is_wrong_is_one_sentence(house: House, words: tuple[str, ...], code: int, says: str) -> None:  # noqa: F811
    said = house(*words)
    assert (said.code, said.out) == (code, "")
    assert says in said.err


def test_dead_letters_are_listed_and_delivered_again(house: House, delivery: Delivery) -> None:  # noqa: F811
    with Receiver([404]) as receiver:
        house("webhook", "add", "ops", receiver.url, "--on", "task.submitted")
        delivery.look()
        house.submit("a\x1b[31mb")
        wait_until(
            lambda: house("webhook", "show", "ops", "--json").json["dead"] == 1, what="the dead letter"
        )
        (letter,) = house("webhook", "dead", "ops", "--json").json
        assert (letter["type"], letter["tries"]) == ("task.submitted", 1)
        (line,) = house("webhook", "dead", "ops").lines
        assert line.split("\t")[4:] == ["ab", "1", "it answered 404 Not Found: answer 404"]
        assert house("webhook", "replay", "ops", letter["id"]).out == "replays 1\n"
        wait_until(
            lambda: house("webhook", "show", "ops", "--json").json["delivered"] == 1, what="the delivery"
        )
        assert house("webhook", "dead", "ops", "--json").json == []
        said = house("webhook", "replay", "ops", "--from", letter["id"], "--to", letter["id"], "--json")
        assert said.json == {"name": "ops", "replays": 1, "more_after": ""}
        wait_until(lambda: receiver.ids == [letter["id"]] * 3, what="the third time")


def test_test_says_how_it_went(house: House, delivery: Delivery) -> None:  # noqa: F811
    with Receiver([200, 500]) as receiver:
        house("webhook", "add", "ops", receiver.url, "--on", "task.submitted")
        delivery.look()
        assert house("webhook", "test", "ops").out == "delivered ops\n"
        failed = house("webhook", "test", "ops", "--json")
        error: dict[str, Any] = json.loads(failed.err)["error"]
        assert failed.code == 1
        assert error["message"].startswith("The webhook 'ops' did not take it: it answered 500")


def test_event_tells_its_delivery_and_is_marked_as_read(house: House) -> None:  # noqa: F811
    house.submit()
    (event,) = house("events", "--json").json
    assert event["status"] == "pending"
    assert house("events", "--ack", event["id"], "--json").json == [{"id": event["id"], "status": "read"}]
    assert house("events", "--json").json[0]["status"] == "read"
