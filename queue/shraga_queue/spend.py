"""Operations on money and brakes: what was spent, what may be, and what is held back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import shraga_models as models

from .calls import Batch, Call, Flow, as_is
from .codec import pairs, read_brake, scored, sure_moment, text
from .errors import InvalidInput, NotFound, Refused
from .keys import Keys
from .money import NANO, dollars, nano
from .run_spend import UNPARK_CHUNK
from .submission import check_owner

if TYPE_CHECKING:
    from shraga_models import Brake, Budget, SpendLine, StoredModelCall, Task


By = Literal["day", "owner", "model", "task"]
MOST_DAYS = 400
MOST_BUDGET = 1_000_000.0
MOST_TASKS = 100
_FIGURES = ("calls", "prompt_tokens", "response_tokens", "cost")


class Spend:
    """The spending half of `Operations`."""

    keys: Keys
    user: str

    # What was spent

    def spend(self, by: By = "day", days: int = 30, owner: str | None = None) -> Flow[list[SpendLine]]:
        """Return what calls of models cost in the last days (UTC, today included), of all or of one owner.

        By day the oldest is first, else what cost most; of tasks those are listed that cost most, with all
        they ever cost.
        """
        names = yield from self._days(days)
        if by == "task":
            return (yield from self._spend_by_task(names, owner))
        calls = [Call(pairs, command=("HGETALL", self.keys.make("spend", day=day))) for day in names]
        found = yield Batch(tuple(calls))
        sums: dict[str, Counter[str]] = {day: Counter() for day in names} if by == "day" else {}
        for day, got in zip(names, found, strict=True):
            for figure, whose, model, amount in _rows(got):
                if owner in (None, whose):
                    line = {"day": day, "owner": whose, "model": model}[by]
                    sums.setdefault(line, Counter())[figure] += amount
        lines = [_line(name, figures) for name, figures in sums.items()]
        return lines if by == "day" else sorted(lines, key=lambda line: (-line.cost, line.name))

    def _days(self, days: int) -> Flow[list[str]]:
        if not 1 <= days <= MOST_DAYS:
            raise InvalidInput("days", f"days: give 1 to {MOST_DAYS}, so long is it kept.")
        seconds, _ = yield Call(as_is, command=("TIME",))
        today = sure_moment(int(seconds) * 1000)
        return [f"{today - timedelta(days=ago):%Y-%m-%d}" for ago in reversed(range(days))]

    def _spend_by_task(self, days: list[str], owner: str | None) -> Flow[list[SpendLine]]:
        spenders = [self.keys.make("spenders", day=day) for day in days]
        found = yield Call(scored, command=("ZUNION", len(spenders), *spenders, "WITHSCORES"))
        ids = [task for task, _ in sorted(found, key=lambda one: -float(one[1]))]
        lines: list[SpendLine] = []
        while ids and len(lines) < MOST_TASKS:
            some, ids = ids[:MOST_TASKS], ids[MOST_TASKS:]
            fields = ("owner", *_FIGURES)
            owners = yield Call(as_is, command=("HMGET", self.keys.make("owners"), *some))
            known = [(task, text(whose)) for task, whose in zip(some, owners, strict=True) if whose]
            reads = [
                Call(as_is, command=("HMGET", self.keys.make("task", owner=whose, task=task), *fields))
                for task, whose in known
                if owner in (None, whose)
            ]
            rows = (yield Batch(tuple(reads))) if reads else []
            wanted = [task for task, whose in known if owner in (None, whose)]
            lines += [
                _line(task, Counter(dict(zip(_FIGURES, (int(cell or 0) for cell in row[1:]), strict=True))))
                for task, row in zip(wanted, rows, strict=True)
            ]
        return lines[:MOST_TASKS]

    def model_calls(self, task: Task) -> Flow[list[StoredModelCall]]:
        """Return the calls of models that a task has made, oldest first; of its owner's last calls, those are kept."""
        first = int(task.created_at.timestamp() * 1000)
        command = ("XRANGE", self.keys.make("user_calls", owner=task.owner), first, "+")
        entries: list[StoredModelCall] = yield Call(_read_calls, command=command)
        return [call for call in entries if call.task_id == task.id]

    # What may be spent

    def budgets(self) -> Flow[list[Budget]]:
        """Return the budgets of a day, with what was spent of each today."""
        budgets: list[Budget] = yield Call(_read_budgets, "budgets", (self.keys.make("budgets"),))
        return budgets

    def set_budget(self, day: float | None, owner: str | None = None) -> Flow[list[Budget]]:
        """Set what an owner, or everybody together, may spend on a day (US dollars), None for no budget.

        Returns all budgets; raises InvalidInput.
        """
        if day is not None and not 0 <= day <= MOST_BUDGET:
            raise InvalidInput("day", f"day: give US dollars from 0 to {MOST_BUDGET:,.0f}.")
        scope = f"owner:{check_owner(owner)}" if owner else "all"
        args = (scope, "" if day is None else nano(day), self.user)
        yield Call(as_is, "budget", (self.keys.make("budgets"),), args)
        return (yield from self.budgets())

    # What is held back

    def brakes(self) -> Flow[list[Brake]]:
        """Return the brakes that are on."""
        brakes: list[Brake] = yield self.brakes_call()
        return brakes

    def brakes_call(self) -> Call[list[Brake]]:
        """Return the call that reads the brakes that are on."""
        return Call(_read_brakes, "brakes", (self.keys.make("brakes"),))

    def set_brake(
        self, on: bool, *, task_id: str | None = None, owner: str | None = None, reason: str = ""
    ) -> Flow[bool]:
        """Put a brake on a task, on an owner's tasks or on all, or release it; returns whether that is new.

        Nothing under a brake is begun from then on; what runs goes on. Raises NotFound, Refused or InvalidInput.
        """
        if task_id and owner:
            raise InvalidInput(
                "owner", "owner: a brake holds a task or an owner, not both: give one of them."
            )
        brake = f"task:{task_id}" if task_id else f"owner:{check_owner(owner)}" if owner else "all"
        changed, left = False, 1
        while left:
            args = ("on" if on else "off", brake, self.user, reason, UNPARK_CHUNK)
            reply = yield Call(as_is, "brake", (self.keys.make("brakes"),), args)
            answer, new, left = text(reply[0]), int(reply[1]), int(reply[2])
            changed = changed or new == 1
        if answer == "missing":
            raise NotFound(f"There is no task {task_id!r}; `shraga list` shows the ones there are.")
        if answer == "ended":
            raise Refused(f"The task {task_id} has ended; there is nothing to hold back.")
        return changed


