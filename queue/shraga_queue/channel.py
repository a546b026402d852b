"""A channel between a slot and its horse: whole messages over a stream socket, many of them to one system call."""

from __future__ import annotations

import socket
import struct
from typing import Self

_LENGTH = struct.Struct("!I")
READ_SIZE = 1 << 16


class Channel:
    """One end; `send` blocks until the message is in the kernel's hands, receiving only where it is asked to."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._received = bytearray()
        self._leftover = bytearray()

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Return the two ends of a new channel."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    def fileno(self) -> int:
        """Return the descriptor to wait on; look at `is_ready` first."""
        return self._end.fileno()

    @property
    def is_ready(self) -> bool:
        """Whether a whole message has been read from the socket and waits here."""
        size = len(self._received)
        return size >= _LENGTH.size and size >= _LENGTH.size + _LENGTH.unpack_from(self._received)[0]

    def send(self, message: bytes) -> None:
        """Send a message; raises OSError when the other end is gone."""
        self._end.sendall(bytes(self._leftover) + _LENGTH.pack(len(message)) + message)
        self._leftover.clear()

    def add(self, message: bytes) -> None:
        """Put a message in line for the next sending."""
        self._leftover += _LENGTH.pack(len(message)) + message

    def send_soon(self, message: bytes = b"") -> bool:
        """Send as much as the kernel takes now, what was left over first; returns whether nothing is left."""
        if message:
            self.add(message)
        while self._leftover:
            try:
                sent = self._end.send(self._leftover, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            del self._leftover[:sent]
        return True

    def receive(self) -> bytes:
        """Return the next message, waiting for it; raises EOFError when the other end is gone."""
        while (message := self._next()) is None:
            self._fill(0)
        return message

    def receive_now(self) -> bytes | None:
        """Return the next message if it is here, else None; raises EOFError when the other end is gone."""
        message = self._next()
        if message is None:
            try:
                self._fill(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            message = self._next()
        return message

    def _next(self) -> bytes | None:
        if not self.is_ready:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
        message = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return message

    def _fill(self, flags: int) -> None:
        data = self._end.recv(READ_SIZE, flags)
        if not data:
            raise EOFError("the other end of the channel is gone")
        self._received += data

    def close(self) -> None:
        """Let go of this end; the other one learns of it."""
        self._end.close()
