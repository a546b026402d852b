"""Tasks that wait for others: blocked until the last is met, released once, skipped or kept, never in a circle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shraga_models import Dependency, Limits, NewTask, RunStatus, Schedule, Shell, Task, TaskStatus, new_id
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.config import Settings
from shraga_queue.engine import Engine
from shraga_queue.errors import InvalidInput, NotFound, Refused
from shraga_queue.mending import Mender
from shraga_queue.scripts import Bounds
from tests.factories import (
    Hand,
    Ledger,
    assert_agreement,
    bring_to,
    end_lease,
    execute,
    hire,
    lead_and_release,
    make_due,
    new_task,
)

S = TaskStatus
ENDS = [S.COMPLETED, S.FAILED, S.CANCELED, S.SKIPPED]


@pytest.fixture
def hand(engine: Engine) -> Hand:
    return hire(engine)


@pytest.fixture
def narrow(settings: Settings) -> Iterator[Shraga]:
    """A client whose scripts look at three dependents at once."""
    with Shraga.connect(settings=settings) as client:
        driver = SyncDriver(client.driver.connection, client.driver.keys, Bounds(cascade=3))
        yield Shraga(driver, settings)


def wait_for(shraga: Shraga, *on: str, name: str = "waits", **fields: Any) -> Task:
    """Submit a task that waits for others."""
    return shraga.submit_task(new_task(name, depends_on=on, **fields))


def end(shraga: Shraga, hand: Hand, task: Task, status: TaskStatus) -> None:
    """Let a queued task, which has to be the next, come to an end."""
    if status is S.CANCELED:
        shraga.cancel(task.id)
    elif status is S.SKIPPED:
        execute(shraga, "ZADD", shraga.driver.keys.make("due"), 1, f"expire:{task.id}")
        lead_and_release(hand.engine)
    else:
        claim = hand.claim()
        assert claim.task_id == task.id
        hand.commit(claim, RunStatus(status.value), error="broke")


def status_of(shraga: Shraga, *tasks: Task) -> list[TaskStatus]:
    return [shraga.get(task.id).status for task in tasks]


# Accepting


@pytest.mark.parametrize("kind", ["success", "finished"])
def test_task_with_an_open_prerequisite_is_blocked(shraga: Shraga, hand: Hand, kind: str) -> None:
    first = shraga.submit_task(new_task("first"))
    task = wait_for(shraga, f"{first.id}:{kind}")
    assert (task.status, task.status_code) == (S.BLOCKED, 3)
    assert shraga.get(task.id).depends_on == (Dependency(task_id=first.id, kind=kind),)
    assert hand.claim().task_id == first.id
    assert hand.try_claim() is None
    assert_agreement(shraga)


@pytest.mark.parametrize(
    ("kind", "ended", "status"),
    [
        ("success", S.COMPLETED, S.QUEUED),
        ("finished", S.COMPLETED, S.QUEUED),
        ("finished", S.FAILED, S.QUEUED),
        ("finished", S.SKIPPED, S.QUEUED),
        ("success", S.FAILED, S.SKIPPED),
        ("success", S.CANCELED, S.SKIPPED),
        ("related", S.FAILED, S.QUEUED),
    ],
)
def test_task_whose_prerequisite_has_ended_goes_where_that_leads(
    shraga: Shraga, hand: Hand, kind: str, ended: TaskStatus, status: TaskStatus
) -> None:
    first = bring_to(shraga, hand, ended)
    task = wait_for(shraga, f"{first.id}:{kind}")
    assert task.status is status
    assert shraga.get(task.id).status is status
    assert_agreement(shraga)


def test_skipped_at_once_says_for_what_and_is_told_and_counted_as_run(shraga: Shraga, hand: Hand) -> None:
    first = bring_to(shraga, hand, S.FAILED, name="build")
    task = shraga.get(wait_for(shraga, first.id).id)
    assert task.error == f'it waits for the success of "build" ({first.id}), which is failed'
    assert shraga.runs(task.id)[-1].status is RunStatus.SKIPPED
    assert [event.type for event in shraga.events(tail=2)] == ["task.submitted", "task.skipped"]


def test_policy_block_keeps_it_blocked_at_once(shraga: Shraga, hand: Hand) -> None:
    first = bring_to(shraga, hand, S.FAILED)
    assert wait_for(shraga, first.id, on_prerequisite_failure="block").status is S.BLOCKED
    assert_agreement(shraga)


@pytest.mark.parametrize("kind", ["related", "duplicate"])
def test_links_wait_for_nothing(shraga: Shraga, kind: str) -> None:
    first = shraga.submit_task(new_task("first"))
    assert wait_for(shraga, f"{first.id}:{kind}").status is S.QUEUED
    assert_agreement(shraga)


def test_unknown_prerequisite_is_named_and_nothing_is_accepted(shraga: Shraga) -> None:
    unknown = new_id()
    with pytest.raises(NotFound, match=f"depends_on: there is no task '{unknown}' to wait for"):
        shraga.submit_many([new_task(), new_task(depends_on=[unknown])])
    assert shraga.counts().total == 0
    assert Ledger(shraga.driver).dependents == {}


def test_unknown_prerequisite_of_one_of_many_is_found_before_any_is_sent(shraga: Shraga) -> None:
    many = [new_task(id=f"n{i}", depends_on=[f"n{i - 1}"] if i else []) for i in range(700)]
    with pytest.raises(NotFound, match="'nothing'"):
        shraga.submit_many([*many, new_task(depends_on=["n3", "nothing"])])
    assert shraga.counts().total == 0


def test_names_of_one_call_stand_for_its_earlier_tasks(shraga: Shraga) -> None:
    tasks = shraga.submit_many(
        [
            new_task("fetch", id="fetch"),
            new_task("build", id="build", depends_on=["fetch"]),
            new_task("tell", depends_on=["build:finished", "fetch"]),
        ]
    )
    fetch, build, tell = tasks
    assert [task.status for task in tasks] == [S.QUEUED, S.BLOCKED, S.BLOCKED]
    assert {one.task_id for one in shraga.get(tell.id).depends_on} == {fetch.id, build.id}
    assert len(fetch.id) == 36
    assert_agreement(shraga)


def test_names_reach_over_the_calls_of_a_long_submission(shraga: Shraga) -> None:
    chain = [new_task(id=f"n{i}", depends_on=[f"n{i - 1}"] if i else []) for i in range(1200)]
    tasks = shraga.submit_many(chain)
    assert [task.status for task in tasks] == [S.QUEUED, *[S.BLOCKED] * 1199]
    assert shraga.get(tasks[-1].id).depends_on[0].task_id == tasks[-2].id


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([{"id": "a"}, {"id": "a"}], "id: two tasks are called 'a'"),
        ([{"id": "a", "depends_on": ["a"]}], "depends_on: 'a' cannot wait for itself"),
    ],
)
def test_names_that_cannot_be_are_refused(shraga: Shraga, tasks: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        shraga.submit_many([new_task(**fields) for fields in tasks])
    assert shraga.counts().total == 0


def test_later_task_cannot_be_waited_for(shraga: Shraga) -> None:
    with pytest.raises(NotFound, match="'b'"):
        shraga.submit_many([new_task(depends_on=["b"]), new_task(id="b")])


def test_own_id_is_kept_and_a_repetition_adds_nothing(shraga: Shraga) -> None:
    own = new_id()
    assert [shraga.submit_task(new_task("once", id=own)).id for _ in range(2)] == [own, own]
    assert shraga.counts().total == 1


@pytest.mark.parametrize(("name", "owner"), [("other", "tester"), ("once", "bob")])
def test_id_of_another_task_is_refused(shraga: Shraga, name: str, owner: str) -> None:
    own = new_id()
    shraga.submit_task(new_task("once", id=own))
    with pytest.raises(Refused, match=f"id: {own} is another task's id already"):
        shraga.submit_task(new_task(name, id=own), owner=owner)
    assert shraga.counts().total == 1


# Releasing


@pytest.mark.parametrize("ended", ENDS)
@pytest.mark.parametrize("kind", ["success", "finished"])
@pytest.mark.parametrize("policy", ["skip", "block"])
def test_end_of_the_only_prerequisite(
    shraga: Shraga, hand: Hand, ended: TaskStatus, kind: str, policy: str
) -> None:
    first = shraga.submit_task(new_task("first"))
    task = wait_for(shraga, f"{first.id}:{kind}", on_prerequisite_failure=policy)
    end(shraga, hand, first, ended)
    met = ended is S.COMPLETED or kind == "finished"
    assert shraga.get(task.id).status is (S.QUEUED if met else S.SKIPPED if policy == "skip" else S.BLOCKED)
    assert_agreement(shraga)
    if met:
        assert hand.claim().task_id == task.id
        assert shraga.runs(task.id)[-1].triggered_by == "dependency"


def test_lost_and_failed_for_good_counts_as_failed(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first", limits=Limits(on_lost="fail")))
    after = wait_for(shraga, f"{first.id}:finished")
    skipped = wait_for(shraga, first.id)
    claim = hand.claim()
    hand.engine.lead("test", 60_000)
    end_lease(shraga, first.id)
    assert hand.lose(claim, "test") == "failed"
    assert status_of(shraga, after, skipped) == [S.QUEUED, S.SKIPPED]
    assert_agreement(shraga)


def test_a_try_that_failed_is_no_end(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first", limits=Limits(retries=1, backoff=0)))
    task = wait_for(shraga, first.id)
    hand.commit(hand.claim(), RunStatus.FAILED)
    assert shraga.get(task.id).status is S.BLOCKED
    hand.commit(hand.claim(), RunStatus.COMPLETED)
    assert shraga.get(task.id).status is S.QUEUED


def test_the_last_of_several_releases(shraga: Shraga, hand: Hand) -> None:
    firsts = [shraga.submit_task(new_task(f"first {i}")) for i in range(3)]
    task = wait_for(shraga, *(one.id for one in firsts))
    for first in firsts:
        assert shraga.get(task.id).status is S.BLOCKED
        end(shraga, hand, first, S.COMPLETED)
    assert shraga.get(task.id).status is S.QUEUED
    assert_agreement(shraga)


def test_two_ends_in_one_call_release_once_and_are_claimed_in_it(shraga: Shraga, hand: Hand) -> None:
    firsts = [shraga.submit_task(new_task("first")) for _ in range(8)]
    task = wait_for(shraga, *(one.id for one in firsts))
    claims = [claim for _ in firsts for claim in hand.engine.turn(hand.slot_name, 1)[1]]
    assert len(claims) == 8
    for claim in claims[:-1]:
        hand.commit(claim)
    assert hand.commit(claims[-1]) == "completed"
    assert hand.claim().task_id == task.id
    queued = [
        event for event in shraga.events(tail=1000) if (event.type, event.task_id) == ("task.queued", task.id)
    ]
    assert len(queued) == 1
    assert_agreement(shraga)


def test_released_before_its_start_time_it_is_scheduled(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    at = Schedule(at="2099-01-01T00:00:00Z")
    task = wait_for(shraga, first.id, schedule=at)
    assert (task.status, task.next_run_at) == (S.BLOCKED, None)
    end(shraga, hand, first, S.COMPLETED)
    found = shraga.get(task.id)
    assert (found.status, found.next_run_at) == (S.SCHEDULED, at.at)
    assert_agreement(shraga)
    make_due(shraga, task.id)
    lead_and_release(hand.engine)
    assert shraga.get(task.id).status is S.QUEUED


def test_skipping_goes_on_to_those_that_wait_for_the_skipped(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    second = wait_for(shraga, first.id, name="second")
    third = wait_for(shraga, second.id, name="third")
    whatever = wait_for(shraga, f"{third.id}:finished", name="whatever")
    end(shraga, hand, first, S.FAILED)
    assert status_of(shraga, second, third, whatever) == [S.SKIPPED, S.SKIPPED, S.QUEUED]
    assert second.id in shraga.get(third.id).error
    assert_agreement(shraga)


def test_dependents_of_other_owners_are_released_too(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"), owner="alice")
    task = shraga.submit_task(new_task(depends_on=[first.id]), owner="bob")
    end(shraga, hand, first, S.COMPLETED)
    assert shraga.get(task.id).status is S.QUEUED
    assert_agreement(shraga)


def test_expired_in_the_hands_of_a_worker_it_skips_its_dependents(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first", limits=Limits(expires_in=3600)))
    task, other = wait_for(shraga, first.id), wait_for(shraga, f"{first.id}:finished")
    make_due(shraga, f"expire:{first.id}")
    assert hand.try_claim() is None
    assert status_of(shraga, first, task, other) == [S.SKIPPED, S.SKIPPED, S.QUEUED]
    assert "before it started; its limit was 1h" in shraga.why(first.id).reasons[0].says
    assert_agreement(shraga)


def test_fan_in_of_ten_thousand_releases_exactly_once(shraga: Shraga, hand: Hand) -> None:
    firsts = shraga.submit_many([new_task(f"f{i}") for i in range(10_000)])
    task = wait_for(shraga, *(one.id for one in firsts))
    assert task.status is S.BLOCKED
    keys, left = shraga.driver.keys, len(firsts)
    while left:
        claims = hand.engine.turn(hand.slot_name, 50)[1]
        assert shraga.get_with_runs(task.id).task.status is S.BLOCKED if left % 1000 == 0 else claims
        hand_over = [replace(claim) for claim in claims]
        for claim in hand_over:
            hand.commit(claim)
        left -= len(claims)
        assert execute(shraga, "SCARD", keys.make("unmet", owner="tester", task=task.id)) == left
    assert hand.claim().task_id == task.id
    assert hand.try_claim() is None
    assert len(shraga.get(task.id).depends_on) == 10_000


def test_a_thousand_are_released_by_one_end_in_their_order(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    tasks = shraga.submit_many([new_task(f"n{i}", depends_on=[first.id]) for i in range(1000)])
    end(shraga, hand, first, S.COMPLETED)
    assert shraga.counts().by_status[S.QUEUED] == 1000
    assert [hand.claim().task_id for _ in range(3)] == [task.id for task in tasks[:3]]
    assert execute(shraga, "EXISTS", shraga.driver.keys.make("releasing")) == 0
    assert_agreement(shraga)


# More dependents than one call looks at


@pytest.mark.parametrize(("ended", "status"), [(S.COMPLETED, S.QUEUED), (S.FAILED, S.SKIPPED)])
def test_what_one_call_leaves_is_stored_and_finished_by_the_leader(
    narrow: Shraga, ended: TaskStatus, status: TaskStatus
) -> None:
    hand = hire(Engine(narrow.driver))
    first = narrow.submit_task(new_task("first"))
    tasks = narrow.submit_many([new_task(f"n{i}", depends_on=[first.id]) for i in range(10)])
    end(narrow, hand, first, ended)
    assert status_of(narrow, *tasks) == [*[status] * 3, *[S.BLOCKED] * 7]
    assert_agreement(narrow)
    # Neither a second run of the prerequisite nor a look by the mender gets in the way of what is left.
    narrow.retry(first.id)
    hand.engine.lead("test", 60_000)
    assert Mender(hand.engine, "test").mend(S.BLOCKED, 0, 100) == (0, 7)
    while lead_and_release(hand.engine)[0]:
        assert_agreement(narrow)
    assert status_of(narrow, *tasks) == [status] * 10
    assert execute(narrow, "EXISTS", narrow.driver.keys.make("releasing")) == 0


def test_a_long_chain_is_skipped_in_bounded_steps(narrow: Shraga) -> None:
    hand = hire(Engine(narrow.driver))
    first = narrow.submit_task(new_task("first", id="n0"))
    rest = narrow.submit_many(
        [new_task(id=f"n{i}", depends_on=[f"n{i - 1}" if i > 1 else first.id]) for i in range(1, 30)]
    )
    narrow.cancel(first.id)
    assert narrow.counts().by_status[S.SKIPPED] == 3
    steps = 0
    while lead_and_release(hand.engine)[0]:
        steps += 1
        assert_agreement(narrow)
    assert steps < 15
    assert status_of(narrow, *rest) == [S.SKIPPED] * 29


# Retried, canceled, expired, mended, forgotten


def test_retried_and_completed_it_releases_the_blocked_and_not_the_skipped(
    shraga: Shraga, hand: Hand
) -> None:
    first = shraga.submit_task(new_task("first"))
    skipped = wait_for(shraga, first.id)
    blocked = wait_for(shraga, first.id, on_prerequisite_failure="block")
    end(shraga, hand, first, S.FAILED)
    shraga.retry(first.id)
    assert status_of(shraga, skipped, blocked) == [S.SKIPPED, S.BLOCKED]
    hand.commit(hand.claim())
    assert status_of(shraga, skipped, blocked) == [S.SKIPPED, S.QUEUED]
    assert_agreement(shraga)


def test_what_is_met_stays_met_when_it_is_run_again(shraga: Shraga, hand: Hand) -> None:
    first, second = shraga.submit_task(new_task("first")), shraga.submit_task(new_task("second"))
    task = wait_for(shraga, first.id, second.id)
    end(shraga, hand, first, S.COMPLETED)
    shraga.retry(first.id)
    hand.commit(hand.claim())
    assert shraga.get(task.id).status is S.QUEUED
    assert hand.claim().task_id == first.id


@pytest.mark.parametrize("status", [S.BLOCKED, S.SKIPPED])
def test_run_by_hand_it_waits_no_more(shraga: Shraga, hand: Hand, status: TaskStatus) -> None:
    first = shraga.submit_task(new_task("first", capability="gpu"))
    task = wait_for(shraga, first.id)
    if status is S.SKIPPED:
        end(shraga, hand, first, S.CANCELED)
    assert shraga.retry(task.id).status is S.QUEUED
    assert hand.claim().task_id == task.id
    assert_agreement(shraga)


def test_blocked_task_is_canceled(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    task = wait_for(shraga, first.id)
    after = wait_for(shraga, task.id)
    assert shraga.cancel(task.id).status is S.CANCELED
    assert shraga.get(after.id).status is S.SKIPPED
    end(shraga, hand, first, S.COMPLETED)
    assert shraga.get(task.id).status is S.CANCELED
    assert_agreement(shraga)


def test_blocked_task_expires(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    task = wait_for(shraga, first.id, limits=Limits(expires_in=60))
    make_due(shraga, f"expire:{task.id}")
    lead_and_release(hand.engine)
    found = shraga.get_with_runs(task.id)
    assert found.task.status is S.SKIPPED
    assert re.fullmatch(r"it expired at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, before it started", found.task.error)
    assert found.runs[-1].error == found.task.error
    assert_agreement(shraga)


def test_blocked_task_that_waits_for_nothing_is_mended(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    task, other = wait_for(shraga, first.id), wait_for(shraga, first.id, name="right")
    execute(shraga, "DEL", shraga.driver.keys.make("unmet", owner="tester", task=task.id))
    hand.engine.lead("test", 60_000)
    assert TaskStatus.BLOCKED in hand.engine.to_reconcile()
    assert Mender(hand.engine, "test").mend(S.BLOCKED, 0, 100) == (1, 2)
    assert status_of(shraga, task, other) == [S.QUEUED, S.BLOCKED]
    assert shraga.audit()[-1].action == "reconcile"


@pytest.mark.parametrize(("ended", "status"), [("completed", S.QUEUED), ("failed", S.SKIPPED)])
def test_blocked_task_whose_prerequisite_ended_unheard_is_mended(
    shraga: Shraga, hand: Hand, ended: str, status: TaskStatus
) -> None:
    first = shraga.submit_task(new_task("first"))
    task = wait_for(shraga, first.id)
    execute(shraga, "HSET", shraga.driver.keys.make("task", owner="tester", task=first.id), "status", ended)
    hand.engine.lead("test", 60_000)
    assert Mender(hand.engine, "test").mend(S.BLOCKED, 0, 100) == (1, 1)
    assert shraga.get(task.id).status is status
    assert Mender(hand.engine, "test").mend(S.BLOCKED, 0, 100) == (0, 0)


# Adding and taking away


def test_waiting_task_is_blocked_by_a_new_prerequisite(shraga: Shraga, hand: Hand) -> None:
    first, task = shraga.submit_task(new_task("first", capability="gpu")), shraga.submit_task(new_task())
    assert shraga.depend(task.id, f"{first.id}:finished").status is S.BLOCKED
    assert hand.try_claim() is None
    assert_agreement(shraga)
    assert [(entry.action, entry.entity_id) for entry in shraga.audit(tail=2)] == [
        ("depend", task.id),
        ("block", task.id),
    ]
    assert shraga.undepend(task.id, first.id).status is S.QUEUED
    assert shraga.get(task.id).depends_on == ()
    assert_agreement(shraga)


def test_scheduled_task_is_blocked_and_released_to_its_time(shraga: Shraga, hand: Hand) -> None:
    first = shraga.submit_task(new_task("first"))
    task = shraga.submit_task(new_task(schedule=Schedule(at="2099-01-01T00:00:00Z")))
    assert shraga.depend(task.id, first.id).status is S.BLOCKED
    assert_agreement(shraga)
    end(shraga, hand, first, S.COMPLETED)
    assert shraga.get(task.id).status is S.SCHEDULED
    assert_agreement(shraga)


def test_kind_of_an_edge_is_changed(shraga: Shraga, hand: Hand) -> None:
    first = bring_to(shraga, hand, S.FAILED)
    task = wait_for(shraga, first.id, on_prerequisite_failure="block")
    assert shraga.depend(task.id, f"{first.id}:finished").status is S.QUEUED
    assert_agreement(shraga)


def test_failed_prerequisite_that_is_added_skips(shraga: Shraga, hand: Hand) -> None:
    first = bring_to(shraga, hand, S.FAILED)
    task = shraga.submit_task(new_task())
    assert shraga.depend(task.id, first.id).status is S.SKIPPED
    assert_agreement(shraga)


@pytest.mark.parametrize("status", [S.RUNNING, *ENDS])
def test_what_has_begun_waits_for_nothing_but_can_be_linked(
    shraga: Shraga, hand: Hand, status: TaskStatus
) -> None:
    task, other = bring_to(shraga, hand, status), shraga.submit_task(new_task())
    with pytest.raises(Refused, match=f"is {status}; only one that has not begun can wait"):
        shraga.depend(task.id, other.id)
    assert shraga.depend(task.id, f"{other.id}:duplicate").status is status
    assert_agreement(shraga)


def test_cycle_is_refused_and_named(shraga: Shraga) -> None:
    a, b, c = shraga.submit_many(
        [new_task("a", id="a"), new_task("b", id="b", depends_on=["a"]), new_task("c", depends_on=["b"])]
    )
    with pytest.raises(InvalidInput) as caught:
        shraga.depend(a.id, c.id)
    assert caught.value.field == "depends_on"
    assert f"'a' ({a.id}) -> 'c' ({c.id}) -> 'b' ({b.id}) -> 'a' ({a.id})" in str(caught.value)
    with pytest.raises(InvalidInput, match="cannot wait for itself"):
        shraga.depend(a.id, a.id)
    assert shraga.depend(a.id, f"{c.id}:related").status is S.QUEUED
    assert_agreement(shraga)


def test_diamond_is_no_cycle(shraga: Shraga) -> None:
    a, _, _, d = shraga.submit_many(
        [
            new_task("a", id="a"),
            new_task("b", id="b", depends_on=["a"]),
            new_task("c", id="c", depends_on=["a"]),
            new_task("d", depends_on=["b", "c"]),
        ]
    )
    assert shraga.depend(d.id, a.id).status is S.BLOCKED
    assert_agreement(shraga)


@pytest.mark.parametrize("which", [0, 1])
def test_unknown_task_cannot_depend_or_be_depended_on(shraga: Shraga, which: int) -> None:
    known, unknown = shraga.submit_task(new_task()).id, new_id()
    pair = (known, unknown) if which else (unknown, known)
    with pytest.raises(NotFound, match=f"There is no task '{unknown}'"):
        shraga.depend(*pair)


def test_what_does_not_depend_cannot_be_parted(shraga: Shraga) -> None:
    a, b = shraga.submit_many([new_task(), new_task()])
    with pytest.raises(Refused, match=f"The task {a.id} does not depend on {b.id}"):
        shraga.undepend(a.id, b.id)


# Looking


def test_both_ends_are_seen(shraga: Shraga, hand: Hand) -> None:
    met = bring_to(shraga, hand, S.COMPLETED, name="met")
    first = shraga.submit_task(new_task("first"), owner="alice")
    task = wait_for(shraga, met.id, f"{first.id}:finished", name="middle")
    last = wait_for(shraga, task.id, name="last")
    found = shraga.dependencies(task.id)
    assert [(one.name, one.kind, one.status, one.owner, one.is_unmet) for one in found.prerequisites] == [
        ("first", "finished", "queued", "alice", True),
        ("met", "success", "completed", "tester", False),
    ]
    assert [(one.id, one.kind, one.is_unmet) for one in found.dependents] == [(last.id, "success", True)]
    assert (found.prerequisites_total, found.unmet_total, found.dependents_total) == (2, 1, 1)


def test_many_are_seen_in_part(shraga: Shraga) -> None:
    first = shraga.submit_task(new_task("first"))
    tasks = shraga.submit_many([new_task(f"n{i}", depends_on=[first.id]) for i in range(30)])
    found = shraga.dependencies(first.id, limit=7)
    assert ([one.id for one in found.dependents], found.dependents_total) == (
        [task.id for task in tasks[:7]],
        30,
    )


def test_unknown_task_has_no_neighbours(shraga: Shraga) -> None:
    with pytest.raises(NotFound, match="There is no task 'nope'"):
        shraga.dependencies("nope")


def test_shell_and_new_task_take_dependencies_as_words(shraga: Shraga) -> None:
    first = shraga.submit("first", Shell("true"))
    task = shraga.submit("second", Shell("true"), depends_on=[f"{first.id}:finished"])
    assert task.depends_on == (Dependency(task_id=first.id, kind="finished"),)
    assert NewTask(name="n", action=Shell("x"), depends_on=[first.id]).depends_on[0].kind == "success"
