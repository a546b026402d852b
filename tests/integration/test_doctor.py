from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from shraga_models import Shell
from shraga_queue import doctor
from shraga_queue.client import Shraga
from shraga_queue.config import load_settings
from shraga_queue.doctor import Finding, examine
from shraga_queue.embedded import Embedded
from shraga_queue.engine import Engine
from shraga_tui.cli.app import run


@pytest.fixture
def shraga(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shraga]:
    monkeypatch.setenv("SHRAGA_HOME", str(tmp_path))
    settings = load_settings(home=tmp_path)
    with Shraga.connect(settings=settings) as connected:
        yield connected
    assert Embedded.stop(settings)


def findings(shraga: Shraga) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(shraga)}


def config(shraga: Shraga, name: str, value: str) -> None:
    shraga.driver.connection.execute_command("CONFIG", "SET", name, value)


def start_worker(shraga: Shraga, capabilities: list[str] | None = None) -> None:
    fields = {
        "details": '{"type": "local_machine", "hostname": "h"}',
        "slots": "1",
        "capabilities": json.dumps([{"name": name} for name in capabilities or []]),
    }
    Engine(shraga.driver).beat("worker-1", "w1", "ann", fields)


def test_a_fresh_embedded_server_lacks_only_workers(shraga: Shraga) -> None:
    found = findings(shraga)
    assert {name for name, finding in found.items() if finding.level != "ok"} == {"workers", "controller"}
    assert found["workers"].do == "shraga worker"
    assert found["controller"].do == "shraga controller"
    assert found["server"].says.startswith("Valkey ")
    assert "rq 3." in found["versions"].says


def test_tasks_without_workers_fail(shraga: Shraga) -> None:
    shraga.submit("t", Shell("true"))
    found = findings(shraga)
    assert found["workers"].level == "fail"
    assert "tasks wait" in found["workers"].says


def test_a_worker_that_lives_is_counted(shraga: Shraga) -> None:
    start_worker(shraga)
    assert findings(shraga)["workers"].says.startswith("1 alive, 0 of 1")


def test_a_capability_that_nobody_has_is_named(shraga: Shraga) -> None:
    start_worker(shraga, ["web"])
    shraga.submit("t", Shell("true"), capability="web")
    assert findings(shraga)["capabilities"].level == "ok"
    shraga.submit("t", Shell("true"), capability="gpu")
    found = findings(shraga)["capabilities"]
    assert (found.level, found.do) == ("warn", "shraga worker --capability gpu")


def test_an_expired_lease_is_found(shraga: Shraga) -> None:
    shraga.driver.connection.zadd(shraga.driver.keys.make("leases"), {"task": 1})
    found = findings(shraga)
    assert found["lost runs"].level == "fail"
    assert found["controller"].level == "fail"


def test_tasks_that_wait_beside_an_idle_worker(shraga: Shraga, monkeypatch: pytest.MonkeyPatch) -> None:
    start_worker(shraga)
    task = shraga.submit("t", Shell("true"))
    monkeypatch.setattr(doctor, "WAITING_AGE", "0s")
    found = findings(shraga)["waiting"]
    assert (found.level, found.do) == ("warn", f"shraga show {task.id}")


def test_a_suspended_rq_is_found(shraga: Shraga) -> None:
    shraga.driver.connection.set(shraga.driver.keys.make("rq_suspended"), 1)
    assert findings(shraga)["suspension"].do == "rq resume"


@pytest.mark.parametrize(
    ("settings", "check", "level"),
    [
        ({"appendonly": "no", "save": "60 1"}, "persistence", "warn"),
        ({"appendonly": "no", "save": ""}, "persistence", "fail"),
        ({"maxmemory-policy": "allkeys-lru"}, "eviction", "warn"),
        ({"maxmemory-policy": "allkeys-lru", "maxmemory": "1gb"}, "eviction", "fail"),
        ({"hash-max-listpack-value": "64"}, "listpack", "warn"),
    ],
)
def test_settings_that_endanger_tasks(
    shraga: Shraga, settings: dict[str, str], check: str, level: str
) -> None:
    for name, value in settings.items():
        config(shraga, name, value)
    found = findings(shraga)[check]
    assert found.level == level
    assert found.do


@pytest.mark.parametrize(("room", "level"), [(1.02, "fail"), (1.2, "warn"), (3.0, "ok")])
def test_memory_that_runs_short(shraga: Shraga, room: float, level: str) -> None:
    info: Any = shraga.driver.connection.info("memory")
    config(shraga, "maxmemory", str(int(info["used_memory"] * room)))
    assert findings(shraga)["memory"].level == level


def test_a_clock_that_differs_is_told(shraga: Shraga, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shraga_queue.doctor.time", SimpleNamespace(time=lambda: 1e9))
    assert findings(shraga)["clock"].level == "warn"


def test_a_foreign_rq_is_told(shraga: Shraga, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "version", lambda name: "2.1")
    assert findings(shraga)["versions"].level == "warn"


def test_what_the_redis_user_may_not_ask_is_unknown(shraga: Shraga) -> None:
    rules = ("on", ">secret", "~*", "&*", "+@all", "-config", "-info", "-zcount", "-smembers")
    shraga.driver.connection.execute_command("ACL", "SETUSER", "ann", *rules)
    shraga.driver.connection.execute_command("AUTH", "ann", "secret")
    found = findings(shraga)
    unknown = {name for name, finding in found.items() if finding.says.startswith("unknown")}
    assert unknown == {
        "server",
        "persistence",
        "eviction",
        "memory",
        "listpack",
        "workers",
        "lost runs",
        "capabilities",
        "brakes",
    }
    assert all(found[name].level == "warn" for name in unknown)


def test_the_verb_exits_1_only_on_a_failure(shraga: Shraga, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    assert "workers: none is alive -> shraga worker" in capsys.readouterr().out
    shraga.submit("t", Shell("true"))
    assert run(["doctor"]) == 1
    assert "1 of 14 checks failed." in capsys.readouterr().err
    assert run(["doctor", "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    assert {finding["level"] for finding in json.loads(captured.out)} == {"ok", "warn", "fail"}


def test_a_brake_is_told(shraga: Shraga) -> None:
    assert findings(shraga)["brakes"].level == "ok"
    shraga.set_brake(True, owner="alice")
    found = findings(shraga)["brakes"]
    assert (found.level, found.says) == ("warn", "1 brake(s) are on; 0 task(s) had to step aside")
    assert found.do == "shraga brake show"
