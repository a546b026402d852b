from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from shraga_models import Shell, TaskStatus, new_id
from shraga_queue.client import Shraga
from shraga_queue.config import load_settings
from shraga_queue.embedded import Embedded
from shraga_tui.cli import output
from shraga_tui.cli.app import run
from tests.factories import new_task
from tests.waiting import wait_until


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
    def lines(self) -> list[str]:
        return self.out.splitlines()


class House:
    """A server of its own, its client, and the command line in this process."""

    def __init__(self, shraga: Shraga, capsys: pytest.CaptureFixture[str]) -> None:
        self.shraga = shraga
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        self._capsys.readouterr()
        code = run(words)
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return Said(code, captured.out, captured.err)

    def submit(self, name: str = "t", command: str = "true", **fields: Any) -> str:
        return self.shraga.submit(name, Shell(command), **fields).id


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cli")
    settings = load_settings(home=folder)
    Embedded.ensure(settings)
    yield folder
    Embedded.release(settings)
    assert Embedded.stop(settings)


@pytest.fixture
def house(
    home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Iterator[House]:
    """Each test has a prefix of its own on the shared server."""
    for name in [name for name in os.environ if name.startswith("SHRAGA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHRAGA_HOME", str(home))
    monkeypatch.setenv("SHRAGA_CONFIG", str(home / "config.toml"))
    monkeypatch.setenv("SHRAGA_USER", "ann")
    monkeypatch.setenv("SHRAGA_PREFIX", f"p{abs(hash(request.node.name))}")
    (home / "config.toml").write_text("")
    with Shraga.connect() as shraga:
        yield House(shraga, capsys)


@pytest.fixture
def worker(house: House) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "shraga_tui", "worker", "--name", "w1", "--slots", "2"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_until(house.shraga.workers, what="a worker")
        yield process
        process.terminate()
        process.wait(20)


# Submitting


def test_submit_prints_the_id_alone(house: House) -> None:
    said = house("submit", "hello", "--shell", "echo hi")
    assert (said.code, said.err) == (0, "")
    task = house.shraga.get(said.out.strip())
    assert (task.name, task.owner, task.status) == ("hello", "ann", TaskStatus.QUEUED)


def test_submit_with_json_prints_the_record(house: House) -> None:
    said = house("submit", "hello", "--shell", "echo hi", "--owner", "bob", "--json")
    assert (said.json["owner"], said.json["status"], said.json["status_code"]) == ("bob", "queued", 1)
    assert said.json["id"] == house.shraga.find()[0].id


@pytest.mark.parametrize("at", ["+10m", "2999-01-31T08:00"])
def test_submit_for_later(house: House, at: str) -> None:
    said = house("submit", "later", "--shell", "true", "--at", at, "--json")
    assert said.json["status"] == "scheduled"
    assert said.json["schedule"]["at"] > said.json["created_at"]


def test_submit_from_a_file(house: House, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("name: nightly\naction:\n  type: python\n  callable: a.b:c\n  args: {n: 3}\n")
    said = house("submit", "--file", str(file), "--priority", "high")
    task = house.shraga.get(said.out.strip())
    assert (task.name, task.priority) == ("nightly", "high")


def test_an_owner_that_is_no_name_is_refused_and_nothing_is_stored(house: House) -> None:
    said = house("submit", "x", "--shell", "true", "--owner", "a b")
    assert (said.code, said.out) == (2, "")
    assert "owner: 'a b' is no user name" in said.err
    assert house("list", "--json").json == []


def test_a_record_that_cannot_be_read_is_told_and_hides_no_other(house: House) -> None:
    broken, sound = house.submit("broken"), house.submit("sound")
    key = house.shraga.driver.keys.make("task", owner="ann", task=broken)
    house.shraga.driver.connection.hset(key, "spec", '{"action": {"type": "shell"}}')
    listed = house("list", "--json")
    assert ([task["id"] for task in listed.json], listed.code) == ([sound], 0)
    assert f"left out: The record of the task {broken} cannot be read: action.shell.command" in listed.err
    for verb in ("show", "logs", "retry"):
        said = house(verb, broken)
        assert (said.code, said.out) == (1, "")
        assert f"The record of the task {broken} cannot be read" in said.err
    assert house("cancel", broken).out == f"canceled {broken}\n"
    assert [task.id for task in house.shraga.find()] == [sound]


def test_a_task_of_an_owner_stored_before_names_were_checked_can_be_seen_and_stopped(house: House) -> None:
    operations = house.shraga.operations
    house.shraga.driver.call(operations._submit_call([(new_task("x"), new_id())], "a b"))
    (task,) = house("list", "--json").json
    assert (task["owner"], house("show", task["id"]).code) == ("a b", 0)
    assert house("cancel", task["id"]).code == 0


def test_what_a_script_asks_for_goes_to_the_prefix_it_names(house: House) -> None:
    assert house("submit", "a", "--shell", "true", "--prefix", "elsewhere", "--user", "zoe").code == 0
    assert house("list", "--json").json == []
    assert [task["owner"] for task in house("--prefix", "elsewhere", "list", "--json").json] == ["zoe"]


LINE = '{"name": "n%d", "action": {"type": "shell", "command": "true"}}\n'


def test_submit_many_prints_an_id_for_each_line(house: House, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("".join(LINE % number for number in range(4500)))
    said = house("submit-many", str(file), "--owner", "bob")
    assert (said.code, said.err) == (0, "")
    assert len(set(said.lines)) == 4500
    assert house.shraga.get(said.lines[4499]).name == "n4499"
    assert house.shraga.counts("bob").total == 4500


def test_submit_many_submits_nothing_where_any_line_names_an_unknown_document(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shraga_tui.cli.many.CHUNK", 2)
    line = {"name": "n", "action": {"type": "shell", "command": "true"}}
    file = tmp_path / "tasks.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in [line] * 3 + [line | {"documents": ["nope"]}]))
    said = house("submit-many", str(file))
    assert (said.code, said.out) == (2, "")
    assert "documents: there is no document 'nope'" in said.err
    assert house("list", "--json").json == []


def test_submit_many_reads_standard_input(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO((LINE % 1 + "\n" + LINE % 2).encode())))
    said = house("submit-many", "-", "--json")
    assert said.code == 0
    assert [task["name"] for task in said.json] == ["n1", "n2"]


def test_one_bad_line_and_nothing_is_submitted(house: House, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text(LINE % 1 + '{"name": "x"}\n' + LINE % 2 + "{\n")
    said = house("submit-many", str(file))
    assert said.code == 2
    assert said.out == ""
    assert "line 2: action: " in said.err
    assert "line 4: not valid JSON" in said.err
    assert house.shraga.counts().total == 0
    error = json.loads(house("submit-many", str(file), "--json").err)["error"]
    assert [line["line"] for line in error["lines"]] == [2, 4]
    assert error["lines"][0]["field"] == "action"


def test_many_bad_lines_are_summed_up(house: House, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("{\n" * 100)
    said = house("submit-many", str(file))
    assert "100 lines are no task" in said.err
    assert "... and 80 more" in said.err


def test_skip_bad_submits_the_good_and_exits_1(house: House, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text(LINE % 1 + "{\n" + LINE % 2)
    said = house("submit-many", str(file), "--skip-bad")
    assert said.code == 1
    assert len(said.lines) == 2
    assert "line 2: not valid JSON" in said.err
    assert "1 of 3 lines were skipped" in said.err


@pytest.mark.parametrize(("flags", "out"), [([], ""), (["--json"], "[]")])
def test_an_empty_file_submits_nothing(house: House, tmp_path: Path, flags: list[str], out: str) -> None:
    (tmp_path / "none.jsonl").write_text("\n")
    said = house("submit-many", str(tmp_path / "none.jsonl"), *flags)
    assert said.code == 0
    assert said.out.strip() == out
    assert "no task" in said.err


# Reading


def test_list_prints_whole_ids_into_a_pipe(house: House) -> None:
    first, second = house.submit("one"), house.submit("two\twith tab")
    rows = [line.split("\t") for line in house("list").lines]
    assert [row[0] for row in rows] == [second, first]
    assert rows[1][1:4] == ["queued", "one", "ann"]
    assert all(len(row) == 7 for row in rows)


def test_list_is_a_table_on_a_terminal(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = house.submit("evil \x1b[2J name")
    for module in ("read", "output"):
        monkeypatch.setattr(f"shraga_tui.cli.{module}.to_terminal", lambda: True)
    said = house("list")
    assert said.lines[0].split() == ["STATUS", "ID", "NAME", "OWNER", "AGE", "WORKER", "ERROR"]
    assert said.lines[1].startswith(f"… queued  {task_id[-8:]}")
    assert "\x1b" not in said.out
    shown = house("show", task_id[-8:])
    assert task_id in shown.out
    assert "\x1b" not in shown.out


@pytest.mark.parametrize("verb", ["show", "why"])
def test_a_terminal_shows_a_very_long_name_in_part(
    house: House, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    name = "n" * 100_000
    task_id = house.submit(name)
    assert name in house(verb, task_id).out
    monkeypatch.setattr("shraga_tui.cli.output.to_terminal", lambda: True)
    assert f"  {'n' * 199}…" in house(verb, task_id).out
    assert house(verb, task_id, "--json").json["name"] == name


def test_list_says_what_is_due(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house("submit", "late", "--shell", "true", "--due", "2020-01-01T00:00:00Z", "--assignee", "ann")
    house("submit", "soon", "--shell", "true", "--due", "+2d")
    house("submit", "free", "--shell", "true")
    overdue = house("list", "due:overdue", "assignee:me", "--json").json
    assert [(task["name"], task["assignee"]) for task in overdue] == [("late", "ann")]
    for module in ("read", "output"):
        monkeypatch.setattr(f"shraga_tui.cli.{module}.to_terminal", lambda: True)
    said = house("list", "due<3d")
    assert said.lines[0].split() == ["STATUS", "ID", "NAME", "OWNER", "AGE", "DUE", "WORKER", "ERROR"]
    assert "due in 1d" in said.lines[1]
    assert "overdue" in house("list", "late").out
    assert "deadline      2020-01-01T00:00:00.000Z" in house("show", overdue[0]["id"]).out


def test_list_filters_on_the_server(house: House) -> None:
    house.submit("a", labels=("nightly",))
    house.submit("b")
    assert [task["name"] for task in house("list", "label:nightly", "--json").json] == ["a"]
    assert len(house("list", "--limit", "1").lines) == 1
    assert "no task matches" in house("list", "status:failed").err


@pytest.mark.parametrize("words", ["status:nope", "colour:red", "age:1h", "age>soon", 'name:"'])
def test_a_bad_filter_is_named(house: House, words: str) -> None:
    said = house("list", words)
    assert said.code == 2
    assert said.err.startswith("shraga: filter: ")
    assert json.loads(house("list", words, "--json").err)["error"]["field"] == "filter"


def test_show_prints_the_task_and_its_runs(house: House) -> None:
    task_id = house.submit("one", "echo hi", description="what for")
    said = house("show", task_id)
    assert f"id            {task_id}" in said.lines
    assert "action        shell echo hi" in said.lines
    assert said.lines[-1].startswith("1\tpending\tmanual")
    found = house("show", task_id, "--json").json
    assert found["status_code"] == 1
    assert [run["attempt"] for run in found["runs"]] == [1]


def test_a_task_is_found_by_the_end_or_beginning_of_its_id(house: House) -> None:
    task_id, other = house.submit(), house.submit()
    assert house("show", task_id[-6:].upper(), "--json").json["id"] == task_id
    assert task_id[:6] == other[:6]
    said = house("show", task_id[:6])
    assert said.code == 1
    assert "fits 2 tasks" in said.err


@pytest.mark.parametrize("given", ["nope", "abcdef123", "01a20000-0000-7000-8000-000000000000"])
@pytest.mark.parametrize("verb", [["show"], ["logs"], ["logs", "-f"], ["cancel"], ["retry"]])
def test_what_is_not_there_exits_3(house: House, given: str, verb: list[str]) -> None:
    said = house(*verb, given)
    assert said.code == 3
    assert given in said.err
    assert json.loads(house(*verb, given, "--json").err)["error"]["kind"] == "not_found"


def test_counts(house: House) -> None:
    house.submit()
    assert "queued\t1" in house("counts").lines
    found = house("counts", "--json").json
    assert (found["total"], found["by_status"]["queued"], found["controller_leads"]) == (1, 1, False)
    assert house("counts", "--owner", "bob", "--json").json["total"] == 0


def test_counts_tell_of_a_brake(house: House) -> None:
    house("brake", "on", "--reason", "model\nbill")
    assert "no task starts until `shraga brake off`: model␊bill" in house("counts").err
    found = house("counts", "--json").json
    assert ([brake["reason"] for brake in found["brakes"]], found["suspended"]) == (["model\nbill"], False)


def test_events_and_audit(house: House) -> None:
    task_id = house.submit("one")
    event = house("events", "--json").json[-1]
    assert (event["type"], event["task_id"]) == ("task.submitted", task_id)
    assert house("events", "--tail", "1").out.split("\t")[1:4] == ["task.submitted", task_id, "one"]
    assert house("events", "--owner", "bob", "--json").json == []
    entry = house("audit", "--json").json[-1]
    assert (entry["actor"], entry["action"], entry["entity_id"]) == ("ann", "submit", task_id)
    assert house("audit").out.split("\t")[1:3] == ["ann", "submit"]


def test_no_workers(house: House) -> None:
    said = house("workers")
    assert (said.code, said.out) == (0, "")
    assert "shraga worker" in said.err
    assert house("workers", "--json").json == []


# Acting


def test_cancel_gives_a_receipt_for_each(house: House) -> None:
    one, two = house.submit(), house.submit()
    said = house("cancel", one, two, one, "--reason", "enough")
    assert said.code == 0
    assert said.lines == [f"canceled {one}", f"canceled {two}"]
    assert house.shraga.get(one).cancel_reason == "enough"


def test_cancel_of_some_that_cannot_be_exits_1(house: House) -> None:
    one, two = house.submit(), house.submit()
    house("cancel", one)
    said = house("cancel", one, two, "nope")
    assert said.code == 1
    assert said.lines == [f"canceled {two}"]
    assert "is canceled already" in said.err
    assert "2 of 3 were refused" in said.err
    receipts = house("cancel", one, "nope", "--json").json
    assert [receipt["ok"] for receipt in receipts] == [False, False]
    assert [receipt["error"]["kind"] for receipt in receipts] == ["refused", "not_found"]


def test_cancel_of_one_that_ended_is_refused(house: House) -> None:
    task_id = house.submit()
    house("cancel", task_id)
    said = house("cancel", task_id)
    assert said.code == 1
    assert len(said.err.splitlines()) == 1


def test_retry(house: House) -> None:
    task_id = house.submit()
    assert house("retry", task_id).code == 1
    house("cancel", task_id)
    said = house("retry", task_id, "--json")
    assert said.code == 0
    assert said.json[0]["task"]["attempt"] == 2


def test_an_unknown_worker_exits_3(house: House) -> None:
    for verb in ("drain", "resume", "stop"):
        assert house("worker", verb, "nobody").code == 3


# With a worker


def test_wait_tells_the_output_and_the_result(house: House, worker: subprocess.Popen[bytes]) -> None:
    said = house("submit", "x", "--shell", "echo one; echo two", "--wait")
    assert said.code == 0
    assert said.out == "one\ntwo\n"
    assert said.err.startswith("shraga: submitted ")
    said = house(
        "submit", "x", "--python", "shraga_queue.demo:sleep", "--arg", "seconds=0", "--wait", "--json"
    )
    assert (said.code, said.err, said.json["status"]) == (0, "", "completed")


def test_wait_exits_1_when_the_task_fails(house: House, worker: subprocess.Popen[bytes]) -> None:
    said = house("submit", "x", "--shell", "echo out; exit 3", "--wait")
    assert (said.code, said.out) == (1, "out\n")
    assert "it is failed" in said.err
    said = house("submit", "x", "--shell", "exit 3", "--wait", "--json")
    assert (said.code, said.err, said.json["status"]) == (1, "", "failed")


def test_wait_gives_up_in_time(house: House) -> None:
    said = house("submit", "x", "--shell", "true", "--wait-timeout", "0.05s")
    assert said.code == 1
    assert "still queued" in said.err
    assert house.shraga.counts().by_status[TaskStatus.QUEUED] == 1


def test_logs(house: House, worker: subprocess.Popen[bytes]) -> None:
    task_id = house.submit("x", "printf 'a\\n\\033[31mred\\033[0m\\nlast\\n'")
    assert house("logs", "-f", task_id).lines[-1] == "last"
    assert "\x1b[31mred" in house("logs", task_id).out
    assert house("logs", task_id, "--tail", "1").out == "last\n"
    assert house("logs", "-f", task_id, "--tail", "1").out == "last\n"
    assert [entry["message"] for entry in house("logs", task_id, "--json").json][-1] == "last"
    lines = house("logs", "-f", task_id, "--json").lines
    assert json.loads(lines[-1])["message"] == "last"


def test_logs_on_a_terminal_are_harmless(
    house: House, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = house.submit("x", "printf '\\033[31mred\\033[0m \\033]0;owned\\007 \\302\\233 end\\n'")
    monkeypatch.setattr("shraga_tui.cli.tail.to_terminal", lambda: True)
    said = house("logs", "-f", task_id)
    assert said.out.startswith("red ")
    assert not any(char in said.out for char in "\x1b\x07\x9b")


def test_following_goes_from_run_to_run(
    house: House, worker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    command = f"if [ -e {mark} ]; then echo second; else touch {mark}; echo first; exit 1; fi"
    task_id = house.submit("x", command, limits={"retries": 1, "backoff": 0})
    said = house("logs", "-f", task_id, "--attempt", "1")
    assert said.out == "first\n"
    wait_until(lambda: house.shraga.get(task_id).attempt == 2 or house("retry", task_id).code == 0)
    assert house("logs", "-f", task_id).lines[-1] == "second"
    assert house("logs", task_id, "--attempt", "1").out == "first\n"


def test_cancel_returns_when_the_tree_has_ended(house: House, worker: subprocess.Popen[bytes]) -> None:
    ids = [house.submit("x", "sleep 600") for _ in range(2)]
    wait_until(lambda: all(house.shraga.get(one).status == "running" for one in ids))
    said = house("cancel", *ids)
    assert said.code == 0
    assert all(house.shraga.get(one).status == "canceled" for one in ids)


def test_cancel_says_when_it_was_not_confirmed_in_time(house: House, worker: subprocess.Popen[bytes]) -> None:
    task_id = house.submit("x", "trap '' TERM; sleep 600", limits={"grace": 2})
    wait_until(lambda: house.shraga.get(task_id).started_at)
    said = house("cancel", task_id, "--timeout", "0.01")
    assert said.code == 1
    assert "was asked to stop but is still running" in said.err
    assert house.shraga.wait(task_id, 20).status == "canceled"


def test_drain_resume_and_stop_a_worker(house: House, worker: subprocess.Popen[bytes]) -> None:
    row = house("workers").lines[0].split("\t")
    assert row[:4] == ["idle", "w1", "ann", "0/2"]
    task_id = house.submit("x", "sleep 600")
    wait_until(lambda: house.shraga.get(task_id).status == "running")
    assert house("worker", "drain", "w1").out == "draining w1\n"
    assert house("workers").out.startswith("draining\tw1")
    said = house("worker", "drain", "w1", "--wait-timeout", "0.05")
    assert said.code == 1
    assert "not drained after 0.05 s" in said.err
    assert house("worker", "resume", "w1", "--json").json["mode"] == "accepting"
    house("cancel", task_id)
    assert house("worker", "drain", "w1", "--wait").out == "draining w1\n"
    assert house("worker", "stop", "w1", "--wait").out == "gone w1\n"
    assert worker.wait(10) == 0
    said = house("worker", "stop", "w1")
    assert said.code == 1
    assert "is not running" in said.err


# As a process


def shraga(*words: str, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "shraga_tui", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def test_events_follow_as_json_lines_until_control_c(house: House) -> None:
    house.submit("before")
    with shraga("events", "-f", "--json", "--tail", "1") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["name"] == "before"
        house.submit("after")
        assert json.loads(process.stdout.readline())["name"] == "after"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, "", "")


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["counts"]])
def test_a_full_disk_is_one_sentence(house: House, words: list[str]) -> None:
    house.submit("n")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "shraga_tui", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "The output cannot be written: No space left on device. Send it to another place." in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_complaint(house: House) -> None:
    house.submit("one")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "shraga_tui", "list"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("verb", ["list", "counts", "workers"])
def test_looking_loads_nothing_heavy(house: House, verb: str) -> None:
    heavy = (
        "textual", "rich", "httpx", "rq", "croniter", "psutil", "structlog", "yaml", "pydantic_settings", "dotenv",
        "shraga_queue.aclient", "shraga_queue.engine", "shraga_queue.controller",
    )  # fmt: skip
    code = (
        f"import sys; from shraga_tui.cli.app import run; code = run([{verb!r}]);"
        f"sys.exit(code or ' '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_listing_loads_no_records(house: House) -> None:
    house.submit("one")
    code = (
        "import sys; from shraga_tui.cli.app import run; code = run(['list']);"
        "sys.exit(code or ' '.join(sorted(m for m in sys.modules if m.startswith('shraga_models.'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    modules = ("base", "durations", "faults", "filters", "status", "text")
    assert done.stderr.split() == [f"shraga_models.{name}" for name in modules]


def test_a_worker_never_loads_textual(house: House) -> None:
    code = (
        "import sys; import shraga_queue.pool; shraga_queue.pool.run_worker = lambda *_: 0;"
        "from shraga_tui.cli.app import run; code = run(['worker']);"
        "sys.exit(code or int('textual' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_glyph_that_the_terminal_lacks_is_no_error(house: House) -> None:
    house.submit("Köln")
    more = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    with shraga("list", env=os.environ | more) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "K?ln" in out


def test_following_works_in_both_protocols(house: House, worker: subprocess.Popen[bytes]) -> None:
    task_id = house.submit("x", "echo one; echo two")
    assert house.shraga.wait(task_id, 20).status == "completed"
    for protocol in ("2", "3"):
        url = f"{house.shraga.driver.url}?protocol={protocol}"
        assert house("logs", "-f", task_id, "--url", url).out == "one\ntwo\n"


def test_a_long_list_is_read_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [house.submit() for _ in range(5)]
    monkeypatch.setattr("shraga_tui.cli.read.CHUNK", 2)
    assert [task["id"] for task in house("list", "--json").json] == ids[::-1]


def test_the_short_id_of_lists_is_accepted(house: House) -> None:
    assert house("cancel", output.short_id(house.submit())).code == 0


# Acting on all that match a filter


def test_a_dry_run_lists_the_exact_ids_and_changes_nothing(house: House) -> None:
    ids = {house.submit(f"dry {n}", labels=["dry-run"]) for n in range(3)}
    said = house("cancel", "--filter", "label:dry-run", "--dry-run", "--json")
    assert said.code == 0
    assert {row["id"] for row in said.json} == ids
    assert {row["status"] for row in said.json} == {"queued"}
    assert house("cancel", "--filter", "label:dry-run", "--dry-run").lines[0].endswith("\tqueued\tdry 2")
    assert len(house.shraga.find_ids("label:dry-run status:queued")) == 3


def test_a_filter_acts_only_with_yes(house: House) -> None:
    house.submit("one", labels=["only-yes"])
    said = house("cancel", "--filter", "label:only-yes")
    assert (said.code, said.out) == (1, "")
    assert "1 task(s) match; add --yes to cancel them, or --dry-run to see them." in said.err


def test_all_that_match_are_canceled_and_retried_with_a_receipt_each(house: House) -> None:
    ids = {house.submit(f"bulk {n}", labels=["bulk"]) for n in range(4)}
    other = house.submit("other")
    canceled = house("cancel", "--filter", "label:bulk", "--yes", "--json")
    assert canceled.code == 0
    assert {(one["id"], one["ok"], one["status"]) for one in canceled.json} == {
        (task_id, True, "canceled") for task_id in ids
    }
    assert house.shraga.get(other).status is TaskStatus.QUEUED
    retried = house("retry", "--filter", "label:bulk status:canceled", "--yes")
    assert sorted(retried.lines) == sorted(f"queued {task_id}" for task_id in ids)
    assert house("retry", "--filter", "label:bulk", "--yes").code == 1


def test_a_filter_that_matches_nothing_does_nothing(house: House) -> None:
    said = house("cancel", "--filter", "label:nowhere", "--yes", "--json")
    assert (said.code, said.json) == (0, [])
    assert "no task matches" in said.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "Name the tasks to cancel either by ids or by --filter."),
        (("abcdef", "--filter", "x"), 2, "Name the tasks to cancel either by ids or by --filter."),
        (("--filter", " "), 2, "An empty --filter would match every task"),
        (("--filter", "colour:red"), 2, "'colour' in 'colour:red' is unknown"),
    ],
)
def test_what_to_act_on_has_to_be_clear(
    house: House, words: tuple[str, ...], code: int, message: str
) -> None:
    said = house("cancel", *words, "--yes")
    assert said.code == code
    assert message in said.err


def test_more_than_can_be_acted_on_at_once_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from shraga_tui.cli import chosen

    monkeypatch.setattr(chosen, "MOST", 2)
    for n in range(3):
        house.submit(f"most {n}", labels=["most"])
    said = house("cancel", "--filter", "label:most", "--yes")
    assert said.code == 1
    assert "More than 2 tasks match" in said.err
    assert len(house.shraga.find_ids("label:most status:queued")) == 3
