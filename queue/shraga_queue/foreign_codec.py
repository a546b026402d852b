"""What RQ keeps of other programs' jobs, workers and schedules, read into records; no pickle is ever loaded."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shraga_models import ForeignJob, ForeignQueue, ForeignWorker, Moment, SchedulerEntry

from .codec import pairs, sure_moment, text
from .plain_pickle import Opaque, as_json, read_pickle

LARGEST = 1_000_000
"""Bytes that are unpacked of one value, at most."""
_PICKLE = b"\x80"


@dataclass(frozen=True, slots=True)
class JobCall:
    """What a job calls, as far as it can be read; `is_method` says that it is called on an object."""

    serializer: str = ""
    function: str | None = None
    is_method: bool = False
    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None


def unpacked(data: bytes) -> bytes:
    """Return what zlib packed, as it is where it is not packed; raises ValueError for more than `LARGEST`."""
    machine = zlib.decompressobj()
    try:
        found = machine.decompress(data, LARGEST)
    except zlib.error:
        return data
    if machine.unconsumed_tail:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    return found


def read_value(data: bytes) -> tuple[str, Any]:
    """Return the serializer of a value and the value, opaque in part; raises ValueError where it is neither."""
    if data.startswith(_PICKLE):
        return "pickle", read_pickle(data)
    try:
        return "json", json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError:
        return "pickle", read_pickle(data)


def read_call(data: bytes) -> JobCall:
    """Return what a job calls, from its hash's `data`."""
    try:
        serializer, value = read_value(unpacked(data))
    except ValueError:
        return JobCall()
    if not isinstance(value, list | tuple) or len(value) != 4:
        return JobCall(serializer)
    function, instance, args, kwargs = value
    return JobCall(
        serializer,
        function if isinstance(function, str) else None,
        instance is not None,
        _plain(args, list),
        _plain(kwargs, dict),
    )


def _plain(value: Any, kind: type) -> Any:
    try:
        found = None if isinstance(value, Opaque) else as_json(value)
    except ValueError:
        return None
    return found if isinstance(found, kind) else None


def _error(exc_info: bytes, result: dict[str, str]) -> str:
    """The latest traceback: in the latest result, or as older versions of RQ have it in the job's hash."""
    try:
        if said := result.get("exc_string"):
            return unpacked(base64.b64decode(said)).decode("utf-8", "replace")
        return unpacked(exc_info).decode("utf-8", "replace")
    except ValueError:
        return "The error is too large to be shown."


def _at(value: bytes) -> datetime | None:
    try:
        return datetime.fromisoformat(text(value))
    except ValueError:
        return None


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _number(value: bytes) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def read_job(cells: Any, queue: str = "", *, is_due: bool = False) -> ForeignJob:
    """Return the job that `shown` of the library `job` tells; `is_due` says that its score is a time."""
    job_id, score, live, dependents, *found, result = cells
    status, description, origin, created, enqueued, started, ended, worker, timeout, data, _, exc = map(
        _bytes, found
    )
    call, limit = read_call(data), _number(timeout)
    return ForeignJob(
        id=text(job_id),
        queue=text(origin) or queue,
        status=text(status) or "created",
        description=text(description),
        function=call.function,
        serializer=call.serializer,
        args=call.args,
        kwargs=call.kwargs,
        created_at=_at(created),
        enqueued_at=_at(enqueued),
        started_at=_at(started),
        ended_at=_at(ended),
        due_at=sure_moment(float(score) * 1000) if is_due and text(score) else None,
        worker=text(worker),
        timeout=limit if limit is not None and limit > 0 else None,
        is_running=int(live) > 0,
        dependents=int(dependents),
        error=_error(exc, pairs(result)),
    )


def read_entry(cells: Any) -> SchedulerEntry:
    """Return an entry of rq-scheduler."""
    due = sure_moment(float(cells[1]) * 1000)
    if len(cells) == 2:
        gone = ForeignJob(id=text(cells[0]))
        return SchedulerEntry(id=gone.id, job=gone, next_run_at=due, is_readable=False)
    meta: Any = {}
    if data := _bytes(cells[14]):
        try:
            _, meta = read_value(data)
        except ValueError:
            meta = None
    known = meta if isinstance(meta, dict) else {}
    job = read_job(cells)
    return SchedulerEntry(
        id=job.id,
        job=job,
        next_run_at=due,
        cron=known["cron_string"] if isinstance(known.get("cron_string"), str) else None,
        interval=_count(known.get("interval")),
        repeat=_count(known.get("repeat")),
        is_readable=isinstance(meta, dict),
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_queue(cells: Any) -> ForeignQueue:
    """Return a queue of the script `foreign_queues`."""
    names = tuple(ForeignQueue.model_fields)[1:]
    counts = dict(zip(names, map(int, cells[1:]), strict=True))
    return ForeignQueue(name=text(cells[0]), **counts)


def read_worker(cells: Any) -> ForeignWorker:
    """Return a worker of the script `foreign_workers`."""
    got, run = pairs(cells[2]), text(cells[1])
    return ForeignWorker(
        name=text(cells[0]),
        state="gone" if "birth" not in got or got.get("death") else got.get("state") or "starting",
        queues=tuple(got["queues"].split(",")) if got.get("queues") else (),
        hostname=got.get("hostname", ""),
        pid=int(got["pid"]) if got.get("pid", "").isdecimal() else None,
        version=got.get("version", ""),
        started_at=_moment(got.get("birth", "")),
        last_heartbeat=_moment(got.get("last_heartbeat", "")),
        # Older versions of RQ have it among the worker's fields.
        current_job=run.rpartition(":")[0] or got.get("current_job", ""),
        completed=int(got.get("successful_job_count", 0)),
        failed=int(got.get("failed_job_count", 0)),
    )


def _moment(value: str) -> Moment | None:
    return _at(value.encode())
