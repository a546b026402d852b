"""Examine a running Shraga: the server, who works, what is stuck; each finding says what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from redis.exceptions import NoPermissionError, ResponseError

from shraga_models import ANY_CAPABILITY, Liveness, Worker, WorkerMode

from .calls import Argument, Call, Flow, as_is
from .client import Shraga
from .codec import pairs, text
from .connect import check_server
from .errors import Forbidden

Level = Literal["ok", "warn", "fail"]

CLOCK_LIMIT = 2.0
"""Seconds that this host's clock may differ: beyond, the times people see mislead."""
OVERDUE_MS = 15_000
"""How long past its end a lease may stay: a leading controller reaps within seconds."""
MEMORY_WARN, MEMORY_FAIL = 0.75, 0.9
LISTPACK_VALUE = 1024
"""The hash-max-listpack-value under which a task keeps its small form."""
WAITING_AGE = "10m"
_UNKNOWN = "unknown: this Redis user may not ask"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `do` is empty where nothing is to be done."""

    check: str
    level: Level
    says: str
    do: str = ""

    def to_json_object(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        return asdict(self)


def examine(shraga: Shraga) -> list[Finding]:
    """Return what all checks found; a question the Redis user may not ask is a finding too, never an error.

    Raises Unreachable.
    """
    patient = _Patient(shraga)
    return [finding for check in _CHECKS for finding in _run(check, patient)]


class _Patient:
    """The store under examination: what several checks ask for, asked once."""

    def __init__(self, shraga: Shraga) -> None:
        self.shraga = shraga
        self.keys = shraga.driver.keys
        self._workers: list[Worker] | None = None
        self._info: dict[str, Any] | None = None

    def ask(self, *command: Argument) -> Any:
        """Send one command; raises Forbidden where the Redis user may not."""

        def flow() -> Flow[Any]:
            return (yield Call(as_is, command=command))

        return self.shraga.driver.run(flow())

    @property
    def info(self) -> dict[str, Any]:
        """What the server says of itself."""
        if self._info is None:
            found = self.ask("INFO")
            self._info = found if isinstance(found, dict) else _parse_info(text(found))
        return self._info

    def config(self, name: str) -> str:
        """Return a setting of the server, empty where it has none of that name."""
        return pairs(self.ask("CONFIG", "GET", name)).get(name, "")

    @property
    def alive(self) -> list[Worker]:
        """The workers that beat."""
        if self._workers is None:
            self._workers = self.shraga.workers()
        return [one for one in self._workers if one.liveness in (Liveness.IDLE, Liveness.BUSY)]


def _parse_info(said: str) -> dict[str, Any]:
    lines = (line.partition(":") for line in said.splitlines() if ":" in line and not line.startswith("#"))
    return {name: value.strip() for name, _, value in lines}


Check = Callable[[_Patient], Iterator[Finding]]


def _run(check: Check, patient: _Patient) -> list[Finding]:
    try:
        return list(check(patient))
    except (Forbidden, NoPermissionError):
        return [
            Finding(_name(check), "warn", _UNKNOWN, "Ask the administrator of Redis, or use their account.")
        ]
    except ResponseError as error:
        return [Finding(_name(check), "warn", f"unknown: the server does not say ({error})")]


def _name(check: Check) -> str:
    return getattr(check, "__name__", "check").strip("_").replace("_", " ")


def _server(patient: _Patient) -> Iterator[Finding]:
    server = check_server(patient.shraga.driver.connection)
    if not server.version:
        yield Finding(
            "server", "warn", _UNKNOWN, "Ask the administrator whether it is Redis 7.0 or Valkey 7.2."
        )
        return
    number = ".".join(map(str, server.version))
    yield Finding("server", "ok", f"{server.kind.capitalize()} {number}, up {server.uptime_s:,} s")


def _persistence(patient: _Patient) -> Iterator[Finding]:
    info = patient.info
    if not _number(info, "aof_enabled"):
        saves = patient.config("save")
        says = "no append-only file: a crash of the server loses what came since the last snapshot"
        if not saves:
            says = "neither an append-only file nor snapshots: a restart of the server loses every task"
        yield Finding("persistence", "warn" if saves else "fail", says, "CONFIG SET appendonly yes")
        return
    bad = [
        name
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status")
        if info.get(name, "ok") != "ok"
    ]
    if bad:
        says = f"the append-only file cannot be written ({', '.join(bad)})"
        yield Finding("persistence", "fail", says, "Free disk space on the server, and look into its log.")
    else:
        yield Finding("persistence", "ok", "append-only file on, last write ok")


def _eviction(patient: _Patient) -> Iterator[Finding]:
    policy, limit = str(patient.info.get("maxmemory_policy", "")), _number(patient.info, "maxmemory")
    if policy == "noeviction":
        yield Finding("eviction", "ok", "noeviction: nothing is dropped when memory is short")
        return
    says = f"{policy or 'unknown'}: with a memory limit, tasks can be dropped"
    yield Finding("eviction", "fail" if limit else "warn", says, "CONFIG SET maxmemory-policy noeviction")


def _memory(patient: _Patient) -> Iterator[Finding]:
    used, limit = _number(patient.info, "used_memory"), _number(patient.info, "maxmemory")
    room = limit or _number(patient.info, "total_system_memory")
    if not room:
        yield Finding("memory", "ok", f"{_mb(used)} used")
        return
    share = used / room
    level: Level = "fail" if share >= MEMORY_FAIL else "warn" if share >= MEMORY_WARN else "ok"
    of = "maxmemory" if limit else "the machine's memory"
    do = "" if level == "ok" else f"Raise {of}, or delete finished tasks."
    yield Finding("memory", level, f"{_mb(used)} used, {share:.0%} of {of}", do)


def _listpack(patient: _Patient) -> Iterator[Finding]:
    value = patient.config("hash-max-listpack-value")
    if value.isdigit() and int(value) < LISTPACK_VALUE:
        says = f"hash-max-listpack-value is {value}: a task takes up to twice the memory it could"
        yield Finding("listpack", "warn", says, f"CONFIG SET hash-max-listpack-value {LISTPACK_VALUE}")
    elif value:
        yield Finding("listpack", "ok", f"hash-max-listpack-value is {value}")


def _versions(patient: _Patient) -> Iterator[Finding]:
    found = {name: _version(name) for name in ("shraga-tui", "rq", "redis")}
    says = ", ".join(f"{name} {number or 'not installed'}" for name, number in found.items())
    fits = found["rq"].startswith("3.")
    yield Finding("versions", "ok" if fits else "warn", says, "" if fits else "pip install 'rq==3.*'")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _clock(patient: _Patient) -> Iterator[Finding]:
    before = time.time()
    theirs = patient.shraga.driver.run(patient.shraga.operations.now()).timestamp()
    after = time.time()
    # The answer was made somewhere between; only what exceeds the round trip is a difference.
    apart = max(0.0, before - theirs, theirs - after)
    if apart > CLOCK_LIMIT:
        says = f"this host's clock and the server's are {apart:.1f} s apart"
        yield Finding("clock", "warn", says, "Switch on time synchronisation (timedatectl set-ntp true).")
    else:
        yield Finding("clock", "ok", "this host and the server agree")


def _workers(patient: _Patient) -> Iterator[Finding]:
    if patient.alive:
        busy = sum(len(one.current_tasks) for one in patient.alive)
        slots = sum(one.max_concurrent_tasks for one in patient.alive)
        yield Finding("workers", "ok", f"{len(patient.alive)} alive, {busy} of {slots} slots busy")
        return
    waits = any(size for _, size in _queues(patient))
    says = "none is alive, and tasks wait" if waits else "none is alive"
    yield Finding("workers", "fail" if waits else "warn", says, "shraga worker")


def _controller(patient: _Patient) -> Iterator[Finding]:
    counts = patient.shraga.counts()
    if counts.has_leader:
        yield Finding("controller", "ok", "one leads")
        return
    needed = counts.leases or counts.due
    says = "none leads: nothing scheduled is started and no lost run is noticed"
    yield Finding("controller", "fail" if needed else "warn", says, "shraga controller")


def _lost_runs(patient: _Patient) -> Iterator[Finding]:
    now = patient.shraga.driver.run(patient.shraga.operations.now()).timestamp() * 1000
    overdue = int(patient.ask("ZCOUNT", patient.keys.make("leases"), "-inf", int(now - OVERDUE_MS)))
    if overdue:
        says = f"{overdue} running task(s) have no living worker"
        yield Finding("lost runs", "fail", says, "shraga controller")
    else:
        yield Finding("lost runs", "ok", "every running task has a living worker")


def _capabilities(patient: _Patient) -> Iterator[Finding]:
    served = {ANY_CAPABILITY} if patient.alive else set()
    served |= {capability.name for one in patient.alive for capability in one.capabilities}
    waiting: dict[str, int] = {}
    for capability, size in _queues(patient):
        if size and capability not in served:
            waiting[capability] = waiting.get(capability, 0) + size
    if not waiting:
        yield Finding("capabilities", "ok", "every queue with tasks has a worker")
    for capability, size in waiting.items():
        option = "" if capability == ANY_CAPABILITY else f" --capability {capability}"
        says = f"{size:,} task(s) wait for {capability!r}, which no living worker has"
        yield Finding("capabilities", "warn", says, f"shraga worker{option}")


def _queues(patient: _Patient) -> list[tuple[str, int]]:
    """The capability and the length of each of our RQ queues."""
    prefix = patient.keys.queue_name_prefix
    known = sorted(
        text(one).rpartition(":")[2] for one in patient.ask("SMEMBERS", patient.keys.make("rq_queues"))
    )
    ours = [name for name in known if name.startswith(prefix)]
    return [
        (
            name.removeprefix(prefix).rpartition(".")[0],
            int(patient.ask("LLEN", patient.keys.make("rq_queue", queue=name))),
        )
        for name in ours
    ]


def _waiting(patient: _Patient) -> Iterator[Finding]:
    idle = [
        one for one in patient.alive if one.mode is WorkerMode.ACCEPTING and one.liveness is Liveness.IDLE
    ]
    able = {ANY_CAPABILITY, *(capability.name for one in idle for capability in one.capabilities)}
    rows = patient.shraga.find_rows(f"status:queued age>{WAITING_AGE}", limit=100) if idle else []
    stuck = [row.id for row in rows if row.capability in able]
    if stuck:
        says = (
            f"{len(stuck)} task(s) wait for over {WAITING_AGE} although a worker is idle, {stuck[0]} for one"
        )
        yield Finding("waiting", "warn", says, f"shraga show {stuck[0]}")
    else:
        yield Finding("waiting", "ok", f"no task waits for over {WAITING_AGE} beside an idle worker")


def _brakes(patient: _Patient) -> Iterator[Finding]:
    if brakes := patient.shraga.brakes():
        parked = sum(brake.parked for brake in brakes)
        says = f"{len(brakes)} brake(s) are on; {parked} task(s) had to step aside"
        yield Finding("brakes", "warn", says, "shraga brake show")
    else:
        yield Finding("brakes", "ok", "no brake is on")


def _suspension(patient: _Patient) -> Iterator[Finding]:
    if patient.ask("EXISTS", patient.keys.make("rq_suspended")):
        yield Finding("suspension", "warn", "RQ is suspended: no worker takes a task", "rq resume")
    else:
        yield Finding("suspension", "ok", "RQ is not suspended")


def _number(info: dict[str, Any], name: str) -> int:
    try:
        return int(info.get(name) or 0)
    except ValueError:
        return 0


def _mb(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MB"


_CHECKS: tuple[Check, ...] = (
    _server,
    _persistence,
    _eviction,
    _memory,
    _listpack,
    _versions,
    _clock,
    _workers,
    _controller,
    _lost_runs,
    _capabilities,
    _waiting,
    _brakes,
    _suspension,
)
