"""One act on a frozen set of tasks: a receipt for each, only what the store confirmed counts as done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from shraga_models import TaskStatus
from shraga_queue.codec import TaskRow
from shraga_queue.errors import Forbidden, ShragaError, Unreachable
from shraga_tui.look import attempt_word
from shraga_tui.source import Source

Act = Literal["cancel", "retry"]
Verdict = Literal["done", "asked", "refused"]

PATIENCE = 60.0
"""Seconds to wait for workers to confirm that runs have stopped."""
LOOK_PAUSE = 0.5
LOOK_AT = 128


@dataclass(frozen=True, slots=True)
class BulkReceipt:
    """What became of one task; `asked` is a run that was asked to stop and has not confirmed it yet."""

    id: str
    name: str
    verdict: Verdict
    said: str


class Bulk:
    """Acts on exactly the tasks of `named` (names by id), one after the other, in their order.

    `run` ends when all have a receipt, when `stop` was called, or when the store is away (`trouble` says so);
    called again it goes on where it ended.
    """

    def __init__(self, source: Source, act: Act, named: Mapping[str, str]) -> None:
        self.act: Act = act
        self.names = dict(named)
        self.receipts: dict[str, BulkReceipt] = {}
        self.trouble = ""
        self._source = source
        self._stopping = False

    @property
    def counts(self) -> Counter[str]:
        """How many receipts there are of each verdict."""
        return Counter(receipt.verdict for receipt in self.receipts.values())

    @property
    def is_complete(self) -> bool:
        """Whether every task has its last receipt."""
        return len(self.receipts) == len(self.names) and not self.counts["asked"]

    @property
    def undone(self) -> dict[str, str]:
        """The names, by id, of those that are not confirmed as done."""
        receipts = self.receipts
        return {
            task_id: name
            for task_id, name in self.names.items()
            if task_id not in receipts or receipts[task_id].verdict != "done"
        }

    def stop(self) -> None:
        """End after the task that is being acted on."""
        self._stopping = True

    async def run(self, changed: Callable[[], None]) -> None:
        """Act on those without a receipt; `changed` is called after each."""
        self._stopping, self.trouble = False, ""
        try:
            for task_id in [one for one in self.names if one not in self.receipts]:
                if self._stopping:
                    return
                await self._act(task_id)
                changed()
            await self._confirm(changed)
        except (Unreachable, Forbidden) as error:
            self.trouble = str(error)

    async def _act(self, task_id: str) -> None:
        try:
            verdict, said = await (self._cancel(task_id) if self.act == "cancel" else self._retry(task_id))
        except (Unreachable, Forbidden):
            raise
        except ShragaError as error:
            verdict, said = "refused", str(error)
        self._note(task_id, verdict, said)

    def _note(self, task_id: str, verdict: Verdict, said: str) -> None:
        self.receipts[task_id] = BulkReceipt(task_id, self.names[task_id], verdict, said)

    async def _cancel(self, task_id: str) -> tuple[Verdict, str]:
        answer, _ = await self._source.ask_cancel(task_id)
        return ("done", "canceled") if answer == "canceled" else ("asked", "asked to stop")

    async def _retry(self, task_id: str) -> tuple[Verdict, str]:
        task = await self._source.retry(task_id)
        return "done", f"queued again, as {attempt_word(task)} {task.attempt}"

    async def _confirm(self, changed: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not self._stopping and loop.time() < deadline:
            asked = [one.id for one in self.receipts.values() if one.verdict == "asked"][:LOOK_AT]
            if not asked:
                return
            rows = await self._source.task_rows(asked)
            for task_id, row in zip(asked, rows, strict=True):
                self._look(task_id, row)
            changed()
            await asyncio.sleep(LOOK_PAUSE if self.counts["asked"] else 0)

    def _look(self, task_id: str, row: TaskRow | None) -> None:
        if row is None:
            self._note(task_id, "refused", "It is gone.")
        elif row.status == TaskStatus.CANCELED:
            self._note(task_id, "done", "canceled: confirmed")
        elif TaskStatus(row.status).is_final:
            self._note(task_id, "refused", f"It {row.status} before it could be stopped.")
