"""The texts of messages, from and to a client's encoding: the one place where a conversation that is not in UTF-8 is converted. [pure]

What a client says is converted before it is read, what it is told just before it leaves. Rows and COPY's stream are not looked at here:
what in them is text only their types tell (:mod:`ha.postgres.encoding`, :mod:`ha.postgres.decoding`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.errors import StatementError
from ha.postgres.manner import Charset
from ha.postgres.messages import INT32, Unreadable
from ha.postgres.questions import Bind, Close, CopyFail, Describe, Execute, Parse, Query

#: Of a client's messages: where their texts begin, and how many there are.
_SAID = {Query: (0, 1), Parse: (0, 2), Bind: (0, 2), Describe: (1, 1), Close: (1, 1), Execute: (0, 1), CopyFail: (0, 1)}


def heard(kind: type, body: bytes, charset: Charset) -> bytes:
    """The body of a client's message with its texts in UTF-8.

    :raises Unreadable: 22021.
    """
    found = _SAID.get(kind)
    if found is None or body.isascii():
        return body
    at, count = found
    parts = [body[:at]]
    for _ in range(count):
        end = body.find(b"\0", at)
        if end < 0:
            break  # whoever reads it will say so
        try:
            parts.append(charset.decode(body[at:end]))
        except StatementError as error:
            raise Unreadable(error.sqlstate, error.message) from None
        parts.append(b"\0")
        at = end + 1
    return b"".join(parts) + body[at:]


def told(messages: Sequence[bytes], charset: Charset) -> list[bytes]:
    """Messages of ours, with texts as the client reads them. A character that its encoding lacks is a question mark.

    :param messages: whole ones, one or several in each.
    """
    return [one if one.isascii() else _told(one, charset.codec) for one in messages]


def _told(data: bytes, codec: str) -> bytes:
    parts = []
    at = 0
    while at < len(data):
        (length,) = INT32.unpack_from(data, at + 1)
        end = at + 1 + length
        convert = _TOLD.get(data[at])
        if convert is None:
            parts.append(data[at:end])
        else:
            body = convert(data[at + 5 : end], codec)
            parts.append(data[at : at + 1] + INT32.pack(len(body) + 4) + body)
        at = end
    return b"".join(parts)


def _texts(body: bytes, codec: str) -> bytes:
    """Nothing but texts and the letters before them: errors, notices, settings."""
    return body.decode("utf-8", "replace").encode(codec, "replace")


def _columns(body: bytes, codec: str) -> bytes:
    """A RowDescription: a count, then names, each with 18 bytes of numbers behind it."""
    parts = [body[:2]]
    at = 2
    while at < len(body):
        end = body.index(b"\0", at)
        parts.append(_texts(body[at:end], codec))
        at = end + 19
        parts.append(body[end:at])
    return b"".join(parts)


_TOLD = {
    ord("E"): _texts,
    ord("N"): _texts,
    ord("S"): _texts,
    ord("C"): _texts,
    ord("T"): _columns,
    ord("A"): lambda body, codec: body[:4] + _texts(body[4:], codec),
}
