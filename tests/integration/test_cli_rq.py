"""`shraga rq`: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import rq
from rq_scheduler import Scheduler

from shraga_models import Schedule
from shraga_queue.client import Shraga
from shraga_queue.trampoline import entry_id_of
from shraga_tui.cli.app import run
from tests.factories import new_task
from tests.rq_jobs import add, fail, work

DUE = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass
class Said:
    """What one command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


Cli = Callable[..., Said]


@pytest.fixture
def cli(shraga: Shraga, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line on the session's server, with the test's own prefix."""
    settings = shraga.settings
    monkeypatch.setenv("SHRAGA_HOME", str(settings.home))
    monkeypatch.setenv("SHRAGA_CONFIG", os.devnull)
    monkeypatch.setenv("SHRAGA_REDIS_URL", str(settings.redis_url))
    monkeypatch.setenv("SHRAGA_PREFIX", settings.prefix)
    monkeypatch.setenv("SHRAGA_USER", "ann")

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = run(("rq", *words))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture
def queue(shraga: Shraga) -> rq.Queue:
    return rq.Queue(f"q{uuid.uuid4().hex[:8]}", connection=shraga.driver.connection)


@pytest.fixture
def scheduler(queue: rq.Queue) -> Scheduler:
    return Scheduler(queue.name, connection=queue.connection)


def row_of(said: Said, column: int, value: str) -> list[str]:
    return next(row for row in said.rows if row[column] == value)


def test_queues_and_jobs_are_lines_for_programs_and_records_as_json(
    cli: Cli, shraga: Shraga, queue: rq.Queue
) -> None:
    bad = queue.enqueue(fail, "on\x1b[31m purpose")
    work(shraga.driver.connection, queue.name)
    waiting = queue.enqueue(add, 1, description="a\x1b]0;title\x07 job")
    assert row_of(cli("queues"), 0, queue.name)[1:5] == ["1", "0", "0", "1"]
    said = cli("jobs", queue.name)
    assert [row[:2] for row in said.rows] == [["queued", waiting.id], ["failed", bad.id]]
    assert "\x1b" not in said.out
    assert said.rows[1][5].startswith("ValueError: on")
    (failed,) = cli("jobs", queue.name, "--state", "failed", "--json").json
    assert (failed["id"], failed["function"], failed["queue"]) == (bad.id, "tests.rq_jobs.fail", queue.name)
    assert [one["name"] for one in cli("queues", "--json").json if one["name"] == queue.name]


def test_job_is_shown_with_its_error(cli: Cli, shraga: Shraga, queue: rq.Queue) -> None:
    bad = queue.enqueue(fail)
    work(shraga.driver.connection, queue.name)
    said = cli("job", bad.id)
    assert said.code == 0
    assert "tests.rq_jobs.fail" in said.out
    assert said.out.rstrip().endswith("ValueError: it broke")
    assert cli("job", bad.id, "--json").json["status"] == "failed"


def test_deeds_print_receipts(cli: Cli, shraga: Shraga, queue: rq.Queue) -> None:
    bad = queue.enqueue(fail)
    work(shraga.driver.connection, queue.name)
    assert cli("requeue", bad.id).out == f"queued {bad.id}\n"
    assert cli("cancel", bad.id, "--json").json == [{"id": bad.id, "ok": True, "status": "canceled"}]
    said = cli("delete", bad.id, "nobody")
    assert (said.code, said.out) == (1, f"deleted {bad.id}\n")
    assert "There is no job 'nobody'" in said.err
    assert {event.created_by for event in shraga.events()} == {"ann"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Say what about RQ: `shraga rq queues`"),
        (("job", "nobody"), 3, "There is no job 'nobody'"),
        (("requeue", "nobody"), 3, "There is no job 'nobody'"),
        (("unschedule", "nobody"), 3, "rq-scheduler has no entry 'nobody'"),
        (("adopt", "nobody", "--dry-run"), 3, "rq-scheduler has no entry 'nobody'"),
        (("carry", "nobody"), 3, "There is no task 'nobody'"),
        (("jobs", "q", "--state", "dead"), 2, "state: 'dead' is unknown"),
        (("jobs", "q", "--offset", "5"), 2, "name it with --state"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_a_code(
    cli: Cli, words: tuple[str, ...], code: int, said: str
) -> None:
    found = cli(*words)
    assert (found.code, found.out) == (code, "")
    assert said in found.err


def test_our_own_queue_and_a_running_deed_are_refused(cli: Cli, shraga: Shraga) -> None:
    task = shraga.submit_task(new_task())
    for words in (("jobs", task.queue), ("delete", task.id)):
        said = cli(*words)
        assert said.code == 1
        assert "of Shraga" in said.err


def test_workers_are_listed(cli: Cli, queue: rq.Queue) -> None:
    worker = rq.SimpleWorker([queue], connection=queue.connection, name=f"w-{queue.name}")
    worker.register_birth()
    assert row_of(cli("workers"), 1, worker.name)[2] == queue.name
    (found,) = [one for one in cli("workers", "--json").json if one["name"] == worker.name]
    assert (found["queues"], found["pid"]) == ([queue.name], os.getpid())
    worker.register_death()
    assert worker.name not in [one["name"] for one in cli("workers", "--json").json]


def test_entries_are_listed_adopted_and_taken_away(cli: Cli, shraga: Shraga, scheduler: Scheduler) -> None:
    entry, other = scheduler.enqueue_at(DUE, add, 1), scheduler.schedule(DUE, add, [1], interval=90)
    assert row_of(cli("schedules"), 1, entry.id)[0] == "2099-01-01T00:00:00.000Z"
    assert row_of(cli("schedules"), 1, other.id)[2] == "every 90 s"
    assert other.id in [one["id"] for one in cli("schedules", "--json").json]
    would = cli("adopt", entry.id, "--parameter", "a", "--dry-run").json
    assert (would["action"]["callable"], would["schedule"]) == (
        "tests.rq_jobs:add",
        {"at": "2099-01-01T00:00:00Z"},
    )
    assert (entry in scheduler, shraga.find_ids()) == (True, [])
    task = cli("adopt", entry.id, "--parameter", "a").out.strip()
    assert (shraga.get(task).status, entry in scheduler) == ("scheduled", False)
    assert cli("unschedule", other.id).out == f"unscheduled {other.id}\n"
    assert other not in scheduler


def test_carry_prints_its_entry_and_says_what_it_needs(
    cli: Cli, shraga: Shraga, scheduler: Scheduler
) -> None:
    task = shraga.submit_task(new_task(schedule=Schedule(at=DUE))).id
    said = cli("carry", task[-8:], "--queue", scheduler.queue_name)
    assert (said.code, said.out) == (0, f"{entry_id_of(task)}\n")
    assert f"rq worker {scheduler.queue_name}" in said.err
    found = cli("carry", task, "--json").json
    assert (found["entry"], found["task_id"], found["queue"]) == (
        entry_id_of(task),
        task,
        "shraga-trampoline",
    )
    assert cli("unschedule", entry_id_of(task)).code == 0
