"""The databases of a node: their list, a consistent copy of one while it runs, and the snapshots for nodes that join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, Protocol
from urllib.parse import quote

from ha.web.exchange import Exchange
from ha.web.respond import Refusal, encode

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

    async def make_snapshot(self, database: str) -> Mapping[str, object]:
        """Store a snapshot now; what there is to say about it.

        :raises ha.errors.StatementError: it was not stored.
        """

    async def open_snapshot(self, database: str) -> Copy | None:
        """The newest stored snapshot; None: there is none.

        :raises ha.errors.StatementError: the log is out of reach.
        """


async def list_databases(exchange: Exchange, node: Databases) -> None:
    """``GET /databases``."""
    exchange.answer(200, encode([node.database_status(name) for name in node.databases()]))


async def download(exchange: Exchange, node: Databases, database: str) -> None:
    """``GET`` of a database: the file, as an attachment.

    :raises ha.errors.StatementError: no copy could be made.
    :raises ha.web.exchange.ClientGone: the client did not take all of it.
    """
    disposition = _disposition(database)
    if exchange.method == b"HEAD":
        # Only making the copy would tell its size.
        exchange.begin(200, disposition, content_type=_SQLITE)
        exchange.end()
        return
    await _send(exchange, await node.open_copy(database), disposition)


async def make_snapshot(exchange: Exchange, node: Databases, database: str) -> None:
    """``POST /snapshot``.

    :raises ha.errors.StatementError: it was not stored.
    """
    exchange.answer(200, encode(dict(await node.make_snapshot(database))))


async def download_snapshot(exchange: Exchange, node: Databases, database: str) -> None:
    """``GET /snapshot``: the newest that is stored, with its log position in ``X-Sequence``.

    :raises Refusal: there is none.
    """
    copy = await node.open_snapshot(database)
    if copy is None:
        raise Refusal(404, "no_snapshot", f"there is no snapshot of {database}")
    await _send(exchange, copy, _disposition(database))


def _disposition(database: str) -> bytes:
    return b"Content-Disposition: attachment; filename=\"%b\"; filename*=UTF-8''%b\r\n" % (
        # What cannot stand in a quoted string of ASCII becomes "_"; the second form has the whole name (RFC 6266).
        "".join(one if " " <= one <= "~" and one not in '"\\%' else "_" for one in database).encode("ascii"),
        quote(database, safe="").encode("ascii"),
    )


async def _send(exchange: Exchange, copy: Copy, disposition: bytes) -> None:
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
