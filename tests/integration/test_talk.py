"""What people say to tasks: answers, leave, verdicts and chat; the wrong and the late ones are refused by name."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shraga_models import (
    ExecutionDetails,
    NewQuestion,
    Permission,
    RunStatus,
    Schedule,
    Task,
    TaskOutput,
    TaskStatus,
)
from shraga_queue.client import Shraga
from shraga_queue.config import Settings
from shraga_queue.engine import STALE, Claim, EndedRun, Engine, Outcome
from shraga_queue.errors import InvalidInput, NotFound, Refused
from tests.factories import (
    Hand,
    assert_agreement,
    execute,
    hire,
    lead_and_release,
    make_due,
    new_task,
)

WHERE = NewQuestion(text="Where to?", options=("north", "south"))


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


def suspended(shraga: Shraga, hand: Hand, question: NewQuestion = WHERE, name: str = "n") -> Task:
    """Return a task that asked and let go of its slot."""
    shraga.submit_task(new_task(name))
    claim = hand.claim()
    assert hand.engine.ask(claim, question)[0] == "asked"
    where = ExecutionDetails(session_id="s1", execution_folder="here")
    assert hand.commit(claim, RunStatus.SUSPENDED, execution=where) == "waiting_for_input"
    return shraga.get(claim.task_id)


def proposed(shraga: Shraga, hand: Hand) -> tuple[Task, Claim]:
    """Return a task whose result waits for a verdict."""
    shraga.submit_task(new_task(permission=Permission.SUPERVISED))
    claim = hand.claim()
    output = TaskOutput(summary="did it")
    where = ExecutionDetails(session_id="s1", execution_folder="here")
    assert hand.commit(claim, output=output, execution=where) == "awaiting_approval"
    return shraga.get(claim.task_id), claim


# Questions


def test_a_question_is_kept_with_all_that_was_said(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    claim = hand.claim()
    asked = NewQuestion(text="Really?", default="no", deadline="2h", key="sure")
    assert hand.engine.ask(claim, asked) == ("asked", f"{claim.task_id}.q1")
    question = shraga.get(claim.task_id).question
    assert question is not None
    assert NewQuestion.model_validate(
        {name: getattr(question, name) for name in NewQuestion.model_fields}
    ) == (asked.model_copy(update={"deadline": None}))
    assert question.due_at is not None
    assert (question.due_at - question.asked_at).total_seconds() == 7200
    assert shraga.questions() == [question]
    (said,) = shraga.chat(claim.task_id)
    assert (said.type, said.text, said.sender_type) == ("question", "Really?", "worker")
    assert_agreement(shraga)


def test_an_answer_resumes_the_run_at_the_head_of_the_queue(shraga: Shraga, hand: Hand) -> None:
    task = suspended(shraga, hand)
    shraga.submit_task(new_task("later"))
    shraga.answer(task.id, "north")
    claim = hand.claim()
    assert (claim.task_id, claim.attempt, claim.mail) == (task.id, 2, 1)
    mail = hand.engine.read_mail(claim)
    assert list(mail.answers.values()) == ["north"]
    assert [(one.type, one.text) for one in mail.messages] == [
        ("question", "Where to?"),
        ("response", "north"),
    ]
    assert '"session":"s1"' in claim.resume
    assert hand.engine.ask(claim, WHERE) == ("answered", "north")
    assert_agreement(shraga)


@pytest.mark.parametrize(("said", "taken"), [("south", "south"), ("SOUTH ", "south"), ("2", "south")])
def test_an_option_is_answered_by_word_or_number(shraga: Shraga, hand: Hand, said: str, taken: str) -> None:
    task = suspended(shraga, hand)
    shraga.answer(task.id, said)
    assert shraga.chat(task.id)[-1].text == taken


def test_an_answer_that_is_no_option_is_refused_by_name(shraga: Shraga, hand: Hand) -> None:
    task = suspended(shraga, hand)
    with pytest.raises(InvalidInput, match=r"'west' is none of the options: north \| south"):
        shraga.answer(task.id, "west")
    with pytest.raises(InvalidInput, match="answer: it is empty"):
        shraga.answer(suspended(shraga, hand, NewQuestion(text="Why?")).id, "  ")
    assert shraga.get(task.id).status is TaskStatus.WAITING_FOR_INPUT


def test_of_two_operators_exactly_one_is_heard(shraga: Shraga, hand: Hand, settings: Settings) -> None:
    task = suspended(shraga, hand)
    assert task.question is not None
    users = ("alice", "bob")

    def answer(user: str) -> str:
        with Shraga.connect(settings=settings.model_copy(update={"user": user})) as client:
            try:
                client.answer(f"{task.id}.q1", "north" if user == "alice" else "south")
            except Refused as error:
                return str(error)
            return "won"

    with ThreadPoolExecutor(2) as pool:
        said = dict(zip(users, pool.map(answer, users), strict=True))
    winner = next(user for user, answer in said.items() if answer == "won")
    (refusal,) = (answer for answer in said.values() if answer != "won")
    assert f"answered by {winner} already" in refusal
    assert_agreement(shraga)


def test_who_is_late_and_names_the_task_alone_is_told_whose_answer_counts(shraga: Shraga, hand: Hand) -> None:
    task = suspended(shraga, hand)
    shraga.answer(task.id, "north")
    with pytest.raises(Refused, match="q1 was answered by tester already: 'north'"):
        shraga.answer(task.id, "south")


def test_a_question_that_is_over_is_shown_no_more(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    claim = hand.claim()
    hand.engine.ask(claim, WHERE)
    assert shraga.get(claim.task_id).thought == "Where to?"
    hand.commit(claim)
    assert shraga.get(claim.task_id).thought == ""


def test_a_thought_of_before_does_not_hide_what_is_asked(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    claim = hand.claim()
    hand.engine.ask(claim, WHERE)
    assert hand.heartbeat(claim, 0.5, "hm") == "ok"
    assert shraga.get(claim.task_id).thought == "Where to?"
    ended = EndedRun(
        claim, Outcome(RunStatus.SUSPENDED).sealed(), time.monotonic(), time.monotonic(), word="hm"
    )
    assert hand.engine.turn(hand.slot_name, ended=[ended])[0][0] == "waiting_for_input"
    assert shraga.get(claim.task_id).thought == "Where to?"
    shraga.answer(claim.task_id, "north")
    assert hand.heartbeat(hand.claim(), 0.5, "aha") == "ok"
    assert shraga.get(claim.task_id).thought == "aha"


def test_forty_identical_questions_are_answered_together(shraga: Shraga, hand: Hand) -> None:
    tasks = [suspended(shraga, hand) for _ in range(40)]
    other = suspended(shraga, hand, NewQuestion(text="Something else?"))
    answered = shraga.answer(tasks[7].id, "north", alike=True)
    assert sorted(answered) == sorted(task.id for task in tasks)
    assert [one.task_id for one in shraga.questions()] == [other.id]
    assert_agreement(shraga)


def test_a_deadline_takes_the_default(shraga: Shraga, hand: Hand) -> None:
    task = suspended(shraga, hand, NewQuestion(text="Go?", default="yes", deadline=60))
    make_due(shraga, f"ask:{task.id}")
    lead_and_release(hand.engine)
    assert shraga.get(task.id).status is TaskStatus.QUEUED
    assert [(one.text, one.sender_type) for one in shraga.chat(task.id)][-1] == ("yes", "controller")
    assert hand.engine.ask(hand.claim(), NewQuestion(text="Go?", default="yes")) == ("answered", "yes")


def test_a_deadline_without_default_fails_the_task(shraga: Shraga, hand: Hand) -> None:
    task = suspended(shraga, hand, NewQuestion(text="Go?", deadline=60))
    make_due(shraga, f"ask:{task.id}")
    lead_and_release(hand.engine)
    failed = shraga.get(task.id)
    assert (failed.status, failed.error) == (TaskStatus.FAILED, "nobody answered in time: Go?")
    assert_agreement(shraga)


def test_a_deadline_waits_for_a_run_that_still_has_its_slot(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    claim = hand.claim()
    hand.engine.ask(claim, NewQuestion(text="Go?", deadline=60))
    make_due(shraga, f"ask:{claim.task_id}")
    lead_and_release(hand.engine)
    assert shraga.get(claim.task_id).status is TaskStatus.RUNNING
    hand.commit(claim, RunStatus.SUSPENDED)
    make_due(shraga, f"ask:{claim.task_id}")
    lead_and_release(hand.engine)
    assert shraga.get(claim.task_id).status is TaskStatus.FAILED


def test_an_answer_between_the_question_and_the_suspending_is_not_lost(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    claim = hand.claim()
    hand.engine.ask(claim, WHERE)
    shraga.answer(claim.task_id, "north")
    assert hand.heartbeat(claim) == "mail"
    assert hand.commit(claim, RunStatus.SUSPENDED) == "queued"
    assert hand.engine.ask(hand.claim(), WHERE) == ("answered", "north")
    assert_agreement(shraga)


def test_a_run_started_anew_by_hand_asks_anew(shraga: Shraga, hand: Hand) -> None:
    task = suspended(shraga, hand)
    shraga.answer(task.id, "north")
    hand.commit(hand.claim())
    shraga.retry(task.id)
    claim = hand.claim()
    assert claim.resume == ""
    assert hand.engine.ask(claim, WHERE) == ("asked", f"{task.id}.q2")


def test_a_late_run_asks_and_says_nothing(shraga: Shraga, hand: Hand) -> None:
    shraga.submit_task(new_task())
    claim = hand.claim()
    hand.commit(claim)
    assert hand.engine.ask(claim, WHERE)[0] == STALE
    assert hand.engine.append_chat(claim, [("worker", "text", "late", "", "")]) == STALE
    assert shraga.chat(claim.task_id) == ()


def test_a_task_that_asks_nothing_cannot_be_answered(shraga: Shraga) -> None:
    task = shraga.submit_task(new_task())
    with pytest.raises(Refused, match=f"{task.id} \\(queued\\) asks nothing; `shraga inbox`"):
        shraga.answer(task.id, "yes")
    with pytest.raises(NotFound, match="no task 'nowhere'"):
        shraga.answer("nowhere", "yes")


# Leave and verdict


def test_a_task_that_needs_leave_waits_for_it(shraga: Shraga, hand: Hand) -> None:
    task = shraga.submit_task(new_task(permission=Permission.HUMAN_REQUIRED))
    assert task.status is TaskStatus.AWAITING_APPROVAL
    assert shraga.get(task.id).permission is Permission.HUMAN_REQUIRED
    assert hand.try_claim() is None
    approved = shraga.approve(task.id, "fine")
    assert approved.review is not None
    assert (approved.status, approved.review.decision) == (TaskStatus.QUEUED, "approved")
    hand.commit(hand.claim(), RunStatus.COMPLETED)
    done = shraga.get(task.id)
    assert done.review is not None
    assert not done.review.is_stale
    with pytest.raises(Refused, match="cannot be approved: it is completed"):
        shraga.approve(task.id)
    assert_agreement(shraga)


def test_leave_does_not_bring_a_start_time_forward(shraga: Shraga) -> None:
    later = Schedule(at="2099-01-01")
    task = shraga.submit_task(new_task(permission=Permission.HUMAN_REQUIRED, schedule=later))
    assert task.status is TaskStatus.AWAITING_APPROVAL
    approved = shraga.approve(task.id)
    assert (approved.status, approved.next_run_at) == (TaskStatus.SCHEDULED, later.at)
    assert_agreement(shraga)


@pytest.mark.parametrize(("judgement", "status"), [("accept", "completed"), ("reject", "failed")])
def test_a_verdict_ends_the_task_once(shraga: Shraga, hand: Hand, judgement: str, status: str) -> None:
    task, _ = proposed(shraga, hand)
    judged = shraga.review(task.id, judgement, "I looked")  # type: ignore[arg-type]
    assert judged.review is not None
    assert (judged.status, judged.review.note, judged.output) == (status, "I looked", task.output)
    assert shraga.runs(task.id)[-1].status is RunStatus.COMPLETED
    with pytest.raises(Refused, match=f"it was {judged.review.decision} by tester already"):
        shraga.review(task.id, "accept")
    assert_agreement(shraga)


def test_work_that_is_sent_back_goes_on_with_the_note(shraga: Shraga, hand: Hand) -> None:
    task, _ = proposed(shraga, hand)
    shraga.review(task.id, "send_back", "tests are missing")
    claim = hand.claim()
    assert (claim.task_id, claim.attempt) == (task.id, 2)
    assert '"note":"tests are missing"' in claim.resume
    assert [one.text for one in hand.engine.read_mail(claim).messages] == ["tests are missing"]
    with pytest.raises(Refused, match="it is running"):
        shraga.review(task.id, "accept")
    hand.commit(claim)
    with pytest.raises(Refused, match="work went on since run 1"):
        shraga.review(task.id, "accept", attempt=1)
    assert shraga.review(task.id, "accept", attempt=2).status is TaskStatus.COMPLETED


def test_leave_is_not_a_verdict(shraga: Shraga, hand: Hand) -> None:
    waits = shraga.submit_task(new_task(permission=Permission.HUMAN_REQUIRED))
    with pytest.raises(Refused, match="it has not run yet"):
        shraga.review(waits.id, "accept")
    task, _ = proposed(shraga, hand)
    with pytest.raises(Refused, match="its result waits for a verdict"):
        shraga.approve(task.id)


def test_canceling_a_proposed_result_keeps_its_run_as_it_was(shraga: Shraga, hand: Hand) -> None:
    task, _ = proposed(shraga, hand)
    assert shraga.cancel(task.id).status is TaskStatus.CANCELED
    assert shraga.runs(task.id)[-1].status is RunStatus.COMPLETED
    assert_agreement(shraga)


def test_rq_sees_a_waiting_task_as_deferred(shraga: Shraga, hand: Hand) -> None:
    task = suspended(shraga, hand)
    key = shraga.driver.keys.make("rq_job", task=task.id)
    assert execute(shraga, "HGET", key, "status") == b"deferred"


# Chat


def test_chat_keeps_threads_edits_and_attachments(shraga: Shraga) -> None:
    task = shraga.submit_task(new_task())
    first = shraga.say(task.id, "look at this", attachments=[{"name": "a.txt", "size": 3}])
    reply = shraga.say(task.id, "I did", parent_id=first.id)
    shraga.say(task.id, "look at that", edits=first.id)
    edited, answer = shraga.chat(task.id)
    assert (edited.id, edited.text, edited.edited) == (first.id, "look at that", True)
    assert edited.attachments[0].size == 3
    assert (answer.id, answer.parent_id, answer.sender) == (reply.id, first.id, "tester")


def test_only_the_author_edits_and_only_what_there_is(shraga: Shraga, settings: Settings) -> None:
    task = shraga.submit_task(new_task())
    first = shraga.say(task.id, "mine")
    bob = Shraga(shraga.driver, settings.model_copy(update={"user": "bob"}))
    with pytest.raises(Refused, match="tester's; only who wrote it"):
        bob.say(task.id, "no", edits=first.id)
    with pytest.raises(InvalidInput, match="parent_id: the chat has no such message '1-1'"):
        shraga.say(task.id, "reply", parent_id="1-1")
    with pytest.raises(InvalidInput, match="edits: the chat has no such message 'x'"):
        shraga.say(task.id, "edit", edits="x")
    with pytest.raises(InvalidInput, match="text"):
        shraga.say(task.id, "")
    with pytest.raises(NotFound):
        shraga.say("nowhere", "hello")
