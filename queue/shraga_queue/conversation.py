"""A run's talk with people, inside the horse: it asks, hears, and lets go of its slot where the answer takes long."""

from __future__ import annotations

import json
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from shraga_models import ExecutionDetails, Message, ModelCall, NewQuestion

from .briefing import Briefing
from .channel import Channel
from .errors import Refused

ASK_WAIT = 3.0
"""Seconds a run keeps its slot while it waits for an answer."""


class HasFileno(Protocol):
    """Anything that can be waited for."""

    def fileno(self) -> int:
        """Return its descriptor."""


class Suspended(BaseException):
    """The run lets go of its slot until it is answered; not an `Exception`, so that nothing swallows it by accident."""


class Conversation:
    """What one run has been told and asks.

    `send` brings a kind and a body to the slot; what comes for the runs that follow goes to `for_later`.
    """

    def __init__(
        self,
        run_id: str,
        channel: Channel,
        briefing: Briefing,
        send: Callable[[str, Any], None],
        for_later: Callable[[bytes], None] = lambda message: None,
    ) -> None:
        self.resumed = briefing.resumed
        self.messages = briefing.conversation
        self.documents = briefing.documents
        self.answers = dict(briefing.answers)
        self._run_id = run_id
        self._channel = channel
        self._send = send
        self._for_later = for_later
        self._pid = os.getpid()
        self._heard: list[Message] = []
        self._refused: set[str] = set()

    def ask(self, question: NewQuestion) -> str:
        """Return the answer; raises Suspended when it takes long, Refused beside another open question."""
        if threading.current_thread() is not threading.main_thread() or os.getpid() != self._pid:
            raise Refused(
                "ask() works in the task's main thread only, in no forked process: its wait may end the run."
            )
        key = question.own_key
        if key not in self.answers:
            self.put(question)
            until = time.monotonic() + ASK_WAIT
            while not self.is_settled(key):
                if time.monotonic() >= until:
                    raise Suspended(question.text)
                self._wait((), until - time.monotonic())
        return self.answer_to(question)

    def put(self, question: NewQuestion) -> None:
        """Send a question without waiting for its answer."""
        self._refused.discard(question.own_key)
        self._send("ask", question.model_dump(mode="json"))

    def is_settled(self, key: str) -> bool:
        """Whether a question has its answer, or cannot be asked."""
        return key in self.answers or key in self._refused

    def answer_to(self, question: NewQuestion) -> str:
        """Return the answer to a settled question; raises Refused where it could not be asked."""
        if question.own_key in self._refused:
            raise Refused(
                "The run has asked something else that is not answered yet: one question at a time."
            )
        return self.answers[question.own_key]

    def chat(self, sender_type: str, kind: str, text: str, parent: str, metadata: str) -> None:
        """Add what the run says to its task's chat."""
        self._send("chat", [sender_type, kind, text, parent, metadata])

    def record(self, call: ModelCall) -> None:
        """Tell what a call of a model cost."""
        self._send("spend", call.model_dump(mode="json"))

    def goes_on_at(self, details: ExecutionDetails) -> None:
        """Tell where the run goes on should it be suspended."""
        self._send("where", details.model_dump_json(exclude_none=True))

    def listen(
        self, files: Sequence[HasFileno], timeout: float | None
    ) -> tuple[list[HasFileno], list[Message]]:
        """Wait for a file to be readable or a person to speak; returns the ready files and what was said."""
        ready = self._wait(files, 0 if self._heard else timeout)
        heard, self._heard = self._heard, []
        return ready, heard

    def _wait(self, files: Sequence[HasFileno], timeout: float | None) -> list[HasFileno]:
        if os.getpid() != self._pid:
            # A process that the task forked hears nobody: what it reads, orders for other runs too, is missing here.
            ready, _, _ = select.select(files, [], [], timeout)
            return ready
        if self._channel.is_ready:
            timeout = 0
        watched: list[Any] = [self._channel, *files]
        ready, _, _ = select.select(watched, [], [], None if timeout is None else max(0.0, timeout))
        if self._channel in ready or self._channel.is_ready:
            self._read()
        return [file for file in ready if file is not self._channel]

    def _read(self) -> None:
        while (message := self._channel.receive_now()) is not None:
            told = json.loads(message)
            if not isinstance(told, dict):
                self._for_later(message)
            elif told.get("run") == self._run_id:
                self.answers |= told.get("answers", {})
                self._refused |= {told["busy"]} if "busy" in told else set()
                self._heard += [Message.model_validate(one) for one in told.get("mail", ())]