def _rows(got: dict[str, str]) -> Iterable[tuple[str, str, str, int]]:
    """The figures of a day, each with its owner and model; a model's name may hold colons."""
    for field, amount in got.items():
        figure, _, rest = field.partition(":")
        if figure in _FIGURES:
            owner, _, model = rest.partition(":")
            yield figure, owner, model, int(amount)


def _line(name: str, figures: Counter[str]) -> SpendLine:
    counts = {figure: figures[figure] for figure in _FIGURES}
    return models.SpendLine(name=name, **counts | {"cost": figures["cost"] / NANO})


def _read_calls(entries: Any) -> list[StoredModelCall]:
    calls = []
    for entry in entries:
        entry_id, got = text(entry[0]), pairs(entry[1])
        numbers = {"cost": dollars(got["cost"]), "duration": int(got["duration"]) / 1000}
        at = sure_moment(int(entry_id.partition("-")[0]))
        calls.append(models.StoredModelCall.model_validate(got | numbers | {"id": entry_id, "at": at}))
    return calls


def _read_budgets(reply: Any) -> list[Budget]:
    budgets = []
    for scope, base, extra, spent in ([text(cell) for cell in row] for row in reply):
        owner = scope.removeprefix("owner:") if scope != "all" else None
        money = {"day": dollars(base), "extra": dollars(extra), "spent": dollars(spent)}
        budgets.append(models.Budget(owner=owner, **money))
    return budgets


def _read_brakes(reply: Any) -> list[Brake]:
    parked: Counter[str] = Counter()
    for brake, count in zip(reply[1::2], reply[2::2], strict=True):
        parked[text(brake)] += int(count)
    return [read_brake(brake, stored, parked[brake]) for brake, stored in sorted(pairs(reply[0]).items())]
