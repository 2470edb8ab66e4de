"""One HTTP connection, and one request on it with its answer: bytes in, bytes out.

Where a request begins and ends is the business of :mod:`ha.web.framing`, what it means that of :mod:`ha.web.site`. Here are
deadlines, the pace of both sides, an answer that leaves in one write, a client that goes away. Requests that come together are
answered one after the other; of those that wait a little is read ahead.

Everything runs in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ha.hearing import Line, Loop
from ha.web.framing import Head, Reader, Unreadable
from ha.web.respond import RETRY_AFTER, Refusal

#: From the first byte of a request's head to its last, in seconds.
HEAD_TIMEOUT_S = 10.0

#: A connection between two requests, in seconds (nginx: 75).
IDLE_TIMEOUT_S = 75.0

#: Between two pieces of a request's body, or two pieces of an answer that the client takes, in seconds.
STALL_TIMEOUT_S = 60.0

#: Bytes read ahead while a request is being answered.
READ_AHEAD_BYTES_MAX = 16 * 1024

#: After a refusal, how long what the client still sends is thrown away before the connection is cut. Cutting at once
#: would make the client's own system forget our answer (RFC 9112, 9.6).
LINGER_S = 2.0

JSON = b"application/json"

#: On every answer: what we send is what we say it is, and nobody keeps a copy of an answer that may change.
_ALWAYS = b"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"

_STATUS_LINES = {one.value: b"HTTP/1.1 %d %b\r\n" % (one.value, one.phrase.encode("ascii")) for one in HTTPStatus}

_NEVER = float("inf")


class ClientGone(Exception):
    """The client went away before the answer was finished."""


class Reception(Protocol):
    """What a connection asks of the site it belongs to."""

    body_bytes_max: int
    #: The loop that the reactor runs on, where sockets can be heard of more directly than through it.
    loop: Loop | None

    def seconds(self) -> float:
        """The reactor's time."""

    def date(self) -> bytes:
        """The Date header's value, now."""

    def connected(self, connection: Connection) -> None:
        """A connection was made. It is refused when there are too many."""

    def disconnected(self, connection: Connection) -> None:
        """It ended."""

    def hold(self, size: int) -> bool:
        """So many more bytes of request bodies are in memory; negative: fewer. False: there is no room."""

    def admit(self, headers: dict[bytes, list[bytes]]) -> None:
        """A head has been read, and a body follows.

        :raises Refusal: it is not worth reading.
        """

    def serve(self, exchange: Exchange) -> None:
        """A whole request is here."""

    def log(self, exchange: Exchange) -> None:
        """It has been answered."""

    def refused(self, refusal: Refusal) -> None:
        """A request was refused before it was whole."""


