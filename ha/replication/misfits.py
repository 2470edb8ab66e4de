"""What a queued message tells third-party replicas, where the schema went on without it. [pure]

While the log was out of reach another node may have dropped a table, or a column, that a queued row belongs to. Our own nodes leave such
a row out, by a rule of the message and the state (:mod:`ha.sqlite.fitting`). A replica knows no rule: the statement fails, and it stands
before the message for good. So, when the message is put behind that change, such a row is told as a statement that does nothing; what
our nodes read of it stays. A copy that is on its way already says it as before, and is refused: it was to be stored before that change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson

from ha.sqlite.rowchange import Change, RowChange

#: For a replica to run in place of a row that has no place any more.
NOTHING = "SELECT 1"

#: The stored columns of a table; None where there is none of that name.
ColumnsOf = Callable[[str], tuple[str, ...] | None]


def has_misfits(changes: Iterable[Change], columns_of: ColumnsOf) -> bool:
    """Whether there is anything to be told in another way in a message of these changes."""
    return any(type(one) is RowChange and not _fits(one.table, one.columns, columns_of) for one in changes)


def _fits(table: str, columns: Iterable[str], columns_of: ColumnsOf) -> bool:
    known = columns_of(table)
    return known is not None and set(columns) <= set(known)


def retell(body: bytes, columns_of: ColumnsOf) -> bytes:
    """The same message, with nothing to be done for rows that the schema does not take.

    :param body: as :func:`ha.replication.change.merge` made it: of row changes only.
    """
    plain = orjson.loads(body)
    misfits = 0
    for entry in plain["changes"]:
        if not _fits(entry["table"], entry["columns"], columns_of):
            entry.setdefault("row_operation", entry["operation"])
            entry |= {"operation": "SQL", "command": NOTHING, "args": ()}
            misfits += 1
    return orjson.dumps(plain) if misfits else body
