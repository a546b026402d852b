from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shraga_queue import embedded
from shraga_queue.client import SyncDriver
from shraga_queue.config import Settings, load_settings
from shraga_queue.connect import check_server, connect_async, connect_sync, explain
from shraga_queue.controller import Controller, run_controller
from shraga_queue.engine import Engine
from shraga_queue.errors import Forbidden, ShragaError, Unreachable
from shraga_queue.keys import Keys
from shraga_queue.pool import WorkerOptions, run_worker
from shraga_queue.up import House, Part, find_refusal
from tests.waiting import wait_until

Start = Callable[..., int]


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SHRAGA_"):
            monkeypatch.delenv(name)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts valkey-servers with a password on loopback and returns their ports."""
    started: list[subprocess.Popen[bytes]] = []

    def run(config: str, *options: str) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        folder = tmp_path / str(port)
        folder.mkdir()
        (folder / "server.conf").write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder}/log\nrequirepass sesame\n{config}\n"
        )
        started.append(subprocess.Popen([embedded._find_binary(), str(folder / "server.conf"), *options]))
        wait_until(lambda: listens(port), what=f"the server on port {port}")
        return port

    yield run
    for process in started:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def calls(client: redis.Redis) -> dict[str, int]:
    found = {
        name.removeprefix("cmdstat_"): facts["calls"] for name, facts in client.info("commandstats").items()
    }
    # The Lua module of Valkey reads settings while the server starts.
    found.pop("config|get", None)
    return found


async def test_a_new_connection_costs_one_round_trip(start: Start) -> None:
    port = start('save ""')
    settings = load_settings(url=f"redis://:sesame@127.0.0.1:{port}/0")
    with connect_sync(settings) as client:
        assert client.get("nothing") is None
        assert calls(client) == {"hello": 1, "get": 1}
    async with connect_async(settings) as other:
        assert await other.set("a", "b") and await other.get("a") == b"b"
    with connect_sync(settings) as client:
        assert calls(client) == {"hello": 3, "get": 2, "set": 1, "info": 1}


def test_a_user_without_rights(start: Start) -> None:
    port = start('save ""')
    with connect_sync(load_settings(url=f"redis://:sesame@127.0.0.1:{port}")) as admin:
        admin.execute_command("ACL", "SETUSER", "bob", "on", ">open", "+ping", "~bob:*")
    url = f"redis://bob:open@127.0.0.1:{port}"
    with connect_sync(load_settings(url=url)) as client:
        assert check_server(client).kind == "unknown"
        with pytest.raises(redis.exceptions.NoPermissionError) as caught:
            client.get("bob:1")
    assert isinstance(explain(caught.value, url), Forbidden)


def test_a_wrong_password_and_none(start: Start) -> None:
    port = start('save ""')
    for login, sentence in (("", "asks for a password"), (":guess@", "does not accept this user name")):
        client = connect_sync(load_settings(url=f"redis://{login}127.0.0.1:{port}"))
        with client, pytest.raises(Unreachable, match=sentence):
            check_server(client)


async def test_through_a_sentinel(start: Start) -> None:
    primary = start('save ""')
    sentinel = start(
        f"sentinel monitor main 127.0.0.1 {primary} 1\nsentinel auth-pass main sesame", "--sentinel"
    )
    absent = f"127.0.0.1:{primary + 1 if primary < 65535 else 1}"
    url = f"redis+sentinel://:sesame@{absent},127.0.0.1:{sentinel}/main/2?sentinel_password=sesame"
    settings = load_settings(url=url)
    with connect_sync(settings) as client:
        assert wait_until(lambda: client.set("a", 1), what="the primary's answer")
        assert check_server(client).mode == "standalone"
    async with connect_async(settings) as other:
        assert await other.get("a") == b"1"
    with connect_sync(load_settings(url=f"redis://:sesame@127.0.0.1:{primary}/2")) as direct:
        assert direct.get("a") == b"1"
    wrong = connect_sync(load_settings(url=url.replace("/main", "/other")), retries=0)
    with wrong, pytest.raises(Unreachable, match="know no running primary"):
        check_server(wrong)


@pytest.mark.parametrize("run", [run_controller, lambda settings: run_worker(settings, WorkerOptions())])
def test_worker_and_controller_refuse_a_cluster_at_once(start: Start, run: Callable[[Settings], int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        bus = free.getsockname()[1]
    port = start(f"cluster-enabled yes\ncluster-port {bus}")
    with pytest.raises(Unreachable, match="runs in cluster mode, which Shraga does not use"):
        run(load_settings(url=f"redis://:sesame@127.0.0.1:{port}/0"))


def test_a_demoted_server_is_left_for_whoever_has_its_name_now(start: Start) -> None:
    port, other = start(""), start("")
    client = connect_sync(load_settings(url=f"redis://:sesame@127.0.0.1:{port}/0"), retries=0)
    before = client.client_id()
    client.execute_command("REPLICAOF", "127.0.0.1", other)
    with pytest.raises(redis.ReadOnlyError):
        client.set("key", "value")
    client.execute_command("REPLICAOF", "NO", "ONE")
    assert client.client_id() != before
    assert client.set("key", "value")
    client.close()


# What stays, and a server that will not have it

ACL = "user nobody on >x ~* &* +@all -@scripting\nuser all on >x ~* &* +@all"
REFUSED = [("default:wrong", Unreachable, "does not accept"), ("nobody:x", Forbidden, "does not allow this")]


def login(port: int, who: str) -> Settings:
    return load_settings(url=f"redis://{who}@127.0.0.1:{port}/0")


@pytest.mark.parametrize(("who", "kind", "said"), REFUSED)
def test_a_controller_ends_when_the_server_will_not_have_it(
    start: Start, who: str, kind: type[ShragaError], said: str
) -> None:
    settings = login(start(ACL), who)
    with connect_sync(settings, retries=0) as client:
        driver = SyncDriver(client, Keys("p"), url=settings.redis_url or "")
        with pytest.raises(kind, match=said):
            Controller(Engine(driver)).run()


@pytest.mark.parametrize(("who", "kind", "said"), REFUSED)
def test_a_house_that_is_refused_says_so_and_starts_nothing_again(
    start: Start, who: str, kind: type[ShragaError], said: str
) -> None:
    part = Part("x", ("/bin/sh", "-c", f"exit {kind.exit_code}"))
    house = House(login(start(ACL), who), [part])

    def refusal() -> ShragaError | None:
        house.tick()
        return house.refusal

    wait_until(refusal, what="the refusal")
    assert isinstance(house.refusal, kind)
    assert said in str(house.refusal)
    assert part.process is None


def test_a_server_that_is_away_or_well_is_no_refusal(start: Start) -> None:
    port = start(ACL)
    assert find_refusal(login(port, "all:x")) is None
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = int(free.getsockname()[1])
    assert find_refusal(login(closed, "all:x")) is None


def test_a_controller_is_calm_while_redis_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    pauses: list[float | None] = []

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout)
            if len(pauses) == 5:
                self.set()
            return True

    settings = load_settings(url="redis://127.0.0.1:1/0")
    with connect_sync(settings, retries=0) as client:
        controller = Controller(Engine(SyncDriver(client, Keys("p"), url="redis://127.0.0.1:1/0")))
        controller.stopping = Waits()
        controller.run()
    assert pauses == [0.5] * 5
    assert "".join(capsys.readouterr()).count("Nothing listens at redis://127.0.0.1:1/0.") == 1
