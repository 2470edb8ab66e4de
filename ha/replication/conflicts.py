"""What counts as a conflict, by isolation level: the level is the conflict policy. [pure]

Only interactive transactions are judged here: their answers have been seen, so they cannot simply run again. What is a
conflict for none of these rules still has to fit on the new state with constraints enforced (:func:`ha.sqlite.images.put_on_top`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ha.errors import StatementError
from ha.replication.change import Change, Command, Message, RowChange
from ha.values import Row

READ_COMMITTED = "read committed"
REPEATABLE_READ = "repeatable read"
SERIALIZABLE = "serializable"

#: A row, as far as two transactions must agree on which one they mean: its table and its key.
Key = tuple[str, Row]


def judge(
    level: str, ours: Sequence[Change], tables: Iterable[str], theirs: Sequence[Message]
) -> StatementError | None:
    """Whether a transaction of `level` may go on top of `theirs`, which were stored after it began.

    :param tables: what our transaction read or wrote, by name.
    :returns: 40001 with a detail that names what met, or None.
    """
    if any(isinstance(change, Command) for change in ours):
        return serialization_failure("The transaction changes the schema, and another node wrote meanwhile.")
    if level == READ_COMMITTED:
        return None
    if level == SERIALIZABLE:
        return _common_table({name.lower() for name in tables}, ours, theirs)
    return _common_row(ours, theirs)


def _common_table(tables: set[str], ours: Sequence[Change], theirs: Sequence[Message]) -> StatementError | None:
    tables |= {change.table.lower() for change in ours if isinstance(change, RowChange)}
    for message in theirs:
        for change in message.changes:
            if isinstance(change, Command):
                return serialization_failure(f"Node {message.node} changed the schema meanwhile.")
            if change.table.lower() in tables:
                return serialization_failure(
                    f'Table "{change.table}" was written by node {message.node} meanwhile, key {_shown(change)}.'
                )
    return None


def _common_row(ours: Sequence[Change], theirs: Sequence[Message]) -> StatementError | None:
    written = {key for change in ours if isinstance(change, RowChange) for key in keys(change)}
    for message in theirs:
        for change in message.changes:
            if isinstance(change, RowChange) and not written.isdisjoint(keys(change)):
                return serialization_failure(
                    f'Row {_shown(change)} of table "{change.table}" was written by node {message.node} meanwhile.'
                )
    return None


def keys(change: RowChange) -> list[Key]:
    """The rows that `change` touched: before and after, when its key changed."""
    found = []
    for rowid, values in ((change.old_rowid, change.old_values), (change.new_rowid, change.new_values)):
        if values is not None:
            found.append((change.table.lower(), key_of(change, rowid, values)))
    return found


def key_of(change: RowChange, rowid: int | None, values: Row) -> Row:
    """The declared primary key if it is whole, else the rowid."""
    if change.pk_columns:
        at = {name: position for position, name in enumerate(change.columns)}
        key = tuple(values[at[name]] for name in change.pk_columns)
        if None not in key:
            return key
    return (rowid,)


def _shown(change: RowChange) -> str:
    _, key = keys(change)[-1]
    return "(" + ", ".join(map(str, key)) + ")"


def serialization_failure(detail: str) -> StatementError:
    """40001: the client runs its transaction again."""
    return StatementError(
        "40001",
        "could not serialize access due to concurrent update",
        detail=detail,
        hint="Run the transaction again.",
    )
