from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.budgets import ELSEWHERE, Row, measured_rows, other_rows, read_result
from benchmarks.peers.figures import Figures, Round
from benchmarks.peers.measure import quantile, slope
from benchmarks.peers.report import Report
from benchmarks.peers.systems import SYSTEMS, chosen


def worker(drain: float, **others: float) -> dict[str, Any]:
    figures = {"trips": 0.25, "lone_trips": 4, "commands": 30, "memory": 900, "p50": 1.2, "p99": 4, "cpu": 80}
    return {"drain": drain} | figures | others


def one_round(shraga: float, fork: float, prefork: float) -> Round:
    return {
        "submit": {
            "shraga": {"one": 4000, "bulk": 15000, "submit_trips": 1.0, "submit_commands": 16},
            "rq": {"one": 2500, "bulk": 14000, "submit_trips": 2.0, "submit_commands": 8},
        },
        "drain": {
            "shraga-1": worker(shraga),
            "shraga-2": worker(shraga * 2),
            "rq-fork-1": worker(fork),
            "celery-prefork-1": worker(prefork / 2),
            "celery-prefork-2": worker(prefork),
            "huey-thread-1": {"error": "huey-thread-1 stood still\nand more"},
        },
    }


ROUNDS = [one_round(4000, 100, 1000), one_round(3000, 50, 2000), one_round(1000, 100, 900)]


def run() -> dict[str, Any]:
    return {
        "date": "2026-01-31",
        "machine": {"processor": "Some CPU", "cores": "2"},
        "sizes": {"tasks": 1000, "single": 10, "bulk": 20, "starts": 5},
        "systems": {name: {"isolates": name.startswith("shraga")} for name in ROUNDS[0]["drain"]},
        "versions": {"rq": ["rq 3.0.0"]},
        "rounds": ROUNDS,
    }


def test_a_ratio_is_the_median_of_the_ratios_of_single_rounds() -> None:
    figures = Figures(ROUNDS)
    assert figures.median("drain", "shraga-1", "drain") == 3000
    assert figures.range("drain", "shraga-1", "drain") == (1000, 4000)
    assert figures.ratio("drain", "shraga-1", "drain", ["rq-fork-1"]) == 40


def test_a_ratio_to_several_is_to_the_best_of_each_round() -> None:
    prefork = ["celery-prefork-1", "celery-prefork-2"]
    assert Figures(ROUNDS).ratio("drain", "shraga-1", "drain", prefork) == 1.5


def test_what_was_not_measured_has_no_figure() -> None:
    figures = Figures(ROUNDS)
    assert figures.median("drain", "dramatiq-1x1", "drain") is None
    assert figures.ratio("drain", "shraga-1", "drain", ["huey-thread-1"]) is None


def test_budgets_are_met_or_not() -> None:
    met = {(row.what, row.budget): row.met for row in measured_rows(Figures(ROUNDS))}
    assert met["throughput, one slot", ">= 30x RQ fork"] is True
    assert met["throughput, one slot", ">= 2x Celery prefork"] is False
    assert met["submit, bulk", ">= 1.5x RQ enqueue_many"] is False
    assert met["submit, one", "<= 1 round trip"] is True
    assert met["throughput, two slots", "ahead of every peer"] is True


def test_budgets_of_an_empty_run_are_neither_met_nor_missed() -> None:
    rows = measured_rows(Figures([{"submit": {}, "drain": {}}]))
    assert {(row.figure, row.met) for row in rows} == {("not measured", None)}


def test_other_tools_bring_their_budgets_in_files(tmp_path: Path) -> None:
    got = {"what": "crash detection", "budget": "<= 10 s", "figure": "6.1 s", "met": True}
    (tmp_path / "crash.json").write_text(json.dumps(got))
    rows = other_rows(tmp_path)
    assert rows[0] == Row("crash detection", "<= 10 s", "6.1 s", True)
    assert sorted(row.what for row in rows) == sorted(ELSEWHERE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "crash.json is not JSON"),
        ("[]", "what has to be a str"),
        ('{"what": "a", "budget": "b", "figure": 3, "met": true}', "figure has to be a str"),
        ('{"what": "a", "budget": "b", "figure": "c", "met": "yes"}', "met has to be a bool"),
    ],
)
def test_a_bad_results_file_is_named_with_its_field(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "crash.json"
    path.write_text(text)
    with pytest.raises(SystemExit, match=said):
        read_result(path)


def test_the_report_shows_each_budget_each_system_and_each_failure() -> None:
    text = Report(run(), [Row("crash detection", "<= 10 s", "6.1 s", True)]).text()
    assert "| crash detection | <= 10 s | 6.1 s | yes |" in text
    assert "| throughput, one slot | >= 30x RQ fork | 40.00x | yes |" in text
    assert "| shraga-1 | yes | 3,000 (1,000-4,000) | 40.00x | 1.50x |" in text
    assert "- huey-thread-1 stood still\n" in text
    assert "rounds: 3; processor Some CPU, cores 2" in text


def test_the_slope_leaves_out_the_first_and_the_last_tenth() -> None:
    times = [100.0 + 0.01 * number for number in range(1000)]
    assert round(slope([0.0, *times, 999.0])) == 100
    assert quantile([float(number) for number in range(100)], 0.99) == 99


def test_systems_are_chosen_by_prefix() -> None:
    assert [system.name for system in chosen(["shraga", "rq-fork-1"])] == [
        "shraga-1",
        "shraga-2",
        "rq-fork-1",
    ]
    assert chosen([]) == list(SYSTEMS)
    with pytest.raises(SystemExit, match="no system is called 'nats'"):
        chosen(["nats"])
