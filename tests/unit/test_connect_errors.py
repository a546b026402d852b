from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from redis import exceptions

from shraga_queue.config import load_settings
from shraga_queue.connect import (
    AsyncPatientRetry,
    PatientRetry,
    check_server,
    check_server_async,
    connect_async,
    connect_sync,
    explain,
    parse_sentinel,
    redact,
    resolve_url,
)
from shraga_queue.errors import Forbidden, InvalidInput, NotFound, Unreachable

Peer = Callable[[bytes], int]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Starts servers on loopback that answer whatever they get with the given bytes, then hang up."""
    with contextlib.ExitStack() as stack:

        def start(reply: bytes) -> int:
            reply += b"\r\n" if reply else b""

            class Handler(socketserver.BaseRequestHandler):
                def handle(self) -> None:
                    with contextlib.suppress(OSError):
                        while reply and self.request.recv(4096):
                            self.request.sendall(reply)
                            if not reply.startswith(b"-"):
                                return

            server = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            return int(server.server_address[1])

        yield start


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def outcome(url: str, timeout: float = 2.0) -> Exception:
    client = connect_sync(load_settings(url=url), retries=0, socket_timeout=timeout)
    with client, pytest.raises((redis.RedisError, OSError)) as caught:
        client.ping()
    return explain(caught.value, url)


async def async_outcome(url: str, timeout: float = 2.0) -> Exception:
    client = connect_async(load_settings(url=url), retries=0, socket_timeout=timeout)
    async with client:
        with pytest.raises((redis.RedisError, OSError)) as caught:
            await client.ping()
    return explain(caught.value, url)


def test_nothing_listens(closed: int) -> None:
    error = outcome(f"redis://:sesame@127.0.0.1:{closed}")
    assert isinstance(error, Unreachable)
    assert str(error).startswith(f"Nothing listens at redis://:***@127.0.0.1:{closed}. Start Redis there")


def test_no_socket(tmp_path: Path) -> None:
    assert "There is no socket at unix://" in str(outcome(f"unix://{tmp_path}/absent.sock"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            redis.ConnectionError("Error 111 connecting to unix socket: /s. Connection refused."),
            "Nothing listens",
        ),
        (redis.ConnectionError("Connection closed by server."), "closed the connection. See its log."),
        (redis.TimeoutError("Timeout reading from socket"), "Check that it runs and is not stopped."),
    ],
)
def test_a_socket_has_no_host_no_tls_and_no_firewall(error: Exception, said: str) -> None:
    sentence = str(explain(error, "unix:///s"))
    assert said in sentence
    assert not any(word in sentence for word in ("host", "TLS", "firewall"))


def test_no_such_host() -> None:
    assert "The host name in redis://no.such.host.invalid cannot be found" in str(
        outcome("redis://no.such.host.invalid")
    )


def test_no_answer(silent: int) -> None:
    assert "did not answer in time" in str(outcome(f"redis://127.0.0.1:{silent}", 0.05))


def test_tls_to_a_port_that_says_nothing(silent: int) -> None:
    assert "does not answer in TLS" in str(outcome(f"rediss://127.0.0.1:{silent}", 0.05))


def test_tls_to_a_plain_port(peer: Peer) -> None:
    port = peer(b"-ERR unknown command")
    assert "does not answer in TLS. Use redis://" in str(outcome(f"rediss://127.0.0.1:{port}"))


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-OpenSSH_9.6"])
def test_another_protocol(peer: Peer, reply: bytes) -> None:
    assert "is not a Redis that Shraga can use" in str(outcome(f"redis://127.0.0.1:{peer(reply)}"))


def test_hangs_up(peer: Peer) -> None:
    assert "closed the connection. If it expects TLS, use rediss://" in str(
        outcome(f"redis://127.0.0.1:{peer(b'')}")
    )


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (b"-NOAUTH Authentication required.", "asks for a password. Add it to the url"),
        (b"-NOAUTH HELLO must be called with the client already authenticated", "asks for a password"),
        (b"-WRONGPASS invalid username-password pair or user is disabled.", "does not accept this user name"),
        (b"-ERR AUTH <password> called without any password configured for x", "Redis at .* has no password"),
        (b"-LOADING Redis is loading the dataset in memory", "still loads its data. Try again"),
        (b"-READONLY You can't write against a read only replica.", "is a read-only replica"),
        (b"-MASTERDOWN Link with MASTER is down", "a replica that has lost its primary"),
        (
            b"-MISCONF Errors writing to the AOF file: No space left on device",
            "No space left on device. Free",
        ),
        (b"-NOREPLICAS Not enough good replicas to write.", "too few replicas in step"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.", "has reached its maxmemory limit"),
        (b"-BUSY Redis is busy running a script.", "is busy with a script"),
        (b"-ERR max number of clients reached", "has no connection left"),
        (b"-DENIED Redis is running in protected mode", "runs in protected mode"),
        (b"-ERR DB index is out of range", "The database number in .* does not exist"),
        (b"-MOVED 3999 127.0.0.1:6381", "is part of a Redis Cluster"),
        (b"-NOPROTO unsupported protocol version", "is not a Redis that Shraga can use"),
        (b"-ERR something new", "cannot be used: something new. Check the url and the log"),
    ],
)
def test_answers_of_redis(peer: Peer, reply: bytes, sentence: str) -> None:
    error = outcome(f"redis://:sesame@127.0.0.1:{peer(reply)}/0")
    assert isinstance(error, Unreachable)
    with pytest.raises(Unreachable, match=sentence):
        raise error
    assert "sesame" not in str(error)
    assert str(error).endswith(".")


def test_missing_right_is_forbidden(peer: Peer) -> None:
    port = peer(b"-NOPERM User bob has no permissions to run the 'get' command")
    error = outcome(f"redis://127.0.0.1:{port}")
    assert isinstance(error, Forbidden)
    assert "does not allow this: User bob has no permissions to run the 'get' command. Ask" in str(error)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl program")
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    )
    files = ["-keyout", str(folder / "both.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    with (folder / "both.pem").open("a") as both:
        both.write((folder / "cert.pem").read_text())
    return folder / "both.pem"


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                context.wrap_socket(self.request, server_side=True).close()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_plain_to_a_tls_port(tls_port: int) -> None:
    assert "If it expects TLS, use rediss://" in str(outcome(f"redis://127.0.0.1:{tls_port}"))


def test_untrusted_certificate(tls_port: int) -> None:
    sentence = str(outcome(f"rediss://127.0.0.1:{tls_port}"))
    assert "is not trusted" in sentence and "?ssl_ca_certs=" in sentence


async def test_the_asyncio_client_says_the_same(
    closed: int, silent: int, tls_port: int, tmp_path: Path, peer: Peer
) -> None:
    said = [
        await async_outcome(f"redis://127.0.0.1:{closed}"),
        await async_outcome(f"redis://127.0.0.1:{silent}", 0.05),
        await async_outcome(f"unix://{tmp_path}/absent.sock"),
        await async_outcome("redis://no.such.host.invalid"),
        await async_outcome(f"redis://127.0.0.1:{tls_port}"),
        await async_outcome(f"rediss://127.0.0.1:{tls_port}"),
        await async_outcome(f"redis://:x@127.0.0.1:{peer(b'-WRONGPASS invalid')}"),
    ]
    for sentence, error in zip(
        [
            "Nothing listens",
            "in time",
            "no socket",
            "cannot be found",
            "rediss://",
            "not trusted",
            "not accept",
        ],
        said,
        strict=True,
    ):
        assert sentence in str(error)


def test_raw_system_errors() -> None:
    assert "Nothing listens" in str(explain(ConnectionRefusedError(111, "Connection refused"), "redis://h"))
    assert "may not open the socket" in str(explain(PermissionError(13, "Permission denied"), "unix:///s"))
    assert "no way through the network" in str(explain(OSError(113, "No route to host"), "redis://h"))
    assert "client certificate" in str(
        explain(ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"), "rediss://h")
    )


def test_its_own_words_come_before_what_it_was_raised_from() -> None:
    error = exceptions.ReadOnlyError("You can't write against a read only replica.")
    error.__context__ = ConnectionRefusedError("Connection refused")
    assert "read-only replica" in str(explain(error, "redis://h"))
    vague = exceptions.ConnectionError("it failed")
    vague.__cause__ = ConnectionRefusedError("Connection refused")
    assert "Nothing listens" in str(explain(vague, "redis://h"))


def test_own_errors_stay_as_they_are() -> None:
    error = NotFound("There is no task 7.")
    assert explain(error, "redis://h") is error


def test_a_password_in_the_error_is_hidden() -> None:
    error = exceptions.ResponseError("ERR odd argument p@ss")
    assert "***" in str(explain(error, "redis://u:p%40ss@h")) and "p@ss" not in str(
        explain(error, "redis://u:p%40ss@h")
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("redis://:pw@h/0", "redis://:***@h/0"),
        ("redis://bob:p/w@x?y@h/0", "redis://bob:***@h/0"),
        ("unix:///s?db=1&password=pw", "unix:///s?db=1&password=***"),
        ("rediss://h?ssl_password=pw&ssl_keyfile=k", "rediss://h?ssl_password=***&ssl_keyfile=k"),
        (
            "redis+sentinel://:pw@a,b/s?sentinel_password=pw",
            "redis+sentinel://:***@a,b/s?sentinel_password=***",
        ),
    ],
)
def test_redact(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_sentinel_url() -> None:
    url = "redis+sentinel://bob:p%40ss@one,two:26380,[::1]:26381/main/3?sentinel_password=s&ssl=true&client_name=x"
    target = parse_sentinel(url)
    assert target.hosts == [("one", 26379), ("two", 26380), ("::1", 26381)]
    assert target.service == "main"
    assert target.options == {
        "db": 3, "username": "bob", "password": "p@ss", "ssl": True, "client_name": "x"
    }  # fmt: skip
    assert target.sentinel_options()["password"] == "s"
    assert "p@ss" not in repr(target)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sentinel://one,two", "it names no service"),
        ("sentinel://one,,two/main", "a host is missing"),
        ("sentinel://one:x/main", "Port could not be cast"),
        ("sentinel://one/main/zero", "invalid literal"),
        ("sentinel://one/main?socket_timeout=soon", "Invalid value for 'socket_timeout'"),
        ("redis://h:port", "Port could not be cast"),
        ("redis://h?db=x", "Invalid value for 'db'"),
    ],
)
def test_urls_that_cannot_be_read(url: str, why: str) -> None:
    for connect in (connect_sync, connect_async):
        with pytest.raises(InvalidInput, match=why) as caught:
            connect(load_settings(url=url))
        assert caught.value.field == "redis_url"


def test_sentinels_without_a_primary(closed: int) -> None:
    assert "know no running primary" in str(outcome(f"sentinel://127.0.0.1:{closed}/main"))


def test_a_configured_url_is_used_as_it_is() -> None:
    assert resolve_url(load_settings(url="redis://h")) == "redis://h"


@pytest.mark.parametrize(
    "url", ["redis://h", "redis://h/", "redis://h:1/3", "rediss://h/3?ssl_cert_reqs=none", "unix:///a"]
)
def test_a_url_with_a_database_or_none_is_used_as_it_is(url: str) -> None:
    assert resolve_url(load_settings(url=url)) == url


@pytest.mark.parametrize("path", ["x", "0x1", "1/2", "-1"])
def test_a_database_that_is_no_number_is_refused(path: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"redis://:\*\*\*@h/.* is no number; write it as redis://host:6379/0"
    ):
        resolve_url(load_settings(url=f"redis://:sesame@h/{path}"))


def counting(error: Exception, attempts: list[int]) -> Callable[[], None]:
    def do() -> None:
        attempts.append(1)
        raise error

    return do


def test_a_lost_connection_is_tried_again_and_mended() -> None:
    attempts: list[int] = []
    mended: list[int] = []
    retry = PatientRetry(2, lambda: mended.append(1))
    retry._backoff = redis.backoff.NoBackoff()
    with pytest.raises(redis.ConnectionError):
        retry.call_with_retry(counting(redis.ConnectionError("gone"), attempts), lambda error: None)
    assert (len(attempts), len(mended)) == (3, 3)


def test_a_wrong_password_is_not_tried_again() -> None:
    attempts: list[int] = []
    with pytest.raises(redis.AuthenticationError):
        PatientRetry(5).call_with_retry(counting(redis.AuthenticationError(), attempts), lambda error: None)
    assert len(attempts) == 1


def test_silence_is_borne_only_of_a_server_that_has_answered_before() -> None:
    attempts: list[int] = []
    retry = PatientRetry(2)
    retry._backoff = redis.backoff.NoBackoff()
    for tries in (1, 1 + 3):
        with pytest.raises(redis.TimeoutError):
            retry.call_with_retry(counting(redis.TimeoutError(), attempts), lambda error: None)
        assert len(attempts) == tries
        retry.call_with_retry(lambda: None, lambda error: None)


async def test_asyncio_bears_silence_the_same_way() -> None:
    attempts: list[int] = []
    retry = AsyncPatientRetry(2)
    retry._backoff = redis.backoff.NoBackoff()

    async def do() -> None:
        counting(redis.TimeoutError(), attempts)()

    async def answer(*_: object) -> None:
        """Answer, or fail, without a word."""

    for tries in (1, 1 + 3):
        with pytest.raises(redis.TimeoutError):
            await retry.call_with_retry(do, answer)
        assert len(attempts) == tries
        await retry.call_with_retry(answer, answer)


async def test_asyncio_retries_the_same_way() -> None:
    attempts: list[int] = []
    mended: list[int] = []

    async def do() -> None:
        counting(errors[len(mended)], attempts)()

    async def fail(error: Exception, count: int) -> None:
        assert count == len(mended) + 1

    errors: list[Exception] = [redis.ConnectionError("gone"), redis.AuthenticationError()]
    retry = AsyncPatientRetry(5, lambda: mended.append(1))
    retry._backoff = redis.backoff.NoBackoff()
    with pytest.raises(redis.AuthenticationError):
        await retry.call_with_retry(do, fail, with_failure_count=True)
    assert (len(attempts), len(mended)) == (2, 1)


def info_peer(peer: Peer, text: str) -> redis.Redis:
    body = text.replace("\n", "\r\n").encode()
    port = peer(b"$%d\r\n%s" % (len(body), body))
    return redis.Redis(port=port, protocol=2, driver_info=None, retry=PatientRetry(0))


MODERN = "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:9.1.2\nrun_id:abc\nuptime_in_seconds:5\n"


def test_a_valkey_server(peer: Peer) -> None:
    with info_peer(
        peer, MODERN + "aof_enabled:1\nmaxmemory_policy:noeviction\nserver_mode:standalone"
    ) as client:
        found = check_server(client)
    assert (found.kind, found.version, found.run_id, found.uptime_s) == ("valkey", (9, 1, 2), "abc", 5)
    assert found.aof and found.hazards == ()


def test_hazards_are_told(peer: Peer) -> None:
    with info_peer(
        peer, "redis_version:8.0.1\naof_enabled:0\nmaxmemory:9\nmaxmemory_policy:allkeys-lru"
    ) as client:
        found = check_server(client)
    assert (found.kind, found.version, len(found.hazards)) == ("redis", (8, 0, 1), 2)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ("redis_version:6.2.14", "is Redis 6.2.14, which is too old. Use Redis 7.0"),
        (
            "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:7.1.9",
            "is Valkey 7.1.9, which is too old",
        ),
        ("redis_version:7.4.0\nredis_mode:cluster", "runs in cluster mode, which Shraga does not use"),
    ],
)
async def test_servers_that_do_not_do(peer: Peer, info: str, message: str) -> None:
    with info_peer(peer, info) as client, pytest.raises(Unreachable, match=message):
        check_server(client)
    options = client.connection_pool.connection_kwargs
    other = redis.asyncio.Redis(port=options["port"], protocol=2, driver_info=None)
    async with other:
        with pytest.raises(Unreachable, match=message):
            await check_server_async(other)


async def test_a_user_who_may_not_ask_goes_on_without_an_answer(peer: Peer) -> None:
    port = peer(b"-NOPERM User bob has no permissions to run the 'info' command")
    with redis.Redis(port=port, protocol=2, driver_info=None) as client:
        found = check_server(client)
    assert (found.kind, found.version, found.hazards) == ("unknown", (), ())
    async with redis.asyncio.Redis(port=port, protocol=2, driver_info=None) as other:
        assert await check_server_async(other) == found


async def test_checking_a_server_that_is_away(closed: int, tmp_path: Path) -> None:
    client = connect_sync(load_settings(url=f"rediss://127.0.0.1:{closed}/2"), retries=0)
    with client, pytest.raises(Unreachable, match=f"Nothing listens at rediss://127.0.0.1:{closed}/2"):
        check_server(client)
    async with connect_async(load_settings(url=f"unix://{tmp_path}/absent"), retries=0) as other:
        with pytest.raises(Unreachable, match="There is no socket at unix://"):
            await check_server_async(other)
    async with connect_async(load_settings(url=f"sentinel://127.0.0.1:{closed}/main"), retries=0) as other:
        with pytest.raises(Unreachable, match=r"redis\+sentinel://.../main know no running primary"):
            await check_server_async(other)
