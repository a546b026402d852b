"""Asks before acting on many tasks, does it, and shows a receipt for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from shraga_models.text import clean_line
from shraga_tui.bulk import Bulk, BulkReceipt
from shraga_tui.cards import bar
from shraga_tui.look import Look
from shraga_tui.widgets.bars import Bar
from shraga_tui.widgets.paint import Line, fit, pad
from shraga_tui.widgets.virtual_list import VirtualList

SHOWN_NAMES = 8
LOOKS = {
    "done": Look("✓", "done", "done"),
    "asked": Look("◌", "asked to stop", "waiting"),
    "refused": Look("✗", "refused", "failed"),
}
DEEDS = {"cancel": "Cancel", "retry": "Run again"}
HOW = {
    "cancel": "Running ones are ended with their whole process tree; waiting ones never start.",
    "retry": "Ended ones run again, scheduled ones now; any other is refused.",
}
State = Literal["asking", "running", "stopped", "ended"]
KEYS: dict[State, str] = {
    "asking": " n  No, leave them     y  Yes",
    "running": " esc  stop after this one",
    "stopped": " r  go on     esc  close, the rest stays selected",
    "ended": " esc  close     j k  scroll",
}


def tasks(count: int) -> str:
    """Return how many tasks, in words."""
    return f"{count:,} task{'' if count == 1 else 's'}"


class ReceiptList(VirtualList[BulkReceipt]):
    """The receipts, what was not done first."""

    def key_of(self, row: BulkReceipt) -> str:
        return row.id

    def show_all(self, receipts: Sequence[BulkReceipt]) -> None:
        """Take the receipts so far."""
        ordered = sorted(receipts, key=lambda receipt: receipt.verdict == "done")
        self.show_rows(0, len(ordered), ordered)

    def lines_of(self, row: BulkReceipt, width: int, selected: bool) -> Sequence[Line]:
        look, room = LOOKS[row.verdict], max(16, width // 3)
        name = clean_line(row.name, 200) or row.id
        head = (f"{'▌' if selected else ' '}{look.glyph} ", look.tone)
        return [(head, (pad(fit(name, room - 1), room), "strong"), (clean_line(row.said, 300), "text"))]


class BulkScreen(ModalScreen[None]):
    """One bulk act from the question to the last receipt; the caller reads its `bulk` afterwards."""

    BINDINGS = [
        Binding("y", "start", "yes", id="bulk.yes"),
        Binding("r", "resume", "go on", id="bulk.resume"),
        Binding("escape,n,q", "leave", "leave", id="bulk.leave"),
        Binding("j,down", "scroll(1)", "down", id="bulk.down", show=False),
        Binding("k,up", "scroll(-1)", "up", id="bulk.up", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self, bulk: Bulk) -> None:
        super().__init__()
        self.bulk = bulk
        self.state: State = "asking"

    def compose(self) -> ComposeResult:
        with Vertical(id="bulk") as box:
            box.border_title = f" {DEEDS[self.bulk.act]} {tasks(len(self.bulk.names))}? "
            yield Static("", markup=False, id="bulk-text")
            yield ReceiptList(id="receipts")
            yield Bar(id="bulk-progress")
            yield Bar(id="bulk-keys")

    def on_mount(self) -> None:
        self.query_one(ReceiptList).display = False
        self._draw()

    # Drawing

    def _draw(self) -> None:
        if not self.is_attached:
            return
        if self.state == "asking":
            self.query_one("#bulk-text", Static).update(f"{self._preview()}\n\n{HOW[self.bulk.act]}")
        else:
            self.query_one(ReceiptList).show_all(tuple(self.bulk.receipts.values()))
            self.query_one("#bulk-progress", Bar).show(self._progress())
        trouble = f" ✗ {self.bulk.trouble}" if self.bulk.trouble else ""
        self.query_one("#bulk-keys", Bar).show(((KEYS[self.state], "accent"), (trouble, "failed")))

    def _preview(self) -> str:
        names = [clean_line(name, 70) or task_id for task_id, name in self.bulk.names.items()]
        more = f"\n  and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
        return "\n".join(f"  {name}" for name in names[:SHOWN_NAMES]) + more

    def _progress(self) -> Line:
        bulk, counts = self.bulk, self.bulk.counts
        total = len(bulk.names)
        spans = [
            (f" {bar(len(bulk.receipts) / total, 12)}", "running"),
            (f" {len(bulk.receipts):,} of {total:,}", "text"),
        ]
        for verdict, look in LOOKS.items():
            if counts[verdict]:
                spans.append((f"  {look.glyph} {counts[verdict]:,} {look.word}", look.tone))
        return tuple(spans)

    # Acting

    def _go(self) -> None:
        self.state = "running"
        self.query_one("#bulk").border_title = f" {DEEDS[self.bulk.act]} {tasks(len(self.bulk.names))} "
        self.query_one("#bulk-text", Static).display = False
        self.query_one(ReceiptList).display = True
        self._draw()
        self.run_worker(self._run(), name="bulk", exit_on_error=False)

    async def _run(self) -> None:
        await self.bulk.run(self._draw)
        self.state = "ended" if self.bulk.is_complete else "stopped"
        self._draw()

    def action_start(self) -> None:
        """Do it."""
        if self.state == "asking":
            self._go()

    def action_resume(self) -> None:
        """Go on with what is left."""
        if self.state == "stopped":
            self._go()

    def action_leave(self) -> None:
        """Stop after the current task; close when nothing is going on."""
        if self.state == "running":
            self.bulk.stop()
        else:
            self.dismiss(None)

    def action_scroll(self, rows: int) -> None:
        """Scroll the receipts."""
        self.query_one(ReceiptList).move_by(rows)
