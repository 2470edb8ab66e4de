"""How a client wants values written: its time zone, its styles of dates and intervals, its encoding. [pure]

A session asks once after each SET; whoever writes or reads values is given the answer. None stands for what nearly all clients
have, UTC, ISO dates, PostgreSQL's intervals and UTF-8, so that it costs nothing.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from ha.errors import StatementError
from ha.sql.encodings import CODECS, no_equivalent, wrong_bytes
from ha.sql.zones import zone_of

#: The settings that :func:`manner_of` is asked with, in its order.
SETTINGS = ("TimeZone", "DateStyle", "IntervalStyle", "client_encoding", "bytea_output")
ISO, POSTGRES, HEX = "ISO", "postgres", "hex"


class Charset(NamedTuple):
    """A client's encoding that is not UTF-8.

    :param name: PostgreSQL's.
    :param codec: Python's.
    """

    name: str
    codec: str

    def encode(self, raw: bytes) -> bytes:
        """A text in UTF-8, as the client shall have it.

        :raises StatementError: 22P05, it has a character that the encoding lacks.
        """
        if raw.isascii():
            return raw
        text = raw.decode("utf-8", "surrogatepass")
        try:
            return text.encode(self.codec)
        except UnicodeEncodeError as error:
            raise no_equivalent(self.name, text[error.start]) from None

    def decode(self, raw: bytes) -> bytes:
        """A client's text, in UTF-8.

        :raises StatementError: 22021.
        """
        if raw.isascii():
            return raw
        try:
            return raw.decode(self.codec).encode()
        except UnicodeDecodeError as error:
            raise StatementError("22021", wrong_bytes(self.name, raw, error.start)) from None

    def pieces(self) -> Callable[[bytes], bytes]:
        """The same for the pieces of a stream, which may be cut within a character."""
        decoder = codecs.getincrementaldecoder(self.codec)()

        def decode(raw: bytes) -> bytes:
            try:
                return decoder.decode(raw).encode()
            except UnicodeDecodeError as error:
                raise StatementError("22021", wrong_bytes(self.name, error.object, error.start)) from None

        return decode


class Manner(NamedTuple):
    """One client's.

    :param zone: None for UTC.
    :param dates: ``ISO``, ``SQL``, ``Postgres`` or ``German``.
    :param order: ``MDY``, ``DMY`` or ``YMD``: how ``1/2/3`` is meant, and but for ISO's how a date is written.
    :param intervals: ``postgres``, ``postgres_verbose``, ``sql_standard`` or ``iso_8601``.
    :param charset: None for UTF-8.
    :param bytes: ``hex`` or ``escape``.
    """

    zone: tzinfo | None = None
    dates: str = ISO
    order: str = "MDY"
    intervals: str = POSTGRES
    charset: Charset | None = None
    bytes: str = HEX


@lru_cache(256)
def manner_of(zone: str, date_style: str, interval_style: str, encoding: str, bytea_output: str = HEX) -> Manner | None:
    """What these settings mean, as SHOW prints them; None for the usual."""
    dates, _, order = date_style.partition(", ")
    codec = CODECS[encoding]
    charset = Charset(encoding, codec) if codec is not None else None
    found = Manner(zone_of(zone), dates, order, interval_style, charset, bytea_output)
    return None if found == Manner() else found
