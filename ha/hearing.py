"""Hearing and sending past Twisted's transport: what both doors do with the socket of a connection.

A transport takes a message through its logger's context, its reactor and its own buffer, and that takes as long as answering one. So the
doors have the loop, where there is one, tell them of what has arrived. What is written a transport buffers, and has the reactor call it
back to write: every answer costs a turn of the loop, three times the price of all our own work on a ``SELECT 1``. So while nothing is
buffered, the socket is asked first. The transport keeps the rest: it accepts, buffers, closes, speaks TLS, and finds out that a client
has gone. A :class:`Line` is both for one connection.

Runs in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import SO_ERROR, SOL_SOCKET
from typing import Any, Protocol

from twisted.internet.interfaces import ISystemHandle
from twisted.logger import Logger

#: Bytes taken from a socket at a time, as Twisted does.
RECEIVED_BYTES_MAX = 64 * 1024


class Loop(Protocol):
    """What is asked of asyncio's loop, on which the reactor runs."""

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None: ...
    def remove_reader(self, fd: int) -> object: ...


class Ear:
    """Hears for one connection.

    :param transport: the connection's, which hears nothing as long as this does.
    :param take: told of each piece of what has arrived. It may call :meth:`stop`, and must not raise.
    """

    __slots__ = ("_heard", "_loop", "_socket", "_take", "_transport")

    def __init__(self, loop: Loop, transport: Any, take: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._transport = transport
        self._take = take
        self._socket: Any = transport.getHandle()
        #: The socket's number, while the loop tells us of what arrives there.
        self._heard: int | None = None

    def listen(self) -> None:
        """From now on, until :meth:`stop`."""
        self._transport.pauseProducing()
        self._heard = self._socket.fileno()
        self._loop.add_reader(self._heard, self._arrived)

    def stop(self) -> None:
        """Hear no more; what arrives waits. May be called twice."""
        if self._heard is not None:
            heard, self._heard = self._heard, None
            self._loop.remove_reader(heard)

    def leave(self) -> None:
        """Hear no more; the transport does."""
        if self._heard is not None:
            self.stop()
            self._transport.resumeProducing()

    def _arrived(self) -> None:
        """The loop's call: something is there."""
        try:
            data = self._socket.recv(RECEIVED_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            # A reset that comes right behind the last bytes is told once, with them: uvloop then hears that socket no more,
            # without a word, and refuses to be asked for it again. So who is still there is asked before each read is used.
            lost = self._socket.getsockopt(SOL_SOCKET, SO_ERROR)
            self._take(data)
            if not lost or self._heard is None:
                return
        # The end, or an error: the transport meets it again, and says so in connectionLost.
        self.leave()


class Line:
    """One connection's socket, as long as the transport need not have it.

    Without a loop, or a socket, all is the transport's, and nobody need ask which it is.

    :param take: given each piece of what has arrived, where the transport does not bring it.
    :param end: ends the connection, when that raised.
    """

    log = Logger()
    __slots__ = ("_ear", "_end", "_socket", "_take", "_transport")

    def __init__(
        self, transport: Any, loop: Loop | None, take: Callable[[bytes], object], end: Callable[[], object]
    ) -> None:
        self._transport = transport
        self._take = take
        self._end = end
        self._socket: Any = transport.getHandle() if ISystemHandle.providedBy(transport) else None
        self._ear: Ear | None = None
        if self._socket is not None and loop is not None:
            self._ear = Ear(loop, transport, self._heard)
            self._ear.listen()

    def _heard(self, data: bytes) -> None:
        try:
            self._take(data)
        except Exception:
            self.log.failure("what a client sent could not be taken")
            self._end()

    def send(self, data: bytes) -> bytes:
        """Ask the socket to take it. Only while the transport's buffer is known to be empty.

        :returns: what it did not take, which the transport must.
        """
        if self._socket is None:
            return data
        try:
            sent = self._socket.send(data)
        except OSError:  # full, or broken: the transport finds out which
            return data
        return b"" if sent == len(data) else data[sent:]

    def rest(self) -> None:
        """Hear nothing for now."""
        if self._ear is not None:
            self._ear.stop()
        else:
            self._transport.pauseProducing()

    def listen(self) -> None:
        """Hear again."""
        if self._ear is not None:
            self._ear.listen()
        else:
            self._transport.resumeProducing()

    def leave(self) -> None:
        """The transport does all from now on: it is to speak TLS."""
        if self._ear is not None:
            self._ear.leave()
        self._ear = self._socket = None

    def close(self) -> None:
        """Hear and send nothing any more: the connection ends. May be called twice."""
        if self._ear is not None:
            self._ear.stop()
        self._ear = self._socket = None
