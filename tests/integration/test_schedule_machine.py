"""Tasks that repeat under any order of slots, events, runs and people: all keys agree after each step, no occurrence is
run for twice, and none is lost without being counted."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shraga_models import Limits, Overlap, RunStatus, Schedule, Task, TaskStatus
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.config import Settings
from shraga_queue.engine import Claim, Engine
from shraga_queue.errors import Refused
from shraga_queue.firing import fire_due
from shraga_queue.keys import Keys
from shraga_queue.mending import Mender
from tests.factories import assert_agreement, end_lease, execute, fresh_prefix, hire, make_due, new_task

pick = st.integers(0, 1000)
LIMITS = [Limits(), Limits(retries=1, backoff=0), Limits(retries=1, backoff=60), Limits(expires_in=3600)]


class ScheduleMachine(RuleBasedStateMachine):
    """Timed and triggered tasks, one worker, a leader, an operator."""

    connected: Shraga

    def __init__(self) -> None:
        super().__init__()
        self.shraga = Shraga(
            SyncDriver(self.connected.driver.connection, Keys(fresh_prefix())), self.connected.settings
        )
        self.engine = Engine(self.shraga.driver)
        self.hand = hire(self.engine)
        self.engine.lead("leader", 600_000)
        self.tasks: list[str] = []
        self.claims: list[Claim] = []
        self.came: dict[str, int] = {}
        """How many occurrences came for a task, however they went on."""

    def _task(self, number: int) -> Task:
        return self.shraga.get(self.tasks[number % len(self.tasks)])

    def _key(self, task: Task) -> str:
        return self.shraga.driver.keys.make("task", owner=task.owner, task=task.id)

    @precondition(lambda self: len(self.tasks) < 4)
    @rule(
        timed=st.booleans(),
        overlap=st.sampled_from(Overlap),
        limits=st.sampled_from(LIMITS),
        is_active=st.sampled_from([True, True, True, False]),
    )
    def submit(self, timed: bool, overlap: Overlap, limits: Limits, is_active: bool) -> None:
        form: dict[str, Any] = {"interval": 3600} if timed else {"on": "go"}
        schedule = Schedule(**form, overlap=overlap, is_active=is_active)
        task = self.shraga.submit_task(new_task(schedule=schedule, limits=limits))
        self.tasks.append(task.id)
        self.came[task.id] = 0

    @precondition(lambda self: self.tasks)
    @rule(number=pick)
    def slot_comes(self, number: int) -> None:
        task = self._task(number)
        slots = self.shraga.driver.keys.make("slots")
        if execute(self.shraga, "ZSCORE", slots, task.id) is None:
            return
        now = round(self.shraga.driver.run(self.shraga.operations.now()).timestamp() * 1000)
        # A little late, and no two at the same time.
        slot = now - 50_000 + sum(self.came.values())
        execute(self.shraga, "HSET", self._key(task), "next_slot", slot)
        execute(self.shraga, "ZADD", slots, "XX", slot, task.id)
        answer = fire_due(self.engine, "leader")
        assert answer is not None
        assert answer[0] == 1
        self.came[task.id] += 1

    @rule()
    def emit(self) -> None:
        emitted = self.shraga.emit("go")
        for task_id in (*emitted.started, *emitted.waiting, *emitted.skipped):
            self.came[task_id] += 1

    @rule()
    def claim(self) -> None:
        if claim := self.hand.try_claim():
            self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(number=pick, outcome=st.sampled_from([RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED]))
    def commit(self, number: int, outcome: RunStatus) -> None:
        self.hand.commit(self.claims[number % len(self.claims)], outcome, error="why")

    @precondition(lambda self: self.claims)
    @rule(number=pick)
    def lose(self, number: int) -> None:
        claim = self.claims[number % len(self.claims)]
        end_lease(self.shraga, claim.task_id)
        self.hand.lose(claim, "leader")

    @precondition(lambda self: self.tasks)
    @rule(number=pick)
    def later_try_is_due(self, number: int) -> None:
        make_due(self.shraga, self._task(number).id)
        self.engine.release_due("leader")

    @precondition(lambda self: self.tasks)
    @rule(number=pick)
    def run_expires(self, number: int) -> None:
        task = self._task(number)
        if execute(self.shraga, "HEXISTS", self._key(task), "expires_at"):
            make_due(self.shraga, f"expire:{task.id}")
            self.engine.release_due("leader")

    @precondition(lambda self: self.tasks)
    @rule(number=pick, deed=st.sampled_from(["pause_schedule", "resume_schedule", "skip_slot", "retry"]))
    def person_acts(self, number: int, deed: str) -> None:
        task = self._task(number)
        try:
            getattr(self.shraga, deed)(task.id)
        except Refused:
            return
        self.came[task.id] += deed == "skip_slot"

    @precondition(lambda self: self.tasks)
    @rule(number=pick, really=st.sampled_from([True, False, False]))
    def cancel(self, number: int, really: bool) -> None:
        task = self._task(number)
        if really and not task.status.is_final:
            self.shraga.ask_cancel(task.id)

    @precondition(lambda self: self.tasks)
    @rule(number=pick)
    def other_hands_take_a_slot(self, number: int) -> None:
        task = self._task(number)
        slots = self.shraga.driver.keys.make("slots")
        if task.status is TaskStatus.SCHEDULED and execute(self.shraga, "ZREM", slots, task.id):
            first_run = task.attempt == 1 and not self.shraga.runs(task.id)[0].finished_at
            answer = Mender(self.engine, "leader").mend(TaskStatus.SCHEDULED, 0, 100)
            assert answer is not None
            if not answer[0]:
                # Between two tries of a run it is not looked for; nothing but other hands takes it.
                assert not first_run
                execute(self.shraga, "ZADD", slots, 1 << 43, task.id)

    @invariant()
    def everything_agrees(self) -> None:
        assert_agreement(self.shraga)

    @invariant()
    def no_occurrence_is_run_for_twice_or_forgotten(self) -> None:
        for task_id in self.tasks:
            found = self.shraga.get_with_runs(task_id)
            runs = [run for run in found.runs if run.occurrence]
            opened = [run.occurrence for run in runs if run.triggered_by not in ("retry", "lost")]
            assert len(set(opened)) == len(opened)
            for before, run in pairwise(runs):
                assert (run.triggered_by in ("retry", "lost")) == (run.occurrence == before.occurrence)
            schedule = found.task.schedule
            assert schedule is not None
            by_time_or_event = [run for run in runs if run.triggered_by not in ("retry", "lost", "manual")]
            row = next((one for one in self.shraga.schedules().rows if one.id == task_id), None)
            if row is not None:
                assert len(by_time_or_event) + schedule.skipped + row.waiting >= self.came[task_id]


def test_any_order_of_slots_events_runs_and_people(settings: Settings) -> None:
    with ExitStack() as stack:
        ScheduleMachine.connected = stack.enter_context(Shraga.connect(settings=settings))
        run_state_machine_as_test(
            ScheduleMachine,
            settings=profile(
                # Shrinking takes minutes; the blob that is printed brings a failure back as it was.
                phases=[phase for phase in Phase if phase is not Phase.shrink],
                print_blob=True,
                max_examples=40,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
