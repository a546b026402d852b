"""The table of legal moves: complete, with one way out of the end, and made by the right hands."""

from __future__ import annotations

import pytest

from shraga_models import MOVES, Actor, EventType, TaskStatus, can, legal_moves

FINAL = [status for status in TaskStatus if status.is_final]
OPEN = [status for status in TaskStatus if not status.is_final]
USER, WORKER, CONTROLLER = Actor.USER, Actor.WORKER, Actor.CONTROLLER
NOT_YET: set[TaskStatus] = set()
"""Statuses whose tasks cannot be submitted yet, so that no move leads there."""


def reachable(start: set[TaskStatus]) -> set[TaskStatus]:
    """Return the statuses that moves lead to."""
    found = set(start)
    while more := {move.target for move in MOVES.values() if move.sources & found} - found:
        found |= more
    return found


def test_every_status_a_task_can_have_is_reached_from_where_it_is_accepted() -> None:
    accepted = {TaskStatus.QUEUED, TaskStatus.SCHEDULED, TaskStatus.AWAITING_APPROVAL}
    assert reachable(accepted) == set(TaskStatus) - NOT_YET


@pytest.mark.parametrize("status", FINAL)
def test_a_final_status_is_left_by_people_by_what_repeats_and_by_a_plan_that_is_none(
    status: TaskStatus,
) -> None:
    about_a_plan = {"replan", "doubt"} if status is TaskStatus.COMPLETED else set()
    left_by = {"retry", "redo", "rest", "follow"} | about_a_plan
    assert {move.name for move in legal_moves(status)} - {"leave_out"} == left_by


@pytest.mark.parametrize("status", OPEN)
def test_every_open_status_can_come_to_an_end(status: TaskStatus) -> None:
    assert reachable({status}) >= set(FINAL) - (
        {TaskStatus.SKIPPED} if status is TaskStatus.RUNNING else set()
    )
    assert any(move.target is TaskStatus.CANCELED for move in legal_moves(status))


@pytest.mark.parametrize(
    ("name", "actors"),
    {
        "release": {CONTROLLER},
        "claim": {WORKER},
        "complete": {WORKER},
        "fail": {WORKER, CONTROLLER},
        "retry_later": {WORKER, CONTROLLER},
        "retry_now": {WORKER, CONTROLLER},
        "give_back": {WORKER},
        "suspend": {WORKER},
        "resume": {WORKER},
        "answer": {USER, CONTROLLER},
        "give_up": {WORKER, CONTROLLER},
        "approve": {USER},
        "approve_later": {USER},
        "propose": {WORKER},
        "accept": {USER},
        "reject": {USER},
        "send_back": {USER},
        "stop": {WORKER, CONTROLLER},
        "cancel": {USER},
        "expire": {WORKER, CONTROLLER},
        "retry": {USER},
        "run_now": {USER},
        "block": {USER},
        "unblock": {WORKER, CONTROLLER},
        "unblock_later": {WORKER, CONTROLLER},
        "hold": {WORKER, CONTROLLER},
        "skip": {WORKER, CONTROLLER},
        "redo": {USER},
        "leave_out": {USER},
        "rest": {WORKER, CONTROLLER},
        "follow": {WORKER, CONTROLLER},
        "supersede": {CONTROLLER},
        "finish": {CONTROLLER},
    }.items(),
)
def test_moves_are_made_by_the_right_hands(name: str, actors: set[Actor]) -> None:
    assert MOVES[name].actors == actors


def test_what_people_decide_is_audited() -> None:
    assert {name for name, move in MOVES.items() if move.is_audited} == {
        "cancel", "retry", "run_now", "block", "answer", "approve", "approve_later", "accept", "reject", "send_back",
        "redo", "leave_out",
    }  # fmt: skip


def test_table_names_its_moves_and_tells_each_as_an_event_of_tasks() -> None:
    assert len(MOVES) == 35
    assert all(name == move.name and move.event.startswith("task.") for name, move in MOVES.items())


@pytest.mark.parametrize(
    ("status", "actor", "names"),
    [
        (TaskStatus.QUEUED, None, {"claim", "cancel", "expire", "block", "supersede", "leave_out"}),
        (TaskStatus.SCHEDULED, USER, {"cancel", "run_now", "block", "leave_out"}),
        (TaskStatus.BLOCKED, CONTROLLER, {"unblock", "unblock_later", "hold", "skip", "expire", "supersede"}),
        (TaskStatus.RUNNING, CONTROLLER, {"fail", "retry_later", "retry_now", "stop"}),
        (TaskStatus.RUNNING, USER, set()),
        (TaskStatus.COMPLETED, WORKER, {"rest", "follow"}),
    ],
)
def test_legal_moves_are_narrowed_by_status_and_actor(
    status: TaskStatus, actor: Actor | None, names: set[str]
) -> None:
    assert {move.name for move in legal_moves(status, actor)} == names


def test_can_agrees_with_the_table_and_knows_no_other_move() -> None:
    assert can("claim", TaskStatus.QUEUED)
    assert not can("claim", TaskStatus.COMPLETED)
    with pytest.raises(KeyError):
        can("teleport", TaskStatus.QUEUED)


def test_ends_are_told_by_their_own_event() -> None:
    told = {move.target: move.event for move in MOVES.values() if move.target.is_final}
    assert told == {
        TaskStatus.COMPLETED: EventType.TASK_COMPLETED,
        TaskStatus.FAILED: EventType.TASK_FAILED,
        TaskStatus.CANCELED: EventType.TASK_CANCELED,
        TaskStatus.SKIPPED: EventType.TASK_SKIPPED,
    }
