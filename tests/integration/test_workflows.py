"""Workflows against a real server: each phase, and what people do in between."""

from __future__ import annotations

import pytest

from shraga_models import Phase, RunStatus, Shell, WorkflowStep
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.retention import Retention
from tests.crew import CHAIN, TRUE, Crew, step
from tests.factories import assert_agreement, execute


@pytest.fixture
def crew(shraga: Shraga, engine: Engine) -> Crew:
    return Crew(shraga, engine)


def test_given_steps_run_one_after_the_other(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("Fix login", steps=CHAIN, repository_url="https://x.org/r", branch="fix")
    assert flow.phase is Phase.EXECUTING
    assert crew.statuses(flow) == {"a": "queued", "b": "blocked", "c": "blocked"}
    assert [one.code for one in shraga.why(flow.task_id("b")).reasons] == ["dependency"]
    task = shraga.get(flow.task_id("b"))
    assert (task.name, task.workflow_id, task.order) == ("b: Fix login", flow.id, 2)
    assert (task.repository_url, task.branch) == ("https://x.org/r", "fix")
    for name in ("a", "b", "c"):
        assert crew.phase(flow) is Phase.EXECUTING
        crew.work(flow, name)
    assert crew.phase(flow) is Phase.COMPLETED
    told = [event.content for event in shraga.events() if event.workflow_id == flow.id]
    assert told == ["", "enriched", "planned: 3 steps", "executing", "completed"]


def test_its_documents_are_given_to_each_task(shraga: Shraga) -> None:
    flow = shraga.submit_workflow(
        "t", document_tags=["shop"], steps=[step("a", document_tags=["shop", "tax"]), step("b")]
    )
    assert flow.document_tags == ("shop",)
    assert shraga.get(flow.task_id("a")).document_tags == ("shop", "tax")
    assert shraga.get(flow.task_id("b")).document_tags == ("shop",)


def test_a_workflow_that_names_an_unknown_document_is_refused(shraga: Shraga, crew: Crew) -> None:
    for fields in (
        {"documents": ["gone"], "steps": CHAIN},
        {"steps": [step("a"), step("b", documents=["gone"])]},
        {"plan": {"action": TRUE, "documents": ["gone"]}},
    ):
        with pytest.raises(InvalidInput, match="documents: there is no document 'gone'"):
            shraga.submit_workflow("t", **fields)
    assert shraga.workflows() == []
    known = shraga.documents.add(title="Style", content="x").id
    flow = shraga.submit_workflow("t", enrich={"action": TRUE}, documents=[known], steps=[step("a")])
    with pytest.raises(InvalidInput, match="no document 'gone'"):
        shraga.add_step(flow.id, WorkflowStep(name="b", action=Shell("x"), documents=("gone",)))
    # What goes after it was accepted holds nothing up.
    shraga.documents.remove(known)
    crew.work(flow, "enrich", result={})
    crew.work(flow, "a")
    assert crew.phase(flow) is Phase.COMPLETED


def test_enrich_adds_to_the_context_and_the_plan_makes_the_steps(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow(
        "t", context={"a": 1}, enrich={"action": TRUE}, plan={"action": TRUE, "capability": "any"}
    )
    assert flow.phase is Phase.ENRICHING
    crew.work(flow, "enrich", result={"b": 2})
    flow = shraga.workflow(flow.id).workflow
    assert (flow.phase, flow.context) == (Phase.PLANNING, {"a": 1, "b": 2})
    assert shraga.get(flow.task_id("plan")).context["workflow"]["context"] == {"a": 1, "b": 2}
    crew.work(flow, "plan", result=[step("x"), step("y", after=[])])
    assert crew.statuses(flow) == {
        "enrich": "completed",
        "plan": "completed",
        "x": "queued",
        "y": "queued",
    }


def test_a_failed_step_fails_it_and_is_retried_with_what_follows(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=[*CHAIN, step("d", after=["a"])])
    crew.work(flow, "a")
    crew.end(crew.claim(flow, "b"), error="no")
    assert crew.statuses(flow) == {"a": "completed", "b": "failed", "c": "skipped", "d": "queued"}
    crew.work(flow, "d")
    failed = shraga.workflow(flow.id).workflow
    assert (failed.phase, failed.error) == (Phase.FAILED, "b is failed")
    again = shraga.retry_workflow(flow.id)
    assert (again.phase, again.error) == (Phase.EXECUTING, "")
    assert crew.statuses(flow) == {"a": "completed", "b": "queued", "c": "blocked", "d": "completed"}
    assert_agreement(shraga)
    crew.work(flow, "b")
    crew.work(flow, "c")
    assert crew.phase(flow) is Phase.COMPLETED
    assert [run.attempt for run in shraga.runs(flow.task_id("b"))] == [1, 2]
    assert [run.attempt for run in shraga.runs(flow.task_id("a"))] == [1]


def test_a_retry_that_would_be_skipped_again_names_the_step_to_retry(shraga: Shraga, crew: Crew) -> None:
    blocking = step("d", after=["a"], on_prerequisite_failure="block")
    flow = shraga.submit_workflow("t", steps=[*CHAIN, blocking])
    crew.work(flow, "a", error="broken")
    assert crew.statuses(flow) == {"a": "failed", "b": "skipped", "c": "skipped", "d": "blocked"}
    before = shraga.workflow(flow.id)
    for name in ("b", "c"):
        said = f"The step '{name}' comes after 'a', which is failed, .* retry {flow.id} --from a`"
        with pytest.raises(Refused, match=said):
            shraga.retry_workflow(flow.id, name)
    assert shraga.workflow(flow.id) == before
    shraga.skip_step(flow.id, "a")
    crew.work(flow, "b", error="too")
    assert shraga.retry_workflow(flow.id, "b").phase is Phase.EXECUTING
    assert crew.statuses(flow)["b"] == "queued"


def test_a_completed_one_runs_again_from_a_step(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    for name in ("a", "b", "c"):
        crew.work(flow, name)
    shraga.retry_workflow(flow.id, "b")
    assert crew.statuses(flow) == {"a": "completed", "b": "queued", "c": "blocked"}
    crew.work(flow, "b")
    crew.work(flow, "c")
    assert crew.phase(flow) is Phase.COMPLETED


def test_a_running_step_is_not_retried_under_its_feet(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    crew.claim(flow, "a")
    with pytest.raises(Refused, match="'a' is under way"):
        shraga.retry_workflow(flow.id, "a")
    with pytest.raises(Refused, match="'a' is under way"):
        shraga.skip_step(flow.id, "a")
    with pytest.raises(InvalidInput, match="no step 'z'"):
        shraga.retry_workflow(flow.id, "z")
    assert_agreement(shraga)


def test_a_skipped_step_lets_the_next_go_on(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    shraga.skip_step(flow.id, "b")
    assert crew.statuses(flow) == {"a": "queued", "b": "skipped", "c": "queued"}
    shraga.skip_step(flow.id, "a")
    crew.work(flow, "c")
    assert crew.phase(flow) is Phase.COMPLETED
    assert shraga.workflow(flow.id).workflow.skipped == ("b", "a")


def test_a_failed_step_can_be_skipped(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    crew.work(flow, "a", error="no")
    assert crew.phase(flow) is Phase.FAILED
    assert crew.statuses(flow) == {"a": "failed", "b": "skipped", "c": "skipped"}
    shraga.skip_step(flow.id, "a")
    assert crew.statuses(flow) == {"a": "skipped", "b": "queued", "c": "blocked"}
    assert_agreement(shraga)
    crew.work(flow, "b")
    crew.work(flow, "c")
    assert crew.phase(flow) is Phase.COMPLETED
    with pytest.raises(Refused, match="completed already"):
        shraga.skip_step(flow.id, "b")


def test_a_skipped_step_is_run_after_all_when_retried(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    shraga.skip_step(flow.id, "a")
    shraga.retry_workflow(flow.id, "a")
    assert crew.statuses(flow) == {"a": "queued", "b": "blocked", "c": "blocked"}
    assert shraga.workflow(flow.id).workflow.skipped == ()


def test_pause_holds_what_has_not_begun(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=[step("a"), step("b", after=[]), step("c", after=["a"])])
    claim = crew.claim(flow, "a")
    assert shraga.pause_workflow(flow.id).paused
    assert crew.statuses(flow) == {"a": "running", "b": "blocked", "c": "blocked"}
    assert_agreement(shraga)
    crew.end(claim)
    crew.look()
    assert crew.statuses(flow) == {"a": "completed", "b": "blocked", "c": "blocked"}
    assert crew.hand.try_claim() is None
    (why,) = shraga.why(flow.task_id("b")).reasons
    assert (why.code, why.says) == ("pause", "Its workflow is paused.")
    assert flow.id in why.do
    assert not shraga.resume_workflow(flow.id).paused
    assert crew.statuses(flow) == {"a": "completed", "b": "queued", "c": "queued"}
    assert_agreement(shraga)


def test_a_paused_one_makes_no_next_phase(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", plan={"action": TRUE})
    claim = crew.hand.claim()
    shraga.pause_workflow(flow.id)
    crew.end(claim, result=[step("a")])
    crew.look()
    assert crew.phase(flow) is Phase.PLANNING
    assert shraga.resume_workflow(flow.id).phase is Phase.EXECUTING


def test_retry_while_paused_waits_for_the_resume(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=[step("a"), step("b", after=[])])
    crew.end(crew.claim(flow, "a"), error="no")
    shraga.pause_workflow(flow.id)
    shraga.retry_workflow(flow.id, "a")
    assert crew.statuses(flow) == {"a": "blocked", "b": "blocked"}
    shraga.resume_workflow(flow.id)
    assert crew.statuses(flow) == {"a": "queued", "b": "queued"}


def test_cancel_ends_all_that_has_not_ended(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    claim = crew.hand.claim()
    assert shraga.cancel_workflow(flow.id, "wrong").phase is Phase.CANCELED
    task = shraga.get(flow.task_id("a"))
    assert (task.cancel_requested_by, task.cancel_reason) == ("tester", "wrong")
    assert crew.statuses(flow)["b"] == "canceled"
    crew.hand.commit(claim, RunStatus.CANCELED)
    crew.look()
    assert set(crew.statuses(flow).values()) <= {"canceled", "skipped"}
    with pytest.raises(Refused, match="is canceled already"):
        shraga.cancel_workflow(flow.id)
    with pytest.raises(Refused, match="is canceled already"):
        shraga.pause_workflow(flow.id)
    assert_agreement(shraga)
    shraga.retry_workflow(flow.id, "a")
    assert crew.statuses(flow) == {"a": "queued", "b": "blocked", "c": "blocked"}


def test_a_step_is_added_while_it_runs(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    shraga.add_step(flow.id, WorkflowStep(name="d", action=Shell("x"), after=("a",)))
    assert crew.statuses(flow)["d"] == "blocked"
    crew.work(flow, "a")
    assert crew.statuses(flow) == {"a": "completed", "b": "queued", "c": "blocked", "d": "queued"}
    with pytest.raises(InvalidInput, match="'d' is taken"):
        shraga.add_step(flow.id, WorkflowStep(name="d", action=Shell("x")))
    with pytest.raises(InvalidInput, match="no step 'z' before 'e'"):
        shraga.add_step(flow.id, WorkflowStep(name="e", action=Shell("x"), after=("z",)))


def test_a_crash_between_tasks_and_move_changes_nothing(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    key = shraga.driver.keys.make("workflow", owner="tester", workflow=flow.id)
    execute(shraga, "HSET", key, "phase", "planned")
    execute(shraga, "HINCRBY", shraga.driver.keys.make("workflows_due"), flow.id, 1)
    crew.look()
    assert crew.phase(flow) is Phase.EXECUTING
    assert shraga.counts().total == 3
    assert crew.statuses(flow) == {"a": "queued", "b": "blocked", "c": "blocked"}


def test_what_happens_while_one_looks_leaves_its_mark(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=[step("a")])
    due = shraga.driver.keys.make("workflows_due")
    assert not execute(shraga, "HEXISTS", due, flow.id)
    claim = crew.hand.claim()
    crew.end(claim)
    assert execute(shraga, "HEXISTS", due, flow.id)
    crew.look()
    assert not execute(shraga, "HEXISTS", due, flow.id)


def test_one_that_cannot_be_read_holds_up_no_other_and_a_gone_one_is_forgotten(
    shraga: Shraga, crew: Crew
) -> None:
    keys = shraga.driver.keys
    bad = shraga.submit_workflow("bad", steps=[step("a", capability="none")])
    flow = shraga.submit_workflow("good", steps=[step("a")])
    execute(shraga, "HSET", keys.make("workflow", owner="tester", workflow=bad.id), "steps", "[{")
    for marked in (bad.id, "gone"):
        execute(shraga, "HINCRBY", keys.make("workflows_due"), marked, 1)
    crew.work(flow, "a")
    assert crew.phase(flow) is Phase.COMPLETED
    crew.look()
    assert execute(shraga, "HKEYS", keys.make("workflows_due")) == [bad.id.encode()]


def test_ended_workflows_are_deleted_after_their_time(shraga: Shraga, engine: Engine, crew: Crew) -> None:
    old, young, open_one = (shraga.submit_workflow("t", steps=[step("a")]) for _ in range(3))
    for ended in (old, young):
        shraga.cancel_workflow(ended.id)
        shraga.workflow_say(ended.id, "too late")
    execute(shraga, "ZADD", shraga.driver.keys.make("workflow_index", phase="canceled"), 1, old.id)
    assert engine.lead("me", 5000)
    assert Retention(60.0).forget_workflows(engine, "me") == 1
    assert Retention(60.0).forget_workflows(engine, "another") is None
    assert {one.id for one in shraga.workflows()} == {young.id, open_one.id}
    make = shraga.driver.keys.make
    chats = [make("workflow_chat", owner="tester", workflow=one.id) for one in (old, young)]
    assert [execute(shraga, "EXISTS", chat) for chat in chats] == [0, 1]


def test_a_task_that_was_deleted_is_made_anew(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", plan={"action": TRUE})
    crew.work(flow, "plan", error="no")
    execute(shraga, "HDEL", shraga.driver.keys.make("owners"), flow.task_id("plan"))
    execute(shraga, "DEL", shraga.driver.keys.make("task", owner="tester", task=flow.task_id("plan")))
    assert shraga.retry_workflow(flow.id).phase is Phase.PLANNING
    assert shraga.get(flow.task_id("plan")).status == "queued"


def test_workflows_are_listed_by_phase(shraga: Shraga, crew: Crew) -> None:
    first = shraga.submit_workflow("one", steps=CHAIN)
    second = shraga.submit_workflow("two", steps=[step("a")])
    shraga.cancel_workflow(first.id)
    index = shraga.driver.keys.make("workflow_index", phase="canceled")
    execute(shraga, "ZINCRBY", index, 1000, first.id)
    assert [one.id for one in shraga.workflows()] == [first.id, second.id]
    assert [one.id for one in shraga.workflows([Phase.EXECUTING])] == [second.id]
    with pytest.raises(NotFound, match="no workflow 'x'"):
        shraga.workflow("x")
