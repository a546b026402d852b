"""The inbox: tasks that wait for an answer, for leave to run or for a verdict, the longest wait first."""

from __future__ import annotations

from shraga_models import TaskFilter, TaskStatus
from shraga_queue.listing import ListQuery
from shraga_tui.actions import bindings_of
from shraga_tui.widgets.task_table import INBOX_COLUMNS

from .tasks import TasksScreen

WAITING = TaskFilter(status=(TaskStatus.WAITING_FOR_INPUT, TaskStatus.AWAITING_APPROVAL))


class InboxScreen(TasksScreen):
    """The tasks table, narrowed to what waits on people; `a` answers the one under the cursor."""

    SCOPE = "inbox"
    MODE = "inbox"
    BINDINGS = bindings_of("inbox")
    INHERIT_BINDINGS = False
    EMPTY = "Nothing waits on a person."
    COLUMNS = INBOX_COLUMNS

    def on_mount(self) -> None:
        super().on_mount()
        self.pager.show(ListQuery(WAITING, oldest_first=True))
