"""NATS's protocol for clients: bytes to what the server says, and what we say to bytes. [pure]

https://docs.nats.io/reference/reference-protocols/nats-protocol
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import orjson

#: A line at most; INFO is the longest, with the addresses of all servers of a cluster.
LINE_BYTES_MAX = 64 * 1024

#: A message at most: the server's own bound on its ``max_payload``.
MESSAGE_BYTES_MAX = 64 * 1024 * 1024

#: How a block of headers begins; a status may follow on the same line.
_VERSION = "NATS/1.0"


class ProtocolError(Exception):
    """What arrived is not NATS's protocol: there is no telling where the next message begins."""


class Beat(Enum):
    """Says only that the other end lives."""

    PING = "PING"
    PONG = "PONG"


@dataclass(frozen=True, slots=True)
class Info:
    """What the server says of itself, when it greets and whenever that changes."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Complaint:
    """``-ERR``: what we did wrong. Where it matters, the server hangs up."""

    text: str


class Message(NamedTuple):
    """A message on a subject that we listen to.

    :param sid: our number of the subscription.
    :param headers: a status on their first line is among them, as ``Status`` and ``Description``. None: it has none.
    """

    sid: str
    subject: str
    reply: str
    data: bytes
    headers: Mapping[str, str] | None


Said = Message | Info | Complaint | Beat


class Decoder:
    """The server's bytes, in pieces of any size; keeps what is not whole yet, one message at most."""

    def __init__(self) -> None:
        self._rest = bytearray()
        #: How long the rest must be before looking at it again can help.
        self._wanted = 0

    def feed(self, data: bytes) -> list[Said]:
        """What has become whole with `data`, in order.

        :raises ProtocolError: the connection is of no use any more.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        said: list[Said] = []
        at, size = 0, len(data)
        self._wanted = 0
        while at < size:
            end = data.find(b"\r\n", at)
            if end < 0:
                if size - at > LINE_BYTES_MAX:
                    raise ProtocolError("a line has no end")
                break
            line = data[at:end].decode("utf-8", "replace")
            if line.startswith(("MSG ", "HMSG ")):
                words = line.split()
                begin = end + 2
                behind = begin + _number(words[-1])
                if size < behind + 2:
                    self._wanted = behind + 2 - at
                    break
                said.append(_message(words, data, begin, behind))
                at = behind + 2
            else:
                _take_line(line, said)
                at = end + 2
        self._rest += data[at:]
        return said


def _message(words: list[str], data: bytes, begin: int, behind: int) -> Message:
    """``MSG subject sid [reply] size``, or ``HMSG subject sid [reply] size-of-headers size``."""
    headers = None
    if words[0] == "HMSG":
        cut = begin + _number(words.pop(-2))
        headers = _headers(data[begin:cut].decode("utf-8", "replace"))
        begin = cut
    if not 4 <= len(words) <= 5 or begin > behind or not data.startswith(b"\r\n", behind):
        raise ProtocolError(f"a message is malformed: {' '.join(words)[:80]}")
    return Message(words[2], words[1], words[3] if len(words) == 5 else "", data[begin:behind], headers)


def _headers(block: str) -> dict[str, str]:
    first, *lines = block.split("\r\n")
    if not first.startswith(_VERSION):
        raise ProtocolError(f"headers are malformed: {first[:80]}")
    headers: dict[str, str] = {}
    if first != _VERSION:
        headers["Status"], _, headers["Description"] = first.removeprefix(_VERSION).strip().partition(" ")
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return headers


def _take_line(line: str, said: list[Said]) -> None:
    kind, _, rest = line.partition(" ")
    kind = kind.upper()
    if kind in Beat.__members__:
        said.append(Beat[kind])
    elif kind == "INFO":
        try:
            said.append(Info(orjson.loads(rest)))
        except orjson.JSONDecodeError:
            raise ProtocolError("the server's INFO is no JSON") from None
    elif kind == "-ERR":
        said.append(Complaint(rest.strip(" '")))
    elif kind != "+OK":
        raise ProtocolError(f"the server says {line[:80]!r}")


def _number(word: str) -> int:
    if not word.isdigit() or int(word) > MESSAGE_BYTES_MAX:
        raise ProtocolError(f"{word[:80]!r} is no size of a message")
    return int(word)


# What we say

PING = b"PING\r\n"
PONG = b"PONG\r\n"


def connect(claims: Mapping[str, Any]) -> bytes:
    """Who we are and what we understand."""
    return b"CONNECT %b\r\n" % orjson.dumps(claims)


def subscribe(subject: str, sid: str) -> bytes:
    """Listen to a subject."""
    return f"SUB {subject} {sid}\r\n".encode()


def unsubscribe(sid: str) -> bytes:
    """Listen no more."""
    return f"UNSUB {sid}\r\n".encode()


def publish(subject: str, body: bytes, reply: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    """A message."""
    to = f"{subject} {reply}" if reply else subject
    if not headers:
        return b"PUB %b %d\r\n%b\r\n" % (to.encode(), len(body), body)
    lines = "\r\n".join([_VERSION, *[f"{name}: {value}" for name, value in headers.items()]])
    assert lines.count("\n") == len(headers), "a header holds a line's end"
    block = lines.encode() + b"\r\n\r\n"
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (to.encode(), len(block), len(block) + len(body), block, body)