class Exchange:
    """A request and its answer.

    Either :meth:`answer` once, or :meth:`begin`, then :meth:`piece` and :meth:`room` in turns, then :meth:`end`.
    Writing to a client that is gone does nothing; :meth:`room` tells of it.

    :ivar headers: the request's, by their canonical names (``Content-Type``).
    :ivar body: its body, whole.
    :ivar admitted: the gate has seen this request already, as one that may write.
    :ivar route: which route it took, for the metrics.
    :ivar started_at: when its last byte arrived, in the reactor's seconds.
    :ivar seq: the value for ``X-HA-Seq``, if this exchange has seen a database.
    :ivar begun: the head of an answer in pieces is out; another answer cannot be given.
    :ivar on_gone: called when the client goes away before the answer is finished.
    """

    admitted = False
    route = "none"
    started_at = 0.0
    seq: str | None = None
    begun = False
    gone = False
    finished = False
    code = 0
    on_gone: Callable[[], None] | None = None
    _chunks = False
    _unbounded = False
    _paused = False
    _waiting: Deferred[None] | None = None

    def __init__(self, channel: Connection, head: Head) -> None:
        self.channel = channel
        self.method = head.method
        self.uri = head.target
        self.clientproto = head.version
        self.headers = head.headers
        self.body: bytes | bytearray = b""

    def take_body(self) -> bytes | bytearray:
        """The body, which is forgotten here: it may be large."""
        body, self.body = self.body, b""
        return body

    # --- answering

    def answer(
        self, status: int, body: bytes, headers: bytes = b"", *, content_type: bytes = JSON, close: bool = False
    ) -> None:
        """The whole answer at once.

        :param headers: more lines for the head, each closed by CR LF.
        :param close: close the connection after it.
        """
        if self.gone or self.finished:
            return
        head = self._head(status, headers, content_type, len(body), close)
        self.channel.send(head if self.method == b"HEAD" else head + body)
        self._finish()

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal."""
        self.answer(refusal.status, refusal.body(), refusal.headers, close=refusal.close)

    def begin(
        self, status: int, headers: bytes = b"", *, content_type: bytes = JSON, length: int | None = None
    ) -> None:
        """The head of an answer that comes in pieces.

        :param length: of all pieces, in bytes; None when it is not known.
        """
        if self.gone:
            return
        self.begun = True
        bodiless = self.method == b"HEAD"
        self._chunks = length is None and self.clientproto == b"HTTP/1.1" and not bodiless
        # An older client cannot read chunks: the end of the connection ends the answer.
        self._unbounded = length is None and not self._chunks and not bodiless
        self.channel.write(self._head(status, headers, content_type, length, self._unbounded))

    def piece(self, data: bytes) -> None:
        """Some more of the answer. Ask for :meth:`room` before much more."""
        if self.gone or not data or self.method == b"HEAD":
            return
        if self._chunks:
            self.channel.writeSequence([b"%x\r\n" % len(data), data, b"\r\n"])
        else:
            self.channel.write(data)

    async def room(self) -> None:
        """Wait until the client has taken most of what was written.

        :raises ClientGone: it never will.
        """
        if self.gone:
            raise ClientGone
        if self._paused:
            self.channel.deadline = self.channel.reception.seconds() + STALL_TIMEOUT_S
            self._waiting = Deferred()
            await self._waiting
            self.channel.deadline = _NEVER

    def end(self) -> None:
        """All pieces have been written."""
        if self.gone or self.finished:
            return
        if self._chunks:
            self.channel.write(b"0\r\n\r\n")
        self._finish()

    def break_off(self) -> None:
        """The answer cannot be finished. The connection ends, so that no client takes what it has for the whole."""
        if self.gone or self.finished:
            return
        channel = self.channel
        if self._unbounded:
            channel.abort()  # an orderly end would look like the answer's
            return
        channel.deadline = channel.reception.seconds() + STALL_TIMEOUT_S
        channel.close()

    def _head(self, status: int, headers: bytes, content_type: bytes, length: int | None, close: bool) -> bytes:
        channel = self.channel
        self.code = status
        if close:
            channel.persistent = False
        if length is not None:
            framing = b"Content-Length: %d\r\n" % length
        else:
            framing = b"Transfer-Encoding: chunked\r\n" if self._chunks else b""
        return b"%bDate: %b\r\nContent-Type: %b\r\n%b%b%b%b%b\r\n" % (
            _STATUS_LINES[status],
            channel.reception.date(),
            content_type,
            framing,
            b"" if self.seq is None else b"X-HA-Seq: %b\r\n" % self.seq.encode("ascii"),
            headers,
            _ALWAYS,
            b"" if channel.persistent else b"Connection: close\r\n",
        )

    def _finish(self) -> None:
        self.finished = True
        self.channel.answered(self)

    # --- the client's pace, and its end

    def pause(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def resume(self) -> None:
        """It has drained."""
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def lost(self) -> None:
        """The client is gone, and will not see the answer."""
        self.gone = True
        if self.on_gone is not None:
            self.on_gone()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(ClientGone())


@implementer(IPushProducer)
class Connection(TwistedProtocol):
    """One client's socket.

    :ivar deadline: when the site cuts this connection (the site looks once a second, because a timer for every
        request would cost more than the parsing).
    :ivar refused: nothing that arrives is read any more.
    :ivar persistent: the client may go on after the answer.
    :ivar peer: the client's end of the connection.
    """

    log = Logger()
    transport: Any
    peer: Any = None

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self.deadline = _NEVER
        self.refused = False
        self.persistent = True
        self._reader = Reader()
        self._in_head = False
        self._arriving: Exchange | None = None
        self._answering: Exchange | None = None
        self._working = False
        self._held = 0
        self._line: Line
        #: The transport has been written to, so that its buffer may hold something.
        self._written = False
        #: Nothing is read for now: much waits to be answered, or to be sent.
        self._ahead = self._full = False

    @property
    def waiting(self) -> bool:
        """Is there no request, or none whose head is whole? Nothing is lost but the connection when it ends."""
        return self._answering is None and self._arriving is None

    @property
    def address(self) -> str:
        """The client's machine."""
        return str(getattr(self.peer, "host", ""))

    def connectionMade(self) -> None:
        """Accepted: a head must follow soon."""
        transport = self.transport
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
        self.peer = transport.getPeer()
        transport.registerProducer(self, True)
        self._line = Line(transport, self.reception.loop, self.dataReceived, self.abort)
        self.deadline = self.reception.seconds() + HEAD_TIMEOUT_S
        self.reception.connected(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has ended, from whichever side."""
        self.refused = True
        self._line.close()
        for exchange in (self._arriving, self._answering):
            if exchange is not None:
                exchange.lost()
        self.forget_body()
        self.reception.disconnected(self)

    # --- reading

    def dataReceived(self, data: bytes) -> None:
        """Bytes, cut anywhere."""
        if self.refused:
            return
        reader = self._reader
        reader.feed(data)
        if self._answering is None:
            self._go_on()
        elif reader.buffered > READ_AHEAD_BYTES_MAX and not self._ahead:
            self._ahead = True
            self._line.rest()

    def _go_on(self) -> None:
        """Work through what has arrived, until a request is not whole, or not answered at once."""
        self._working = True
        try:
            while self._answering is None and not self.refused:
                if self._arriving is None and not self._reader.buffered:
                    return
                exchange = self._arriving or self._next()
                if exchange is None or not self._is_whole(exchange):
                    return
                self._arriving, self._answering = None, exchange
                self.deadline = _NEVER
                exchange.started_at = self.reception.seconds()
                self.reception.serve(exchange)
        except Unreadable as error:
            self.refuse(Refusal(error.status, error.code, error.message, close=True))
        except Refusal as refusal:
            self.refuse(refusal)
        finally:
            self._working = False

    def _next(self) -> Exchange | None:
        """The next request, as soon as its head is complete: it is decided here whether its body is read.

        :raises Unreadable: it is none.
        :raises Refusal: it is not.
        """
        head = self._reader.head()
        if head is None:
            if not self._in_head:
                self._in_head = True
                self.deadline = self.reception.seconds() + HEAD_TIMEOUT_S
            return None
        self._in_head = False
        exchange = self._arriving = Exchange(self, head)
        self.persistent = self.persistent and head.persistent
        if head.length != 0:
            if head.length is not None and head.length > self.reception.body_bytes_max:
                raise self._too_large()
            self.reception.admit(head.headers)
            exchange.admitted = True
            self.deadline = self.reception.seconds() + STALL_TIMEOUT_S
            if head.expects:
                self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return exchange

    def _is_whole(self, exchange: Exchange) -> bool:
        """Take what is here of the body: is that all of it?

        :raises Unreadable: its chunks are none.
        :raises Refusal: there is no room for it.
        """
        reader = self._reader
        while not reader.ended:
            piece = reader.piece()
            if piece is None:
                return reader.ended
            self._make_room(len(exchange.body), len(piece))
            if not exchange.body:
                exchange.body = piece
            else:
                if isinstance(exchange.body, bytes):
                    exchange.body = bytearray(exchange.body)
                exchange.body += piece
        return True

    def _make_room(self, before: int, size: int) -> None:
        """For `size` more bytes of a body.

        :raises Refusal: there is none.
        """
        if before + size > self.reception.body_bytes_max:
            raise self._too_large()
        if not self.reception.hold(size):
            busy = "too many large requests at once"
            raise Refusal(503, "out_of_resources", busy, headers=RETRY_AFTER, close=True)
        self._held += size
        self.deadline = self.reception.seconds() + STALL_TIMEOUT_S

    def _too_large(self) -> Refusal:
        limit = self.reception.body_bytes_max
        return Refusal(413, "too_large", f"a request's body may have {limit} bytes at most", close=True)

    def forget_body(self) -> None:
        """The request's body is not in memory any more."""
        if self._held:
            self.reception.hold(-self._held)
            self._held = 0

    def answered(self, exchange: Exchange) -> None:
        """The whole answer has been written; the next request may come."""
        self._answering = None
        self.forget_body()
        self.reception.log(exchange)
        if not self.persistent:
            self.close()
            return
        self.deadline = self.reception.seconds() + IDLE_TIMEOUT_S
        if self._ahead:
            self._ahead = False
            self._listen()
        if not self._working:
            self._go_on()

    # --- the pace of both sides

    def _listen(self) -> None:
        """Read again, unless there is another reason not to."""
        if self._ahead or self._full:
            return
        self._line.listen()

    def pauseProducing(self) -> None:
        """The transport's buffer is full: who does not take answers need not ask for more."""
        self._full = True
        self._line.rest()
        if self._answering is not None:
            self._answering.pause()

    def resumeProducing(self) -> None:
        """It has drained."""
        self._full = False
        self._listen()
        if self._answering is not None:
            self._answering.resume()

    def stopProducing(self) -> None:
        """The connection is going; :meth:`connectionLost` follows."""

    # --- writing

    def send(self, data: bytes) -> None:
        """Write a whole answer, straight to the socket as long as the transport has never been written to.

        From the first answer that the socket does not take whole, everything goes through the transport.
        """
        if not self._written:
            data = self._line.send(data)
            if not data:
                return
        self.write(data)

    def write(self, data: bytes) -> None:
        """Write through the transport."""
        self._written = True
        self.transport.write(data)

    def writeSequence(self, pieces: Sequence[bytes]) -> None:
        """Write through the transport."""
        self._written = True
        self.transport.writeSequence(pieces)

    # --- refusing and ending

    def refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be read, and read nothing more."""
        if self.refused:
            return
        self.refused = True
        self.persistent = False
        body = refusal.body()
        self.write(
            b"%bDate: %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b%bConnection: close\r\n\r\n%b"
            % (
                _STATUS_LINES[refusal.status],
                self.reception.date(),
                JSON,
                len(body),
                refusal.headers,
                _ALWAYS,
                body,
            )
        )
        self.forget_body()
        self.reception.refused(refusal)
        self.deadline = self.reception.seconds() + LINGER_S
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if half_close is not None:
            half_close()
        else:
            self.close()

    def deadline_passed(self) -> None:
        """The site found the deadline in the past."""
        if self._in_head and not self.refused:
            late = f"a request's head must arrive within {HEAD_TIMEOUT_S:g} s"
            self.refuse(Refusal(408, "too_slow", late, close=True))
        else:
            self.abort()

    def finish_soon(self) -> None:
        """Answer what is being answered, then close; without a request, close now."""
        self.persistent = False
        if self._arriving is None and self._answering is None:
            self.close()

    def close(self) -> None:
        """Send what was written, then end."""
        self.refused = True
        self._line.close()
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        """End now."""
        self.refused = True
        self._line.close()
        self.transport.abortConnection()
