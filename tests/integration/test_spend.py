"""What calls of models cost: recorded once, summed exactly, held to budgets."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import ExecutionDetails, Limits, ModelCall, RunStatus, SpendLine, TaskStatus
from shraga_queue.aclient import AsyncShraga
from shraga_queue.briefing import Resume
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import STALE, Claim, Engine
from shraga_queue.errors import InvalidInput
from shraga_queue.run_spend import Breach
from shraga_queue.spending import EXTEND, FINISH_UP, STOP, Spending, question_about
from tests.factories import Hand, assert_agreement, execute, hire, new_task

CALL = ModelCall(
    provider="local", model="llama3:8b", prompt_tokens=100, response_tokens=20, cost=0.001, duration=1.25
)


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def begin(shraga: Shraga, hand: Hand, owner: str = "alice", **limits: Any) -> Claim:
    hand.slot += 1
    task = shraga.submit_task(new_task(limits=Limits(**limits)), owner=owner)
    claim = hand.claim()
    assert claim.task_id == task.id
    return claim


def spend(hand: Hand, claim: Claim, cost: float, number: int = 1, **fields: Any) -> str | Breach:
    call = CALL.model_copy(update={"cost": cost} | fields)
    return hand.engine.record_call(claim, call, number)


def test_a_call_counts_for_its_task_owner_day_and_model(shraga: Shraga, hand: Hand) -> None:
    one, other = begin(shraga, hand), begin(shraga, hand, "bob")
    assert spend(hand, one, 0.001) == "ok"
    assert spend(hand, one, 0.002, 2, model="big") == "ok"
    assert spend(hand, other, 0.5) == "ok"
    task = shraga.get(one.task_id)
    assert (task.cost, task.prompt_tokens, task.response_tokens, task.budget) == (0.003, 200, 40, None)
    by_owner = shraga.spend("owner", days=1)
    assert [(line.name, line.calls, line.cost) for line in by_owner] == [("bob", 1, 0.5), ("alice", 2, 0.003)]
    assert shraga.spend("model", days=1)[0] == SpendLine(
        name="llama3:8b", calls=2, prompt_tokens=200, response_tokens=40, cost=0.501
    )
    assert [line.name for line in shraga.spend("model", owner="alice")] == ["big", "llama3:8b"]
    days = shraga.spend("day", days=3)
    assert [line.cost for line in days] == [0, 0, 0.503]
    assert days[-1].name == f"{shraga.driver.run(shraga.operations.now()):%Y-%m-%d}"
    by_task = shraga.spend("task", days=2)
    assert [(line.name, line.cost) for line in by_task] == [(other.task_id, 0.5), (one.task_id, 0.003)]
    assert [line.name for line in shraga.spend("task", owner="alice")] == [one.task_id]
    assert_agreement(shraga)


def test_a_call_counts_for_the_workflow_of_its_task(shraga: Shraga, hand: Hand) -> None:
    steps = [{"name": name, "action": {"type": "shell", "command": "true"}, "after": []} for name in "ab"]
    flow = shraga.submit_workflow("t", owner="alice", steps=steps)
    one, other = hand.claim(), hire(hand.engine, "other").claim()
    assert spend(hand, one, 0.001) == "ok"
    assert spend(hand, one, 0.001) == "ok", "sent again"
    assert hand.engine.record_call(other, CALL, 1) == "ok"
    spent = shraga.workflow(flow.id).workflow
    assert (spent.cost, spent.prompt_tokens, spent.response_tokens) == (0.002, 200, 40)
    assert spent.version == flow.version


@pytest.mark.parametrize("is_there", [True, False])
def test_who_names_a_workflow_that_is_not_theirs_adds_nothing_to_it(
    shraga: Shraga, hand: Hand, is_there: bool
) -> None:
    step = {"name": "a", "action": {"type": "shell", "command": "true"}, "capability": "none"}
    flow = shraga.submit_workflow("t", owner="alice", steps=[step])
    named = flow.id if is_there else "gone"
    task = shraga.submit_task(new_task(workflow_id=named), owner="bob")
    claim = hand.claim()
    assert claim.task_id == task.id
    assert spend(hand, claim, 0.001) == "ok"
    assert shraga.get(task.id).cost == 0.001
    assert shraga.workflow(flow.id).workflow.cost == 0
    assert not execute(shraga, "EXISTS", shraga.driver.keys.make("workflow", owner="bob", workflow=named))


def test_sums_of_many_small_amounts_are_exact(shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand)
    for number in range(1, 31):
        spend(hand, claim, 0.1, number)
    assert shraga.get(claim.task_id).cost == 3.0


def test_the_calls_of_a_task_are_kept(shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand)
    spend(hand, begin(shraga, hand), 7)
    spend(hand, claim, 0.25, success=False, error="gone", is_estimated=True)
    (call,) = shraga.model_calls(claim.task_id)
    assert (call.task_id, call.attempt, call.owner) == (claim.task_id, 1, "alice")
    assert (call.provider, call.model, call.cost, call.duration) == ("local", "llama3:8b", 0.25, 1.25)
    assert (call.success, call.error, call.is_estimated) == (False, "gone", True)


def test_a_call_sent_again_counts_once(shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand, budget=1)
    assert isinstance(spend(hand, claim, 2), Breach)
    assert isinstance(spend(hand, claim, 2), Breach)
    assert shraga.get(claim.task_id).cost == 2
    assert len(shraga.model_calls(claim.task_id)) == 1


def test_a_late_run_records_nothing(shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand)
    hand.commit(claim)
    assert spend(hand, claim, 1) == STALE
    assert shraga.spend("owner") == []
    assert shraga.get(claim.task_id).cost == 0


def test_the_next_run_of_a_task_counts_on(shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand, budget=1.5)
    spend(hand, claim, 1)
    hand.lose(claim)
    again = hand.claim()
    assert spend(hand, again, 1) == Breach("task", 2.0, 1.5, _key("task", shraga, 0))


def _key(kind: str, shraga: Shraga, nth: int) -> str:
    return f"budget:{kind}:{shraga.driver.run(shraga.operations.now()):%Y-%m-%d}:{nth}"


def test_a_task_may_spend_its_budget_and_no_more(shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand, budget=0.5)
    assert spend(hand, claim, 0.5) == "ok"
    assert spend(hand, claim, 0.01, 2) == Breach("task", 0.51, 0.5, _key("task", shraga, 0))
    assert shraga.get(claim.task_id).budget == 0.5


@pytest.mark.parametrize(("owner", "kind"), [("alice", "owner"), (None, "all")])
def test_a_day_has_a_budget(shraga: Shraga, hand: Hand, owner: str | None, kind: str) -> None:
    shraga.set_budget(1.0, owner=owner)
    one, other = begin(shraga, hand), begin(shraga, hand)
    assert spend(hand, one, 0.9) == "ok"
    assert spend(hand, other, 0.2) == Breach(kind, 1.1, 1.0, _key(kind, shraga, 0))
    assert spend(hand, begin(shraga, hand, "bob"), 0.3) == (
        "ok" if owner else Breach("all", 1.4, 1.0, _key("all", shraga, 0))
    )
    (budget,) = shraga.budgets()
    assert (budget.owner, budget.day, budget.spent) == (owner, 1.0, 1.1 if owner else 1.4)
    assert shraga.set_budget(None, owner=owner) == []
    assert spend(hand, other, 9, 2) == "ok"


def test_a_budget_is_audited_and_told(shraga: Shraga) -> None:
    shraga.set_budget(2.5, owner="alice")
    shraga.set_budget(None, owner="alice")
    found = [(one.action, one.entity_id, one.before, one.after) for one in shraga.audit()]
    assert found == [("budget", "alice", "", "2.50"), ("budget", "alice", "2.50", "")]
    assert [one.content for one in shraga.events(owner="alice")] == ["2.50", ""]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda shraga: shraga.set_budget(-1), "from 0 to 1,000,000"),
        (lambda shraga: shraga.set_budget(float("nan")), "from 0 to 1,000,000"),
        (lambda shraga: shraga.set_budget(1, owner="a b"), "is no user name"),
        (lambda shraga: shraga.spend(days=0), "days: give 1 to 400"),
    ],
)
def test_what_cannot_be_is_refused(shraga: Shraga, asked: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        asked(shraga)
    assert shraga.budgets() == []


# In a slot's hands


def test_a_breach_becomes_a_question_and_nothing_is_lost_meanwhile(shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand, budget=1)
    spending = Spending(hand.engine, claim)
    for _ in range(3):
        spending.hear(CALL.model_copy(update={"cost": 0.6}).model_dump(mode="json"))
    assert spending
    assert spending.flush() == "ok"
    assert not spending
    question = spending.take_question()
    assert question is not None
    assert spending.take_question() is None
    assert (question.kind, question.options) == ("budget", (EXTEND, FINISH_UP, STOP))
    assert question.text.startswith("The task has used up its budget: $1.80 of $1.00. extend: as much again")
    assert question.key == _key("task", shraga, 0)
    assert shraga.get(claim.task_id).cost == 1.8
    hand.commit(claim)
    spending.hear(CALL.model_dump(mode="json"))
    assert spending.flush() == STALE


@pytest.mark.parametrize(
    ("breach", "said"),
    [
        (Breach("owner", 3.0, 2.0, "k"), "used up what alice may spend today: $3.00 of $2.00"),
        (Breach("all", 0.01234, 0.01, "k"), "everybody together may spend today: $0.01234 of $0.01."),
    ],
)
def test_the_question_says_whose_budget_it_is(breach: Breach, said: str) -> None:
    assert said in question_about(breach, "alice").text


# What an answer means


def parked(shraga: Shraga, hand: Hand, cost: float = 1.5, **limits: Any) -> Claim:
    """Return the claim of a run that let go of its slot as it was over a budget of one dollar."""
    claim = begin(shraga, hand, **limits)
    breach = spend(hand, claim, cost)
    assert isinstance(breach, Breach)
    assert hand.engine.ask(claim, question_about(breach, claim.owner))[0] == "asked"
    where = ExecutionDetails(session_id="s1")
    assert hand.commit(claim, RunStatus.SUSPENDED, execution=where) == "waiting_for_input"
    return claim


def resumed(hand: Hand) -> tuple[Claim, Resume]:
    claim = hand.claim()
    resume = Resume.read(claim.resume)
    assert resume is not None
    assert resume.session_id == "s1"
    return claim, resume


@pytest.mark.parametrize(("cost", "budget"), [(1.5, 2.5), (1.0001, 2.0001), (7, 8)])
def test_extended_it_goes_on_and_may_spend_as_much_again(
    shraga: Shraga, hand: Hand, cost: float, budget: float
) -> None:
    parked(shraga, hand, cost, budget=1)
    task = shraga.questions()[0].task_id
    shraga.answer(task, EXTEND)
    assert shraga.get(task).budget == budget
    claim, resume = resumed(hand)
    assert resume.note == "The budget was extended: go on where you were."
    assert spend(hand, claim, 1) == "ok"
    assert spend(hand, claim, 0.1, 2) == Breach("task", round(cost + 1.1, 4), budget, _key("task", shraga, 1))
    assert_agreement(shraga)


def test_told_to_finish_up_it_may_spend_a_tenth(shraga: Shraga, hand: Hand) -> None:
    parked(shraga, hand, budget=1)
    shraga.answer(shraga.questions()[0].task_id, FINISH_UP)
    claim, resume = resumed(hand)
    assert resume.note.startswith("The budget is used up: finish with what you have now")
    assert spend(hand, claim, 0.1) == "ok"
    assert spend(hand, claim, 0.01, 2) == Breach("task", 1.61, 1.0, _key("task", shraga, 1))


def test_told_to_stop_it_is_canceled(shraga: Shraga, hand: Hand) -> None:
    claim = parked(shraga, hand, budget=1)
    shraga.answer(claim.task_id, STOP)
    task = shraga.get(claim.task_id)
    assert (task.status, task.cancel_reason, task.cost) == (TaskStatus.CANCELED, "over its budget", 1.5)
    assert hand.try_claim() is None
    assert_agreement(shraga)


@pytest.mark.parametrize("owner", ["alice", None])
def test_a_day_s_budget_is_extended_for_all_under_it(shraga: Shraga, hand: Hand, owner: str | None) -> None:
    shraga.set_budget(1, owner=owner)
    claim = parked(shraga, hand)
    shraga.answer(claim.task_id, EXTEND)
    (budget,) = shraga.budgets()
    assert (budget.day, budget.extra, budget.spent) == (1, 1.5, 1.5)
    assert spend(hand, resumed(hand)[0], 1) == "ok"
    assert isinstance(spend(hand, begin(shraga, hand), 0.1), Breach)


def test_finishing_up_under_a_day_s_budget_is_for_the_task_alone(shraga: Shraga, hand: Hand) -> None:
    shraga.set_budget(1, owner="alice")
    claim = parked(shraga, hand)
    shraga.answer(claim.task_id, FINISH_UP)
    assert spend(hand, resumed(hand)[0], 0.1) == "ok"
    assert isinstance(spend(hand, begin(shraga, hand), 0.001), Breach)


@pytest.mark.parametrize("said", [EXTEND, FINISH_UP, STOP])
def test_an_answer_before_it_has_let_go_counts_too(shraga: Shraga, hand: Hand, said: str) -> None:
    claim = begin(shraga, hand, budget=1)
    breach = spend(hand, claim, 1.5)
    assert isinstance(breach, Breach)
    hand.engine.ask(claim, question_about(breach, claim.owner))
    shraga.answer(claim.task_id, said)
    assert hand.heartbeat(claim) == ("cancel" if said == STOP else "mail")
    ended = hand.commit(claim, RunStatus.SUSPENDED)
    assert ended == ("canceled" if said == STOP else "queued")
    assert_agreement(shraga)


async def test_the_async_client_does_the_same(settings: Settings, shraga: Shraga, hand: Hand) -> None:
    claim = begin(shraga, hand)
    spend(hand, claim, 1)
    async with AsyncShraga.connect(settings=settings) as other:
        assert [line.name for line in await other.spend("task")] == [claim.task_id]
        assert [call.cost for call in await other.model_calls(claim.task_id)] == [1]
        assert (await other.set_budget(3))[0].day == 3
        assert (await other.budgets())[0].spent == 1
        assert await other.set_brake(True, owner="alice")
        assert [brake.owner for brake in await other.brakes()] == ["alice"]
    assert shraga.get(claim.task_id).status is TaskStatus.RUNNING
