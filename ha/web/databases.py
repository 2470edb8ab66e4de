"""The databases of a node: their list, and a consistent copy of one while it runs."""

from __future__ import annotations

from typing import BinaryIO, Protocol
from urllib.parse import quote

from ha.web.exchange import Exchange
from ha.web.respond import encode

#: Read from the copy at a time. More than a transport's buffer, so that each piece makes the next wait for the client.
PIECE_BYTES = 256 * 1024

_SQLITE = b"application/vnd.sqlite3"


class Copy(Protocol):
    """A consistent copy of a database, in a file of its own.

    :ivar file: it, open for reading at its start.
    :ivar size: its size in bytes.
    :ivar seq: ``<epoch>:<seq>``, the log position that the copy is at; None without a log.
    """

    file: BinaryIO
    size: int
    seq: str | None

    def close(self) -> None:
        """Remove the file."""


class Databases(Protocol):
    """What this page asks of a node."""

    def databases(self) -> list[str]:
        """The names, the first ``--db`` first."""

    def database_status(self, database: str) -> dict[str, object]:
        """What there is to say about one: at least ``name`` and ``size`` (bytes)."""

    async def open_copy(self, database: str) -> Copy:
        """Copy a database without stopping its writers.

        :raises ha.errors.StatementError: 53100 and the like.
        """


async def list_databases(exchange: Exchange, node: Databases) -> None:
    """``GET /databases``."""
    exchange.answer(200, encode([node.database_status(name) for name in node.databases()]))


async def download(exchange: Exchange, node: Databases, database: str) -> None:
    """``GET`` of a database: the file, as an attachment.

    :raises ha.errors.StatementError: no copy could be made.
    :raises ha.web.exchange.ClientGone: the client did not take all of it.
    """
    disposition = b"Content-Disposition: attachment; filename=\"%b\"; filename*=UTF-8''%b\r\n" % (
        # What cannot stand in a quoted string of ASCII becomes "_"; the second form has the whole name (RFC 6266).
        "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in database).encode("ascii"),
        quote(database, safe="").encode("ascii"),
    )
    if exchange.method == b"HEAD":
        # Only making the copy would tell its size.
        exchange.begin(200, disposition, content_type=_SQLITE)
        exchange.end()
        return
    copy = await node.open_copy(database)
    try:
        exchange.seq = copy.seq
        if copy.seq is not None:
            disposition += b"X-Sequence: %b\r\n" % copy.seq.rpartition(":")[2].encode("ascii")
        exchange.begin(200, disposition, content_type=_SQLITE, length=copy.size)
        left = copy.size
        while left:
            await exchange.room()
            piece = copy.file.read(min(PIECE_BYTES, left))
            if not piece:
                exchange.break_off()  # shorter than promised
                return
            left -= len(piece)
            exchange.piece(piece)
        exchange.end()
    finally:
        copy.close()
