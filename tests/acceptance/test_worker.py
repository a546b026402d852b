"""A real worker runs real tasks."""

from __future__ import annotations

import itertools
import signal
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from shraga_models import Http, Liveness, NewTask, Python, RunStatus, Shell, TaskStatus, WorkerMode
from shraga_queue.client import Shraga
from tests.processes import Processes, alive_with
from tests.waiting import wait_until


@pytest.fixture
def worker(processes: Processes, shraga: Shraga) -> Processes:
    processes.worker(shraga, slots=2)
    return processes


def messages(shraga: Shraga, task_id: str, source: str) -> list[str]:
    return [line.message for line in shraga.logs(task_id) if line.source == source]


def test_a_shell_task_completes_with_its_output_in_the_log(worker: Processes, shraga: Shraga) -> None:
    task = shraga.submit("hello", Shell("echo hi; echo oops >&2; touch kept; printf 'no newline'"))
    done = shraga.wait(task.id, 30)
    assert (done.status, done.error, done.progress) == (TaskStatus.COMPLETED, "", 1.0)
    assert messages(shraga, task.id, "stdout") == ["hi", "no newline"]
    assert done.thought == "no newline"
    assert messages(shraga, task.id, "stderr") == ["oops"]
    assert done.execution_details.execution_folder is not None
    assert [path.name for path in Path(done.execution_details.execution_folder).iterdir()] == ["kept"]


def test_a_run_that_leaves_no_file_leaves_no_folder(worker: Processes, shraga: Shraga) -> None:
    done = shraga.wait(shraga.submit("tidy", Shell("pwd")).id, 10)
    assert done.execution_details.execution_folder is None
    assert not Path(messages(shraga, done.id, "stdout")[0]).parent.exists()


def test_output_streams_while_the_task_runs(worker: Processes, shraga: Shraga, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task = shraga.submit(
        "stream", Shell(f"echo first; while [ ! -e {gate} ]; do sleep 0.02; done; echo last")
    )
    wait_until(lambda: messages(shraga, task.id, "stdout") == ["first"], what="the first line")
    assert shraga.get(task.id).status is TaskStatus.RUNNING
    gate.touch()
    assert [line.message for line in shraga.follow_logs(task.id)] == ["first", "last"]


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("exit 3", 3, "exit code 3"),
        ("kill -9 $$", 137, "SIGKILL"),
        ("no-such-command-here", 127, "exit code 127"),
    ],
)
def test_a_failing_command_fails_the_task(
    worker: Processes, shraga: Shraga, command: str, code: int, says: str
) -> None:
    task = shraga.wait(shraga.submit("fail", Shell(command)).id, 10)
    run = shraga.runs(task.id)[-1]
    assert (task.status, run.exit_code, run.status) == (TaskStatus.FAILED, code, RunStatus.FAILED)
    assert says in task.error


def test_a_missing_folder_is_named(worker: Processes, shraga: Shraga) -> None:
    task = shraga.wait(shraga.submit("where", Shell("true", cwd="/no/such/folder")).id, 10)
    assert task.status is TaskStatus.FAILED
    assert "/no/such/folder" in task.error


def test_a_secret_is_resolved_on_the_worker_and_masked(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga, env={"API_TOKEN": "hunter2hunter2"})
    shell = Shell("echo token=$TOKEN", env={"TOKEN": "${env:API_TOKEN}"})
    task = shraga.submit("secret", shell)
    shraga.wait(task.id, 30)
    assert messages(shraga, task.id, "stdout") == ["token=••••••"]
    missing = shraga.wait(shraga.submit("none", Shell("echo ${env:NOT_THERE}")).id, 10)
    assert "NOT_THERE" in missing.error


def test_a_python_task_returns_its_value(worker: Processes, shraga: Shraga) -> None:
    for name in ("add", "add_later"):
        task = shraga.submit("sum", Python(f"tests.jobs:{name}", args={"a": 2, "b": 3}))
        output = shraga.wait(task.id, 30).output
        assert output is not None
        assert output.result == 5


def test_a_python_task_talks(worker: Processes, shraga: Shraga) -> None:
    task = shraga.submit("talk", Python("tests.jobs:talk"))
    done = shraga.wait(task.id, 30)
    assert done.output is not None
    assert done.output.result == task.id
    assert [(line.source, line.message) for line in shraga.logs(task.id)] == [
        ("stdout", "printed"),
        ("stderr", "to stderr"),
        ("log", "logged"),
        ("thought", "thinking"),
    ]
    assert shraga.logs(task.id)[2].metadata == {"answer": 42}


@pytest.mark.parametrize(
    ("callable_", "args", "says"),
    [
        ("tests.jobs:fail", {"message": "no luck"}, "ValueError: no luck"),
        ("tests.jobs:leave", {}, "exit(5)"),
        ("tests.jobs:missing", {}, "cannot be loaded"),
        ("os:getcwd", {}, "not allowed on this worker"),
        ("tests.jobs:add", {"a": 1}, "TypeError"),
    ],
)
def test_a_python_failure_says_what_went_wrong(
    worker: Processes, shraga: Shraga, callable_: str, args: dict[str, object], says: str
) -> None:
    task = shraga.wait(shraga.submit("bad", Python(callable_, args=args)).id, 10)
    assert task.status is TaskStatus.FAILED
    assert says in task.error


