"""The right to begin a run: a slot gives it, its horse takes it, and until then the slot can take it back."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

_NUMBER = struct.Struct("!I")
_READ_SIZE = _NUMBER.size * 1024


class Permits:
    """Numbers in a socket that slot and horse both read, so that the system gives each to exactly one of them."""

    def __init__(self) -> None:
        self._given, self._taken = socket.socketpair()

    def fileno(self) -> int:
        """Return the descriptor of the end that is taken from."""
        return self._taken.fileno()

    def give(self, numbers: Sequence[int]) -> None:
        """Let the horse begin the runs of these numbers, in this order; raises OSError when it is gone."""
        self._given.sendall(b"".join(map(_NUMBER.pack, numbers)))

    def take_back(self) -> set[int]:
        """Return the numbers that the horse has not taken; it will not get them any more."""
        try:
            data = self._taken.recv(_READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return set()
        return {number for (number,) in _NUMBER.iter_unpack(data)}

    def take(self) -> int:
        """Return the next number, waiting for it; raises EOFError when the slot is gone."""
        data = self._taken.recv(_NUMBER.size)
        if not data:
            raise EOFError("the slot is gone")
        (number,) = _NUMBER.unpack(data)
        return int(number)

    def only_take(self) -> None:
        """Let go of the giving end, in the horse: while it held that one, it would never learn of the slot's end."""
        self._given.close()

    def close(self) -> None:
        """Let go of both ends."""
        self._given.close()
        self._taken.close()
