"""Search: over everything, each match once, whatever the number of rows looked at."""

from __future__ import annotations

from typing import Any

import pytest

from shraga_models import Shell, TaskStatus
from shraga_queue import listing
from shraga_queue.client import Shraga
from shraga_queue.engine import Engine
from tests.factories import Planted, execute, hire, new_task, plant

ROWS = 2300
"""More than two budgets of rows."""


def found(shraga: Shraga, line: str, limit: int = 100_000) -> list[str]:
    return [row.id for row in shraga.find_rows(line, limit=limit)]


@pytest.mark.parametrize("ties", [1, 3, 999, 1000, 1001, ROWS])
def test_every_match_is_found_once_beyond_the_budget(shraga: Shraga, ties: int) -> None:
    assert ROWS > 2 * listing.SCAN_BUDGET
    rows = [
        Planted(f"t{i:05}", "completed", 1000 + i // ties, name="needle" if i % 7 == 0 else "hay")
        for i in range(ROWS)
    ]
    plant(shraga.driver, rows)
    expected = [row.id for row in reversed(rows) if row.name == "needle"]
    assert found(shraga, "needle") == expected
    assert found(shraga, "needle", limit=100) == expected[:100]
    assert len(found(shraga, "status:completed")) == ROWS


def test_matches_of_several_statuses_and_owners_are_merged_newest_first(shraga: Shraga) -> None:
    rows = [Planted(f"t{i}", ("queued", "failed")[i % 2], 100 - i, ("a", "b", "c")[i % 3]) for i in range(12)]
    plant(shraga.driver, rows)
    assert found(shraga, "") == [row.id for row in rows]
    assert found(shraga, "owner:a,b status:failed") == [
        row.id for row in rows if row.owner in "ab" and row.status == "failed"
    ]
    assert found(shraga, "", limit=5) == [row.id for row in rows[:5]]


@pytest.fixture
def shelf(shraga: Shraga) -> Shraga:
    """A store with some tasks to find."""
    named: dict[str, dict[str, Any]] = {
        "Fix Login Redirect": {"kind": "bugfix", "priority": "high", "labels": ["web", "nightly"]},
        "Übersicht bauen": {"kind": "docs", "labels": ["web"]},
        "train, then test": {"capability": "gpu", "priority": "low"},
        "nothing special": {},
    }
    for name, fields in named.items():
        shraga.submit(name, Shell("true"), **fields)
    return shraga


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("kind:bugfix", {"Fix Login Redirect"}),
        ("kind:general", {"train, then test", "nothing special"}),
        ("kind:bugfix,docs", {"Fix Login Redirect", "Übersicht bauen"}),
        ("priority:normal", {"Übersicht bauen", "nothing special"}),
        ("capability:gpu", {"train, then test"}),
        ("capability:any label:web", {"Fix Login Redirect", "Übersicht bauen"}),
        ("label:nightly", {"Fix Login Redirect"}),
        ("label:night", set()),
        ("label:web label:nightly", {"Fix Login Redirect", "Übersicht bauen"}),
        ("login", {"Fix Login Redirect"}),
        ("redirect FIX", {"Fix Login Redirect"}),
        ('"fix login"', {"Fix Login Redirect"}),
        ('"login fix"', set()),
        ("nightly", {"Fix Login Redirect"}),
        ("übersicht", {"Übersicht bauen"}),
        ("ÜBERSICHT", {"Übersicht bauen"}),
        ('"train, then"', {"train, then test"}),
        ('"train,test"', set()),
        ("100%", set()),
        ("status:failed", set()),
        ("owner:tester special", {"nothing special"}),
        ("owner:nobody", set()),
        ('""', {"Fix Login Redirect", "Übersicht bauen", "train, then test", "nothing special"}),
    ],
)
def test_filter_finds_what_it_says(shelf: Shraga, line: str, names: set[str]) -> None:
    assert {row.name for row in shelf.find_rows(line)} == names


def test_id_is_found_by_its_beginning(shraga: Shraga) -> None:
    plant(
        shraga.driver,
        [Planted("0190-aa", "queued", 1), Planted("0190-ab", "queued", 1), Planted("0191", "queued", 1)],
    )
    assert found(shraga, "id:0190") == ["0190-ab", "0190-aa"]
    assert found(shraga, "id:0190-aa,0191") == ["0191", "0190-aa"]


def test_worker_is_found_by_its_whole_name(shraga: Shraga, engine: Engine) -> None:
    for name in ("w1", "w10"):
        shraga.submit(name, Shell("true"))
        hire(engine, name).claim()
    assert [row.name for row in shraga.find_rows("worker:w1")] == ["w1"]


@pytest.mark.parametrize(
    ("line", "ages"),
    [
        ("age>1h", [7200, 86400]),
        ("age<1h", [0, 60]),
        ("age>30s age<1d", [60, 7200]),
        ("age>2d", []),
    ],
)
def test_age_is_counted_from_the_last_move(shraga: Shraga, line: str, ages: list[int]) -> None:
    now = int(shraga.driver.run(shraga.operations.now()).timestamp() * 1000)
    all_ages = [0, 60, 7200, 86400]
    plant(shraga.driver, [Planted(f"t{age}", "queued", now - age * 1000 - (age > 0)) for age in all_ages])
    assert found(shraga, line) == [f"t{age}" for age in ages]


