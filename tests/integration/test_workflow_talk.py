"""What is said in a workflow's chat: kept in threads, brought to steps that run, found by those that begin later."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import NewQuestion, RunStatus, Workflow
from shraga_queue.aclient import AsyncShraga
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import Claim, Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.workflows import WorkflowOperations
from tests.crew import CHAIN, Crew, step

AGENT = {"type": "agent", "prompt": "do it"}
PYTHON = {"type": "python", "callable": "tests.jobs:add"}
MIXED = [
    step("think", action=AGENT),
    step("count", action=PYTHON, after=[]),
    step("build", after=[]),
    step("later", action=AGENT, after=["think"]),
]


@pytest.fixture
def crew(shraga: Shraga, engine: Engine) -> Crew:
    return Crew(shraga, engine)


def conversation(crew: Crew, flow: Workflow, claim: Claim) -> list[str]:
    """What a run is told at its start of what was said."""
    return [one.text for one in crew.hand.engine.read_mail(claim, workflow=flow.id).messages]


def test_a_message_is_brought_to_the_steps_that_run_and_listen(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=MIXED)
    think, count, build = (crew.claim(flow, name) for name in ("think", "count", "build"))
    said = shraga.workflow_say(flow.id, "stop at noon", attachments=[{"name": "a.txt"}])
    assert said.told == ("think", "count")
    assert shraga.workflow_chat(flow.id) == (said,)
    assert [crew.hand.heartbeat(claim) for claim in (think, count, build)] == ["mail", "mail", "ok"]
    (brought,) = shraga.chat(flow.task_id("think"))
    assert (brought.text, brought.sender, brought.origin) == ("stop at noon", "tester", said.id)
    assert brought.attachments == said.attachments
    assert shraga.chat(flow.task_id("build")) == shraga.chat(flow.task_id("later")) == ()
    assert crew.hand.engine.read_mail(think).messages == (brought,)


def test_a_step_that_begins_later_finds_all_that_was_said(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=MIXED)
    assert shraga.workflow_say(flow.id, "nobody runs").told == ()
    think = crew.claim(flow, "think")
    assert conversation(crew, flow, think) == ["nobody runs"]
    shraga.workflow_say(flow.id, "one runs")
    crew.end(think)
    count, build, later = (crew.claim(flow, name) for name in ("count", "build", "later"))
    for claim in (count, build, later):
        assert conversation(crew, flow, claim) == ["nobody runs", "one runs"]
    assert shraga.workflow_say(flow.id, "three run").told == ("count", "later")


def test_a_planner_is_told_too(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", plan={"action": AGENT})
    claim = crew.claim(flow, "plan")
    assert shraga.workflow_say(flow.id, "two steps will do").told == ("plan",)
    assert crew.hand.heartbeat(claim) == "mail"


def test_of_a_long_chat_a_run_is_given_the_latest(
    shraga: Shraga, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shraga_queue.run_talk.MOST_COMMON", 2)
    flow = shraga.submit_workflow("t", steps=[step("a", action=AGENT)])
    for text in ("one", "two", "three"):
        shraga.workflow_say(flow.id, text)
    assert conversation(crew, flow, crew.claim(flow, "a")) == ["two", "three"]


def test_a_step_that_ends_unread_leaves_the_message_to_the_next(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=[step("a", action=AGENT), step("b", action=AGENT)])
    claim = crew.claim(flow, "a")
    assert shraga.workflow_say(flow.id, "in time").told == ("a",)
    crew.end(claim)
    assert shraga.workflow_say(flow.id, "too late").told == ()
    assert conversation(crew, flow, crew.claim(flow, "b")) == ["in time", "too late"]


def test_the_next_try_of_a_lost_run_is_told_once(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=[step("a", action=AGENT)])
    claim = crew.claim(flow, "a")
    shraga.workflow_say(flow.id, "hold the door")
    assert crew.hand.lose(claim) == "queued"
    again = crew.claim(flow, "a")
    assert (again.attempt, again.mail) == (2, 1)
    assert conversation(crew, flow, again) == ["hold the door"]


def test_a_run_that_waits_for_an_answer_hears_of_it_when_it_goes_on(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=[step("a", action=AGENT)])
    claim = crew.claim(flow, "a")
    crew.hand.engine.ask(claim, NewQuestion(text="Which?"))
    crew.hand.commit(claim, RunStatus.SUSPENDED)
    assert shraga.workflow_say(flow.id, "take the left one").told == ()
    shraga.answer(flow.task_id("a"), "left")
    assert conversation(crew, flow, crew.claim(flow, "a")) == ["Which?", "take the left one", "left"]


def test_an_edit_is_brought_too_and_stands_for_the_first_words_later(shraga: Shraga, crew: Crew) -> None:
    flow = shraga.submit_workflow("t", steps=MIXED)
    think = crew.claim(flow, "think")
    first = shraga.workflow_say(flow.id, "at noon")
    count = crew.claim(flow, "count")
    shraga.workflow_say(flow.id, "at one", edits=first.id)
    (shown,) = shraga.workflow_chat(flow.id)
    assert (shown.text, shown.edited, shown.told) == ("at one", True, ("think", "count"))
    assert conversation(crew, flow, think) == ["at noon", "at one"]
    assert conversation(crew, flow, count) == ["at one"]
    assert conversation(crew, flow, crew.claim(flow, "build")) == ["at one"]


def test_what_moves_meanwhile_is_looked_at_again(
    shraga: Shraga, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = shraga.submit_workflow("t", steps=[step("a", action=AGENT)])
    crew.claim(flow, "a")
    real, left = WorkflowOperations.get, [1, 2, 3]

    def behind(self: WorkflowOperations, workflow_id: str) -> Any:
        found = yield from real(self, workflow_id)
        return found.model_copy(update={"version": found.version - 1}) if left and left.pop() else found

    monkeypatch.setattr(WorkflowOperations, "get", behind)
    assert shraga.workflow_say(flow.id, "now").told == ("a",)
    left[:] = [1] * 100
    with pytest.raises(Refused, match="changed at the same moment"):
        shraga.workflow_say(flow.id, "never")
    left.clear()
    assert [one.text for one in shraga.workflow_chat(flow.id)] == ["now"]


def test_its_chat_keeps_threads_edits_and_attachments(shraga: Shraga) -> None:
    flow = shraga.submit_workflow("Ship \x1bit", owner="alice", steps=CHAIN)
    assert shraga.workflow_chat(flow.id) == ()
    first = shraga.workflow_say(flow.id, "look at this", attachments=[{"name": "a.txt", "size": 3}])
    assert (first.workflow_id, first.task_id, first.sender, first.attempt) == (flow.id, None, "tester", None)
    reply = shraga.workflow_say(flow.id, "I did", parent_id=first.id)
    shraga.workflow_say(flow.id, "look at that", edits=first.id)
    edited, answer = shraga.workflow_chat(flow.id)
    assert (edited.id, edited.text, edited.edited) == (first.id, "look at that", True)
    assert edited.attachments[0].size == 3
    assert (answer.id, answer.parent_id) == (reply.id, first.id)
    assert shraga.workflow_chat(flow.id, tail=1) == (answer,)
    told = [event for event in shraga.events() if event.type == "workflow.message"]
    assert [(one.workflow_id, one.recipient, one.content) for one in told] == [
        (flow.id, "alice", said) for said in ("look at this", "I did", "look at that")
    ]
    assert shraga.workflow(flow.id).workflow == flow, "talk changes nothing"


def test_in_its_chat_only_the_author_edits_and_only_what_there_is(shraga: Shraga, settings: Settings) -> None:
    flow, other = (shraga.submit_workflow("t", steps=CHAIN) for _ in range(2))
    first = shraga.workflow_say(flow.id, "mine")
    bob = Shraga(shraga.driver, settings.model_copy(update={"user": "bob"}))
    with pytest.raises(Refused, match="tester's; only who wrote it"):
        bob.workflow_say(flow.id, "no", edits=first.id)
    with pytest.raises(InvalidInput, match="parent_id: the chat has no such message"):
        shraga.workflow_say(other.id, "reply", parent_id=first.id)
    with pytest.raises(InvalidInput, match="edits: the chat has no such message 'x'"):
        shraga.workflow_say(flow.id, "edit", edits="x")
    with pytest.raises(InvalidInput, match="text"):
        shraga.workflow_say(flow.id, "")
    for talk in (lambda: shraga.workflow_say("nope", "hello"), lambda: shraga.workflow_chat("nope")):
        with pytest.raises(NotFound, match="no workflow 'nope'"):
            talk()
    assert [one.text for one in shraga.workflow_chat(flow.id)] == ["mine"]


async def test_the_async_client_talks_too(shraga: Shraga, settings: Settings) -> None:
    flow = shraga.submit_workflow("t", steps=CHAIN)
    async with AsyncShraga.connect(settings=settings) as same:
        said = await same.workflow_say(flow.id, "hello")
        assert await same.workflow_chat(flow.id) == (said,)
