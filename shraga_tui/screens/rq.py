"""Plain RQ: the queues and jobs of other programs on the same server, and requeue, cancel and delete."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult

from shraga_models import ForeignJob
from shraga_queue.errors import ShragaError
from shraga_tui import acts
from shraga_tui.actions import bindings_of
from shraga_tui.widgets.rq_list import RqList
from shraga_tui.widgets.virtual_list import VirtualList

from .lists import ListScreen

READ_EVERY = 2.0
"""Seconds: RQ tells nobody what happens."""
_OPEN: dict[str, set[str]] = {
    "requeue_job": {"failed", "stopped", "canceled", "started"},
    "cancel_job": {
        "queued",
        "started",
        "deferred",
        "scheduled",
        "rate_limited",
        "created",
        "ready_to_enqueue",
    },
}


class RqScreen(ListScreen):
    """A list of queues with their jobs under them."""

    SCOPE = "rq"
    MODE = "rq"
    BINDINGS = bindings_of("rq")

    def body(self) -> ComposeResult:
        yield RqList()

    @property
    def main_list(self) -> VirtualList[Any]:
        return self.query_one(RqList)

    def on_mount(self) -> None:
        self._read_soon()
        self.set_interval(READ_EVERY, self._read_again)

    def _read_again(self) -> None:
        if self.is_current:
            self._read_soon()

    def _read_soon(self) -> None:
        self.run_worker(self._read(), exclusive=True, group="rq", exit_on_error=False)

    async def _read(self) -> None:
        try:
            found = await self.desk.source.plain_rq()
        except ShragaError:
            # The banner says what is wrong; what was read last stays.
            return
        self.query_one(RqList).show_found(found)

    @property
    def job(self) -> ForeignJob | None:
        """The job under the cursor."""
        row = self.query_one(RqList).row if self.is_mounted else None
        return row.job if row else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in (*_OPEN, "delete_job"):
            return super().check_action(action, parameters)
        job = self.job
        if job is None:
            return None
        return True if job.status in _OPEN.get(action, {job.status}) else None

    @on(VirtualList.Highlighted)
    def _highlighted(self) -> None:
        self.show_keys()

    def action_requeue_job(self) -> None:
        """Put the job on its queue again."""
        if job := self.job:
            self.in_background(acts.requeue_job(self.shraga, job))

    def action_cancel_job(self) -> None:
        """Cancel the job, or have it stopped."""
        if job := self.job:
            self.in_background(acts.cancel_job(self.shraga, job))

    def action_delete_job(self) -> None:
        """Delete the job."""
        if job := self.job:
            self.in_background(acts.delete_job(self.shraga, job))
