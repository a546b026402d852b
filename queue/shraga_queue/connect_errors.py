"""Redis's errors in plain sentences, each with the way out, none with a password."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from shraga_queue.embedded import Embedded
from shraga_queue.errors import Forbidden, ShragaError, Unreachable

_PASSWORD_IN_AUTHORITY = re.compile(r"(://[^:@/?#]*):.*@")
_PASSWORD_IN_QUERY = re.compile(r"([?&][a-z_]*password=)[^&]*", re.IGNORECASE)


def redact(url: str) -> str:
    """Return the url with `***` in place of every password; rather too much is hidden than too little."""
    return _PASSWORD_IN_QUERY.sub(r"\1***", _PASSWORD_IN_AUTHORITY.sub(r"\1:***@", url))


class _Rule(NamedTuple):
    """`pattern` is searched in '<scheme> <error type>: <message>'; the first rule that matches speaks."""

    pattern: str
    sentence: str
    kind: type[ShragaError] = Unreachable


_RULES_OF_EMBEDDED = (
    _Rule(
        r"No such file|Connection refused|Connect call failed|closed by|reset by|Broken pipe|closed the connection"
        r"|ConnectionReset",
        "The embedded server is away. Its keeper starts it again, and so does any shraga command; "
        "see {log} if it stays away.",
    ),
    _Rule(
        r"[Tt]ime(d )?out|TimeoutError",
        "The embedded server did not answer in time. See {log}, and whether its process is stopped "
        "or the machine has too much to do.",
    ),
)
"""Nobody has given a url, so there is none to correct."""

_RULES = (
    _Rule(
        r"NoPermission|NOPERM|has no permissions",
        "Redis at {url} does not allow this: {detail}. Ask its administrator for the right, "
        "or connect as another Redis user.",
        Forbidden,
    ),
    _Rule(
        r"NOAUTH|HELLO must be called|Authentication required",
        "Redis at {url} asks for a password. Add it to the url, as in redis://user:password@host:6379/0.",
    ),
    _Rule(
        r"without any password configured",
        "Redis at {url} has no password, but the url gives one. Remove it from the url, or set one in Redis.",
    ),
    _Rule(
        r"WRONGPASS|AuthenticationError|AuthenticationWrong",
        "Redis at {url} does not accept this user name and password. Correct them in the url, "
        "wherever it is given: --url, SHRAGA_REDIS_URL or the context.",
    ),
    _Rule(
        r"CERTIFICATE_VERIFY_FAILED",
        "The TLS certificate of {url} is not trusted: {detail}. Name its authority in the url with "
        "?ssl_ca_certs=/path/to/ca.pem, and use the host name that the certificate names.",
    ),
    _Rule(
        r"CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE",
        "Redis at {url} refuses the TLS handshake. It probably asks for a client certificate: add "
        "?ssl_certfile=/path/client.pem&ssl_keyfile=/path/client.key to the url.",
    ),
    _Rule(
        r"WRONG_VERSION|record layer|\[SSL|SSLError|SSLEOF|EOF occurred|handshake operation timed out"
        r"|^rediss .*(Timeout connecting|closed by|reset by)",
        "The server at {url} does not answer in TLS. Use redis:// if it is meant to be plain, "
        "or the port on which it speaks TLS.",
    ),
    _Rule(
        r"gaierror|Name or service not known|nodename nor servname|name resolution|No address associated",
        "The host name in {url} cannot be found. Check its spelling and your DNS or VPN.",
    ),
    _Rule(
        r"^unix .*No such file",
        "There is no socket at {url}. Start the server, or correct the path in the url.",
    ),
    _Rule(
        r"^unix .*Permission denied",
        "You may not open the socket {url}. Ask its owner for the right, or use a server of your own.",
    ),
    _Rule(
        r"^unix .*(Connection refused|Connect call failed)",
        "Nothing listens at {url}. Start the server, or correct the path in the url.",
    ),
    _Rule(
        r"Connection refused|Connect call failed",
        "Nothing listens at {url}. Start Redis there, or correct host and port in the url.",
    ),
    _Rule(
        r"No route to host|Network is unreachable|Host is down",
        "There is no way through the network to {url}. Check your connection, VPN and firewall.",
    ),
    _Rule(
        r"BusyLoading|LOADING",
        "Redis at {url} has just started and still loads its data. Try again in a moment.",
    ),
    _Rule(
        r"ReadOnlyError|READONLY",
        "Redis at {url} is a read-only replica. Use the address of the primary, or a redis+sentinel:// url.",
    ),
    _Rule(
        r"MasterDown|MASTERDOWN",
        "Redis at {url} is a replica that has lost its primary. Start the primary, or use its address.",
    ),
    _Rule(
        r"NOREPLICAS",
        "The primary at {url} has too few replicas in step and takes no writes. Bring a replica back, "
        "or lower its min-replicas-to-write.",
    ),
    _Rule(
        r"MISCONF",
        "Redis at {url} accepts no writes, because it cannot save to its disk: {detail}. "
        "Free disk space there or correct the mode of its folder.",
    ),
    _Rule(
        r"OutOfMemory|OOM command|maxmemory",
        "Redis at {url} has reached its maxmemory limit and accepts no writes. Raise maxmemory, "
        "or delete finished tasks.",
    ),
    _Rule(
        r": BUSY",
        "Redis at {url} is busy with a script of another program. Try again, or end it with SCRIPT KILL.",
    ),
    _Rule(
        r"max number of clients|MaxConnections",
        "Redis at {url} has no connection left. Close some clients, or raise maxclients.",
    ),
    _Rule(
        r"DENIED",
        "Redis at {url} runs in protected mode and refuses other machines. Set a password there, "
        "then use it in the url.",
    ),
    _Rule(
        r"DB index|Invalid Database",
        "The database number in {url} does not exist. Use /0, or raise 'databases' in Redis.",
    ),
    _Rule(
        r"MovedError|CROSSSLOT|CrossSlot|ClusterDown|CLUSTERDOWN",
        "Redis at {url} is part of a Redis Cluster, which Shraga does not use. "
        "Give it a single server, or one behind Sentinel.",
    ),
    _Rule(
        r"MasterNotFound",
        "The sentinels of {url} know no running primary. Check the service name, that the sentinels run, "
        "and their sentinel_password.",
    ),
    _Rule(
        r"InvalidResponse|Protocol error|Invalid RESP|unknown command '?HELLO|NOPROTO",
        "What answers at {url} is not a Redis that Shraga can use. Check host and port; "
        "Redis 7.0 or Valkey 7.2 is the oldest that works.",
    ),
    _Rule(
        r"^unix .*([Tt]ime(d )?out|TimeoutError)",
        "Redis at {url} did not answer in time. Check that it runs and is not stopped.",
    ),
    _Rule(
        r"[Tt]ime(d )?out|TimeoutError",
        "Redis at {url} did not answer in time. Check that it runs and that no firewall drops the packets.",
    ),
    _Rule(
        r"^unix .*(closed by|reset by|Broken pipe|closed the connection|ConnectionReset)",
        "The server at {url} closed the connection. See its log.",
    ),
    _Rule(
        r"closed by|reset by|Broken pipe|closed the connection|ConnectionReset",
        "The server at {url} closed the connection. If it expects TLS, use rediss://; otherwise see its log.",
    ),
)


def explain(error: Exception, url: str) -> ShragaError:
    """Turn an error of redis-py or the system into a sentence with the way out; no password is repeated."""
    if isinstance(error, ShragaError):
        return error
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and isinstance(cause, Exception):
        causes.append(cause)
    own, *inherited = [f"{url.partition('://')[0]} {type(item).__name__}: {item}" for item in causes]
    log = Embedded.log_of(url)
    rules = (*_RULES_OF_EMBEDDED, *_RULES) if log else _RULES
    facts = {"url": redact(url), "detail": _without_password(str(error), url).strip().rstrip("."), "log": log}
    # Its own words decide; what it was raised from counts only if they say nothing.
    for text in (own, " ".join(inherited)):
        for rule in rules:
            if re.search(rule.pattern, text):
                return rule.kind(rule.sentence.format(**facts))
    return Unreachable(
        "Redis at {url} cannot be used: {detail}. Check the url and the log of the server.".format(**facts)
    )


def _without_password(text: str, url: str) -> str:
    password = urlsplit(url).password if "@" in url else None
    for secret in {password, unquote(password)} if password else ():
        text = text.replace(secret, "***")
    return text
