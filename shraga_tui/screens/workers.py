"""The workers: who is there, what they run, and draining, resuming and stopping them."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult

from shraga_models import Liveness, Worker, WorkerMode
from shraga_tui import acts
from shraga_tui.actions import bindings_of
from shraga_tui.widgets.virtual_list import VirtualList
from shraga_tui.widgets.worker_list import WorkerList, WorkerTitles

from .lists import ListScreen

_AFTER = {"drain": WorkerMode.DRAINING, "resume": WorkerMode.ACCEPTING, "stop": WorkerMode.STOPPING}


class WorkersScreen(ListScreen):
    """A table of the workers, the ones seen last first."""

    SCOPE = "workers"
    MODE = "workers"
    BINDINGS = bindings_of("workers")

    def body(self) -> ComposeResult:
        yield WorkerTitles(id="worker-titles")
        yield WorkerList(lambda: self.desk.feed.now_ms)

    @property
    def main_list(self) -> VirtualList[Any]:
        return self.query_one(WorkerList)

    def draw(self) -> None:
        workers = self.desk.feed.workers
        if workers is not None:
            ordered = sorted(workers, key=lambda worker: (worker.liveness is Liveness.OFFLINE, worker.name))
            self.query_one(WorkerList).show_workers(ordered, self.desk.feed.task_names())

    @property
    def worker(self) -> Worker | None:
        """The worker under the cursor."""
        return self.query_one(WorkerList).row if self.is_mounted else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in _AFTER:
            return super().check_action(action, parameters)
        worker, after = self.worker, _AFTER[action]
        if worker is None or worker.liveness is Liveness.OFFLINE or worker.mode is after:
            return None
        return None if worker.mode is WorkerMode.STOPPING else True

    @on(VirtualList.Highlighted)
    def _highlighted(self) -> None:
        self.show_keys()

    def _change(self, action: str) -> None:
        if worker := self.worker:
            self.in_background(acts.change_worker(self.shraga, worker, _AFTER[action]))

    def action_drain(self) -> None:
        """Let the worker take nothing new."""
        self._change("drain")

    def action_resume(self) -> None:
        """Let the worker take tasks again."""
        self._change("resume")

    def action_stop(self) -> None:
        """End the worker."""
        self._change("stop")
