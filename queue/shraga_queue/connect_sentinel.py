"""Connections behind Sentinel that always ask the sentinels where the primary is before they connect.

redis-py asks only when a connection is taken from its pool. One that breaks within a command goes back to the address
it had: a client then spent 40 s on a primary whose host had vanished, long after the sentinels named another.
"""

from __future__ import annotations

from typing import Any

import redis.asyncio.sentinel
import redis.sentinel


class _Asking:
    """Goes first in the bases of a blocking connection."""

    def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        """Send; whoever is not connected asks the sentinels first."""
        if not self._sock:
            self.connect()
        super().send_packed_command(command, check_health=check_health)  # type: ignore[misc]


class _AsyncAsking:
    """Goes first in the bases of an asyncio connection."""

    async def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        """Send; whoever is not connected asks the sentinels first."""
        if not self.is_connected:
            await self.connect()
        await super().send_packed_command(command, check_health=check_health)  # type: ignore[misc]


class Connection(_Asking, redis.sentinel.SentinelManagedConnection):
    """A blocking connection to the primary."""


class SecureConnection(_Asking, redis.sentinel.SentinelManagedSSLConnection):
    """A blocking connection to the primary over TLS."""


class AsyncConnection(_AsyncAsking, redis.asyncio.sentinel.SentinelManagedConnection):
    """An asyncio connection to the primary."""


class AsyncSecureConnection(_AsyncAsking, redis.asyncio.sentinel.SentinelManagedSSLConnection):
    """An asyncio connection to the primary over TLS."""


class AsyncPool(redis.asyncio.sentinel.SentinelConnectionPool):
    """Closes the connections to the sentinels too, which redis-py leaves open."""

    async def aclose(self) -> None:
        """Close all connections."""
        await super().aclose()
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose()
