"""A plan that is none: the planner is told and tries again, then a person is asked, and nothing waits meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import ExecutionDetails, Phase, QuestionKind, RunStatus, TaskOutput, TaskStatus, Workflow
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import Claim, Engine
from shraga_queue.errors import Refused
from shraga_queue.workflow_moves import WorkflowMoves
from tests.crew import TRUE, Crew, step
from tests.factories import assert_agreement, execute

AGENT = {"type": "agent", "prompt": "plan it"}
PLANNED = [step("a")]


@pytest.fixture
def crew(shraga: Shraga, engine: Engine) -> Crew:
    return Crew(shraga, engine)


def asked_about(shraga: Shraga, crew: Crew, result: Any = "no json") -> Workflow:
    """Return a workflow whose planner has no other try, so that a person is asked about its plan."""
    flow = shraga.submit_workflow("t", plan={"action": TRUE})
    crew.work(flow, "plan", result=result)
    assert crew.statuses(flow) == {"plan": TaskStatus.WAITING_FOR_INPUT}
    return shraga.workflow(flow.id).workflow


def told(shraga: Shraga, flow: Workflow) -> list[tuple[str, str]]:
    return [(one.sender_type, one.type) for one in shraga.chat(flow.task_id("plan"))]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ([step("a"), step("b", action={"type": "magic"})], "step 2 ('b'): action: its type 'magic'"),
        ([step("a", after=["z"])], "no step 'z' before 'a'"),
        ([step("a"), step("a")], "'a' is taken"),
        ([{"action": TRUE}], "step 1: name: it is missing"),
        ([step("a", documents=["gone"])], "plan: documents: there is no document 'gone'"),
        ([step("a", depends_on=["x"])], "step 1 ('a'): depends_on is set by the workflow"),
        ("no json", "no JSON"),
        ([], "no step"),
        (None, "no JSON"),
        ({"a": 1}, "no list of steps"),
    ],
)
def test_a_person_is_asked_about_a_plan_that_is_none_and_has_it_made_again(
    shraga: Shraga, crew: Crew, result: Any, said: str
) -> None:
    flow = asked_about(shraga, crew, result)
    assert flow.phase is Phase.PLANNING
    assert said in flow.error
    (question,) = shraga.questions()
    assert said in question.text
    assert (question.kind, question.options) == (QuestionKind.PLAN, ("plan again", "cancel"))
    (tree,) = shraga.workflow(flow.id).steps
    assert tree.row is not None
    assert said in tree.row.thought
    (why,) = shraga.why(flow.task_id("plan")).reasons
    assert why.code == "answer"
    assert said in why.says
    assert why.do.endswith("one of: plan again | cancel, or in your own words.")
    assert crew.hand.try_claim() is None
    assert shraga.answer(question.id, "1") == [flow.task_id("plan")]
    crew.work(
        flow,
        "plan",
        result='```json\n{"steps": [{"name": "a", "action": {"type": "shell", "command": "x"}}]}\n```',
    )
    assert crew.statuses(flow) == {"plan": "completed", "a": "queued"}
    assert shraga.workflow(flow.id).workflow.error == ""
    assert [run.triggered_by for run in shraga.runs(flow.task_id("plan"))] == ["manual", "resume"]


def test_a_planner_that_can_be_told_is_told_and_goes_on_where_it_was(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", plan={"action": AGENT})
    where = ExecutionDetails(session_id="s1", execution_folder="here")
    shraga.submit_workflow("later", steps=[step("x")])
    crew.hand.commit(crew.claim(flow, "plan"), output=TaskOutput(result="well"), execution=where)
    crew.look()
    assert crew.phase(flow) is Phase.PLANNING
    claim = crew.claim(flow, "plan")
    assert (claim.attempt, claim.mail) == (2, 1)
    assert '"session":"s1"' in claim.resume
    assert '"attempt":1' in claim.resume
    (message,) = crew.hand.engine.read_mail(claim).messages
    assert (message.sender_type, message.type) == ("controller", "error")
    assert message.text.startswith("plan: the plan is no JSON")
    assert "[{name, action, ...}, ...]" in message.text
    crew.end(claim, result=PLANNED)
    crew.look()
    assert shraga.workflow(flow.id).workflow.error == ""
    assert crew.statuses(flow) == {"plan": "completed", "a": "queued"}
    assert_agreement(shraga)


@pytest.mark.parametrize(
    ("action", "retries", "tries"), [(TRUE, 0, 0), (AGENT, 0, 1), (AGENT, 2, 2), (TRUE, 2, 2)]
)
def test_it_has_as_many_tries_as_its_retries_and_a_person_gives_it_as_many_again(
    shraga: Shraga, crew: Crew, action: dict[str, Any], retries: int, tries: int
) -> None:
    flow = shraga.submit_workflow("t", plan={"action": action, "limits": {"retries": retries}})
    for _ in range(2):
        for _ in range(tries):
            crew.work(flow, "plan", result="well")
            assert crew.statuses(flow) == {"plan": "queued"}
        crew.work(flow, "plan", result="well")
        assert crew.statuses(flow) == {"plan": "waiting_for_input"}
        shraga.answer(flow.task_id("plan"), "plan again")
    crew.work(flow, "plan", result=PLANNED)
    assert crew.phase(flow) is Phase.EXECUTING


def test_an_answer_in_own_words_is_a_note_to_the_planner(shraga: Shraga, crew: Crew) -> None:
    flow = asked_about(shraga, crew)
    shraga.answer(flow.task_id("plan"), "two steps will do")
    claim = crew.claim(flow, "plan")
    mail = crew.hand.engine.read_mail(claim)
    assert [(one.sender, one.type) for one in mail.messages] == [
        ("controller", "question"),
        ("tester", "response"),
    ]
    assert mail.messages[-1].text == "two steps will do"
    assert "plan: the plan is no JSON" in claim.resume
    assert_agreement(shraga)


def test_the_same_fault_of_many_plans_is_answered_at_once(shraga: Shraga, crew: Crew) -> None:
    flows = [asked_about(shraga, crew) for _ in range(2)]
    plans = {flow.task_id("plan") for flow in flows}
    assert set(shraga.answer(flows[0].task_id("plan"), "cancel", alike=True)) == plans
    assert {crew.phase(flow) for flow in flows} == {Phase.CANCELED}
    assert_agreement(shraga)


@pytest.mark.parametrize("said", ["cancel", "2", "Cancel "])
def test_to_cancel_ends_the_workflow_and_of_two_answers_one_counts(
    shraga: Shraga, crew: Crew, settings: Settings, said: str
) -> None:
    flow = asked_about(shraga, crew)
    (question,) = shraga.questions()
    shraga.answer(question.id, said)
    ended = shraga.workflow(flow.id).workflow
    assert (ended.phase, ended.error) == (Phase.CANCELED, "its plan was given up")
    bob = Shraga(shraga.driver, settings.model_copy(update={"user": "bob"}))
    with pytest.raises(Refused, match="answered by tester already: 'cancel'"):
        bob.answer(question.id, "plan again")
    crew.look()
    assert crew.statuses(flow) == {"plan": "canceled"}
    assert shraga.questions() == []
    assert [entry.action for entry in shraga.audit() if entry.entity_id == flow.id] == ["submit", "cancel"]
    assert_agreement(shraga)
    assert shraga.retry_workflow(flow.id).phase is Phase.PLANNING
    crew.work(flow, "plan", result=PLANNED)
    assert crew.phase(flow) is Phase.EXECUTING


def test_a_workflow_that_is_canceled_asks_no_more(shraga: Shraga, crew: Crew) -> None:
    flow = asked_about(shraga, crew)
    shraga.cancel_workflow(flow.id, "wrong")
    assert shraga.questions() == []
    assert crew.statuses(flow) == {"plan": "canceled"}
    with pytest.raises(Refused, match="asks nothing"):
        shraga.answer(flow.task_id("plan"), "plan again")
    assert_agreement(shraga)


def test_one_question_is_put_however_many_look(
    shraga: Shraga, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = shraga.submit_workflow("t", plan={"action": TRUE})
    crew.end(crew.claim(flow, "plan"), result="well")
    before = shraga.workflow(flow.id).workflow
    crew.look()
    moves = WorkflowMoves(shraga.operations)
    assert shraga.driver.run(moves._take_plan(before)) is False, "the other has found the task as it was"
    assert [one.id for one in shraga.questions()] == [f"{flow.task_id('plan')}.q1"]
    assert told(shraga, flow) == [("controller", "question")]


def test_a_paused_workflow_lets_its_planner_rest_and_goes_on_from_there(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", plan={"action": AGENT})
    claim: Claim = crew.hand.claim()
    shraga.pause_workflow(flow.id)
    crew.hand.commit(claim, RunStatus.COMPLETED, output=TaskOutput(result="well"))
    crew.look()
    assert crew.statuses(flow) == {"plan": "completed"}
    # RQ's view of an ended job goes after a day.
    execute(shraga, "DEL", shraga.driver.keys.make("rq_job", task=flow.task_id("plan")))
    shraga.resume_workflow(flow.id)
    assert crew.statuses(flow) == {"plan": "queued"}
    assert_agreement(shraga)
    crew.work(flow, "plan", result=PLANNED)
    assert crew.phase(flow) is Phase.EXECUTING
