"""The one table of legal moves of a task: from where, to where, and who may make them.

The store's scripts are given this table; there is no second copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .status import EventType
from .status import TaskStatus as S


class Actor(StrEnum):
    """Who makes a move."""

    USER = "user"
    WORKER = "worker"
    CONTROLLER = "controller"


@dataclass(frozen=True, slots=True)
class Move:
    """A named change of status: legal from `sources` only, made by `actors` only, told as `event`."""

    name: str
    sources: frozenset[S]
    target: S
    actors: frozenset[Actor]
    event: EventType

    @property
    def is_audited(self) -> bool:
        """Whether it goes to the audit log: what people decide does, what workers do is told as events alone."""
        return Actor.USER in self.actors


def _move(name: str, sources: set[S], target: S, actors: set[Actor], event: EventType) -> Move:
    return Move(name, frozenset(sources), target, frozenset(actors), event)


_UNBEGUN = {S.QUEUED, S.SCHEDULED, S.BLOCKED, S.AWAITING_APPROVAL}
_WAITING = _UNBEGUN | {S.WAITING_FOR_INPUT}
_ENDED = {S.COMPLETED, S.FAILED, S.CANCELED, S.SKIPPED}
_ENGINE = {Actor.WORKER, Actor.CONTROLLER}
_DECIDERS = {Actor.USER, Actor.CONTROLLER}
"""A deadline that has passed decides by the default that the asker gave."""

MOVES: dict[str, Move] = {
    move.name: move
    for move in (
        _move("release", {S.SCHEDULED}, S.QUEUED, {Actor.CONTROLLER}, EventType.TASK_QUEUED),
        _move("claim", {S.QUEUED}, S.RUNNING, {Actor.WORKER}, EventType.TASK_STARTED),
        _move("complete", {S.RUNNING}, S.COMPLETED, {Actor.WORKER}, EventType.TASK_COMPLETED),
        _move("fail", {S.RUNNING}, S.FAILED, _ENGINE, EventType.TASK_FAILED),
        _move("retry_later", {S.RUNNING}, S.SCHEDULED, _ENGINE, EventType.TASK_RETRYING),
        _move("retry_now", {S.RUNNING}, S.QUEUED, _ENGINE, EventType.TASK_RETRYING),
        _move("give_back", {S.RUNNING}, S.QUEUED, {Actor.WORKER}, EventType.TASK_QUEUED),
        _move("suspend", {S.RUNNING}, S.WAITING_FOR_INPUT, {Actor.WORKER}, EventType.TASK_WAITING),
        _move("resume", {S.RUNNING}, S.QUEUED, {Actor.WORKER}, EventType.TASK_QUEUED),
        _move("answer", {S.WAITING_FOR_INPUT}, S.QUEUED, _DECIDERS, EventType.TASK_QUEUED),
        _move("give_up", {S.WAITING_FOR_INPUT}, S.FAILED, _ENGINE, EventType.TASK_FAILED),
        _move("approve", {S.AWAITING_APPROVAL}, S.QUEUED, {Actor.USER}, EventType.TASK_QUEUED),
        _move("approve_later", {S.AWAITING_APPROVAL}, S.SCHEDULED, {Actor.USER}, EventType.TASK_SCHEDULED),
        _move("propose", {S.RUNNING}, S.AWAITING_APPROVAL, {Actor.WORKER}, EventType.TASK_PROPOSED),
        _move("accept", {S.AWAITING_APPROVAL}, S.COMPLETED, {Actor.USER}, EventType.TASK_COMPLETED),
        _move("reject", {S.AWAITING_APPROVAL}, S.FAILED, {Actor.USER}, EventType.TASK_FAILED),
        _move("send_back", {S.AWAITING_APPROVAL}, S.QUEUED, {Actor.USER}, EventType.TASK_QUEUED),
        _move("stop", {S.RUNNING}, S.CANCELED, _ENGINE, EventType.TASK_CANCELED),
        _move("cancel", _WAITING, S.CANCELED, {Actor.USER}, EventType.TASK_CANCELED),
        _move("expire", _UNBEGUN, S.SKIPPED, _ENGINE, EventType.TASK_SKIPPED),
        _move("redo", _ENDED, S.BLOCKED, {Actor.USER}, EventType.TASK_BLOCKED),
        _move(
            "leave_out", _WAITING | {S.FAILED, S.CANCELED}, S.SKIPPED, {Actor.USER}, EventType.TASK_SKIPPED
        ),
        _move("retry", _ENDED, S.QUEUED, {Actor.USER}, EventType.TASK_QUEUED),
        _move("run_now", {S.SCHEDULED, S.BLOCKED}, S.QUEUED, {Actor.USER}, EventType.TASK_QUEUED),
        _move("block", _UNBEGUN - {S.BLOCKED}, S.BLOCKED, {Actor.USER}, EventType.TASK_BLOCKED),
        _move("unblock", {S.BLOCKED}, S.QUEUED, _ENGINE, EventType.TASK_QUEUED),
        _move("unblock_later", {S.BLOCKED}, S.SCHEDULED, _ENGINE, EventType.TASK_SCHEDULED),
        _move("hold", {S.BLOCKED}, S.AWAITING_APPROVAL, _ENGINE, EventType.TASK_WAITING),
        _move("skip", {S.BLOCKED}, S.SKIPPED, _ENGINE, EventType.TASK_SKIPPED),
        _move("replan", {S.COMPLETED}, S.QUEUED, {Actor.CONTROLLER}, EventType.TASK_QUEUED),
        _move("doubt", {S.COMPLETED}, S.WAITING_FOR_INPUT, {Actor.CONTROLLER}, EventType.TASK_WAITING),
        _move("rest", _ENDED, S.SCHEDULED, _ENGINE, EventType.TASK_SCHEDULED),
        _move("follow", _ENDED, S.QUEUED, _ENGINE, EventType.TASK_QUEUED),
        _move("supersede", _WAITING, S.CANCELED, {Actor.CONTROLLER}, EventType.TASK_CANCELED),
        _move("finish", {S.SCHEDULED}, S.COMPLETED, {Actor.CONTROLLER}, EventType.TASK_COMPLETED),
    )
}


def legal_moves(status: S, actor: Actor | None = None) -> tuple[Move, ...]:
    """Return the moves open to a task in `status`, optionally only those `actor` may make."""
    return tuple(
        move for move in MOVES.values() if status in move.sources and (actor is None or actor in move.actors)
    )


def can(name: str, status: S) -> bool:
    """Return whether the move `name` is legal from `status`; raises KeyError for an unknown move."""
    return status in MOVES[name].sources
