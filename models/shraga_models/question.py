"""What a run asks a person, and what it was told."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256
from typing import Annotated

from pydantic import Field, model_validator

from .base import Model, Moment, Sized
from .durations import Seconds


class QuestionKind(StrEnum):
    """What is asked for: a person's knowledge, leave to spend more, or what to do about a plan that is none."""

    QUESTION = "question"
    BUDGET = "budget"
    PLAN = "plan"


class NewQuestion(Sized):
    """A question as a run puts it.

    `key` is what tells it from the run's other ones: a run that begins anew and asks the same is answered at once.
    """

    text: Annotated[str, Field(min_length=1)]
    options: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    default: str | None = None
    """The answer where nobody has given one by the deadline."""
    deadline: Annotated[Seconds, Field(gt=0, le=365 * 86400)] | None = None
    """Seconds until the default is taken, or, without one, the run fails."""
    key: str = ""
    kind: QuestionKind = QuestionKind.QUESTION

    @model_validator(mode="after")
    def _fits_its_options(self) -> NewQuestion:
        if self.default is not None and self.options and self.default not in self.options:
            raise ValueError(f"default: {self.default!r} is none of the options {', '.join(self.options)}")
        if len(set(self.options)) < len(self.options):
            raise ValueError("options: each is given once")
        return self

    @property
    def signature(self) -> str:
        """What identical questions of any task have in common: text and options, as a short hash."""
        return sha256("\0".join((self.text, *self.options)).encode()).hexdigest()[:16]

    @property
    def takes_any_words(self) -> bool:
        """Whether other words than its options are an answer too."""
        return not self.options or self.kind is QuestionKind.PLAN

    @property
    def own_key(self) -> str:
        """The key, or the signature where none was given."""
        return self.key or self.signature


class Question(NewQuestion):
    """A question that waits for its answer, with the task it belongs to."""

    id: str
    task_id: str
    task_name: str = ""
    owner: str
    attempt: int
    asked_at: Moment
    due_at: Moment | None = None
    """When the deadline ends."""


class Answer(Model):
    """What a question was answered, by whom."""

    question_id: str
    key: str
    text: str
    by: str
    at: Moment
