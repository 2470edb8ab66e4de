"""Where requests begin and end in a stream of bytes: HTTP/1.1 as RFC 9112 has it, and what HTTP/1.0 asks. [pure]

Bytes are fed in as they come; heads and pieces of bodies come out::

    reader.feed(data)
    head = reader.head()          # None while it is incomplete
    while not reader.ended:
        piece = reader.piece()    # None while there is nothing more of it

What could be read in two ways is refused and never guessed at, because a proxy before us may have read it the other way: a folded
line, a bare CR or LF, two lengths, a length beside chunks, white space before a colon. What follows is then not read any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

#: The request line and all header lines, in bytes (nginx and h11 allow as much).
HEAD_BYTES_MAX = 16 * 1024
#: Header lines of a request.
HEADERS_MAX = 100
#: A chunk's size with its extensions, which are read over, in bytes.
CHUNK_LINE_BYTES_MAX = 1024
#: A body's length in digits: more than any body that is taken.
LENGTH_DIGITS_MAX = 18

#: Heads that come again and again are read once: how many, and how long they may be.
REMEMBERED_MAX = 1_024
REMEMBERED_BYTES_MAX = 1_024
#: Names of headers whose canonical spelling is remembered.
NAMES_MAX = 1_024

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(%b) ([!-~]+) HTTP/1\.([01])" % _TOKEN)
_NAME = re.compile(_TOKEN)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\0\r\n]*)?")
#: What is not for remembering.
_SECRETS = frozenset((b"Authorization", b"Cookie", b"Proxy-Authorization"))


class Unreadable(Exception):
    """It is not certain what this request is, or where it ends. Nothing more can be read of the stream.

    :param status: what to answer.
    :param code: the same as a word for programs.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. Not to be changed: equal heads are one object.

    :param headers: by their canonical names (``Content-Type``), in their order.
    :param length: of the body; None for one in chunks.
    :param persistent: the client goes on after the answer.
    :param expects: the client waits for ``100 Continue`` before it sends the body.
    """

    method: bytes
    target: bytes
    version: bytes
    headers: dict[bytes, list[bytes]]
    length: int | None
    persistent: bool
    expects: bool


class Reader:
    """Cuts one client's stream.

    :ivar ended: the body of the latest head has come to its end, so that the next head can be asked for.
    """

    __slots__ = ("_at", "_buffer", "_left", "_searched", "_state", "_trailing", "ended")

    def __init__(self) -> None:
        self._buffer: bytes | bytearray = b""
        self._at = 0
        #: Up to where no end of a head was found.
        self._searched = 0
        self._state = _Body.PLAIN
        #: Bytes of the body, or of the chunk, that are still to come.
        self._left = 0
        self._trailing = 0
        self.ended = True

    @property
    def buffered(self) -> int:
        """Bytes that were fed in and did not come out."""
        return len(self._buffer) - self._at

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if self._at == len(self._buffer):
            self._buffer, self._at, self._searched = data, 0, 0
            return
        if isinstance(self._buffer, bytes):
            self._buffer = bytearray(memoryview(self._buffer)[self._at :])
            self._searched, self._at = max(self._searched - self._at, 0), 0
        elif self._at > 65536:
            del self._buffer[: self._at]
            self._searched, self._at = max(self._searched - self._at, 0), 0
        self._buffer += data

    def head(self) -> Head | None:
        """The next head, or None while it is incomplete.

        :raises Unreadable: 400, 431.
        """
        buffer, at = self._buffer, self._at
        while buffer[at : at + 2] == b"\r\n":
            at += 2  # some send a line behind a body (RFC 9112, 2.2)
        self._at = at
        end = buffer.find(b"\r\n\r\n", max(at, self._searched - 3))
        if end < 0:
            self._searched = len(buffer)
            self._check_beginning()
            return None
        if end - at > HEAD_BYTES_MAX:
            raise _long_head()
        text = bytes(buffer[at:end])
        self._at = end + 4
        head = _remembered.get(text)
        if head is None:
            head = _head_of(text)
            if len(text) < REMEMBERED_BYTES_MAX and _SECRETS.isdisjoint(head.headers):
                if len(_remembered) >= REMEMBERED_MAX:
                    _remembered.clear()
                _remembered[text] = head
        if head.length != 0:
            self.ended = False
            self._state, self._left = (_Body.SIZE, 0) if head.length is None else (_Body.PLAIN, head.length)
            self._trailing = 0
        return head

    def _check_beginning(self) -> None:
        """Does a head that is not complete begin like one, and may it still become one?"""
        buffer, at = self._buffer, self._at
        line_end = buffer.find(b"\r\n", at, at + HEAD_BYTES_MAX)
        if line_end >= 0 and _REQUEST_LINE.fullmatch(buffer, at, line_end) is None:
            raise _not_http("the first line is no request")
        if len(buffer) - at > HEAD_BYTES_MAX:
            raise _long_head()

    def piece(self) -> bytes | None:
        """Some more of the body, or None: there is no more of it here, or at all (`ended`).

        :raises Unreadable: 400.
        """
        while not self.ended:
            if self._state is _Body.PLAIN or self._state is _Body.DATA:
                data = self._take(self._left)
                self._left -= len(data)
                if not self._left:
                    self.ended = self._state is _Body.PLAIN
                    self._state = _Body.DATA_END
                return data or None
            line = self._line()
            if line is None:
                return None
            self._next(line)
        return None

    def _next(self, line: bytes) -> None:
        """A line between the chunks."""
        if self._state is _Body.SIZE:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise _not_http("a chunk has no size")
            self._left = int(size[1], 16)
            self._state = _Body.DATA if self._left else _Body.TRAILER
        elif self._state is _Body.DATA_END:
            if line:
                raise _not_http("a chunk is longer than it says")
            self._state = _Body.SIZE
        elif line:
            self._trailing += len(line) + 2
            if self._trailing > HEAD_BYTES_MAX:
                raise _long_head()
        else:
            self.ended = True

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[self._at : self._at + size])
        self._at += len(data)
        return data

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", self._at, self._at + CHUNK_LINE_BYTES_MAX)
        if end < 0:
            if self.buffered >= CHUNK_LINE_BYTES_MAX:
                raise _not_http("a line between chunks is too long")
            return None
        line = bytes(self._buffer[self._at : end])
        self._at = end + 2
        return line


class _Body(Enum):
    """What comes next of a body."""

    PLAIN = "bytes, as many as its head said"
    SIZE = "a chunk's size"
    DATA = "a chunk's bytes"
    DATA_END = "the line's end behind them"
    TRAILER = "lines behind the last chunk"


# Heads by their bytes, and names as clients write them by their canonical spelling.
_remembered: dict[bytes, Head] = {}
_names: dict[bytes, bytes] = {}


def _head_of(text: bytes) -> Head:
    """The head in `text`, which ends before the empty line.

    :raises Unreadable: 400.
    """
    first, *lines = text.split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    if request is None:
        raise _not_http("the first line is no request")
    if len(lines) > HEADERS_MAX:
        raise _not_http(f"a request may have {HEADERS_MAX} header lines at most")
    if text.count(b"\n") != len(lines) or text.count(b"\r") != len(lines) or b"\0" in text:
        raise _not_http("a line is broken by something else than CR LF")
    headers: dict[bytes, list[bytes]] = {}
    for line in lines:
        written, colon, value = line.partition(b":")
        name = _names.get(written) or _canonical(written)
        if not colon:
            raise _not_http("a header line has no colon")
        headers.setdefault(name, []).append(value.strip(b" \t"))
    method, target, minor = request.groups()
    words = [word.strip() for value in headers.get(b"Connection", ()) for word in value.lower().split(b",")]
    return Head(
        method,
        target,
        b"HTTP/1." + minor,
        headers,
        _length_of(headers, old=minor == b"0"),
        persistent=minor == b"1" and b"close" not in words,
        expects=minor == b"1" and [one.lower() for one in headers.get(b"Expect", ())] == [b"100-continue"],
    )


def _canonical(written: bytes) -> bytes:
    """``content-type`` as ``Content-Type``.

    :raises Unreadable: 400, it is no name.
    """
    if _NAME.fullmatch(written) is None:
        raise _not_http("a header has no name")
    name = written.title()
    if len(_names) >= NAMES_MAX:
        _names.clear()
    if len(written) < REMEMBERED_BYTES_MAX:
        _names[written] = name
    return name


def _length_of(headers: dict[bytes, list[bytes]], *, old: bool) -> int | None:
    """How long the body is; None: it says itself, in chunks.

    :raises Unreadable: 400, 415.
    """
    if len(headers.get(b"Host", ())) != 1 and not old:
        raise _not_http("exactly one Host header is needed")
    for coding in headers.get(b"Content-Encoding", ()):
        if coding.lower() != b"identity":
            raise Unreadable(415, "unknown_encoding", "a Content-Encoding is not understood")
    lengths, codings = headers.get(b"Content-Length"), headers.get(b"Transfer-Encoding")
    if codings is not None:
        if lengths is not None or old or len(codings) != 1 or codings[0].lower() != b"chunked":
            raise _not_http("a Transfer-Encoding other than chunked is not understood, nor one beside a length")
        return None
    if lengths is None:
        return 0
    if len(lengths) != 1 or not lengths[0].isdigit() or len(lengths[0]) > LENGTH_DIGITS_MAX:
        raise _not_http("a Content-Length is one number")
    return int(lengths[0])


def _not_http(why: str) -> Unreadable:
    return Unreadable(400, "bad_request", f"this is not a request that HTTP/1.1 allows: {why}")


def _long_head() -> Unreadable:
    return Unreadable(431, "too_large", f"a request's head may have {HEAD_BYTES_MAX} bytes at most")
