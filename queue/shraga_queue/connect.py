"""Clients for Redis from Settings, and Redis's errors in plain sentences."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.retry
import redis.sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    MaxConnectionsError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
)
from redis.maint_notifications import MaintNotificationsConfig

from shraga_queue import connect_sentinel
from shraga_queue.config import Settings
from shraga_queue.connect_errors import explain, redact
from shraga_queue.embedded import Embedded
from shraga_queue.errors import Forbidden, InvalidInput, Unreachable

__all__ = [
    "ServerInfo",
    "check_server",
    "check_server_async",
    "connect_async",
    "connect_sync",
    "explain",
    "redact",
    "refuse_unfit",
    "refuses",
    "resolve_url",
]

_parse_url: Callable[[str], dict[str, Any]] = redis.connection.parse_url
OLDEST = {"redis": (7, 0, 0), "valkey": (7, 2, 0)}
SENTINEL_SCHEMES = ("redis+sentinel", "sentinel")


def resolve_url(settings: Settings) -> str:
    """Return the configured url, or that of the embedded server, started or joined on the way.

    Raises Unreachable if the embedded server cannot run, InvalidInput for a database that is no number.
    """
    if not settings.redis_url:
        return Embedded.ensure(settings)
    parts = urlsplit(settings.redis_url)
    # redis-py would take what it cannot read as database 0.
    if parts.scheme in ("redis", "rediss") and not re.fullmatch(r"/?\d*/?", parts.path):
        raise _bad_url(settings.redis_url, f"its database {parts.path[1:]!r} is no number")
    return settings.redis_url


def refuses(error: Exception) -> bool:
    """Return whether the server will not have us, however often it is asked: wrong login, or no permission."""
    return isinstance(error, AuthenticationError | NoPermissionError) or isinstance(
        explain(error, ""), Forbidden
    )


def _worth_another_try(error: Exception, has_answered: bool) -> bool:
    # Who has never said a word is told of at once; who has spoken before may be busy for a while.
    silent = isinstance(error, redis.exceptions.TimeoutError | TimeoutError) and not has_answered
    return not silent and not isinstance(error, AuthenticationError | MaxConnectionsError)


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=0.05, cap=2)


class PatientRetry(redis.retry.Retry):
    """Retries lost connections, read-only replicas and, of a server that has answered before, timeouts.

    Never a wrong password. It may mend the server in between.
    """

    def __init__(self, retries: int, mend: Callable[[], None] | None = None) -> None:
        super().__init__(_backoff(), retries)
        # The server behind the name was demoted: a new connection may find the one that took its place.
        self.update_supported_errors([ReadOnlyError])
        self._mend = mend
        self._has_answered = False

    def call_with_retry(
        self,
        do: Callable[[], Any],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Any:
        """Call `do` until it succeeds or the retries are used up; raises its last error."""

        def failed(error: Exception, count: int) -> None:
            fail(error, count) if with_failure_count else fail(error)
            if self._mend:
                self._mend()

        def worth(error: Exception) -> bool:
            return is_retryable(error) if is_retryable else _worth_another_try(error, self._has_answered)

        result = super().call_with_retry(do, failed, worth, with_failure_count=True)
        self._has_answered = True
        return result


class AsyncPatientRetry(redis.asyncio.retry.Retry):
    """The same for asyncio; mending happens in a thread."""

    def __init__(self, retries: int, mend: Callable[[], None] | None = None) -> None:
        super().__init__(_backoff(), retries)
        # The server behind the name was demoted: a new connection may find the one that took its place.
        self.update_supported_errors([ReadOnlyError])
        self._mend = mend
        self._has_answered = False

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[Any]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Any:
        """Await `do` until it succeeds or the retries are used up; raises its last error."""

        async def failed(error: Exception, count: int) -> None:
            await (fail(error, count) if with_failure_count else fail(error))
            if self._mend:
                await asyncio.to_thread(self._mend)

        def worth(error: Exception) -> bool:
            return is_retryable(error) if is_retryable else _worth_another_try(error, self._has_answered)

        result = await super().call_with_retry(do, failed, worth, with_failure_count=True)
        self._has_answered = True
        return result


def connect_sync(settings: Settings, *, retries: int = 3, socket_timeout: float | None = 5.0) -> redis.Redis:
    """Return a client that replies in bytes; it connects with its first command; timeouts in seconds.

    `socket_timeout` has to exceed every blocking command's own; None waits for ever. `retries` < 0 never
    gives up. Raises InvalidInput for a bad url, Unreachable if the embedded server cannot run.
    """
    url = resolve_url(settings)
    options = _options(socket_timeout) | {"retry": PatientRetry(retries, _mender(settings))}
    if is_sentinel(url):
        target = parse_sentinel(url)
        # redis-py has no types for its sentinel module.
        manager: Any = redis.sentinel.Sentinel
        sentinels = manager(target.hosts, sentinel_kwargs=target.sentinel_options(), **options)
        kind: type = connect_sentinel.SecureConnection if target.secure else connect_sentinel.Connection
        client = sentinels.master_for(target.service, connection_class=kind, **target.options)
        return cast(redis.Redis, client)
    try:
        return redis.Redis.from_url(url, **options)
    except (ValueError, RedisError) as error:
        raise _bad_url(url, str(error)) from None


def connect_async(
    settings: Settings, *, retries: int = 3, socket_timeout: float | None = 5.0
) -> redis.asyncio.Redis:
    """Return an asyncio client, as `connect_sync` does; starting the embedded server blocks up to 0.3 s."""
    url = resolve_url(settings)
    options = _options(socket_timeout) | {"retry": AsyncPatientRetry(retries, _mender(settings))}
    if is_sentinel(url):
        target = parse_sentinel(url)
        manager: Any = redis.asyncio.sentinel.Sentinel
        sentinels = manager(target.hosts, sentinel_kwargs=target.sentinel_options(), **options)
        kind: type = (
            connect_sentinel.AsyncSecureConnection if target.secure else connect_sentinel.AsyncConnection
        )
        client = sentinels.master_for(
            target.service,
            connection_pool_class=connect_sentinel.AsyncPool,
            connection_class=kind,
            **target.options,
        )
        return cast(redis.asyncio.Redis, client)
    try:
        return redis.asyncio.Redis.from_url(url, **options)
    except (ValueError, RedisError) as error:
        raise _bad_url(url, str(error)) from None


def _options(socket_timeout: float | None) -> dict[str, Any]:
    return {
        "socket_timeout": socket_timeout,
        "socket_connect_timeout": 3.0,
        "health_check_interval": 0,
        # Each of these two would cost round trips on every new connection; keepalive is on by default.
        "driver_info": None,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _mender(settings: Settings) -> Callable[[], None] | None:
    return None if settings.redis_url else lambda: Embedded.revive(settings)


def _bad_url(url: str, why: str) -> InvalidInput:
    reason = why.replace(url, redact(url)).rstrip(".")
    return InvalidInput(
        "redis_url", f"The redis_url {redact(url)} cannot be read: {reason}; write it as redis://host:6379/0."
    )


@dataclass(frozen=True)
class SentinelTarget:
    """What a Sentinel url says; `options` are for the data servers."""

    hosts: list[tuple[str, int]]
    service: str
    options: dict[str, Any] = field(repr=False)
    credentials: dict[str, str] = field(repr=False)

    @property
    def secure(self) -> bool:
        """Whether the data servers speak TLS."""
        return bool(self.options.get("ssl"))

    def sentinel_options(self) -> dict[str, Any]:
        """How to talk to the sentinels themselves: quickly on to the next one if one does not answer."""
        return _options(2.0) | {"socket_connect_timeout": 1.0, "retry": None} | self.credentials


def is_sentinel(url: str) -> bool:
    """Return whether the url names sentinels instead of a server."""
    return url.partition("://")[0] in SENTINEL_SCHEMES


def parse_sentinel(url: str) -> SentinelTarget:
    """Parse `redis+sentinel://[user:password@]host:26379,host2/service[/db][?sentinel_password=...]`.

    Other query options (`ssl=true`, `client_name=...`) are for the data servers. Raises InvalidInput.
    """
    parts = urlsplit(url)
    login, _, authority = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    try:
        hosts = [_host(item) for item in authority.split(",")]
        service, _, db = parts.path.strip("/").partition("/")
        options: dict[str, Any] = {"db": int(db or 0)}
    except ValueError as error:
        raise _bad_sentinel(url, str(error)) from None
    if not service:
        raise _bad_sentinel(url, "it names no service")
    query = dict(parse_qsl(parts.query))
    secure = query.pop("ssl", "").lower() in ("1", "true", "yes")
    credentials = {
        name.removeprefix("sentinel_"): query.pop(name)
        for name in ("sentinel_username", "sentinel_password")
        if name in query
    }
    try:
        options |= _parse_url(f"redis://?{urlencode(query)}")
    except ValueError as error:
        raise _bad_sentinel(url, str(error)) from None
    options |= {name: unquote(value) for name, value in (("username", user), ("password", password)) if value}
    return SentinelTarget(hosts, unquote(service), options | ({"ssl": True} if secure else {}), credentials)


def _host(item: str) -> tuple[str, int]:
    parts = urlsplit(f"//{item}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, parts.port or 26379


def _bad_sentinel(url: str, why: str) -> InvalidInput:
    example = "redis+sentinel://host1:26379,host2:26379/service/0"
    return InvalidInput(
        "redis_url", f"The redis_url {redact(url)} is not valid: {why}; write it as {example}."
    )


@dataclass(frozen=True)
class ServerInfo:
    """What the server says about itself; `version` is () and the rest empty if this user may not ask."""

    kind: str
    version: tuple[int, ...]
    run_id: str
    uptime_s: int
    aof: bool
    maxmemory: int
    maxmemory_policy: str
    mode: str

    @property
    def hazards(self) -> tuple[str, ...]:
        """Sentences about settings of the server under which accepted tasks can get lost."""
        if not self.version:
            return ()
        evicts = self.maxmemory and self.maxmemory_policy != "noeviction"
        found = {
            "The server keeps no append-only file, so a crash loses tasks; set appendonly yes.": not self.aof,
            "The server evicts keys when memory is short, tasks included; "
            "set maxmemory-policy noeviction.": evicts,
        }
        return tuple(sentence for sentence, holds in found.items() if holds)


def check_server(client: redis.Redis) -> ServerInfo:
    """Ask the server once what it is.

    Raises Unreachable if it is older than Redis 7.0 or Valkey 7.2, a cluster, or cannot be reached.
    """
    url = _address(client)
    try:
        return _judge(client.info(), url)
    except NoPermissionError:
        return _UNKNOWN
    except (RedisError, OSError) as error:
        raise explain(error, url) from error


async def check_server_async(client: redis.asyncio.Redis) -> ServerInfo:
    """Do what `check_server` does, for an asyncio client."""
    url = _address(client)
    try:
        return _judge(await client.info(), url)
    except NoPermissionError:
        return _UNKNOWN
    except (RedisError, OSError) as error:
        raise explain(error, url) from error


def refuse_unfit(client: redis.Redis) -> None:
    """Raise Unreachable if the server answers and is too old or a cluster; one that is away may still come."""
    try:
        facts = client.info()
    except (RedisError, OSError):
        return
    _judge(facts, _address(client))


_UNKNOWN = ServerInfo("unknown", (), "", 0, False, 0, "", "")


def _judge(facts: Mapping[str, Any], url: str) -> ServerInfo:
    kind = "valkey" if facts.get("server_name") == "valkey" or "valkey_version" in facts else "redis"
    # Valkey reports the Redis version it is compatible with as redis_version; Valkey 7.2 has no other.
    text = str(facts.get("valkey_version") or facts.get("redis_version") or "")
    found = ServerInfo(
        kind=kind,
        version=tuple(int(part) for part in re.findall(r"\d+", text)[:3]),
        run_id=str(facts.get("run_id", "")),
        uptime_s=int(facts.get("uptime_in_seconds", 0)),
        aof=bool(facts.get("aof_enabled")),
        maxmemory=int(facts.get("maxmemory", 0)),
        maxmemory_policy=str(facts.get("maxmemory_policy", "")),
        mode=str(facts.get("server_mode") or facts.get("redis_mode") or ""),
    )
    if found.version and found.version < OLDEST[kind]:
        raise Unreachable(
            f"The server at {url} is {kind.capitalize()} {text}, which is too old. "
            "Use Redis 7.0 or later, or Valkey 7.2 or later."
        )
    if found.mode == "cluster":
        raise Unreachable(
            f"The server at {url} runs in cluster mode, which Shraga does not use. "
            "Give it a single server, or one behind Sentinel."
        )
    return found


def _address(client: redis.Redis | redis.asyncio.Redis) -> str:
    pool = client.connection_pool
    options = pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}"
    if service := getattr(pool, "service_name", None):
        return f"redis+sentinel://.../{service}"
    scheme = (
        "rediss"
        if issubclass(pool.connection_class, redis.asyncio.SSLConnection | redis.SSLConnection)
        else "redis"
    )
    return f"{scheme}://{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0)}"
