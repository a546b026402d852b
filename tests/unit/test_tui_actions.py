"""The registry of operator actions: what is hinted can be done, and every key means one thing."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.binding import Binding

from shraga_models import Liveness
from shraga_tui.actions import ACTIONS, EVERYWHERE, Scope, actions_of, bindings_of
from shraga_tui.chrome import key_groups
from shraga_tui.screens.base import ShragaScreen
from shraga_tui.screens.board import BoardScreen
from shraga_tui.screens.events import EventsScreen
from shraga_tui.screens.help import help_lines
from shraga_tui.screens.inbox import InboxScreen
from shraga_tui.screens.rq import RqScreen
from shraga_tui.screens.schedules import SchedulesScreen
from shraga_tui.screens.task import TaskScreen
from shraga_tui.screens.tasks import TasksScreen
from shraga_tui.screens.workers import WorkersScreen
from shraga_tui.screens.workflows import WorkflowsScreen
from shraga_tui.widgets.bars import width_of_line

SCREENS: dict[Scope, type[ShragaScreen]] = {
    "board": BoardScreen,
    "tasks": TasksScreen,
    "workers": WorkersScreen,
    "workflows": WorkflowsScreen,
    "events": EventsScreen,
    "schedules": SchedulesScreen,
    "inbox": InboxScreen,
    "task": TaskScreen,
    "rq": RqScreen,
}


@pytest.mark.parametrize("scope", EVERYWHERE)
def test_every_action_of_a_screen_has_its_method(scope: Scope) -> None:
    missing = [
        action.name for action in actions_of(scope) if not hasattr(SCREENS[scope], f"action_{action.name}")
    ]
    assert missing == []


@pytest.mark.parametrize("scope", EVERYWHERE)
def test_every_binding_of_a_screen_comes_from_the_registry(scope: Scope) -> None:
    assert bindings_of(scope) == SCREENS[scope].BINDINGS
    assert scope == SCREENS[scope].SCOPE


@pytest.mark.parametrize("scope", EVERYWHERE)
def test_no_key_means_two_things_on_one_screen(scope: Scope) -> None:
    keys = Counter(key for action in actions_of(scope) for key in action.keys)
    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("scope", EVERYWHERE)
def test_bindings_have_ids_of_their_own_so_that_keys_can_be_remapped(scope: Scope) -> None:
    ids = [binding.id for binding in bindings_of(scope) if isinstance(binding, Binding)]
    assert len(set(ids)) == len(actions_of(scope))


@pytest.mark.parametrize("scope", EVERYWHERE)
def test_the_footer_fits_eighty_cells(scope: Scope) -> None:
    actions = actions_of(scope)
    groups = key_groups(actions, {action.name for action in actions}, 80)
    assert sum(width_of_line(line) for _, line in groups) <= 80
    assert {"help", "quit", "command_palette"} <= {name for name, _ in groups}


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        ("schedules", {"open", "cancel", "retry", "pause_schedule", "resume_schedule", "skip_slot"}),
        ("workflows", {"open", "retry_step", "skip_step", "pause_workflow", "cancel_workflow", "next_pane"}),
        ("board", {"submit", "open", "answer", "cancel", "retry", "toggle_mine"}),
    ],
)
def test_a_narrow_footer_has_all_keys_of_its_own_screen(scope: Scope, shown: set[str]) -> None:
    actions = actions_of(scope)
    groups = key_groups(actions, {action.name for action in actions}, 80)
    assert shown <= {name for name, _ in groups}


def test_a_footer_leaves_out_no_more_than_it_must() -> None:
    actions = actions_of("schedules")
    usable = {action.name for action in actions}
    shown = {width: {name for name, _ in key_groups(actions, usable, width)} for width in (80, 90, 100)}
    assert "submit" not in shown[80]
    assert shown[90] - shown[80] == {"submit"}
    assert shown[100] - shown[90] == {"copy_id"}


@pytest.mark.parametrize("scope", EVERYWHERE)
def test_the_help_tells_every_action(scope: Scope) -> None:
    said = "\n".join("".join(text for text, _ in (*lead, told)) for lead, told in help_lines(scope))
    assert [action.name for action in actions_of(scope) if action.help not in said] == []
    assert said.index("Submit a new task.") > said.index("Everywhere")


def test_what_destroys_is_audited_and_asks_first() -> None:
    for action in ACTIONS:
        if action.destructive:
            assert action.audit
            assert "asks first" in action.help


def test_help_sentences_end_with_a_stop() -> None:
    assert [action.name for action in ACTIONS if not action.help.endswith(".")] == []


def test_liveness_words_of_the_seed_all_have_a_look() -> None:
    from shraga_tui.look import WORKER_LOOKS

    assert set(Liveness) <= set(WORKER_LOOKS)
