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
