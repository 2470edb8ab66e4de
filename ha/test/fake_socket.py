"""A socket, and the loop that tells of what arrives there."""

from __future__ import annotations

from collections.abc import Callable
from socket import SO_ERROR, SOL_SOCKET
from typing import Any

from twisted.internet.interfaces import ISystemHandle
from zope.interface import implementer


class FakeLoop:
    """Whom the loop would tell of what arrives."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], object]] = {}

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> bool:
        return self.readers.pop(fd, None) is not None


@implementer(ISystemHandle)
class FakeSocket:
    """What arrives here is taken by whoever is told. It is its own transport's handle.

    :ivar reset: what SO_ERROR says.
    """

    def __init__(self, loop: FakeLoop) -> None:
        self.loop = loop
        self.arrived: list[bytes | OSError] = []
        self.reset = 0

    def getHandle(self) -> Any:
        return self

    def fileno(self) -> int:
        return 7

    def recv(self, size: int) -> bytes:
        if not self.arrived:
            raise BlockingIOError
        first = self.arrived.pop(0)
        if isinstance(first, OSError):
            raise first
        if first[size:]:
            self.arrived.insert(0, first[size:])
        return first[:size]

    def getsockopt(self, level: int, option: int) -> int:
        assert (level, option) == (SOL_SOCKET, SO_ERROR)
        reset, self.reset = self.reset, 0
        return reset

    def tell_reset(self) -> None:
        """What sending meets; the socket tells of it once, to whoever comes first."""
        reset, self.reset = self.reset, 0
        if reset:
            raise OSError(reset, "the client is gone")

    def arrive(self, data: bytes | OSError) -> None:
        """Something comes over the network, and the loop tells who listens."""
        self.arrived.append(data)
        while self.arrived and 7 in self.loop.readers:
            self.loop.readers[7]()
