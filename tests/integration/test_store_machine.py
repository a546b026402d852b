"""Any order of moves by any actors, late and wrong ones among them: after each step all keys agree, and what was
done is told and audited once, in its order."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import ExitStack
from typing import Any

import pytest
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

from shraga_models import (
    MOVES,
    ExecutionDetails,
    Limits,
    NewQuestion,
    Permission,
    RunStatus,
    Schedule,
    TaskStatus,
    WorkerMode,
)
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.config import Settings
from shraga_queue.engine import STALE, Claim, Engine, LogLine
from shraga_queue.errors import InvalidInput, Refused
from shraga_queue.keys import Keys
from shraga_queue.mending import Mender
from shraga_queue.talk import Judgement
from tests.factories import Hand, Ledger, end_lease, execute, fresh_prefix, hire, make_due, new_task

UNBEGUN = (TaskStatus.QUEUED, TaskStatus.SCHEDULED, TaskStatus.BLOCKED, TaskStatus.AWAITING_APPROVAL)
KINDS = ["success", "success", "finished", "related"]
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
    """Two owners, two workers with two slots, an operator and a leader, each with a connection of its own."""

    connected: list[Shraga]

    def __init__(self) -> None:
        super().__init__()
        keys = Keys(fresh_prefix())
        clients = [SyncDriver(one.driver.connection, keys) for one in self.connected]
        self.shraga = Shraga(clients[0], self.connected[0].settings)
        self.engine = Engine(clients[1])
        first = hire(Engine(clients[2]), "w1")
        second = hire(Engine(clients[0]), "w2", capabilities=("gpu",))
        self.hands = [first, second, *(self._second_slot(hand) for hand in (first, second))]
        self.modes = {hand.worker_id: WorkerMode.ACCEPTING for hand in self.hands}
        self.status: dict[str, TaskStatus] = {}
        self.attempt: dict[str, int] = {}
        self.fence: dict[str, int] = {}
        self.asked: set[str] = set()
        self.claims: list[tuple[Hand, Claim]] = []
        self.owner: dict[str, str] = {}
        self.supervised: set[str] = set()
        self.open: dict[str, tuple[str, str, int]] = {}
        """The id and key of each task's open question, and the attempt that asked."""
        self.known: dict[str, dict[str, str]] = {}
        """What each task was answered, by key."""
        self.mail: Counter[str] = Counter()
        self.reviewable: set[str] = set()
        """Tasks whose result waits for a verdict."""
        self.edges: dict[str, dict[str, str]] = defaultdict(dict)
        self.unmet: dict[str, set[str]] = defaultdict(set)
        self.stays_blocked: set[str] = set()
        self.has_time: set[str] = set()
        self.held: set[str] = set()
        """Tasks that have to wait for leave and have not got it."""
        self.told: list[tuple[str, str]] = []
        self.audited: list[tuple[str, str]] = []
        self.read: dict[str, str] = {}
        self.engine.lead("leader", 600_000)

    def _second_slot(self, hand: Hand) -> Hand:
        return Hand(hand.engine, hand.worker_id, hand.worker, 2, hand.capabilities)

    def _is_live(self, claim: Claim) -> bool:
        running = self.status[claim.task_id] is TaskStatus.RUNNING
        return running and self.fence[claim.task_id] == claim.fence

    def _free(self, hand: Hand) -> bool:
        return not any(other is hand and self._is_live(claim) for other, claim in self.claims)

    def _chosen(self, number: int, status: TaskStatus | None = None) -> str:
        found = sorted(one for one, its in self.status.items() if status in (None, its))
        return found[number % len(found)]

    def _expect(self, task_id: str, action: str, *events: str) -> None:
        """Note what has to be audited and told of a step."""
        if action not in MOVES or MOVES[action].is_audited:
            self.audited.append((action, task_id))
        self.told += [(f"task.{event}", task_id) for event in events]

    def _ended(self, task_id: str, status: str) -> None:
        self._set(task_id, TaskStatus(status))
        if self.status[task_id] in (TaskStatus.QUEUED, TaskStatus.SCHEDULED):
            self.attempt[task_id] += 1

    def _set(self, task_id: str, status: TaskStatus) -> None:
        self.status[task_id] = status
        if status.is_final:
            self.open.pop(task_id, None)
        if status is not TaskStatus.AWAITING_APPROVAL:
            self.reviewable.discard(task_id)

    def _tell_dependents(self, task_id: str) -> None:
        """Follow what the end of a task means for those that wait for it, in the order in which they came."""
        ended = [task_id] if self.status[task_id].is_final else []
        for need in ended:
            for one, kind in self.edges[need].items():
                if need not in self.unmet[one]:
                    continue
                blocked = self.status[one] is TaskStatus.BLOCKED
                if kind == "finished" or self.status[need] is TaskStatus.COMPLETED:
                    self.unmet[one].discard(need)
                    if blocked and not self.unmet[one]:
                        self._unblock(one)
                elif blocked and one not in self.stays_blocked:
                    self.status[one] = TaskStatus.SKIPPED
                    self._expect(one, "skip", "skipped")
                    ended.append(one)

    def _unblock(self, task_id: str) -> None:
        if task_id in self.held:
            self._set(task_id, TaskStatus.AWAITING_APPROVAL)
            self._expect(task_id, "hold", "waiting")
            return
        later = task_id in self.has_time
        self.status[task_id] = TaskStatus.SCHEDULED if later else TaskStatus.QUEUED
        self._expect(task_id, "unblock", "scheduled" if later else "queued")

    def _tie(self, task_id: str, need: str, kind: str) -> None:
        self.edges[need].pop(task_id, None)
        self.edges[need][task_id] = kind
        met = self.status[need] is TaskStatus.COMPLETED or (kind == "finished" and self.status[need].is_final)
        if met or kind == "related":
            self.unmet[task_id].discard(need)
        else:
            self.unmet[task_id].add(need)

    def _leads_to(self, task_id: str, wanted: str) -> bool:
        """Whether a task waits for another, or for one that does."""
        needs = [one for one, after in self.edges.items() if after.get(task_id, "related") != "related"]
        return task_id == wanted or any(self._leads_to(one, wanted) for one in needs)

    # People

    @rule(
        owner=st.sampled_from(["alice", "bob"]),
        priority=st.sampled_from(["low", "normal", "critical"]),
        capability=st.sampled_from(["any", "gpu"]),
        limits=st.sampled_from(LIMITS),
        later=st.booleans(),
        permission=st.sampled_from([Permission.AUTONOMOUS, Permission.AUTONOMOUS, *Permission]),
    )
    def submit(
        self, owner: str, priority: str, capability: str, limits: Limits, later: bool, permission: Permission
    ) -> None:
        schedule = Schedule(at="2099-01-01") if later else None
        new = new_task(
            priority=priority, capability=capability, limits=limits, schedule=schedule, permission=permission
        )
        task = self.shraga.submit_task(new, owner=owner)
        asks_first = permission is Permission.HUMAN_REQUIRED
        assert (task.status is TaskStatus.AWAITING_APPROVAL) == asks_first
        self._note_permission(task.id, permission)
        self.status[task.id], self.attempt[task.id], self.owner[task.id] = task.status, 1, owner
        self._expect(task.id, "submit", "submitted")
        self.has_time |= {task.id} if later else set()

    def _note_permission(self, task_id: str, permission: Permission) -> None:
        self.known[task_id] = {}
        self.supervised |= {task_id} if permission is Permission.SUPERVISED else set()
        self.held |= {task_id} if permission is Permission.HUMAN_REQUIRED else set()

    @precondition(lambda self: self.status)
    @rule(
        number=pick,
        kind=st.sampled_from(KINDS),
        policy=st.sampled_from(["skip", "block"]),
        later=st.booleans(),
        permission=st.sampled_from(Permission),
    )
    def submit_after(self, number: int, kind: str, policy: str, later: bool, permission: Permission) -> None:
        need = self._chosen(number)
        schedule = Schedule(at="2099-01-01") if later else None
        edges: Any = [f"{need}:{kind}"]
        new = new_task(
            depends_on=edges,
            on_prerequisite_failure=policy,
            schedule=schedule,
            limits=LIMITS[2],
            permission=permission,
        )
        task = self.shraga.submit_task(new, owner="bob")
        self.status[task.id], self.attempt[task.id], self.owner[task.id] = TaskStatus.BLOCKED, 1, "bob"
        self._note_permission(task.id, permission)
        self._tie(task.id, need, kind)
        self.has_time |= {task.id} if later else set()
        self.stays_blocked |= {task.id} if policy == "block" else set()
        self._expect(task.id, "submit", "submitted")
        if not self.unmet[task.id]:
            self.status[task.id] = TaskStatus.SCHEDULED if later else TaskStatus.QUEUED
            if task.id in self.held:
                self.status[task.id] = TaskStatus.AWAITING_APPROVAL
        elif self.status[need].is_final:
            self._tell_dependents(need)
        assert task.status is self.status[task.id]

    @precondition(lambda self: self.status)
    @rule(number=pick, other=pick, kind=st.sampled_from(KINDS))
    def depend(self, number: int, other: int, kind: str) -> None:
        task_id, need = self._chosen(number), self._chosen(other)
        status = self.status[task_id]
        waiting = status in UNBEGUN and task_id not in self.reviewable
        try:
            self.shraga.depend(task_id, f"{need}:{kind}")
        except InvalidInput:
            assert self._leads_to(need, task_id)
            return
        except Refused:
            assert not waiting
            assert kind != "related"
            return
        assert waiting or kind == "related"
        assert need != task_id
        assert kind == "related" or not self._leads_to(need, task_id)
        self._tie(task_id, need, kind)
        self._expect(task_id, "depend")
        if status is not TaskStatus.BLOCKED and waiting and self.unmet[task_id]:
            self.has_time -= {task_id} if status is TaskStatus.QUEUED else set()
            self.status[task_id] = TaskStatus.BLOCKED
            self._expect(task_id, "block", "blocked")
        if self.status[need].is_final:
            self._tell_dependents(need)
        if self.status[task_id] is TaskStatus.BLOCKED and not self.unmet[task_id]:
            self._unblock(task_id)

    @precondition(lambda self: any(self.edges.values()))
    @rule(number=pick)
    def undepend(self, number: int) -> None:
        edges = sorted((need, one) for need, after in self.edges.items() for one in after)
        need, task_id = edges[number % len(edges)]
        self.shraga.undepend(task_id, need)
        del self.edges[need][task_id]
        self.unmet[task_id].discard(need)
        self._expect(task_id, "undepend")
        if self.status[task_id] is TaskStatus.BLOCKED and not self.unmet[task_id]:
            self._unblock(task_id)

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
        if answer == "canceled":
            self._expect(task_id, "cancel", "canceled")
        elif task_id not in self.asked:
            self._expect(task_id, "ask_cancel", "canceling")
        self._set(task_id, now)
        self.asked.add(task_id)
        self._tell_dependents(task_id)

    @precondition(lambda self: TaskStatus.AWAITING_APPROVAL in self.status.values())
    @rule(number=pick)
    def approve(self, number: int) -> None:
        task_id = self._chosen(number, TaskStatus.AWAITING_APPROVAL)
        try:
            task = self.shraga.approve(task_id, "go on")
        except Refused:
            assert task_id in self.reviewable
            return
        assert task_id not in self.reviewable
        later = task.next_run_at is not None
        assert task.status is (TaskStatus.SCHEDULED if later else TaskStatus.QUEUED)
        assert task.review is not None
        assert (task.review.by, task.review.note) == ("tester", "go on")
        self.held.discard(task_id)
        self._set(task_id, task.status)
        self._expect(task_id, "approve_later" if later else "approve", task.status)

    @precondition(lambda self: self.status)
    @rule(number=pick, judgement=st.sampled_from(["accept", "reject", "send_back"]), late=st.booleans())
    def review(self, number: int, judgement: Judgement, late: bool) -> None:
        """A verdict on a result; one that was formed on an earlier run counts for nothing."""
        task_id = self._chosen(number)
        attempt = self.attempt[task_id] - late
        try:
            task = self.shraga.review(task_id, judgement, "so it is", attempt=attempt)
        except Refused:
            assert late or task_id not in self.reviewable
            return
        assert task_id in self.reviewable
        told = {"accept": "completed", "reject": "failed", "send_back": "queued"}[judgement]
        assert task.status == told
        assert task.review is not None
        assert task.review.is_stale == (judgement == "send_back")
        self._ended(task_id, told)
        self.reviewable.discard(task_id)
        self.mail[task_id] += judgement == "send_back"
        self._expect(task_id, judgement, told)
        self._tell_dependents(task_id)

    @precondition(lambda self: self.open)
    @rule(number=pick, stale=st.booleans())
    def answer(self, number: int, stale: bool) -> None:
        """An answer to the open question, or to one that is open no more."""
        task_id = sorted(self.open)[number % len(self.open)]
        question, key, _ = self.open[task_id]
        if stale:
            with pytest.raises(Refused):
                self.shraga.answer(f"{task_id}.q0", "late")
            return
        assert self.shraga.answer(question, "yes") == [task_id]
        del self.open[task_id]
        self.known[task_id][key] = "yes"
        self.mail[task_id] += 1
        waited = self.status[task_id] is TaskStatus.WAITING_FOR_INPUT
        self._expect(task_id, "answer", "answered", *(["queued"] if waited else []))
        if waited:
            self._ended(task_id, "queued")
        with pytest.raises(Refused, match="by tester already: 'yes'"):
            self.shraga.answer(question, "no")

    @precondition(lambda self: self.status)
    @rule(number=pick)
    def say(self, number: int) -> None:
        task_id = self._chosen(number)
        message = self.shraga.say(task_id, "how is it going?")
        assert self.shraga.chat(task_id)[-1] == message
        self.mail[task_id] += 1
        self.told.append(("task.message", task_id))

    @precondition(lambda self: self.status)
    @rule(number=pick)
    def retry(self, number: int) -> None:
        task_id = self._chosen(number)
        status = self.status[task_id]
        try:
            task = self.shraga.retry(task_id)
        except Refused:
            assert not status.is_final
            assert status not in (TaskStatus.SCHEDULED, TaskStatus.BLOCKED)
            return
        if status.is_final:
            self.known[task_id] = {}
        self.attempt[task_id] += status.is_final
        self.status[task_id] = TaskStatus.QUEUED
        self.unmet[task_id].clear()
        self._expect(task_id, "retry" if status.is_final else "run_now", "queued")
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
            self._expect(claim.task_id, "claim", "started")

    @precondition(lambda self: self.claims)
    @rule(number=pick)
    def give_back(self, number: int) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        (answer,), _ = self.engine.turn(hand.slot_name, given_back=[(claim.task_id, claim.fence)])
        asked = claim.task_id in self.asked
        assert answer == (("canceled" if asked else "queued") if self._is_live(claim) else STALE)
        if answer != STALE:
            self._set(claim.task_id, TaskStatus(answer))
            self._expect(claim.task_id, "stop" if asked else "give_back", answer)
            self._tell_dependents(claim.task_id)

    @precondition(lambda self: TaskStatus.QUEUED in self.status.values())
    @rule(number=pick)
    def claim_what_has_expired(self, number: int) -> None:
        """The time to expire has come, the leader has not been there yet, and a worker looks."""
        hand = self.hands[number % len(self.hands)]
        found = [
            one for one in sorted(self.status) if self._expires(one) and self.status[one] is TaskStatus.QUEUED
        ]
        if not found or not self._free(hand) or self.modes[hand.worker_id] is WorkerMode.DRAINING:
            return
        queue = self.shraga.get(found[0]).queue
        if queue not in hand.queues:
            return
        make_due(self.shraga, f"expire:{found[0]}")
        execute(self.shraga, "LREM", self._queue_of(found[0]), 1, found[0])
        execute(self.shraga, "LPUSH", self._queue_of(found[0]), found[0])
        claim = Hand.try_claim(self._with_queues(hand, [queue]))
        self._set(found[0], TaskStatus.SKIPPED)
        self._expect(found[0], "expire", "skipped")
        if claim is not None:
            self.status[claim.task_id] = TaskStatus.RUNNING
            self.fence[claim.task_id] = claim.fence
            self.claims.append((hand, claim))
            self._expect(claim.task_id, "claim", "started")
        self._tell_dependents(found[0])

    def _expires(self, task_id: str) -> bool:
        due = self.shraga.driver.keys.make("due")
        return execute(self.shraga, "ZSCORE", due, f"expire:{task_id}") is not None

    def _queue_of(self, task_id: str) -> str:
        return self.shraga.driver.keys.make("rq_queue", queue=self.shraga.get(task_id).queue)

    def _with_queues(self, hand: Hand, queues: list[str]) -> Hand:
        narrow = Hand(hand.engine, hand.worker_id, hand.worker, hand.slot, hand.capabilities)
        narrow.queues = queues
        return narrow

    @precondition(lambda self: self.claims)
    @rule(number=pick, tell=st.booleans())
    def heartbeat(self, number: int, tell: bool) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        news = "mail" if self.mail[claim.task_id] > claim.mail else "ok"
        expected = "cancel" if claim.task_id in self.asked else news
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
        self._judge(claim, answer, completes=outcome is RunStatus.COMPLETED, lost=False)

    @precondition(lambda self: self.claims)
    @rule(number=pick, key=st.sampled_from(["where", "when"]))
    def ask(self, number: int, key: str) -> None:
        _, claim = self.claims[number % len(self.claims)]
        task_id = claim.task_id
        answer, said = self.engine.ask(claim, NewQuestion(text=f"{key}?", key=key))
        question, open_key, attempt = self.open.get(task_id, ("", "", 0))
        if not self._is_live(claim):
            assert answer == STALE
        elif key in self.known[task_id]:
            assert (answer, said) == ("answered", "yes")
        elif question and open_key == key:
            assert (answer, said) == ("asked", question)
        elif question and attempt == claim.attempt:
            assert (answer, said) == ("busy", question)
        else:
            assert answer == "asked"
            self.open[task_id] = said, key, claim.attempt
            self.told.append(("task.asking", task_id))

    @precondition(lambda self: self.claims)
    @rule(number=pick)
    def suspend(self, number: int) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        task_id = claim.task_id
        execution = ExecutionDetails(session_id="s1", execution_folder="here")
        answer = hand.commit(claim, RunStatus.SUSPENDED, execution=execution)
        if not self._is_live(claim):
            assert answer == STALE
        elif task_id in self.asked:
            self._judge(claim, answer, completes=False, lost=False)
        elif task_id in self.open:
            assert answer == "waiting_for_input"
            self._set(task_id, TaskStatus.WAITING_FOR_INPUT)
            self._expect(task_id, "suspend", "waiting")
        else:
            assert answer == "queued"
            self._ended(task_id, answer)
            self._expect(task_id, "resume", "queued")

    @precondition(lambda self: self.claims)
    @rule(number=pick)
    def lose(self, number: int) -> None:
        hand, claim = self.claims[number % len(self.claims)]
        self._judge(claim, hand.lose(claim), completes=False, lost=True)

    @precondition(lambda self: self.claims)
    @rule(number=pick, leads=st.booleans(), ended=st.booleans())
    def reap(self, number: int, leads: bool, ended: bool) -> None:
        """A controller gives a run up: only the leader may, and only where the lease has ended."""
        hand, claim = self.claims[number % len(self.claims)]
        if ended and self._is_live(claim):
            end_lease(self.shraga, claim.task_id)
        hand = Hand(self.engine, hand.worker_id, "controller", hand.slot)
        answer = hand.lose(claim, "leader" if leads else "another")
        if answer != STALE:
            self.audited.append(("lose", claim.task_id))
        if leads and ended:
            self._judge(claim, answer, completes=False, lost=True)
        else:
            # A lease that an earlier step let end counts as ended too.
            over = leads and self._is_live(claim) and answer != STALE
            assert answer == STALE or over
            if over:
                self._judge(claim, answer, completes=False, lost=True)

    def _judge(self, claim: Claim, answer: str, *, completes: bool, lost: bool) -> None:
        if not self._is_live(claim):
            assert answer == STALE
            return
        if completes and claim.task_id in self.supervised:
            assert answer == "awaiting_approval"
            self._set(claim.task_id, TaskStatus.AWAITING_APPROVAL)
            self.reviewable.add(claim.task_id)
            self._expect(claim.task_id, "propose", "proposed")
            return
        if completes:
            assert answer == "completed"
        elif claim.task_id in self.asked:
            assert answer == "canceled"
        else:
            assert answer in ("queued", "scheduled", "failed")
        self._ended(claim.task_id, answer)
        again = {"queued": "retry_now", "scheduled": "retry_later"}.get(answer)
        action = again or {"completed": "complete", "canceled": "stop", "failed": "fail"}[answer]
        events = ["retrying" if again else answer]
        self._expect(claim.task_id, action, *(["lost"] if lost and answer != "canceled" else []), *events)
        self._tell_dependents(claim.task_id)

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
        self._expect(task_id, "release", "queued")

    @precondition(lambda self: self.status)
    @rule(number=pick)
    def expire(self, number: int) -> None:
        task_id = self._chosen(number)
        if not self._expires(task_id):
            return
        assert self.status[task_id] in UNBEGUN
        make_due(self.shraga, f"expire:{task_id}")
        self.engine.release_due("leader")
        self._set(task_id, TaskStatus.SKIPPED)
        self._expect(task_id, "expire", "skipped")
        self._tell_dependents(task_id)

    @precondition(lambda self: self.status)
    @rule(number=pick)
    def mend(self, number: int) -> None:
        """Other hands take a task out of the place it belongs to, and the leader puts it back."""
        task_id, keys = self._chosen(number), self.shraga.driver.keys
        status = self.status[task_id]
        if status is TaskStatus.QUEUED:
            execute(self.shraga, "LREM", self._queue_of(task_id), 1, task_id)
        elif status is TaskStatus.RUNNING:
            execute(self.shraga, "ZREM", keys.make("leases"), task_id)
        elif status is TaskStatus.SCHEDULED:
            execute(self.shraga, "ZREM", keys.make("due"), task_id)
        elif status is TaskStatus.BLOCKED:
            execute(self.shraga, "DEL", keys.make("unmet", owner=self.owner[task_id], task=task_id))
        else:
            return
        answer = Mender(self.engine, "leader").mend(status, 0, 1000)
        assert answer is not None
        assert answer[0] == 1
        if status is TaskStatus.BLOCKED:
            self.unmet[task_id].clear()
            self._unblock(task_id)
        self._expect(task_id, "reconcile")

    @rule()
    def reconcile(self) -> None:
        for status in (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.SCHEDULED, TaskStatus.BLOCKED):
            assert Mender(self.engine, "leader").mend(status, 0, 1000) == (
                0, sum(one is status for one in self.status.values()),
            )  # fmt: skip

    # What always holds

    @invariant()
    def what_was_done_is_told_and_audited_once(self) -> None:
        """To the organisation and to the owner, each step once and in its order."""
        keys = self.shraga.driver.keys
        told = [(fields["type"], fields["task_id"]) for fields in self._new_in(keys.make("events"))]
        assert _of_moves(told) == self.told
        for owner in ("alice", "bob"):
            entries = self._new_in(keys.make("user_events", owner=owner))
            theirs = _of_moves([(fields["type"], fields["task_id"]) for fields in entries])
            assert theirs == [one for one in self.told if self.owner[one[1]] == owner]
        entries = [fields for fields in self._new_in(keys.make("audit")) if fields["entity"] == "task"]
        assert [(fields["action"], fields["entity_id"]) for fields in entries] == self.audited
        self.told, self.audited = [], []

    def _new_in(self, stream: str) -> list[dict[str, str]]:
        entries = execute(self.shraga, "XRANGE", stream, f"({self.read.get(stream, '0-0')}", "+")
        if entries:
            self.read[stream] = entries[-1][0].decode()
        return [{name.decode(): value.decode() for name, value in cells.items()} for _, cells in entries]

    @invariant()
    def all_keys_agree(self) -> None:
        ledger = Ledger(self.shraga.driver)
        assert ledger.disagreements() == []
        found = {task: (got["status"], int(got["attempt"])) for task, got in ledger.hashes.items()}
        assert found == {task: (status, self.attempt[task]) for task, status in self.status.items()}


def _of_moves(told: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What tells of a move of a task: neither of workers, nor how a run goes."""
    return [one for one in told if one[0].startswith("task.") and one[0] != "task.progress"]


def test_all_keys_agree_whatever_happens(shraga: Shraga, settings: Settings) -> None:
    with ExitStack() as stack:
        clients = [shraga, *(stack.enter_context(Shraga.connect(settings=settings)) for _ in range(2))]
        machine: Any = type("Machine", (StoreMachine,), {"connected": clients})
        run_state_machine_as_test(
            machine,
            settings=profile(
                max_examples=60, stateful_step_count=30, deadline=None, print_blob=True,
                suppress_health_check=list(HealthCheck),
                # Shrinking takes minutes; the blob that is printed brings a failure back as it was.
                phases=[phase for phase in Phase if phase is not Phase.shrink],
            ),
        )  # fmt: skip
