"""The one registry of what an operator can do: keys, footer, help, palette and audit name come from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Scope = Literal["board", "tasks", "workers", "events", "schedules", "workflows", "inbox", "task", "rq"]
EVERYWHERE: tuple[Scope, ...] = (
    "board",
    "tasks",
    "workers",
    "events",
    "schedules",
    "workflows",
    "inbox",
    "task",
    "rq",
)
LISTS: tuple[Scope, ...] = ("board", "tasks", "workers", "events", "schedules", "workflows", "inbox")
CROWDED: tuple[Scope, ...] = ("schedules", "workflows")
"""Screens with so many keys of their own that those of every screen make room for them."""
ROOMY = tuple(scope for scope in EVERYWHERE if scope not in CROWDED)
TASKS: tuple[Scope, ...] = ("board", "tasks", "events", "schedules", "inbox", "task")


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """Something an operator can do: `name` is its method `action_<name>`, `keys` what to press.

    `shown` is the key as the footer writes it; an empty `label` keeps it out of the footer.
    `audit` is the store's name of the deed, empty where nothing is changed. A narrow footer leaves out
    what is `spare` first, one after the other from its end.
    """

    name: str
    keys: tuple[str, ...]
    shown: str
    label: str
    help: str
    scopes: tuple[Scope, ...]
    destructive: bool = False
    audit: str = ""
    needs: Literal["", "task", "worker", "workflow", "step", "job"] = ""
    palette: bool = True
    spare: bool = False


ACTIONS: tuple[OperatorAction, ...] = (
    OperatorAction("submit", ("n",), "n", "new", "Submit a new task.", ROOMY, audit="submit"),
    OperatorAction("submit", ("n",), "n", "new", "Submit a new task.", CROWDED, audit="submit", spare=True),
    OperatorAction(
        "open",
        ("enter",),
        "⏎",
        "open",
        "Open the task under the cursor.",
        ("board", "tasks", "events", "schedules", "workflows", "inbox"),
        needs="task",
    ),
    OperatorAction(
        "answer",
        ("a",),
        "a",
        "answer",
        "Answer what the task asks, let it run, or judge its result.",
        ("board", "tasks", "events", "inbox", "task"),
        audit="answer",
        needs="task",
    ),
    OperatorAction("say", ("t",), "t", "talk", "Say something to the task.", ("task",), needs="task"),
    OperatorAction(
        "say", ("t",), "t", "talk", "Read its chat, add to it.", ("workflows",), needs="workflow", spare=True
    ),
    OperatorAction(
        "cancel",
        ("c",),
        "c",
        "cancel",
        "Stop the task with its whole process tree; asks first, and says so once it has stopped.",
        TASKS,
        destructive=True,
        audit="cancel",
        needs="task",
    ),
    OperatorAction(
        "retry",
        ("r",),
        "r",
        "retry",
        "Run an ended task again, or a scheduled one now.",
        TASKS,
        audit="retry",
        needs="task",
    ),
    OperatorAction(
        "pause_schedule",
        ("p",),
        "p",
        "pause",
        "Let nothing start the task until it is resumed; a run at hand goes on.",
        ("schedules",),
        audit="schedule_pause",
        needs="task",
    ),
    OperatorAction(
        "resume_schedule",
        ("u",),
        "u",
        "resume",
        "Let a paused task repeat again, from its next slot on.",
        ("schedules",),
        audit="schedule_resume",
        needs="task",
    ),
    OperatorAction(
        "skip_slot",
        ("s",),
        "s",
        "skip",
        "Leave the next slot of the task out.",
        ("schedules",),
        audit="schedule_skip",
        needs="task",
    ),
    OperatorAction(
        "drain",
        ("d",),
        "d",
        "drain",
        "Let the worker finish what it runs and take nothing new.",
        ("workers",),
        audit="draining",
        needs="worker",
    ),
    OperatorAction(
        "resume",
        ("u",),
        "u",
        "resume",
        "Let a draining worker take tasks again.",
        ("workers",),
        audit="accepting",
        needs="worker",
    ),
    OperatorAction(
        "stop",
        ("S",),
        "S",
        "stop",
        "End the worker; asks first.",
        ("workers",),
        destructive=True,
        audit="stopping",
        needs="worker",
    ),
    OperatorAction(
        "requeue_job",
        ("r",),
        "r",
        "requeue",
        "Put a job of another program that ended badly, or was left behind, on its queue again.",
        ("rq",),
        audit="requeue",
        needs="job",
    ),
    OperatorAction(
        "cancel_job",
        ("c",),
        "c",
        "cancel",
        "Cancel a job of another program, or have its worker stop it; asks first.",
        ("rq",),
        destructive=True,
        audit="cancel",
        needs="job",
    ),
    OperatorAction(
        "delete_job",
        ("D",),
        "D",
        "delete",
        "Delete a job of another program with its results; asks first.",
        ("rq",),
        destructive=True,
        audit="delete",
        needs="job",
    ),
    OperatorAction(
        "retry_step",
        ("r",),
        "r",
        "retry",
        "Run the step and all that come after it again; asks first.",
        ("workflows",),
        audit="retry",
        needs="step",
    ),
    OperatorAction(
        "skip_step",
        ("x",),
        "x",
        "skip",
        "Leave the step out and let what comes after it go on; asks first.",
        ("workflows",),
        audit="skip",
        needs="step",
    ),
    OperatorAction(
        "pause_workflow",
        ("p",),
        "p",
        "pause",
        "Let no further step of the workflow begin, or let it go on.",
        ("workflows",),
        audit="pause",
        needs="workflow",
    ),
    OperatorAction(
        "cancel_workflow",
        ("c",),
        "c",
        "cancel",
        "Cancel the workflow and end its running steps; asks first.",
        ("workflows",),
        destructive=True,
        audit="cancel",
        needs="workflow",
    ),
    OperatorAction(
        "earlier_attempt", ("left_square_bracket",), "[", "", "Show the log of the attempt before.", ("task",)
    ),
    OperatorAction(
        "later_attempt", ("right_square_bracket",), "]", "", "Show the log of the attempt after.", ("task",)
    ),
    OperatorAction("filter", ("slash",), "/", "filter", "Show only events that hold a text.", ("events",)),
    OperatorAction(
        "filter", ("slash",), "/", "filter", "Filter all tasks; Tab completes a term.", ("tasks",)
    ),
    OperatorAction(
        "views",
        ("v",),
        "v",
        "views",
        "Open a saved view, or save this filter as one.",
        ("tasks",),
        spare=True,
    ),
    OperatorAction(
        "select",
        ("space",),
        "␣",
        "select",
        "Select the task, or no longer.",
        ("tasks",),
        needs="task",
        spare=True,
    ),
    OperatorAction(
        "select_all", ("A",), "A", "", "Select all tasks that match now; changes none of them.", ("tasks",)
    ),
    OperatorAction(
        "sort",
        ("s",),
        "s",
        "",
        "Turn the order round: by last move, the newest or the oldest first.",
        ("tasks",),
    ),
    OperatorAction(
        "live",
        ("full_stop",),
        ".",
        "",
        "Show what has moved meanwhile, or search again.",
        ("tasks", "inbox"),
    ),
    OperatorAction(
        "toggle_mine",
        ("m",),
        "m",
        "mine",
        "Show only your own tasks, or everybody's.",
        ("board",),
        spare=True,
    ),
    OperatorAction(
        "next_pane", ("tab", "l", "right"), "⇥", "", "Go to the next column.", ("board",), palette=False
    ),
    OperatorAction(
        "previous_pane",
        ("shift+tab", "h", "left"),
        "⇤",
        "",
        "Go to the column before.",
        ("board",),
        palette=False,
    ),
    OperatorAction(
        "next_pane", ("tab", "l", "right"), "⇥", "tabs", "Go to the next tab.", ("task",), palette=False
    ),
    OperatorAction(
        "previous_pane",
        ("shift+tab", "h", "left"),
        "⇤",
        "",
        "Go to the tab before.",
        ("task",),
        palette=False,
    ),
    OperatorAction(
        "next_pane",
        ("tab", "l", "right", "h", "left"),
        "⇥",
        "steps",
        "Go to the steps, or back to the list.",
        ("workflows",),
        palette=False,
    ),
    OperatorAction("down", ("j", "down"), "j ↓", "", "Go one down.", EVERYWHERE, palette=False),
    OperatorAction("up", ("k", "up"), "k ↑", "", "Go one up.", EVERYWHERE, palette=False),
    OperatorAction(
        "page_down", ("pagedown", "ctrl+d"), "pgdn", "", "Go one page down.", EVERYWHERE, palette=False
    ),
    OperatorAction("page_up", ("pageup", "ctrl+u"), "pgup", "", "Go one page up.", EVERYWHERE, palette=False),
    OperatorAction("first", ("g", "home"), "g", "", "Go to the first.", EVERYWHERE, palette=False),
    OperatorAction(
        "last",
        ("G", "end"),
        "G",
        "",
        "Go to the last; a log or feed follows what comes.",
        EVERYWHERE,
        palette=False,
    ),
    OperatorAction(
        "copy_id",
        ("y",),
        "y",
        "copy",
        "Copy the task's id, or those of all selected ones.",
        TASKS,
        needs="task",
        spare=True,
    ),
    OperatorAction(
        "copy_paths",
        ("p",),
        "p",
        "",
        "Copy where the files are that the task has handed over.",
        ("task",),
        needs="task",
    ),
    OperatorAction("board", ("1",), "1", "", "Go to the board.", EVERYWHERE),
    OperatorAction("tasks", ("2",), "2", "", "Go to the tasks.", EVERYWHERE),
    OperatorAction("workers", ("3",), "3", "", "Go to the workers.", EVERYWHERE),
    OperatorAction("events", ("4",), "4", "", "Go to the events.", EVERYWHERE),
    OperatorAction("schedules", ("5",), "5", "", "Go to the schedules: what repeats.", EVERYWHERE),
    OperatorAction("workflows", ("6",), "6", "", "Go to the workflows.", EVERYWHERE),
    OperatorAction("inbox", ("7",), "7", "", "Go to the inbox: what waits on people.", EVERYWHERE),
    OperatorAction("rq", ("0",), "0", "", "Go to plain RQ: other programs' queues and jobs.", EVERYWHERE),
    OperatorAction(
        "back",
        ("escape",),
        "esc",
        "back",
        "Go one level back.",
        ("task", "tasks", "events", "inbox"),
        palette=False,
        spare=True,
    ),
    OperatorAction(
        "command_palette",
        ("colon", "ctrl+p"),
        ":",
        "menu",
        "Find a command by typing.",
        EVERYWHERE,
        palette=False,
    ),
    OperatorAction("help", ("question_mark", "f1"), "?", "help", "Show all keys of this screen.", EVERYWHERE),
    OperatorAction("quit", ("q",), "q", "quit", "Leave the dashboard; workers go on.", EVERYWHERE),
)


def actions_of(scope: Scope) -> tuple[OperatorAction, ...]:
    """Return the actions of a screen, in the order of the footer."""
    return tuple(action for action in ACTIONS if scope in action.scopes)


def bindings_of(scope: Scope) -> list[BindingType]:
    """Return the key bindings of a screen; each has an id, so that its keys can be remapped."""
    return [
        Binding(",".join(action.keys), action.name, action.label, id=f"{scope}.{action.name}", show=False)
        for action in actions_of(scope)
    ]
