"""SET CONSTRAINTS: foreign keys that wait for COMMIT, or must hold from now on.

SQLite lets either all keys wait or those that are declared INITIALLY DEFERRED, so all wait, whatever is named. What does not hold
at COMMIT is refused there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from ha.errors import StatementError

if TYPE_CHECKING:
    from ha.sqlite.connection import Connection


def set_constraints(connection: Connection, *, deferred: bool) -> None:
    """For the rest of the transaction that is open on the writing connection.

    :raises StatementError: 23503, they are to hold at once, and one does not.
    """
    # Asked first: with OFF, SQLite forgets what waits.
    if not deferred and connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]:
        raise StatementError("23503", "the transaction violates a deferred foreign key constraint")
    with connection.guard.trusted():
        connection.execute(f"PRAGMA defer_foreign_keys = {'ON' if deferred else 'OFF'}")
