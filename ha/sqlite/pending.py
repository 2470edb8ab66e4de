"""The outbox and the conflicts, as rows: the SQL of ``ha_outbox``, ``ha_touches`` and ``ha_conflicts``.

All functions run inside the caller's transaction, among the house's own statements.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from ha.sqlite.connection import Connection
from ha.sqlite.touches import Touches, packed, unpacked

_COLUMNS: Final = "id, message_id, body, undo, sent"

#: Messages that were never sent become one up to so many, or so many bytes: as a group of the committer.
MERGED_MAX = 512
MERGED_BYTES_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class Pending:
    """One message in the outbox.

    :param number: its place: the order of the numbers is the order of the commits.
    :param undo: what its last application did to this file, as :meth:`ha.sqlite.rowchange.Record.to_bytes`
        wrote it; None: it is not in this file, which was restored.
    :param final: it is merged with no other any more: a copy may be on its way, or it stands on another state than the one it
        was executed on, where several messages may do another thing than one that says the same.
    """

    number: int
    message_id: str
    body: bytes
    undo: bytes | None
    final: bool

    @property
    def process(self) -> str:
        """The process that wrote it."""
        return self.message_id.rpartition(":")[0]

    @property
    def group(self) -> int:
        """Its number there."""
        return int(self.message_id.rpartition(":")[2])


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


def add_pending(
    connection: Connection, message_id: str, body: bytes, undo: bytes, *, sent: bool, touches: Touches | None = None
) -> None:
    """Put a message at the outbox's end.

    :param touches: what it touches; None: that is to be found when it is needed.
    """
    connection.execute(
        "INSERT INTO main.ha_outbox (message_id, body, undo, sent, created_ns) VALUES (?, ?, ?, ?, ?)",
        (message_id, body, undo, int(sent), time.time_ns()),
    )
    if touches is not None:
        write_touches(connection, connection.last_insert_rowid(), touches)


def count_pending(connection: Connection) -> tuple[int, int, bool]:
    """How many messages wait, how many bytes they have, and whether one of them is not in this file."""
    count, size, applied = connection.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0), count(undo) FROM main.ha_outbox"
    ).get
    return count, size, applied < count


def find_pending(connection: Connection, message_id: str) -> Pending | None:
    """That message, if it waits."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM main.ha_outbox WHERE message_id = ?", (message_id,)).get
    return Pending(*row) if row is not None else None


def next_pending(connection: Connection, after: int = 0) -> Pending | None:
    """The first message behind that place; its head with 0."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM main.ha_outbox WHERE id > ? ORDER BY id LIMIT 1", (after,)).get
    return Pending(*row) if row is not None else None


def get_pending(connection: Connection, number: int) -> Pending:
    """The message at that place."""
    return Pending(*connection.execute(f"SELECT {_COLUMNS} FROM main.ha_outbox WHERE id = ?", (number,)).get)


def stretch(connection: Connection, after: int = 0) -> list[Pending]:
    """The messages behind that place that may become one: the first of them, and those that follow it. Empty at the end."""
    rows: Any = connection.execute(f"SELECT {_COLUMNS} FROM main.ha_outbox WHERE id > ? ORDER BY id", (after,))
    with closing(rows):
        return next(_stretches(Pending(*row) for row in rows), [])


def stretches(connection: Connection, run: Sequence[int]) -> Iterator[list[Pending]]:
    """The messages at these places, which follow one another: each time those that may become one."""
    return _stretches(get_pending(connection, number) for number in run)


def _stretches(messages: Iterable[Pending]) -> Iterator[list[Pending]]:
    taken: list[Pending] = []
    size = 0
    for pending in messages:
        size += len(pending.body)
        if taken and (
            pending.final or pending.process != taken[0].process or size > MERGED_BYTES_MAX or len(taken) == MERGED_MAX
        ):
            yield taken
            taken, size = [], len(pending.body)
        taken.append(pending)
        if pending.final:
            yield taken
            taken, size = [], 0
    if taken:
        yield taken


def undo_newest_first(connection: Connection) -> Iterator[list[bytes]]:
    """What all applications did, from the newest back to the oldest, a few at a time; each few in their order."""
    before = 2**63 - 1
    while True:
        taken: list[bytes] = []
        size = 0
        rows = connection.execute(
            "SELECT id, undo FROM main.ha_outbox WHERE id < ? AND undo IS NOT NULL ORDER BY id DESC", (before,)
        )
        with closing(rows):
            for number, undo in rows:
                size += len(undo)
                if taken and (size > MERGED_BYTES_MAX or len(taken) == MERGED_MAX):
                    break
                taken.append(undo)
                before = number
        if not taken:
            return
        yield taken[::-1]


def replace_pending(
    connection: Connection,
    merged: Sequence[Pending],
    body: bytes,
    undo: bytes,
    message_id: str,
    touches: Touches | None = None,
) -> None:
    """Put one message, which is final, in the place of these.

    :param touches: as for :func:`add_pending`.
    """
    first = merged[0].number
    connection.execute("DELETE FROM main.ha_touches WHERE id BETWEEN ? AND ?", (first, merged[-1].number))
    if touches is not None:
        write_touches(connection, first, touches)
    if len(merged) > 1 or body != merged[0].body:
        connection.execute("DELETE FROM main.ha_outbox WHERE id > ? AND id <= ?", (first, merged[-1].number))
        connection.execute(
            "UPDATE main.ha_outbox SET message_id = ?, body = ?, undo = ?, sent = 1 WHERE id = ?",
            (message_id, body, undo, first),
        )
    else:
        connection.execute("UPDATE main.ha_outbox SET undo = ?, sent = 1 WHERE id = ?", (undo, first))


def remove_pending(connection: Connection, pending: Pending) -> None:
    """Take a message out."""
    connection.execute("DELETE FROM main.ha_outbox WHERE id = ?", (pending.number,))
    connection.execute("DELETE FROM main.ha_touches WHERE id = ?", (pending.number,))


def write_touches(connection: Connection, number: int, touches: Touches) -> None:
    """Keep what the message at that place touches."""
    connection.execute(
        "INSERT OR REPLACE INTO main.ha_touches (id, writes, refers) VALUES (?, ?, ?)",
        (number, packed(touches.writes), packed(touches.refers)),
    )


def undo_of(connection: Connection, number: int) -> bytes:
    """How the message at that place is undone, which is in the file."""
    undo: bytes | None = connection.execute("SELECT undo FROM main.ha_outbox WHERE id = ?", (number,)).get
    assert undo is not None, "what is not in the file is never selected"
    return undo


def touches_after(connection: Connection, after: int) -> Iterator[tuple[int, tuple[int, ...] | None, tuple[int, ...]]]:
    """Each message behind that place: its own, what it writes, or None where that is not known, and what it refers to."""
    rows: Any = connection.execute(
        "SELECT o.id, t.writes, t.refers FROM main.ha_outbox AS o LEFT JOIN main.ha_touches AS t USING (id)"
        " WHERE o.id > ? ORDER BY o.id",
        (after,),
    )
    with closing(rows):
        for number, writes, refers in rows:
            yield (number, None, ()) if writes is None else (number, unpacked(writes), unpacked(refers))


def touches_between(connection: Connection, first: int, last: int) -> Touches | None:
    """What the messages at these places touch together; None where one is not known."""
    found = Touches()
    for number, writes, refers in touches_after(connection, first - 1):
        if number > last:
            break
        if writes is None:
            return None
        found.writes.update(writes)
        found.refers.update(refers)
    return found


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
