"""What both clients offer under a name of its own, as `shraga.documents`: written once, as flows.

The sync client returns what a flow comes to, the async one something to await.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from .calls import Flow

if TYPE_CHECKING:
    from .aclient import AsyncDriver
    from .client import SyncDriver
    from .operations import Operations

T = TypeVar("T")
P = ParamSpec("P")
Driver = TypeVar("Driver", "SyncDriver", "AsyncDriver")
Owner = TypeVar("Owner")


class Offer(Generic[Driver]):
    """Operations that belong together, made by one driver."""

    def __init__(self, flows: Operations, driver: Driver) -> None:
        self._flows = flows
        self._driver: Driver = driver


class offered(Generic[Owner, P, T]):
    """A method of an offer that returns a flow, made one that runs it; as a decorator."""

    def __init__(self, method: Callable[Concatenate[Owner, P], Flow[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, offer: None, kind: type) -> Self: ...
    @overload
    def __get__(self, offer: Offer[SyncDriver], kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, offer: Offer[AsyncDriver], kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, offer: Offer[Any] | None, kind: type) -> Any:
        if offer is None:
            return self
        method = MethodType(self._method, offer)

        @wraps(method)
        def run(*args: Any, **named: Any) -> Any:
            return offer._driver.run(method(*args, **named))

        return run
