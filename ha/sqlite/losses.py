"""What lost its place, for people to look at and to put back; and messages that were skipped on purpose.

Rows of ``ha_conflicts`` and ``ha_quarantine``. A version is put back as a client would write it: constraints are checked and
triggers fire. All functions run inside the caller's transaction.
"""

from __future__ import annotations

import time
from typing import Any, Final

import apsw
import orjson

from ha.errors import StatementError
from ha.sqlite.connection import Connection
from ha.sqlite.faults import translate
from ha.sqlite.rowchange import unpack

#: Rows of one listing.
LISTED_MAX: Final = 1_000

_COLUMNS: Final = (
    'id, created_ns, reason, "table", key, operation, image, loser_node, winner_node, winner_seq, restored_ns'
)


def list_losses(connection: Connection, after: int = 0) -> list[dict[str, Any]]:
    """The versions that lost their places, oldest first, behind the number `after`."""
    with connection.guard.trusted():
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM main.ha_conflicts WHERE id > ? ORDER BY id LIMIT ?", (after, LISTED_MAX)
        ).fetchall()
    return [_shown(row) for row in rows]


def one_loss(connection: Connection, number: int) -> dict[str, Any] | None:
    """One of them; None: there is none of that number."""
    with connection.guard.trusted():
        row = connection.execute(f"SELECT {_COLUMNS} FROM main.ha_conflicts WHERE id = ?", (number,)).fetchone()
    return _shown(row) if row is not None else None


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    number, created_ns, reason, table, key, operation, image, loser, winner, sequence, restored_ns = row
    read = orjson.loads(image) if image else None
    values = unpack(read["values"], read["types"]) if read else None
    known = orjson.loads(key)
    return {
        "id": number,
        "created_at": created_ns / 1e9,
        "reason": reason,
        "table": table,
        "key": unpack(known["values"], known["types"]),
        "operation": operation,
        "columns": read["columns"] if read else None,
        "values": values,
        "rowid": read["rowid"] if read else None,
        "loser_node": loser,
        "winner_node": winner,
        "winner_position": sequence,
        "restored_at": restored_ns / 1e9 if restored_ns else None,
    }


def put_back(connection: Connection, number: int) -> dict[str, Any]:
    """Write a lost version again, over what stands there now; a lost DELETE deletes again.

    :raises StatementError: 02000, there is none of that number; or what a client would be told.
    """
    lost = one_loss(connection, number)
    if lost is None:
        raise StatementError("02000", f"there is no conflict {number}")
    if lost["values"] is None:
        raise StatementError("0A000", f"conflict {number} has no image that could be put back")
    table = _quoted(lost["table"])
    with connection.guard.trusted():
        declared = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY cid", (lost["table"],)
            )
        ]
    by_rowid = not declared or lost["key"][0] is None  # see ha.sqlite.rowchange.row_key
    if lost["operation"] == "DELETE":
        names = ["rowid"] if by_rowid else declared
        sql = f"DELETE FROM main.{table} WHERE " + " AND ".join(f"{_quoted(name)} IS ?" for name in names)
        values = tuple(lost["key"][-1:] if by_rowid else lost["key"])
    else:
        names, values = list(lost["columns"]), tuple(lost["values"])
        if by_rowid and lost["rowid"] is not None:
            names, values = ["rowid", *names], (lost["rowid"], *values)
        marks = ", ".join("?" * len(names))
        sql = f"REPLACE INTO main.{table} ({', '.join(map(_quoted, names))}) VALUES ({marks})"
    try:
        connection.execute(sql, values)
    except apsw.Error as error:
        raise translate(error, connection, sql) from error
    restored_ns = time.time_ns()
    with connection.guard.trusted():
        connection.execute("UPDATE main.ha_conflicts SET restored_ns = ? WHERE id = ?", (restored_ns, number))
    return lost | {"restored_at": restored_ns / 1e9}


def quarantine(connection: Connection, sequence: int, reason: str, message_id: str, body: bytes) -> None:
    """Keep a message that is passed over."""
    connection.execute(
        "INSERT INTO main.ha_quarantine (sequence, created_ns, reason, message_id, body) VALUES (?, ?, ?, ?, ?)",
        (sequence, time.time_ns(), reason, message_id, body),
    )


def count_quarantined(connection: Connection) -> int:
    """How many messages were passed over: this file is not the log's state any more if there are any."""
    with connection.guard.trusted():
        return int(connection.execute("SELECT count(*) FROM main.ha_quarantine").get)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
