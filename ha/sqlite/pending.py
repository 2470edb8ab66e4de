"""The outbox and the conflicts, as rows: the SQL of ``ha_outbox`` and ``ha_conflicts``.

All functions run inside the caller's transaction, among the house's own statements.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ha.sqlite.connection import Connection

#: Rows of the outbox read at once: a day's outbox must pass through without being in memory.
ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Pending:
    """One message in the outbox.

    :param number: its place: the order of the numbers is the order of the commits.
    :param undo: what its last application did to this file, as :meth:`ha.sqlite.rowchange.Record.to_bytes`
        wrote it; None: it is not in this file, which was restored.
    """

    number: int
    message_id: str
    body: bytes
    undo: bytes | None


@dataclass(frozen=True, slots=True)
class Loss:
    """A row version that lost its place.

    :param reason: ``overwritten``, ``displaced``, ``unfit``.
    :param key: JSON, as `image`.
    :param winner_seq: the winner's position on the log, None while it has none.
    """

    reason: str
    table: str
    key: str
    operation: str
    image: str | None
    loser_node: str | None
    winner_node: str | None
    winner_seq: int | None


def add_pending(connection: Connection, message_id: str, body: bytes, undo: bytes, *, sent: bool) -> None:
    """Put a message at the outbox's end."""
    connection.execute(
        "INSERT INTO main.ha_outbox (message_id, body, undo, sent, created_ns) VALUES (?, ?, ?, ?, ?)",
        (message_id, body, undo, int(sent), time.time_ns()),
    )


def count_pending(connection: Connection) -> tuple[int, int, bool]:
    """How many messages wait, how many bytes they have, and whether one of them is not in this file."""
    count, size, applied = connection.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0), count(undo) FROM main.ha_outbox"
    ).get
    return count, size, applied < count


def find_pending(connection: Connection, message_id: str) -> bool:
    """Whether that message waits."""
    return connection.execute("SELECT 1 FROM main.ha_outbox WHERE message_id = ?", (message_id,)).get is not None


def first_pending(connection: Connection) -> Pending | None:
    """The message that is to be published next."""
    row = connection.execute("SELECT id, message_id, body, undo FROM main.ha_outbox ORDER BY id LIMIT 1").fetchone()
    return Pending(*row) if row is not None else None


def every_pending(connection: Connection, *, newest_first: bool = False) -> Iterator[Pending]:
    """All that wait, a few in memory at a time. The caller may update the rows it is given."""
    side, order, last = ("<", "DESC", 2**63 - 1) if newest_first else (">", "ASC", 0)
    while True:
        rows: list[Any] = connection.execute(
            f"SELECT id, message_id, body, undo FROM main.ha_outbox WHERE id {side} ? ORDER BY id {order} LIMIT ?",
            (last, ROWS_AT_ONCE),
        ).fetchall()
        for row in rows:
            yield Pending(*row)
        if len(rows) < ROWS_AT_ONCE:
            return
        last = rows[-1][0]


def remove_pending(connection: Connection, message_id: str) -> bool:
    """Take a message out; False: it was not there."""
    connection.execute("DELETE FROM main.ha_outbox WHERE message_id = ?", (message_id,))
    return connection.changes() > 0


def set_undo(connection: Connection, number: int, undo: bytes) -> None:
    """Remember what a pending message did to the file this time."""
    connection.execute("UPDATE main.ha_outbox SET undo = ? WHERE id = ?", (undo, number))


def record_loss(connection: Connection, loss: Loss) -> None:
    """Keep a losing image."""
    connection.execute(
        'INSERT INTO main.ha_conflicts (created_ns, reason, "table", key, operation, image, loser_node, winner_node,'
        " winner_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            time.time_ns(),
            loss.reason,
            loss.table,
            loss.key,
            loss.operation,
            loss.image,
            loss.loser_node,
            loss.winner_node,
            loss.winner_seq,
        ),
    )