def test_a_value_that_is_no_json_is_kept_as_text(worker: Processes, shraga: Shraga) -> None:
    task = shraga.wait(shraga.submit("odd", Python("tests.jobs:unserialisable")).id, 10)
    assert task.status is TaskStatus.COMPLETED
    assert task.output is not None
    assert "object at" in task.output.result


def test_a_worker_process_never_loads_the_dashboard(worker: Processes, shraga: Shraga) -> None:
    task = shraga.wait(shraga.submit("where", Python("tests.jobs:where")).id, 10)
    assert task.output is not None
    assert task.output.result["textual"] is False
    assert task.output.result["missing"] == []


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


@pytest.fixture
def address() -> object:
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_http_tasks(worker: Processes, shraga: Shraga, address: str) -> None:
    kept = shraga.wait(shraga.submit("get", Http(f"{address}/x", save_as="x.txt")).id, 10)
    folder = kept.execution_details.execution_folder
    assert folder is not None
    assert Path(folder, "x.txt").read_bytes() == b"hello"
    assert kept.output is not None
    assert kept.output.deliverables == ("x.txt",)
    assert shraga.runs(kept.id)[-1].metrics["bytes"] == 5
    missing = shraga.wait(shraga.submit("404", Http(f"{address}/missing")).id, 10)
    assert missing.error == "The server answered 404; expected 2xx."
    fine = shraga.wait(shraga.submit("404 expected", Http(f"{address}/missing", expect_status=[404])).id, 10)
    assert fine.status is TaskStatus.COMPLETED
    closed = shraga.wait(shraga.submit("closed", Http("http://127.0.0.1:9/")).id, 10)
    assert "refused" in closed.error


def test_a_failing_task_is_tried_again_with_growing_pauses(processes: Processes, shraga: Shraga) -> None:
    processes.controller()
    processes.worker(shraga)
    limits = {"retries": 2, "backoff": "100ms", "jitter": 0}
    task = shraga.wait(shraga.submit("flaky", Shell("exit 1"), limits=limits).id, 30)
    runs = shraga.runs(task.id)
    assert task.status is TaskStatus.FAILED
    assert [(run.status, run.triggered_by) for run in runs] == [
        ("failed", "manual"),
        ("failed", "retry"),
        ("failed", "retry"),
    ]
    gaps = [
        (after.started_at - before.finished_at).total_seconds()
        for before, after in itertools.pairwise(runs)
        if after.started_at and before.finished_at
    ]
    assert gaps[0] >= 0.1
    assert gaps[1] >= 0.2


def test_a_task_that_takes_too_long_is_ended(worker: Processes, shraga: Shraga) -> None:
    limits = {"timeout": "500ms", "grace": "300ms"}
    stubborn = shraga.submit("deaf", Shell("trap '' TERM; sleep 7771"), limits=limits)
    willing = shraga.submit("polite", Shell("sleep 7772"), limits=limits)
    for task in (stubborn, willing):
        ended = shraga.wait(task.id, 30)
        assert (ended.status, shraga.runs(task.id)[-1].status) == (TaskStatus.FAILED, RunStatus.TIMEOUT)
        assert "longer than its limit" in ended.error
    wait_until(lambda: not alive_with("sleep 777"), what="the commands to be gone")
    assert shraga.wait(shraga.submit("after", Shell("true")).id, 10).status is TaskStatus.COMPLETED


def test_output_beyond_the_limit_is_cut_and_the_place_marked(worker: Processes, shraga: Shraga) -> None:
    limits = {"log_bytes": 10_000, "timeout": 20}
    command = "yes abcdefgh | head -c 3000000; echo; echo oops >&2; echo END"
    task = shraga.wait(shraga.submit("loud", Shell(command), limits=limits).id, 20)
    lines = shraga.logs(task.id)
    assert task.status is TaskStatus.COMPLETED
    cut, count = messages(shraga, task.id, "system")
    assert "has reached the limit of 10,000 bytes, 64 for each line counted in" in cut
    assert "bytes were printed here and are not kept" in count
    assert sorted(line.message for line in lines[-2:]) == ["END", "oops"]
    assert task.thought == "END"
    kept = [line for line in lines[:-3] if line.source == "stdout"]
    assert 10_000 <= sum(len(line.message) + 64 for line in kept) < 10_100


def test_what_a_task_leaves_running_is_ended_with_it(worker: Processes, shraga: Shraga) -> None:
    for action in (
        Shell("sleep 8881 & setsid sleep 8882 & exit 0"),
        Python("tests.jobs:daemonise", args={"seconds": 8883}),
    ):
        assert shraga.wait(shraga.submit("litter", action).id, 10).status is TaskStatus.COMPLETED
    wait_until(lambda: not alive_with("sleep 888"), what="the leftovers to be gone")
    assert alive_with("sleep 888") == []


