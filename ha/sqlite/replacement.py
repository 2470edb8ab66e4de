"""UPDATE OR REPLACE where a foreign key changes the very row that is updated: SQLite would damage the table.

REPLACE removes the row that is in the way; where the updated row refers to it, or to something that goes with it, ON DELETE SET
NULL changes the updated row in between. SQLite (3.54.1) then writes the row as it had read it before, but not all of its
index entries: ``PRAGMA integrity_check`` says "row missing from index", and the key refers to nothing. Where a trigger does the
same, SQLite itself fails the statement. So does this, in the same case and no other: it watches, in tables with
such foreign keys, for a row that is removed by a statement, then another one changed on its behalf, then this one updated.
"""

from __future__ import annotations

from typing import Any

import apsw

from ha.errors import StatementError

_DELETE, _UPDATE = apsw.SQLITE_DELETE, apsw.SQLITE_UPDATE


class Replacement:
    """What the running statement has done since it began or finished with a row."""

    __slots__ = ("_changed", "_removed")

    def __init__(self) -> None:
        self._removed = False
        self._changed: set[Any] = set()

    def forget(self) -> None:
        """A statement has ended."""
        if self._removed:
            self._removed = False
            self._changed.clear()

    def see(self, update: apsw.PreUpdate, without_rowid: bool) -> None:
        """A row changes.

        :raises StatementError: 0A000, SQLite would damage the table now.
        """
        opcode = update.opcode
        if update.depth:
            if self._removed and opcode == _UPDATE:
                self._changed.add((update.table_name, _name(update, without_rowid, "new")))
                self._changed.discard((update.table_name, None))
        elif opcode == _DELETE:
            self._removed = True
        else:
            culprit = bool(self._changed) and opcode == _UPDATE
            culprit = culprit and (update.table_name, _name(update, without_rowid, "old")) in self._changed
            self.forget()
            if culprit:
                raise StatementError(
                    "0A000",
                    f'UPDATE OR REPLACE cannot remove a row of "{update.table_name}" that the updated row refers to',
                    hint="Delete that row in a statement of its own.",
                )


def _name(update: apsw.PreUpdate, without_rowid: bool, when: str) -> Any:
    """What tells the row from others: its rowid, or all of it."""
    if not without_rowid:
        return update.rowid_new if when == "new" else update.rowid
    try:
        return getattr(update, when)
    except (apsw.RangeError, UnicodeDecodeError):  # not to be read in the hook
        return None
