"""Delivers events to webhooks: a thread for each in the leading controller, so that a slow one delays nothing else."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from redis.exceptions import RedisError

from .actions.secrets import Secrets
from .calls import Call, as_is
from .client import SyncDriver
from .codec import pairs, text
from .connect import refuses
from .stream_codec import read_event
from .webhook_body import make_body, make_headers

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger("shraga.delivery")

MAX_TRIES = 10
"""Tries until an event becomes a dead letter: eight minutes and a half, by the pauses below."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
LONGEST_ASKED_PAUSE = 3600.0
"""Seconds a receiver may put off the next try by."""
FAILING_AFTER = 3
CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 10.0
LOOK_AT = 200
"""Events looked at in one call."""
LULL = 0.05
"""Seconds in which events gather before they are looked at, for most of them are of no interest."""
BLOCK_MS = 1_000
AWAY_PAUSE = 1.0
STOP_PATIENCE = 2.0
TEMPORARY = frozenset({408, 425, 429})
"""Answers of the kind 4xx that another time may be others."""
MAX_SAID = 200


@dataclass(frozen=True, slots=True)
class Letter:
    """One event on its way to a webhook."""

    now_ms: int
    place: str
    tries: int
    url: str
    form: str
    secret: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a try went: what went wrong, empty for nothing; whether another may go better, and not before when (s)."""

    error: str = ""
    hopeless: bool = False
    pause: float = 0.0


def next_pause(tries: int, asked: float = 0.0) -> float:
    """Return the seconds until the next try after `tries` in vain: twice as long each time, and never the same."""
    usual: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)) * random.uniform(0.75, 1.25)
    return max(usual, min(asked, LONGEST_ASKED_PAUSE))


def judge(status: int, reason: str, headers: Any, said: str) -> Answer:
    """Return what an HTTP answer means for a delivery."""
    if 200 <= status < 300:
        return Answer()
    line = f"it answered {status} {reason}".rstrip()
    if 300 <= status < 400:
        where = urlsplit(headers.get("location", "")).hostname or "the same host"
        return Answer(
            f"{line}; redirects, here to {where}, are not followed: correct the address", hopeless=True
        )
    asked = headers.get("retry-after", "")
    return Answer(
        f"{line}: {said}" if said else line,
        hopeless=400 <= status < 500 and status not in TEMPORARY,
        pause=float(asked) if asked.isdecimal() else 0.0,
    )


def post(client: httpx.Client, letter: Letter, secrets: Secrets) -> Answer:
    """Send a letter once; what is said about it names no secret."""
    import httpx

    event = read_event((letter.cells["event"], letter.cells))
    body = make_body(letter.form, event)
    try:
        url, secret = secrets.resolve(letter.url), secrets.resolve(letter.secret)
        headers = make_headers(event.id, letter.now_ms // 1000, body, secret)
        with client.stream("POST", url, content=body, headers=headers) as response:
            said = "" if response.is_success else next(response.iter_text(MAX_SAID), "")
            answer = judge(response.status_code, response.reason_phrase, response.headers, said)
    except LookupError as error:
        answer = Answer(str(error))
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        answer = Answer(f"its address is none: {error}", hopeless=True)
    except (httpx.HTTPError, OSError) as error:
        answer = Answer(f"{type(error).__name__}: {error}")
    return Answer(" ".join(secrets.mask(answer.error).split()), answer.hopeless, answer.pause)


class Courier:
    """Delivers to one webhook, one event after the other, as long as its controller leads."""

    def __init__(self, driver: SyncDriver, token: str, name: str, stopping: threading.Event) -> None:
        self.driver = driver
        self.keys = driver.keys
        self.token = token
        self.name = name
        self.stopping = stopping
        self.secrets = Secrets("the controller", "the webhook")
        self._client: httpx.Client | None = None

    def run(self) -> None:
        """Deliver until told to stop, the webhook is paused or gone, or another controller leads."""
        pause: float | None = 0.0
        try:
            while pause is not None and not self.stopping.wait(pause):
                try:
                    pause = self._step()
                except (RedisError, OSError) as error:
                    pause = None if refuses(error) else AWAY_PAUSE
        finally:
            if self._client is not None:
                self._client.close()

    def _step(self) -> float | None:
        """Do what comes next; returns the seconds until then, or None when it is no longer ours to do."""
        reply = self._call("webhook_next", LOOK_AT)
        what = text(reply[0])
        if what == "wait":
            return min(int(reply[1]) / 1000, BLOCK_MS / 1000)
        if what == "idle":
            command = ("XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", self.keys.make("events"))
            self.driver.call(Call(as_is, command=(*command, text(reply[1]))))
            return LULL
        if what == "send":
            self._deliver(_letter(reply[1:]))
            return 0.0
        return None

    def _post(self, letter: Letter) -> Answer:
        # A third of a controller's start; most have no webhooks, and most events concern none.
        import httpx

        if self._client is None:
            timeout = httpx.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT)
            self._client = httpx.Client(timeout=timeout, follow_redirects=False)
        self.secrets.clear()
        try:
            return post(self._client, letter, self.secrets)
        except Exception:
            # One event that cannot be told must not hold up all that come after it.
            log.exception("an event could not be posted", webhook=self.name, event=letter.cells["event"])
            return Answer("it could not be posted; the controller's log says why", hopeless=True)

    def _deliver(self, letter: Letter) -> None:
        answer = self._post(letter)
        tries = letter.tries + 1
        how, pause = "delivered", 0.0
        if answer.error:
            how = "dead" if answer.hopeless or tries >= MAX_TRIES else "again"
            pause = next_pause(tries, answer.pause)
            log.info("not delivered", webhook=self.name, tries=tries, then=how, why=answer.error)
        self._tell(letter.place, how, int(pause * 1000), answer.error)

    def _tell(self, place: str, how: str, pause_ms: int, error: str) -> None:
        """Write down how it went, also where Redis is away for a moment: what was delivered is not to come again."""
        deadline = time.monotonic() + ANSWER_TIMEOUT
        while True:
            try:
                self._call("webhook_done", place, how, pause_ms, error, FAILING_AFTER)
                return
            except (RedisError, OSError) as trouble:
                if refuses(trouble) or time.monotonic() > deadline or self.stopping.wait(AWAY_PAUSE):
                    raise

    def _call(self, script: str, *args: Any) -> Any:
        return self.driver.call(
            Call(as_is, script, (self.keys.make("webhooks"),), (self.token, self.name, *args))
        )


def _letter(cells: Any) -> Letter:
    now, place, tries, url, form, secret, fields = cells
    return Letter(int(now), text(place), int(tries), text(url), text(form), text(secret), pairs(fields))


class Delivery:
    """The couriers of one controller."""

    def __init__(self, driver: SyncDriver, token: str) -> None:
        self.driver = driver
        self.token = token
        self.stopping = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    def look(self) -> None:
        """Send out a courier for each webhook that has none; one that is paused ends at once by itself."""
        key = self.driver.keys.make("webhooks")
        names = [text(name) for name in self.driver.call(Call(as_is, command=("ZRANGE", key, 0, -1)))]
        self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
        for name in names:
            if name not in self._threads:
                courier = Courier(self.driver, self.token, name, self.stopping)
                thread = threading.Thread(target=courier.run, name=f"webhook-{name}", daemon=True)
                self._threads[name] = thread
                thread.start()

    def stop(self) -> None:
        """End the couriers, after what they are about to deliver where that takes a moment only."""
        self.stopping.set()
        deadline = time.monotonic() + STOP_PATIENCE
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
