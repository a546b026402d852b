"""What every screen of one dashboard shares: the store, the feed, who looks and where."""

from __future__ import annotations

from dataclasses import dataclass

from shraga_models import TaskStatus, can
from shraga_tui.feed import Feed
from shraga_tui.preferences import Preferences
from shraga_tui.source import Source


@dataclass(frozen=True, slots=True)
class Desk:
    """The services of one dashboard; `label` names the connection, `user` who sits at it."""

    source: Source
    feed: Feed
    user: str
    label: str
    preferences: Preferences


@dataclass(frozen=True, slots=True)
class TaskRef:
    """The task that an action is about."""

    id: str
    name: str
    status: str

    @property
    def can_cancel(self) -> bool:
        """Whether there is something to stop."""
        return not TaskStatus(self.status).is_final

    @property
    def waits_on_people(self) -> bool:
        """Whether a person has to answer, approve or judge."""
        return self.status in (TaskStatus.WAITING_FOR_INPUT, TaskStatus.AWAITING_APPROVAL)

    @property
    def can_retry(self) -> bool:
        """Whether the task can be run again, or now."""
        status = TaskStatus(self.status)
        return can("retry", status) or can("run_now", status)
