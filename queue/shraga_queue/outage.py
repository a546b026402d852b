"""Whether a server is away for everybody, so that a run may go on without it (decision 003)."""

from __future__ import annotations

from redis.exceptions import BusyLoadingError, OutOfMemoryError
from redis.sentinel import MasterNotFoundError


def server_is_down(error: Exception) -> bool:
    """Whether an error says that nobody can reach the server, rather than that we alone cannot.

    While it is down no reaper can act, and after it comes back every reaper waits a lease, so a run may go on.
    """
    if isinstance(error, MasterNotFoundError):
        # It quotes what each sentinel said; one that refused says nothing about the primary.
        return False
    if isinstance(error, BusyLoadingError | OutOfMemoryError) or "MISCONF" in str(error):
        # It answers, but takes no writes from anybody: no reaper can act either. A read-only replica, or a primary
        # without replicas in step, is no such case: there may be another primary, which takes them.
        return True
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionRefusedError | FileNotFoundError):
            return True
        seen = seen.__cause__ or seen.__context__
    return "refused" in str(error) or "No such file" in str(error)
