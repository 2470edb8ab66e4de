"""A small model of a third-party replica, as docs/replication.rst describes it.

It knows the documented fields only: INSERT is ``REPLACE INTO main.table(columns)``, UPDATE and DELETE find the row by the primary
key's old values (by rowid where the table has none), ``SQL`` runs as it stands. It quotes no identifier, and every JSON
number is a 64-bit float to it. One transaction per message, on a connection with SQLite's defaults.
"""

from __future__ import annotations

import json
from typing import Any

import apsw
import apsw.ext


class Replica:
    """One file that follows the log knowing nothing of us."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")

    def apply(self, body: bytes) -> None:
        """Apply one message, whole or not at all.

        :raises apsw.Error: a change does not go through.
        """
        message = json.loads(body, parse_int=float)
        with self.connection:
            for change in message["changes"]:
                self._apply(change)

    def _apply(self, change: dict[str, Any]) -> None:
        if change["operation"] == "SQL":
            assert not change["args"]
            assert apsw.ext.query_info(self.connection, change["command"]).query_remaining is None, change
            self.connection.execute(change["command"])
            return
        table = f"{change['database']}.{change['table']}"
        columns = change["columns"]
        match change["operation"]:
            case "INSERT":
                marks = ", ".join("?" for _ in columns)
                self.connection.execute(
                    f"REPLACE INTO {table}({', '.join(columns)}) VALUES ({marks})", change["new_values"]
                )
            case "UPDATE":
                pairs = ", ".join(f"{column} = ?" for column in columns)
                where, key = self._where(change)
                self.connection.execute(f"UPDATE {table} SET {pairs} WHERE {where}", [*change["new_values"], *key])
            case "DELETE":
                where, key = self._where(change)
                self.connection.execute(f"DELETE FROM {table} WHERE {where}", key)
            case operation:
                raise AssertionError(f"operation {operation}")

    def _where(self, change: dict[str, Any]) -> tuple[str, list[Any]]:
        names = change.get("pk_columns")
        if not names:
            return "rowid = ?", [change["old_rowid"]]
        old = dict(zip(change["columns"], change["old_values"], strict=True))
        return " AND ".join(f"{name} = ?" for name in names), [old[name] for name in names]
