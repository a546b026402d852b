"""Any order of moves by any actors, late and wrong ones among them: all keys agree after each step."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shraga_models import Limits, RunStatus, Schedule, TaskStatus, WorkerMode
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.engine import STALE, Claim, Engine, LogLine
from shraga_queue.errors import Refused
from shraga_queue.keys import Keys
from tests.factories import Hand, Ledger, execute, fresh_prefix, hire, make_due, new_task

OUTCOMES = [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.TIMEOUT, RunStatus.CANCELED]
LIMITS = [
    Limits(),
    Limits(retries=2, backoff=0),
    Limits(retries=1, backoff=60, expires_in=3600),
    Limits(on_lost="fail"),
    Limits(lost_retries=1, expires_in=3600),
]
pick = st.integers(0, 1000)


class StoreMachine(RuleBasedStateMachine):
    """Two owners, two workers with two slots, an operator and a leader."""

    connected: Shraga

    def __init__(self) -> None:
        super().__init__()
        connection = self.connected.driver.connection
        self.shraga = Shraga(SyncDriver(connection, Keys(fresh_prefix())), self.connected.settings)
        self.engine = Engine(self.shraga.driver)
        first = hire(self.engine, "w1")
        second = hire(self.engine, "w2", capabilities=("gpu",))
        self.hands = [first, second, *(self._second_slot(hand) for hand in (first, second))]
        self.modes = {hand.worker_id: WorkerMode.ACCEPTING for hand in self.hands}
        self.status: dict[str, TaskStatus] = {}
        self.attempt: dict[str, int] = {}
        self.fence: dict[str, int] = {}
        self.asked: set[str] = set()
        self.claims: list[tuple[Hand, Claim]] = []
        self.engine.lead("leader", 600_000)

    def _second_slot(self, hand: Hand) -> Hand:
        return Hand(self.engine, hand.worker_id, hand.worker, 2, hand.capabilities)

    def _is_live(self, claim: Claim) -> bool:
        running = self.status[claim.task_id] is TaskStatus.RUNNING
        return running and self.fence[claim.task_id] == claim.fence

    def _free(self, hand: Hand) -> bool:
        return not any(other is hand and self._is_live(claim) for other, claim in self.claims)

    def _chosen(self, number: int) -> str:
        return sorted(self.status)[number % len(self.status)]

    def _ended(self, task_id: str, status: str) -> None:
        self.status[task_id] = TaskStatus(status)
        if not self.status[task_id].is_final:
            self.attempt[task_id] += 1

    # People

    @rule(
        owner=st.sampled_from(["alice", "bob"]),
        priority=st.sampled_from(["low", "normal", "critical"]),
        capability=st.sampled_from(["any", "gpu"]),
        limits=st.sampled_from(LIMITS),
        later=st.booleans(),
    )
    def submit(self, owner: str, priority: str, capability: str, limits: Limits, later: bool) -> None:
        schedule = Schedule(at="2099-01-01") if later else None
        new = new_task(priority=priority, capability=capability, limits=limits, schedule=schedule)
        task = self.shraga.submit_task(new, owner=owner)
        self.status[task.id], self.attempt[task.id] = task.status, 1

    @precondition(lambda self: self.status)
    @rule(number=pick)
    def cancel(self, number: int) -> None:
        task_id = self._chosen(number)
        status = self.status[task_id]
        try:
            answer, now = self.shraga.driver.run(self.shraga.operations.ask_cancel(task_id, "why"))
        except Refused:
            assert status.is_final
            return
        assert (answer, now) == (
            ("asked", status) if status is TaskStatus.RUNNING else ("canceled", TaskStatus.CANCELED)
        )
        self.status[task_id] = now
        self.asked.add(task_id)

    @precondition(lambda self: self.status)
    @rule(number=pick)
    def retry(self, number: int) -> None:
        task_id = self._chosen(number)
        status = self.status[task_id]
        try:
            task = self.shraga.retry(task_id)
        except Refused:
            assert status in (TaskStatus.QUEUED, TaskStatus.RUNNING)
            return
        self.attempt[task_id] += status.is_final
        self.status[task_id] = TaskStatus.QUEUED
        self.asked.discard(task_id)
        assert (task.status, task.attempt) == (TaskStatus.QUEUED, self.attempt[task_id])

    @rule(number=pick, mode=st.sampled_from([WorkerMode.DRAINING, WorkerMode.ACCEPTING]))
    def set_mode(self, number: int, mode: WorkerMode) -> None:
        hand = self.hands[number % len(self.hands)]
        self.shraga.set_worker_mode(hand.worker, mode)
        self.modes[hand.worker_id] = mode

    # Workers

    @rule(number=pick, wanted=st.sampled_from([1, 1, 3]))
    def claim(self, number: int, wanted: int) -> None:
        hand = self.hands[number % len(self.hands)]
        if not self._free(hand):
            return
        _, claims = self.engine.turn(hand.slot_name, wanted)
        waiting = [one for one, status in self.status.items() if status is TaskStatus.QUEUED]
        if not claims:
            assert self.modes[hand.worker_id] is WorkerMode.DRAINING or not hand.capabilities or not waiting
        for claim in claims:
            assert self.modes[hand.worker_id] is WorkerMode.ACCEPTING
            assert claim.task_id in waiting
            assert claim.attempt == self.attempt[claim.task_id]
            assert claim.fence > self.fence.get(claim.task_id, 0)
            self.status[claim.task_id] = TaskStatus.RUNNING
            self.fence[claim.task_id] = claim.fence
            self.claims.append((hand, claim))

    @precondition(lambda self: self.claims)
    @rule(number=pick)
    def give_back(self, number: int) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        (answer,), _ = self.engine.turn(hand.slot_name, given_back=[(claim.task_id, claim.fence)])
        asked = claim.task_id in self.asked
        assert answer == (("canceled" if asked else "queued") if self._is_live(claim) else STALE)
        if answer != STALE:
            self.status[claim.task_id] = TaskStatus(answer)

    @precondition(lambda self: self.claims)
    @rule(number=pick, tell=st.booleans())
    def heartbeat(self, number: int, tell: bool) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        expected = "cancel" if claim.task_id in self.asked else "ok"
        answer = hand.heartbeat(claim, 0.5, "thinking", tell=tell)
        assert answer == (expected if self._is_live(claim) else STALE)

    @precondition(lambda self: self.claims)
    @rule(number=pick)
    def log(self, number: int) -> None:
        _, claim = self.claims[number % len(self.claims)]
        answer = self.engine.append_log(claim, [LogLine("stdout", "line")])
        assert answer == ("ok" if self._is_live(claim) else STALE)

    @precondition(lambda self: self.claims)
    @rule(number=pick, outcome=st.sampled_from(OUTCOMES))
    def commit(self, number: int, outcome: RunStatus) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        answer = hand.commit(claim, outcome, error="why")
        self._judge(claim, answer, completes=outcome is RunStatus.COMPLETED)

    @precondition(lambda self: self.claims)
    @rule(number=pick)
    def lose(self, number: int) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        self._judge(claim, hand.lose(claim), completes=False)

    def _judge(self, claim: Claim, answer: str, *, completes: bool) -> None:
        if not self._is_live(claim):
            assert answer == STALE
            return
        if completes:
            assert answer == "completed"
        elif claim.task_id in self.asked:
            assert answer == "canceled"
        else:
            assert answer in ("queued", "scheduled", "failed")
        self._ended(claim.task_id, answer)

    # The leader

    @precondition(lambda self: TaskStatus.SCHEDULED in self.status.values())
    @rule(number=pick)
    def release(self, number: int) -> None:
        scheduled = sorted(one for one, status in self.status.items() if status is TaskStatus.SCHEDULED)
        task_id = scheduled[number % len(scheduled)]
        make_due(self.shraga, task_id)
        answer = self.engine.release_due("leader")
        assert answer is not None
        assert answer[0] == 1
        self.status[task_id] = TaskStatus.QUEUED

    @precondition(lambda self: self.status)
    @rule(number=pick)
    def expire(self, number: int) -> None:
        task_id = self._chosen(number)
        due = self.shraga.driver.keys.make("due")
        if execute(self.shraga, "ZSCORE", due, f"expire:{task_id}") is None:
            return
        assert self.status[task_id] in (TaskStatus.QUEUED, TaskStatus.SCHEDULED)
        make_due(self.shraga, f"expire:{task_id}")
        self.engine.release_due("leader")
        self.status[task_id] = TaskStatus.SKIPPED

    @rule()
    def reconcile(self) -> None:
        for status in (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.SCHEDULED):
            assert self.engine.reconcile("leader", status, 0, 1000) == (
                0, sum(one is status for one in self.status.values()),
            )  # fmt: skip

    # What always holds

    @invariant()
    def all_keys_agree(self) -> None:
        ledger = Ledger(self.shraga.driver)
        assert ledger.disagreements() == []
        found = {task: (got["status"], int(got["attempt"])) for task, got in ledger.hashes.items()}
        assert found == {task: (status, self.attempt[task]) for task, status in self.status.items()}


def test_all_keys_agree_whatever_happens(shraga: Shraga) -> None:
    machine: Any = type("Machine", (StoreMachine,), {"connected": shraga})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=50, stateful_step_count=30, deadline=None, print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert issubclass(machine, StoreMachine)
