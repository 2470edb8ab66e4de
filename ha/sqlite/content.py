"""What a database holds, as one hash for each table: equal on all nodes at one position of the log.

The schema is hashed as a table of its own. Rows come in the order of their keys; a value counts with its type.
Blocks for as long as reading everything takes: for a deferred thread, inside the caller's read transaction.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any, Final

from ha.sqlite.connection import Connection
from ha.sqlite.guard import is_ours

#: Under which name the schema's hash stands.
SCHEMA: Final = "sqlite_schema"

#: After so many rows the thread steps aside for a moment (seconds): Python's rows hold the interpreter.
ROWS_PER_TURN: Final = 500
ASIDE_S: Final = 0.001


def hash_tables(connection: Connection) -> dict[str, str]:
    """Hashes by table: the clients' tables, shadow tables among them, ``sqlite_sequence``, and the schema."""
    with connection.guard.trusted():
        found: list[Any] = connection.execute(
            "SELECT s.name, t.wr FROM main.sqlite_schema AS s JOIN pragma_table_list AS t"
            " ON t.schema = 'main' AND t.name = s.name WHERE s.type = 'table' AND t.type <> 'virtual'"
        ).fetchall()
        hashes = {
            SCHEMA: _hash(
                connection,
                "SELECT type, name, tbl_name, sql FROM main.sqlite_schema"
                " WHERE name NOT LIKE 'ha\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'ha\\_%' ESCAPE '\\'"
                " AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name",
            )
        }
        for name, without_rowid in found:
            if is_ours(name) or name.lower().startswith("sqlite_stat"):
                continue
            quoted = '"' + name.replace('"', '""') + '"'
            if name == "sqlite_sequence":
                sql = "SELECT * FROM main.sqlite_sequence WHERE name NOT LIKE 'ha\\_%' ESCAPE '\\' ORDER BY name"
            elif without_rowid:
                keys = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (name,))
                order = ", ".join('"' + key.replace('"', '""') + '"' for (key,) in keys)
                sql = f"SELECT * FROM main.{quoted} ORDER BY {order}"
            else:
                sql = f"SELECT _rowid_, * FROM main.{quoted} ORDER BY _rowid_"
            hashes[name] = _hash(connection, sql)
    return hashes


def _hash(connection: Connection, sql: str) -> str:
    summing = hashlib.blake2b(digest_size=16)
    for number, row in enumerate(connection.execute(sql), 1):
        # repr tells 1 from 1.0 from '1' from b'1', and writes each float as itself.
        summing.update(repr(row).encode("utf-8", "surrogatepass"))
        if number % ROWS_PER_TURN == 0:
            time.sleep(ASIDE_S)
    return summing.hexdigest()