def test_priorities_and_capabilities_decide_who_takes_what(processes: Processes, shraga: Shraga) -> None:
    tasks = [
        shraga.submit(priority, Python("shraga_queue.demo:noop"), priority=priority)
        for priority in ("low", "normal", "high", "critical")
    ]
    docs = shraga.submit("docs", Python("shraga_queue.demo:noop"), capability="docs")
    other = shraga.submit("other", Python("shraga_queue.demo:noop"), capability="gpu")
    processes.worker(shraga, "w1", 1, "--capability=docs")
    for task in (*tasks, docs):
        assert shraga.wait(task.id, 30).status is TaskStatus.COMPLETED
    started = [event.name for event in shraga.events() if event.type == "task.started"]
    assert [name for name in started if name != "docs"] == ["critical", "high", "normal", "low"]
    assert shraga.get(other.id).status is TaskStatus.QUEUED


def test_the_worker_record_tells_what_it_does(processes: Processes, shraga: Shraga) -> None:
    processes.worker(shraga, "teller", 1, "--capability=python")
    task = shraga.submit("hold", Shell("sleep 30"))

    def busy() -> bool:
        record = processes.worker_record(shraga, "teller")
        return record is not None and record.liveness is Liveness.BUSY and record.load is not None

    wait_until(busy, what="the worker to be busy")
    record = processes.worker_record(shraga, "teller")
    assert record is not None
    assert [current.task_id for current in record.current_tasks] == [task.id]
    assert [one.name for one in record.capabilities] == ["python"]
    assert record.memory_mb is not None
    shraga.cancel(task.id, timeout=30)


def test_a_draining_worker_takes_nothing_until_it_is_resumed(worker: Processes, shraga: Shraga) -> None:
    shraga.set_worker_mode("w1", WorkerMode.DRAINING)
    task = shraga.submit("later", Shell("true"))
    assert shraga.wait(task.id, 1.5).status is TaskStatus.QUEUED
    shraga.set_worker_mode("w1", WorkerMode.ACCEPTING)
    assert shraga.wait(task.id, 30).status is TaskStatus.COMPLETED


@pytest.mark.parametrize("how", ["signal", "command"])
def test_a_worker_that_is_told_to_stop_finishes_its_task_first(
    processes: Processes, shraga: Shraga, tmp_path: Path, how: str
) -> None:
    process = processes.worker(shraga)
    gate = tmp_path / "gate"
    task = shraga.submit("last", Shell(f"while [ ! -e {gate} ]; do sleep 0.02; done"))
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.RUNNING, what="the task to run")
    if how == "signal":
        process.send_signal(signal.SIGTERM)
    else:
        shraga.set_worker_mode("w1", WorkerMode.STOPPING)
    wait_until(lambda: "stopping" in processes.log(), what="the worker to stop")
    gate.touch()
    assert process.wait(15) == 0
    assert shraga.get(task.id).status is TaskStatus.COMPLETED
    record = processes.worker_record(shraga, "w1")
    assert record is not None
    assert record.liveness is Liveness.OFFLINE


def test_a_second_signal_ends_the_task_in_hand_and_it_runs_again(
    processes: Processes, shraga: Shraga
) -> None:
    process = processes.worker(shraga)
    task = shraga.submit("again", Shell("sleep 6661"))
    wait_until(lambda: shraga.get(task.id).status is TaskStatus.RUNNING, what="the task to run")
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: "after the tasks in hand" in processes.log(), what="the first signal to be seen")
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert alive_with("sleep 6661") == []
    assert shraga.get(task.id).status is TaskStatus.QUEUED
    assert [run.status for run in shraga.runs(task.id)] == [RunStatus.LOST, RunStatus.PENDING]


def test_a_worker_stopped_while_it_waits_for_redis_leaves_quietly(processes: Processes) -> None:
    process = processes.start("worker", env={"SHRAGA_REDIS_URL": "redis://127.0.0.1:1/0"})
    wait_until(lambda: "waiting for Redis" in processes.log(), what="the wait")
    process.terminate()
    assert process.wait(10) == 0
    assert "Traceback" not in processes.log()


def test_two_workers_cannot_share_a_name(worker: Processes, shraga: Shraga) -> None:
    second = worker.start("worker", "--name=w1")
    assert second.wait(15) == 1
    assert "running already" in worker.log()


def test_many_tasks_over_several_slots_all_run_once(worker: Processes, shraga: Shraga) -> None:
    tasks = shraga.submit_many(
        [NewTask(name=f"n{i}", action=Python("shraga_queue.demo:noop")) for i in range(300)]
    )
    wait_until(lambda: shraga.counts().by_status[TaskStatus.COMPLETED] == 300, 30, what="all to complete")
    assert all(shraga.get(task.id).attempt == 1 for task in tasks[::50])
