"""What workers and controllers ask of the store about spending and the brake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .calls import Argument, Call, as_is
from .codec import text
from .keys import Keys
from .money import dollars, nano

if TYPE_CHECKING:
    from shraga_models import ModelCall

    from .client import SyncDriver
    from .engine import Claim

UNPARK_CHUNK = 10_000
"""Parked tasks that a script call brings back: few enough not to hold up the server."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A budget that a run has exceeded: `task`, `owner` or `all`; US dollars."""

    kind: str
    spent: float
    budget: float
    key: str
    """The key of the question to ask about it: the same until that is answered."""


class RunSpend:
    """The spending half of `Engine`."""

    driver: SyncDriver
    keys: Keys

    def record_call(self, claim: Claim, call: ModelCall, number: int) -> str | Breach:
        """Record a call of a model by its number in the run, from 1; returns `ok`, `stale`, or what it breaches.

        A call that is recorded again counts once, and is answered like the first time.
        """
        args: tuple[Argument, ...] = (
            claim.task_id,
            claim.fence,
            claim.holder,
            number,
            call.provider.encode("utf-8", "replace"),
            call.model.encode("utf-8", "replace"),
            call.prompt_tokens,
            call.response_tokens,
            nano(call.cost),
            int(call.duration * 1000),
            "1" if call.success else "0",
            "1" if call.is_estimated else "0",
            call.error.encode("utf-8", "replace"),
        )
        reply = self.driver.call(Call(as_is, "record_call", (self.keys.make("leases"),), args))
        answer, *rest = [text(cell) for cell in reply]
        if answer != "over":
            return answer
        kind, spent, budget, key = rest
        return Breach(kind, dollars(spent), dollars(budget), key)

    def parkings(self) -> list[str]:
        """Return the keys of the lists in which tasks wait for a brake to be released."""
        found = self.driver.call(Call(as_is, command=("SMEMBERS", self.keys.make("parkings"))))
        places = [text(one).split(" ") for one in found]
        return [self.keys.make("parking", brake=brake, queue=queue) for brake, queue in places]

    def unpark(self, token: str) -> None:
        """Bring back, as the leader, what is parked although its brake is off."""
        left = 1
        while left:
            args = (token, UNPARK_CHUNK)
            left = self.driver.call(Call(as_is, "unpark", (self.keys.make("brakes"),), args))
