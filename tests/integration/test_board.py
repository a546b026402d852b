"""The board: pages of unions that are exactly what sorting everything would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shraga_models import Shell, TaskStatus
from shraga_queue.board import BoardQuery, BoardSnapshot, Column
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.keys import Keys
from shraga_queue.operations import Operations
from tests.factories import Planted, execute, fresh_prefix, plant

STATUSES = ("queued", "running", "failed")
FUTURE = 4_102_444_800_000
planted = st.lists(
    st.tuples(
        st.sampled_from(STATUSES),
        st.one_of(st.integers(1, 5), st.integers(1, 2_000_000_000_000), st.integers(FUTURE, FUTURE + 3)),
        st.sampled_from(["alice", "bob"]),
    ),
    max_size=25,
)
columns = st.lists(
    st.builds(
        Column,
        st.lists(st.sampled_from(STATUSES), min_size=1, unique=True).map(tuple),
        st.integers(0, 30),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=3,
)


def ask(driver: SyncDriver, query: BoardQuery) -> BoardSnapshot:
    return driver.run(Operations(driver.keys, "tester").board(query))


def in_order(tasks: list[Planted], statuses: Sequence[str]) -> list[Planted]:
    """The order of lists: the newest move, among equals the order of the statuses, then the higher id."""
    higher = sorted(tasks, key=lambda one: one.id, reverse=True)
    return sorted(higher, key=lambda one: (-one.score, list(statuses).index(one.status)))


@given(rows=planted, asked=columns, owner=st.sampled_from([None, "alice", "nobody"]))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_are_those_of_a_brute_force_sort(
    shraga: Shraga, rows: list[tuple[str, int, str]], asked: list[Column], owner: str | None
) -> None:
    driver = SyncDriver(shraga.driver.connection, Keys(fresh_prefix()))
    tasks = [Planted(f"t{i:03}", status, score, who) for i, (status, score, who) in enumerate(rows)]
    plant(driver, tasks)
    snapshot = ask(driver, BoardQuery(tuple(asked), owner))
    for column, page in zip(asked, snapshot.columns, strict=True):
        fitting = [one for one in tasks if one.status in column.statuses and owner in (None, one.owner)]
        fitting = in_order(fitting, column.statuses)
        assert page.total == len(fitting)
        expected = [one.id for one in fitting[column.first : column.first + column.count]]
        assert [row.id for row in page.rows] == expected


@pytest.mark.parametrize("first", [0, 1, 999, 1000, 1499, 1998, 1999, 2000, 5000])
def test_deep_page_of_a_union_is_right_even_among_ties(shraga: Shraga, first: int) -> None:
    tasks = [Planted(f"t{i:04}", STATUSES[i % 2], 1000 + i // 500) for i in range(2000)]
    plant(shraga.driver, tasks)
    tasks = in_order(tasks, ("queued", "running"))
    (page,) = shraga.board(BoardQuery((Column(("queued", "running"), first, 20),))).columns
    assert [row.id for row in page.rows] == [one.id for one in tasks[first : first + 20]]
    assert page.total == 2000


def test_row_says_what_a_card_shows(shraga: Shraga) -> None:
    task = shraga.submit("n", Shell("x"), kind="bugfix", priority="high", labels=["a", "b"], capability="gpu")
    (page,) = shraga.board(BoardQuery((Column(("queued",)),))).columns
    (row,) = page.rows
    assert (row.id, row.name, row.status, row.owner) == (task.id, "n", "queued", "tester")
    assert (row.kind, row.priority, row.labels, row.capability) == ("bugfix", "high", ("a", "b"), "gpu")
    assert (row.attempt, row.moved_at, row.canceling) == (1, int(task.moved_at.timestamp() * 1000), False)


@pytest.mark.parametrize(("letter", "kept"), [("x", 480), ("ü", 240), ("世", 160), ("🎉", 120)])
def test_long_names_thoughts_and_errors_are_cut(shraga: Shraga, letter: str, kept: int) -> None:
    long = letter * 1000
    plant(shraga.driver, [Planted("t", "failed", 1, name=long, fields=("thought", long, "error", long))])
    (row,) = shraga.board(BoardQuery((Column(("failed",)),))).columns[0].rows
    assert [row.name, row.thought, row.error] == [letter * kept] * 3


def test_cut_falls_between_two_characters(shraga: Shraga) -> None:
    plant(shraga.driver, [Planted("t", "failed", 1, name="x" + "ü" * 1000)])
    (row,) = shraga.board(BoardQuery((Column(("failed",)),))).columns[0].rows
    assert row.name == "x" + "ü" * 239


def test_row_whose_task_is_gone_is_left_out(shraga: Shraga) -> None:
    plant(shraga.driver, [Planted("a", "queued", 2), Planted("b", "queued", 1)])
    execute(shraga, "DEL", shraga.driver.keys.make("task", owner="tester", task="a"))
    (page,) = shraga.board(BoardQuery((Column(("queued",)),))).columns
    assert [row.id for row in page.rows] == ["b"]


def test_board_carries_redis_s_time(shraga: Shraga) -> None:
    before = int(shraga.driver.run(shraga.operations.now()).timestamp() * 1000)
    assert 0 <= shraga.board(BoardQuery((Column(("queued",)),))).now - before < 5000


def test_one_page_is_one_call_however_many_columns(shraga: Shraga, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    send = shraga.driver.connection.execute_command
    query = BoardQuery(tuple(Column((status,)) for status in TaskStatus))
    shraga.board(query)

    def counted(*command: Any, **options: Any) -> Any:
        calls.append(command[0])
        return send(*command, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(shraga.driver.connection, "execute_command", counted)
    assert len(shraga.board(query).columns) == len(TaskStatus)
    assert calls == ["EVALSHA_RO"]


def test_counts_are_per_status_and_per_owner(shraga: Shraga) -> None:
    plant(
        shraga.driver,
        [Planted("a", "queued", 1), Planted("b", "queued", 1, "bob"), Planted("c", "failed", 1)],
    )
    everyone, bob = shraga.counts(), shraga.counts("bob")
    assert (everyone.by_status[TaskStatus.QUEUED], everyone.by_status[TaskStatus.FAILED], everyone.total) == (
        2,
        1,
        3,
    )
    assert (bob.by_status[TaskStatus.QUEUED], bob.total) == (1, 1)
    assert (everyone.leases, everyone.due, everyone.has_leader) == (0, 0, False)


def test_counts_tell_the_brakes_on_everything_and_on_the_owner_asked_for(shraga: Shraga) -> None:
    shraga.set_brake(True, owner="bob", reason="runaway agent")
    assert shraga.counts().standstill == ""
    assert shraga.counts("alice").brakes == ()
    said = "no task of bob starts until `shraga brake off --owner bob`: runaway agent"
    assert shraga.counts("bob").standstill.endswith(said)
    shraga.set_brake(True)
    everyone, bob = shraga.counts(), shraga.counts("bob")
    assert [(brake.owner, brake.by) for brake in everyone.brakes] == [(None, shraga.operations.user)]
    assert [brake.owner for brake in bob.brakes] == [None, "bob"]
    assert everyone.standstill == bob.standstill
    assert everyone.standstill.endswith(": no task starts until `shraga brake off`.")


def test_counts_tell_that_rq_s_workers_are_suspended(shraga: Shraga) -> None:
    from rq.suspension import resume, suspend

    suspend(shraga.driver.connection)
    try:
        assert shraga.counts().standstill == "All workers are suspended: no task starts until `rq resume`."
    finally:
        resume(shraga.driver.connection)
    assert shraga.counts().standstill == ""
