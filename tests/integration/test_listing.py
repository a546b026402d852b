"""Lists by rank: any page of a union, in both directions, pinned or live, in one call of constant work."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shraga_models import Shell, TaskFilter, TaskStatus, parse_filter
from shraga_queue.aclient import AsyncShraga
from shraga_queue.client import Shraga, SyncDriver
from shraga_queue.config import Settings
from shraga_queue.errors import InvalidInput
from shraga_queue.keys import Keys
from shraga_queue.listing import Found, ListQuery, Place, TaskPage
from shraga_queue.operations import Operations
from tests.factories import Planted, execute, fresh_prefix, plant

STATUSES = ("queued", "running", "failed")
OWNERS = ("alice", "bob")
planted = st.lists(
    st.tuples(
        st.sampled_from(STATUSES),
        st.one_of(st.integers(1, 4), st.integers(1, 2_000_000_000_000)),
        st.sampled_from(OWNERS),
    ),
    max_size=25,
)
filters = st.builds(
    TaskFilter,
    status=st.lists(st.sampled_from(STATUSES), unique=True).map(tuple),
    owner=st.lists(st.sampled_from(OWNERS), unique=True).map(tuple),
)


def in_order(tasks: list[Planted], query: ListQuery) -> list[str]:
    """The order of lists, by brute force."""
    statuses, owners = query.wanted.status or tuple(TaskStatus), query.wanted.owner
    fitting = [one for one in tasks if one.status in statuses and (not owners or one.owner in owners)]
    fitting.sort(key=lambda one: one.id, reverse=not query.oldest_first)
    sign = 1 if query.oldest_first else -1

    def place(one: Planted) -> tuple[int, int, int]:
        owner = owners.index(one.owner) if owners else 0
        return sign * one.score, list(statuses).index(one.status), owner

    return [one.id for one in sorted(fitting, key=place)]


def ids(page: TaskPage) -> list[str]:
    return [row.id for row in page.rows if row]


def page(driver: SyncDriver, query: ListQuery, first: int, count: int, pin: int | None = None) -> TaskPage:
    return driver.run(Operations(driver.keys, "tester").task_page(query, first, count, pin))


@given(
    rows=planted,
    wanted=filters,
    oldest=st.booleans(),
    first=st.integers(0, 30),
    count=st.integers(0, 12),
    pin=st.one_of(st.none(), st.integers(1, 5), st.integers(1, 2_000_000_000_000)),
)
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_are_those_of_a_brute_force_sort(
    shraga: Shraga,
    rows: list[tuple[str, int, str]],
    wanted: TaskFilter,
    oldest: bool,
    first: int,
    count: int,
    pin: int | None,
) -> None:
    driver = SyncDriver(shraga.driver.connection, Keys(fresh_prefix()))
    tasks = [Planted(f"t{i:03}", status, score, who) for i, (status, score, who) in enumerate(rows)]
    plant(driver, tasks)
    query = ListQuery(wanted, oldest)
    everything = in_order(tasks, query)
    expected = in_order([one for one in tasks if pin is None or one.score <= pin], query)
    got = page(driver, query, first, count, pin)
    assert ids(got) == expected[first : first + count]
    assert got.total == len(expected)
    assert got.newer == len(everything) - len(expected)


@given(rows=planted, wanted=filters, oldest=st.booleans(), gone=st.integers(0, 24), step=st.integers(1, 4))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_search_goes_on_after_any_member_even_one_that_is_gone(
    shraga: Shraga, rows: list[tuple[str, int, str]], wanted: TaskFilter, oldest: bool, gone: int, step: int
) -> None:
    driver = SyncDriver(shraga.driver.connection, Keys(fresh_prefix()))
    operations = Operations(driver.keys, "tester")
    tasks = [Planted(f"t{i:03}", status, score, who) for i, (status, score, who) in enumerate(rows)]
    plant(driver, tasks)
    query = ListQuery(wanted, oldest)
    found: list[str] = []
    after: Place | None = None
    while True:
        slice_: Found = driver.run(operations.search(query, after, step))
        found += slice_.ids
        after = slice_.after
        if after is None:
            break
        if len(found) > gone:
            leaver = next(one for one in tasks if one.id == after.id)
            driver.connection.execute_command(
                "ZREM", driver.keys.make("index", status=leaver.status), leaver.id
            )
    assert found == in_order(tasks, query)


@pytest.mark.parametrize("first", [0, 1, 999, 1000, 1499, 1998, 1999, 2000, 5000])
@pytest.mark.parametrize("oldest", [False, True])
def test_deep_page_of_a_union_is_right_even_among_ties(shraga: Shraga, first: int, oldest: bool) -> None:
    tasks = [Planted(f"t{i:04}", STATUSES[i % 2], 1000 + i // 500) for i in range(2000)]
    plant(shraga.driver, tasks)
    query = ListQuery(parse_filter("status:queued,running"), oldest)
    assert ids(shraga.task_page(query, first, 20)) == in_order(tasks, query)[first : first + 20]


def test_ages_narrow_a_page_without_a_search(shraga: Shraga) -> None:
    now = int(shraga.driver.run(shraga.operations.now()).timestamp() * 1000)
    plant(shraga.driver, [Planted(f"t{age}", "queued", now - age * 1000) for age in (5, 60, 7200, 90_000)])
    got = shraga.task_page(ListQuery(parse_filter("age>30s age<1d")), 0, 10)
    assert ids(got) == ["t60", "t7200"]
    assert got.total == 2


def test_a_filter_that_needs_a_search_is_no_page(shraga: Shraga) -> None:
    with pytest.raises(ValueError, match="only status, owner and age"):
        shraga.task_page(ListQuery(parse_filter("login")), 0, 10)


def test_a_row_that_is_gone_keeps_its_rank(shraga: Shraga) -> None:
    plant(shraga.driver, [Planted(name, "queued", 9 - place) for place, name in enumerate("abc")])
    execute(shraga, "DEL", shraga.driver.keys.make("task", owner="tester", task="b"))
    got = shraga.task_page(ListQuery(), 0, 10)
    assert [row and row.id for row in got.rows] == ["a", None, "c"]
    assert [row and row.id for row in shraga.task_rows(["c", "b", "a"])] == ["c", None, "a"]


def test_one_page_is_one_call_whatever_it_asks_for(shraga: Shraga, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(shraga.driver, [Planted(f"t{i:04}", STATUSES[i % 3], i) for i in range(600)])
    shraga.task_page(ListQuery(), 0, 1)
    calls: list[Any] = []
    send = shraga.driver.connection.execute_command

    def counted(*command: Any, **options: Any) -> Any:
        calls.append(command[0])
        return send(*command, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(shraga.driver.connection, "execute_command", counted)
    assert len(ids(shraga.task_page(ListQuery(), 300, 128, pin=500))) == 128
    assert calls == ["EVALSHA_RO"]


def commands_of_a_page(shraga: Shraga, first: int) -> int:
    """Return how many commands the page script sends for a page from a rank on."""

    def total() -> int:
        info = execute(shraga, "INFO", "commandstats")
        return sum(
            stats["calls"] for name, stats in info.items() if name.split("_")[1] in ("zcount", "zrevrange")
        )

    before = total()
    assert len(ids(shraga.task_page(ListQuery(parse_filter("status:queued,running")), first, 20))) == 20
    return total() - before


def test_the_work_of_a_page_does_not_grow_with_the_tasks_before_it(shraga: Shraga) -> None:
    plant(shraga.driver, [Planted(f"t{i:05}", STATUSES[i % 2], 1_000_000 + i * 7) for i in range(6000)])
    used = [commands_of_a_page(shraga, first) for first in (1, 100, 3000, 5900)]
    assert max(used) < 120
    assert max(used) - min(used) < 40


def test_ids_are_found_up_to_a_limit_and_in_order(shraga: Shraga) -> None:
    tasks = [Planted(f"t{i:05}", "queued", i, name="needle" if i % 3 else "hay") for i in range(2500)]
    plant(shraga.driver, tasks)
    needles = [one.id for one in reversed(tasks) if one.name == "needle"]
    assert shraga.find_ids("needle", limit=100_000) == needles
    assert shraga.find_ids("needle", limit=7) == needles[:7]
    assert all(one > other for one, other in pairwise(shraga.find_ids(limit=100_000)))
    with pytest.raises(InvalidInput, match="'colour' in 'colour:red' is unknown"):
        shraga.find_ids("colour:red")


async def test_the_async_client_reads_the_same_lists(shraga: Shraga, settings: Settings) -> None:
    task = shraga.submit("n", Shell("true"))
    async with AsyncShraga.connect(settings=settings) as other:
        query = ListQuery(parse_filter("n"))
        assert await other.search(query) == shraga.search(query)
        assert await other.find_ids("n") == [task.id]
        assert await other.task_rows([task.id]) == shraga.task_rows([task.id])
        assert ids(await other.task_page(ListQuery(), 0, 5)) == [task.id]
        assert (await other.ask_cancel(task.id, "why"))[0] == "canceled"
        assert (shraga.get(task.id).cancel_reason, shraga.get(task.id).status) == (
            "why",
            TaskStatus.CANCELED,
        )
