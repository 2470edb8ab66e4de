"""One HTTP connection, and one request on it with its answer: bytes in, bytes out.

The parser is twisted.web's HTTPChannel (20 µs a request; the resource tree and ``server.Request`` on top of it would
cost as much again, and parse forms). What it leaves open is closed here: limits, deadlines, ambiguous framing, an
answer that leaves in one write, back-pressure, a client that goes away. What a request means is the business of
:mod:`ha.web.site`.

Everything runs in the reactor's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from socket import SO_ERROR, SOL_SOCKET
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer, ISystemHandle
from twisted.web import http
from zope.interface import implementer

from ha.web.respond import RETRY_AFTER, Refusal

#: The request line and all header lines, in bytes (nginx and h11 allow as much).
HEAD_BYTES_MAX = 16 * 1024

#: Header lines of a request.
HEADERS_MAX = 100

#: From the first byte of a request's head to its last, in seconds.
HEAD_TIMEOUT_S = 10.0

#: A connection between two requests, in seconds (nginx: 75).
IDLE_TIMEOUT_S = 75.0

#: Between two pieces of a request's body, or two pieces of an answer that the client takes, in seconds.
STALL_TIMEOUT_S = 60.0

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


@implementer(IPushProducer)
class Exchange(http.Request):
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

    headers: dict[bytes, list[bytes]]
    body: bytes | bytearray = b""
    admitted = False
    route = "none"
    started_at = 0.0
    seq: str | None = None
    begun = False
    gone = False
    on_gone: Callable[[], None] | None = None
    _chunks = False
    _unbounded = False
    _paused = False
    _waiting: Deferred[None] | None = None

    # --- called by the channel while the request arrives

    def gotLength(self, length: int | None) -> None:
        """The head is complete. `length` is None for a body in chunks. (No file is made: `content` stays None.)"""

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body."""
        if not self.channel.body_arrived(len(self.body), len(data)):
            return
        if not self.body:
            self.body = data
        else:
            if isinstance(self.body, bytes):
                self.body = bytearray(self.body)
            self.body += data

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it is here. (Nothing is parsed: not the query, not a form.)"""
        self.method, self.uri, self.clientproto = command, path, version
        channel = self.channel
        if channel.refused:
            return
        channel.deadline = _NEVER
        self.started_at = channel.reception.seconds()
        channel.reception.serve(self)

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
        self.registerProducer(self, True)

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
        self.unregisterProducer()
        self._finish()

    def break_off(self) -> None:
        """The answer cannot be finished. The connection ends, so that no client takes what it has for the whole."""
        if self.gone or self.finished:
            return
        channel = self.channel
        if self._unbounded:
            channel.transport.abortConnection()  # an orderly end would look like the answer's
            return
        channel.deadline = channel.reception.seconds() + STALL_TIMEOUT_S
        self.unregisterProducer()
        channel.loseConnection()

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
        self.startedWriting = 1  # the head is out, whatever http.Request thinks
        self.channel.forget_body()
        self.finish()

    # --- the client's pace, and its end

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def resumeProducing(self) -> None:
        """It has drained."""
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        """The connection is going; :meth:`connectionLost` follows."""

    def connectionLost(self, reason: Any) -> None:
        """The client is gone, and will not see the answer."""
        self.gone = True
        super().connectionLost(reason)
        if self.on_gone is not None:
            self.on_gone()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(ClientGone())


class Connection(http.HTTPChannel):
    """twisted.web's parser with our limits.

    :ivar deadline: when the site cuts this connection (the site looks once a second, because a timer for every
        request would cost more than the parsing).
    :ivar refused: nothing that arrives is read any more.
    """

    requestFactory = Exchange
    totalHeadersSize = HEAD_BYTES_MAX
    MAX_LENGTH = HEAD_BYTES_MAX
    maxHeaders = HEADERS_MAX
    timeOut = None  # HTTPChannel's own would be a timer for each request, and every byte would push it back

    def __init__(self, reception: Reception) -> None:
        super().__init__()
        self.reception = reception
        self.deadline = _NEVER
        self.refused = False
        self._in_head = False
        self._held = 0
        self._socket: Any = None
        #: As long as the transport has never been written to.
        self._direct = False

    def connectionMade(self) -> None:
        """Accepted: a head must follow soon."""
        super().connectionMade()
        self._host = self.transport.getHost()
        if ISystemHandle.providedBy(self.transport):
            self._socket = self.transport.getHandle()
            self._direct = True
        self.deadline = self.reception.seconds() + HEAD_TIMEOUT_S
        self.reception.connected(self)

    def connectionLost(self, reason: Any) -> None:
        """It has ended, from whichever side."""
        super().connectionLost(reason)
        self._socket = None
        self.forget_body()
        self.reception.disconnected(self)

    def getHost(self) -> IAddress:
        """Our end of the connection. HTTPChannel asks the system for it at each request."""
        return self._host

    # --- reading

    def dataReceived(self, data: bytes) -> None:
        """Bytes, cut anywhere."""
        if self.refused:
            return
        if self._socket is not None and self._socket.getsockopt(SOL_SOCKET, SO_ERROR):
            # Reset right behind its last bytes. uvloop tells of that once, with them, and refuses to hear of the socket again.
            self.transport.abortConnection()
            return
        if not self.requests and not self._in_head:
            self._in_head = True
            self.deadline = self.reception.seconds() + HEAD_TIMEOUT_S
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        """A head is complete: decide before anything of the body is read, and before ``100 Continue``."""
        exchange = self.requests[-1]
        exchange.headers = headers = dict(exchange.requestHeaders.getAllRawHeaders())
        self._in_head = False
        try:
            self._check_framing(headers)
            if self.length != 0:
                self.reception.admit(headers)
                exchange.admitted = True
                self.deadline = self.reception.seconds() + STALL_TIMEOUT_S
        except Refusal as refusal:
            self.refuse(refusal)
            return
        if b"Expect" in headers:
            self._direct = False  # ``100 Continue`` goes through the transport
        super().allHeadersReceived()

    def _check_framing(self, headers: dict[bytes, list[bytes]]) -> None:
        """Two lengths, or a length and chunks, HTTPChannel refuses by itself; here is the rest.

        :raises Refusal: it is not certain where this request ends, or what its body is.
        """
        old = self._version != b"HTTP/1.1"
        codings = headers.get(b"Transfer-Encoding")
        if codings is not None and (len(codings) != 1 or codings[0].lower() != b"chunked" or old):
            raise Refusal(400, "bad_request", "a Transfer-Encoding other than chunked is not understood", close=True)
        for coding in headers.get(b"Content-Encoding", ()):
            if coding.lower() != b"identity":
                raise Refusal(415, "unknown_encoding", "a Content-Encoding is not understood", close=True)
        if len(headers.get(b"Host", ())) != 1 and not old:
            raise Refusal(400, "bad_request", "exactly one Host header is needed", close=True)
        if self.length is not None and self.length > self.reception.body_bytes_max:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        limit = self.reception.body_bytes_max
        return Refusal(413, "too_large", f"a request's body may have {limit} bytes at most", close=True)

    def body_arrived(self, before: int, size: int) -> bool:
        """`size` more bytes of the body are here. False: they are not wanted."""
        if self.refused:
            return False
        if before + size > self.reception.body_bytes_max:
            self.refuse(self._too_large())
            return False
        if not self.reception.hold(size):
            busy = "too many large requests at once"
            self.refuse(Refusal(503, "out_of_resources", busy, headers=RETRY_AFTER, close=True))
            return False
        self._held += size
        self.deadline = self.reception.seconds() + STALL_TIMEOUT_S
        return True

    def forget_body(self) -> None:
        """The request's body is not in memory any more."""
        if self._held:
            self.reception.hold(-self._held)
            self._held = 0

    # --- writing

    def send(self, data: bytes) -> None:
        """Write a whole answer, straight to the socket where that is possible.

        A transport buffers, and has the reactor call it back to write: that costs a lone client a third of its pace.
        So as long as this connection's transport has never been written to, and its buffer is known to be empty, the
        socket is asked first. From the first answer that it does not take whole, everything goes through the
        transport.
        """
        if self._direct and self._socket is not None:
            try:
                sent = self._socket.send(data)
            except OSError:  # full, or broken: the transport finds out which
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        self.write(data)

    def write(self, data: bytes) -> None:
        """Write through the transport."""
        self._direct = False
        self.transport.write(data)

    def writeSequence(self, iovec: Sequence[bytes]) -> None:
        """Write through the transport."""
        self._direct = False
        self.transport.writeSequence(iovec)

    def requestDone(self, request: Exchange) -> None:
        """It has been answered; the next may come."""
        self.deadline = self.reception.seconds() + IDLE_TIMEOUT_S
        super().requestDone(request)

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
        self.clearLineBuffer()
        self.forget_body()
        self.reception.refused(refusal)
        self.deadline = self.reception.seconds() + LINGER_S
        half_close = getattr(self.transport, "loseWriteConnection", None)
        if half_close is not None:
            half_close()
        else:
            self.loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        # HTTPChannel's one way of refusing. Should its name change, clients get a 400 without a body.
        self.refuse(Refusal(400, "bad_request", "this is not a request that HTTP/1.1 allows", close=True))

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line alone is longer than a head may be."""
        self.refuse(Refusal(431, "too_large", f"a request's head may have {HEAD_BYTES_MAX} bytes at most", close=True))

    def deadline_passed(self) -> None:
        """The site found the deadline in the past."""
        if self._in_head and not self.refused:
            late = f"a request's head must arrive within {HEAD_TIMEOUT_S:g} s"
            self.refuse(Refusal(408, "too_slow", late, close=True))
        else:
            self.transport.abortConnection()

    def finish_soon(self) -> None:
        """Answer what is being answered, then close; without a request, close now."""
        self.persistent = False
        if not self.requests:
            self.loseConnection()
