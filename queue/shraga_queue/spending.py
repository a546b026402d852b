"""What a run spends, in the slot's hands: its calls of models go to the store, and a breach becomes a question."""

from __future__ import annotations

from collections import deque

from shraga_models import ModelCall, NewQuestion, QuestionKind

from .engine import STALE, Claim, Engine
from .run_spend import Breach

EXTEND, FINISH_UP, STOP = "extend", "finish up", "stop"
"""The answers to a question about a budget; `lib_spend.lua` does what they mean."""


def question_about(breach: Breach, owner: str) -> NewQuestion:
    """Return what a person is asked about a breach."""
    whose = {
        "task": "its budget",
        "owner": f"what {owner} may spend today",
        "all": "what everybody together may spend today",
    }[breach.kind]
    said = (
        f"The task has used up {whose}: {money(breach.spent)} of {money(breach.budget)}. "
        f"{EXTEND}: as much again; {FINISH_UP}: a tenth of it, to end with what there is; {STOP}: cancel the task."
    )
    return NewQuestion(text=said, options=(EXTEND, FINISH_UP, STOP), key=breach.key, kind=QuestionKind.BUDGET)


def money(dollars: float) -> str:
    """Return US dollars as people write them, small ones with more digits."""
    return f"${dollars:,.2f}" if dollars >= 1 or dollars == 0 else f"${dollars:.4g}"


class Spending:
    """The calls of one run that are not in the store yet; what cannot be written stays, and Redis's error passes."""

    def __init__(self, engine: Engine, claim: Claim) -> None:
        self._engine = engine
        self._claim = claim
        self._calls: deque[ModelCall] = deque()
        self._written = 0
        self._question: NewQuestion | None = None

    def __bool__(self) -> bool:
        return bool(self._calls)

    def hear(self, body: dict[str, object]) -> None:
        """Take a call that the run has made, as JSON values."""
        self._calls.append(ModelCall.model_validate(body))

    def flush(self) -> str:
        """Write all of it to the store; returns `ok` or `stale`."""
        while self._calls:
            answer = self._engine.record_call(self._claim, self._calls[0], self._written + 1)
            if answer == STALE:
                return STALE
            self._calls.popleft()
            self._written += 1
            if isinstance(answer, Breach):
                self._question = question_about(answer, self._claim.owner)
        return "ok"

    def take_question(self) -> NewQuestion | None:
        """Return what is to be asked about a budget that was exceeded, once; the run lets go of its slot for it."""
        question, self._question = self._question, None
        return question
