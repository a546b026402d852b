"""What passes between a run and people, in the slot's hands: its questions go out, their words come in."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from shraga_models import NewQuestion

from .briefing import Briefing
from .channel import Channel
from .documents import Given, documents_call
from .engine import STALE, Claim, Engine
from .errors import InvalidInput
from .spending import Spending
from .step_inputs import may_be_step, workflow_of

MESSAGE_CELLS = 5


class Correspondence:
    """The letters of one run; Redis's errors pass through, and what was not written stays in hand."""

    def __init__(self, engine: Engine, claim: Claim, channel: Channel) -> None:
        self._engine = engine
        self._claim = claim
        self._channel = channel
        self._questions: deque[NewQuestion] = deque()
        self._messages: list[tuple[str, str, str, str, str]] = []
        self._last_id = "-"
        self.spending = Spending(engine, claim)
        self.seen = 0
        """How much of what people said the run has been given, or was there before it."""

    def __bool__(self) -> bool:
        return bool(self._questions or self._messages or self.spending)

    @property
    def needs_no_reading(self) -> bool:
        """Whether the store holds nothing that the run has to know at its start."""
        claim = self._claim
        return not (claim.resume or claim.mail or self._may_have_documents or may_be_step(claim))

    @property
    def _may_have_documents(self) -> bool:
        return '"document' in self._claim.fields.get("spec", "")

    def briefing(self) -> dict[str, Any] | None:
        """Return what the run has to know at its start, as JSON values; None where that is nothing."""
        documents = tuple(self._documents())
        workflow = workflow_of(self._claim)
        if not (self._claim.resume or self._claim.mail or documents or workflow):
            return None
        mail = self._engine.read_mail(self._claim, workflow=workflow)
        self.seen, self._last_id = mail.count, mail.last_id
        return Briefing(None, mail.messages, mail.answers, documents).plain(self._claim.resume)

    def _documents(self) -> Given:
        if not self._may_have_documents:
            return []
        try:
            return self._engine.driver.call(documents_call(self._engine.keys, self._claim.spec))
        except InvalidInput:
            # The horse says what is wrong with the task.
            return []

    def put(self, question: NewQuestion) -> None:
        """Take a question that the slot has for people."""
        self._questions.append(question)

    def hear(self, kind: str, body: Any) -> None:
        """Take a question or a message that the run has sent."""
        if kind == "ask":
            self._questions.append(NewQuestion.model_validate(body))
        elif kind == "spend":
            self.spending.hear(body)
        elif kind == "chat":
            self._messages.append(tuple(body[:MESSAGE_CELLS]))

    def flush(self) -> str:
        """Write all of it to the store; returns `ok` or `stale`."""
        if self._messages:
            if self._engine.append_chat(self._claim, self._messages) == STALE:
                return STALE
            self._messages = []
        if self.spending.flush() == STALE:
            return STALE
        while self._questions:
            answer, said = self._engine.ask(self._claim, self._questions[0])
            if answer == STALE:
                return STALE
            key = self._questions.popleft().own_key
            if answer == "answered":
                self._tell("answers", {key: said})
            elif answer == "busy":
                self._tell("busy", key)
        return "ok"

    def fetch(self) -> None:
        """Give the run what people have said since; what it does not read yet waits, and no more is fetched."""
        if not self._channel.send_soon():
            return
        mail = self._engine.read_mail(self._claim, self._last_id)
        self.seen, self._last_id = mail.count, mail.last_id
        self._tell("answers", mail.answers)
        said = [
            one.model_dump(mode="json") for one in mail.messages if one.sender_type in ("user", "controller")
        ]
        if said:
            self._tell("mail", said)

    def _tell(self, kind: str, body: Any) -> None:
        message = json.dumps({"run": self._claim.run_id, kind: body}, ensure_ascii=False)
        self._channel.send_soon(message.encode("utf-8", "replace"))
