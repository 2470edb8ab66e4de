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


class Line:
    """One connection's socket, as long as the transport need not have it.

    Without a loop, or a socket, all is the transport's, and nobody need ask which it is.

    :param take: given each piece of what has arrived, where the transport does not bring it.
    :param end: ends the connection, when that raised.
    """

    log = Logger()
    __slots__ = ("_answered", "_broken", "_end", "_heard", "_loop", "_socket", "_take", "_transport")

    def __init__(
        self, transport: Any, loop: Loop | None, take: Callable[[bytes], object], end: Callable[[], object]
    ) -> None:
        self._transport = transport
        self._take = take
        self._end = end
        self._socket: Any = transport.getHandle() if ISystemHandle.providedBy(transport) else None
        self._loop = None if self._socket is None else loop
        #: The socket's number, while the loop tells us of what arrives there.
        self._heard: int | None = None
        #: Did the socket take something since bytes arrived, or say that it is broken?
        self._answered = self._broken = False
        if self._loop is not None:
            self.listen()

    def _arrived(self) -> None:
        """The loop's call: something is there."""
        try:
            data = self._socket.recv(RECEIVED_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._answered = False
            try:
                self._take(data)
            except Exception:
                self.log.failure("what a client sent could not be taken")
                self._end()
            # A reset that comes right behind the last bytes is told once, with them: uvloop then hears that socket no more,
            # without a word, and refuses to be asked for it again. So who is still there is asked after each read, unless the
            # socket has taken an answer: it would not have.
            if self._answered or self._heard is None:
                return
            if not self._broken and not self._socket.getsockopt(SOL_SOCKET, SO_ERROR):
                return
        # The end, or an error: the transport meets it again, and says so in connectionLost.
        self._stop()
        self._transport.resumeProducing()

    def _stop(self) -> None:
        if self._heard is not None:
            assert self._loop is not None
            heard, self._heard = self._heard, None
            self._loop.remove_reader(heard)

    def send(self, data: bytes) -> bytes:
        """Ask the socket to take it. Only while the transport's buffer is known to be empty.

        :returns: what it did not take, which the transport must.
        """
        if self._socket is None:
            return data
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            return data
        except OSError:  # the transport finds out what it is
            self._broken = True
            return data
        self._answered = True
        return b"" if sent == len(data) else data[sent:]

    def rest(self) -> None:
        """Hear nothing for now; what arrives waits."""
        if self._loop is not None:
            self._stop()
        else:
            self._transport.pauseProducing()

    def listen(self) -> None:
        """Hear, or hear again."""
        if self._loop is not None:
            self._transport.pauseProducing()
            self._heard = self._socket.fileno()
            self._loop.add_reader(self._heard, self._arrived)
        else:
            self._transport.resumeProducing()

    def leave(self) -> None:
        """The transport does all from now on: it is to speak TLS."""
        if self._heard is not None:
            self._stop()
            self._transport.resumeProducing()
        self._loop = self._socket = None

    def close(self) -> None:
        """Hear and send nothing any more: the connection ends. May be called twice."""
        self._stop()
        self._loop = self._socket = None
