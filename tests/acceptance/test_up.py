"""Two shells, one user, no configuration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shraga_queue import proctree
from shraga_queue.config import host_name
from tests.waiting import wait_until

SHRAGA = [sys.executable, "-m", "shraga_tui"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"SHRAGA_HOME": str(tmp_path / "home"), "SHRAGA_USER": "alice"}


@pytest.fixture
def up(env: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*SHRAGA, "up", "--workers=1", "--slots=2", "--allow-module=json"],
            env=env,
            stdout=log,
            stderr=log,
        )
    yield process
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def shraga(env: dict[str, str], *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [*SHRAGA, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def server_pid(env: dict[str, str]) -> int:
    return int(Path(env["SHRAGA_HOME"], "valkey.pid").read_text())


def test_submit_and_wait_in_a_second_shell(up: subprocess.Popen[bytes], env: dict[str, str]) -> None:
    assert shraga(env, "submit", "hello", "--shell", "echo hi", "--wait").splitlines()[-1].endswith("hi")
    shraga(env, "submit", "bad", "--shell", "exit 3", "--wait", code=1)


def test_its_workers_call_the_functions_it_allows(up: subprocess.Popen[bytes], env: dict[str, str]) -> None:
    words = ["submit", "dump", "--python", "json:dumps", "--arg", "obj=[1]", "--wait"]
    assert shraga(env, *words).splitlines()[-1] == '"[1]"'
    shraga(env, "submit", "no", "--python", "os:getcwd", "--wait", code=1)


def test_nothing_submitted_is_missing_after_the_server_was_killed(
    up: subprocess.Popen[bytes], env: dict[str, str]
) -> None:
    shraga(env, "submit", "hello", "--shell", "echo hi", "--wait")
    ids = [shraga(env, "submit", f"t{n}", "--shell", "sleep 1; echo done").strip() for n in range(6)]
    os.kill(server_pid(env), signal.SIGKILL)

    def all_done() -> bool:
        listed = json.loads(shraga(env, "list", "--json", "--limit=100"))
        return {task["id"] for task in listed if task["status"] == "completed"} >= set(ids)

    wait_until(all_done, 40, what="all to complete")
    assert up.poll() is None


def test_a_killed_part_is_started_again(up: subprocess.Popen[bytes], env: dict[str, str]) -> None:
    shraga(env, "submit", "hello", "--shell", "true", "--wait")
    workers = json.loads(shraga(env, "workers", "--json"))
    os.kill(workers[0]["pid"], signal.SIGKILL)
    names = [worker["name"] for worker in workers]
    assert names == [f"{host_name()}-1"]
    assert shraga(env, "submit", "again", "--shell", "echo again", "--wait", "--wait-timeout=30").strip()
    after = json.loads(shraga(env, "workers", "--json"))
    assert [(worker["name"], worker["liveness"]) for worker in after] == [(names[0], "idle")]
    assert after[0]["pid"] != workers[0]["pid"]


def test_two_houses_on_one_host_each_have_their_own_workers(
    up: subprocess.Popen[bytes], env: dict[str, str], tmp_path: Path
) -> None:
    def names() -> list[str]:
        return [worker["name"] for worker in json.loads(shraga(env, "workers", "--json"))]

    wait_until(lambda: f"{host_name()}-1" in names(), 20, what="the first house")
    with (tmp_path / "second.log").open("wb") as log:
        second = subprocess.Popen([*SHRAGA, "up"], env=env, stdout=log, stderr=log)
    try:
        wait_until(lambda: len(names()) == 2, 20, what="the second house")
        assert all(name.startswith(f"{host_name()}-") for name in names())
    finally:
        second.terminate()
        assert second.wait(20) == 0


def test_up_leaves_no_process_behind(env: dict[str, str], tmp_path: Path) -> None:
    with (tmp_path / "up.log").open("wb") as log:
        process = subprocess.Popen([*SHRAGA, "up"], env=env, stdout=log, stderr=log)
    shraga(env, "submit", "long", "--shell", "sleep 99991")
    wait_until(lambda: json.loads(shraga(env, "list", "status:running", "--json")), 20, what="it to run")
    below = proctree.descendants(process.pid)
    pid = server_pid(env)
    process.kill()
    process.wait()
    wait_until(lambda: not any(proctree.is_alive(one) for one in below), 15, what="the parts to end")
    wait_until(lambda: not proctree.is_alive(pid), 15, what="the server to end with its last user")
    assert not any(proctree.is_alive(one) for one in [*below, pid])


def test_a_worker_that_was_told_to_stop_is_not_started_again(
    up: subprocess.Popen[bytes], env: dict[str, str], tmp_path: Path
) -> None:
    shraga(env, "submit", "hello", "--shell", "true", "--wait")
    (worker,) = json.loads(shraga(env, "workers", "--json"))
    shraga(env, "worker", "stop", worker["name"], "--wait")
    wait_until(lambda: "not started again" in (tmp_path / "up.log").read_text(), what="up to take note")
    assert [one["liveness"] for one in json.loads(shraga(env, "workers", "--json"))] == ["offline"]


def test_waiting_without_anybody_to_run_it_says_what_to_start(env: dict[str, str]) -> None:
    arguments = ["submit", "nobody", "--shell", "true", "--wait", "--wait-timeout=3s"]
    done = subprocess.run(
        [*SHRAGA, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("no worker is running; start one") == 1