def test_age_is_kept_over_many_slices(shraga: Shraga) -> None:
    now = int(shraga.driver.run(shraga.operations.now()).timestamp() * 1000)
    plant(shraga.driver, [Planted(f"t{i:05}", "queued", now - i * 1000) for i in range(ROWS)])
    assert len(found(shraga, "age>100s age<2200s")) == pytest.approx(2100, abs=60)
    assert len(found(shraga, "age>100s planted")) == pytest.approx(2200, abs=60)


def test_find_returns_whole_tasks_in_the_order_of_the_rows(shraga: Shraga) -> None:
    shraga.submit_many([new_task(f"n{i}") for i in range(5)])
    assert [task.id for task in shraga.find()] == [row.id for row in shraga.find_rows()]
    assert all(task.status is TaskStatus.QUEUED for task in shraga.find("n"))


def test_nothing_is_found_in_an_empty_store(shraga: Shraga) -> None:
    assert shraga.find("anything") == []


def test_row_that_vanishes_between_two_slices_loses_nobody_else(
    shraga: Shraga, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(shraga.driver, [Planted(f"t{i:05}", "queued", 1000) for i in range(ROWS)])
    index, call = shraga.driver.keys.make("index", status="queued"), shraga.driver.call

    def vanish(wanted: Any) -> Any:
        answer = call(wanted)
        if wanted.script == "search" and answer.after:
            execute(shraga, "ZREM", index, answer.after.id)
        return answer

    monkeypatch.setattr(shraga.driver, "call", vanish)
    assert len(set(found(shraga, "status:queued"))) == ROWS


HOUR, DAY = 3_600_000, 86_400_000


@pytest.fixture
def deadlines(shraga: Shraga) -> Shraga:
    """A store with tasks that are due at several times, as seen from the server's clock."""
    now = int(shraga.driver.run(shraga.operations.now()).timestamp() * 1000)
    midnight = now - now % DAY
    times = {
        "long ago": midnight - 1,
        "at midnight": midnight,
        "tonight": midnight + DAY - 1,
        "tomorrow": midnight + DAY,
        "in 30 hours": now + 30 * HOUR,
        "in 9 days": now + 9 * DAY,
        "never": None,
    }
    rows = [
        Planted(name, "queued", 1, name=name, fields=() if due is None else ("due", str(due)))
        for name, due in times.items()
    ]
    done = [Planted("done", "completed", 1, name="done", fields=("due", str(midnight - 1)))]
    plant(shraga.driver, [*rows, *done])
    return shraga


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("due:today", {"at midnight", "tonight"}),
        ("due:overdue", {"long ago", "at midnight"}),
        ("due:overdue status:completed", {"done"}),
        ("due:none", {"never"}),
        ("due:none,today", {"never", "at midnight", "tonight"}),
        ("due<2d", {"tonight", "tomorrow", "in 30 hours"}),
        ("due>2d", {"in 9 days"}),
        ("due<2d due>1d", {"in 30 hours"}),
        ("due>0", {"tonight", "tomorrow", "in 30 hours", "in 9 days"}),
        ("due:overdue long", {"long ago"}),
    ],
)
def test_due_is_counted_by_the_servers_clock_and_today_is_a_day_of_utc(
    deadlines: Shraga, line: str, names: set[str]
) -> None:
    assert {row.name for row in deadlines.find_rows(line)} == names


def test_assignee_is_found_also_as_me_and_none(shraga: Shraga) -> None:
    for name, assignee in {"mine": "tester", "hers": "alice", "no one's": None}.items():
        shraga.submit(name, Shell("true"), assignee=assignee)
    assert {row.name for row in shraga.find_rows("assignee:me")} == {"mine"}
    assert {row.name for row in shraga.find_rows("assignee:alice,none owner:me")} == {"hers", "no one's"}
    assert shraga.find_rows("assignee:ali") == []


def test_due_is_told_with_the_row_and_the_record(shraga: Shraga) -> None:
    task = shraga.submit("n", Shell("true"), due_at="2030-01-01T00:00:00Z", assignee="alice")
    (row,) = shraga.find_rows("due>1h assignee:alice")
    assert (row.id, row.due) == (task.id, 1_893_456_000_000)
    assert shraga.get(task.id).due_at == task.due_at


def test_due_is_found_once_beyond_the_budget(shraga: Shraga) -> None:
    rows = [
        Planted(f"t{i:05}", "queued", 1000 + i, fields=("due", "1") if i % 7 == 0 else ())
        for i in range(ROWS)
    ]
    plant(shraga.driver, rows)
    assert found(shraga, "due:overdue") == [row.id for row in reversed(rows) if row.fields]
