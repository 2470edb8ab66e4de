"""What counts as a conflict, by isolation level, and what is lost where one was not refused. [pure]

The level is the conflict policy. Only interactive transactions are judged: their answers have been seen, so they cannot
simply run again. What is a conflict for none of these rules still has to fit on the new state with constraints
enforced (:func:`ha.sqlite.images.put_on_top`).

A transaction that was committed first and ordered later is never refused: :func:`losses` tells which versions of rows
lost their place to it, unseen, and which of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ha.errors import StatementError
from ha.replication.change import Change, Command, Message, RowChange
from ha.sqlite.rowchange import DELETE, INSERT, UPDATE, Author, Event, row_key
from ha.values import Row, Value

READ_COMMITTED = "read committed"
REPEATABLE_READ = "repeatable read"
SERIALIZABLE = "serializable"

#: A row, as far as two transactions must agree on which one they mean: its table and its key.
Key = tuple[str, Row]

#: A table's columns and its primary key's columns; None when there is no such table.
ColumnsOf = Callable[[str], tuple[tuple[str, ...], tuple[str, ...]] | None]

#: Why a version of a row lost its place: a later write of the same row had not seen it, another row took its unique
#: value or its key, or the schema does not take it any more.
OVERWRITTEN = "overwritten"
DISPLACED = "displaced"
UNFIT = "unfit"

#: It did not lose its place, but the row that it refers to.
ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True)
class Lost:
    """A version of a row that lost its place, complete enough to put it back.

    :param operation: what had made this version: INSERT or UPDATE (it is not known which: UPDATE), or DELETE, where a row
        was deleted and has come back.
    :param node: whose version it was; None where that is not known.
    """

    reason: str
    table: str
    operation: str
    columns: tuple[str, ...]
    key: Row
    rowid: int | None
    values: Row
    node: str | None = None


class Authors:
    """Who wrote the newest versions of rows, as far as messages have told."""

    def __init__(self, known: Iterable[Author] = ()) -> None:
        self._known: dict[Key, Author] = {(one.table, one.key): one for one in known}

    def tell(self, message: Message) -> None:
        """`message` has its place behind all that was told before."""
        for change in message.changes:
            if isinstance(change, RowChange):
                for key in keys(change):
                    gone = change.new_values is None or key != keys(change)[-1]
                    self.add(Author(*key, message.node, DELETE if gone else change.operation))

    def add(self, author: Author) -> None:
        """The newest version of a row is this one's."""
        key = author.table, author.key
        before = self._known.get(key)
        if author.operation == UPDATE and before is not None and before.operation == INSERT:
            author = author._replace(operation=INSERT)  # who reads of it has not seen the row at all
        self._known[key] = author

    def of(self, key: Key) -> Author | None:
        """Who wrote the row's newest version, or deleted it."""
        return self._known.get(key)

    def all(self) -> tuple[Author, ...]:
        """Each row's."""
        return tuple(self._known.values())


def met(events: Sequence[Event], columns_of: ColumnsOf, earlier: Authors, later: Authors) -> tuple[Author, ...]:
    """The authors of the versions that a run met, which did `events`.

    :param earlier: what an earlier run of the same changes met.
    :param later: what was told since.
    """
    found = Authors()
    for key in _before(events, columns_of):
        for author in (earlier.of(key), later.of(key)):
            if author is not None:
                found.add(author)
    return found.all()


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
    """See :func:`ha.sqlite.rowchange.row_key`."""
    at = {name: position for position, name in enumerate(change.columns)}
    return row_key(tuple([values[at[name]] for name in change.pk_columns or ()]), rowid)


def losses(
    ours: Sequence[Change], events: Sequence[Event], columns_of: ColumnsOf, authors: Iterable[Author] = ()
) -> list[Lost]:
    """What lost its place when `ours` were put on a state that they had not seen.

    :param events: what putting them did to the file.
    :param columns_of: the tables as they are now.
    :param authors: of the versions that they met there.
    """
    found = _losses(ours, events, columns_of)
    known = Authors(authors)
    return [lost if lost.reason == UNFIT else by(lost, known) for lost in found]


def by(lost: Lost, authors: Authors) -> Lost:
    """The same with the name of who lost it, where that is known."""
    author = authors.of((lost.table.lower(), lost.key))
    return lost if author is None else replace(lost, node=author.node, operation=author.operation)


def _losses(ours: Sequence[Change], events: Sequence[Event], columns_of: ColumnsOf) -> list[Lost]:
    before = _before(events, columns_of)
    meant = _meant(ours, columns_of)
    lost = []
    for key, held in before.items():
        if held is None:
            continue
        found = columns_of(held.table)
        assert found is not None, "an event of a table that is not there"
        columns, _ = found
        row = dict(zip(columns, held.values, strict=True))
        known = meant.get(key)
        if known is None:
            lost.append(Lost(DISPLACED, held.table, UPDATE, columns, key[1], held.rowid, held.values))
        elif known.seen is None or not _same(known.seen, row):
            lost.append(Lost(OVERWRITTEN, held.table, UPDATE, columns, key[1], held.rowid, held.values))
    for key, known in meant.items():
        change = known.change
        if change.new_values is None or not known.stays:
            continue
        if key not in before:
            operation = INSERT if known.seen is None else UPDATE
            lost.append(
                Lost(UNFIT, change.table, operation, change.columns, key[1], change.new_rowid, change.new_values)
            )
        elif before[key] is None and known.seen is not None:
            columns = tuple(known.seen)
            values = tuple(known.seen.values())
            lost.append(Lost(OVERWRITTEN, change.table, DELETE, columns, key[1], known.rowid, values))
    return lost


def unseen_versions(changes: Iterable[RowChange], authors: Authors) -> Iterator[Lost]:
    """The versions that `changes` replaced, where these are known to have gone unseen."""
    for change in changes:
        if change.old_values is not None:
            key = key_of(change, change.old_rowid, change.old_values)
            lost = Lost(OVERWRITTEN, change.table, UPDATE, change.columns, key, change.old_rowid, change.old_values)
            yield by(lost, authors)


@dataclass(slots=True)
class _Held:
    table: str
    rowid: int | None
    values: Row


@dataclass(slots=True)
class _Meant:
    """What a transaction did to one row: the version it saw, and its last change of it.

    :param stays: the row is there at its end, under this key.
    """

    rowid: int | None
    seen: dict[str, Value] | None
    change: RowChange
    stays: bool


def _before(events: Sequence[Event], columns_of: ColumnsOf) -> dict[Key, _Held | None]:
    before: dict[Key, _Held | None] = {}
    for event in events:
        found = columns_of(event.table)
        if found is None:
            continue
        if event.old_values is not None:
            held = _Held(event.table, event.old_rowid, event.old_values)
            before.setdefault(_key(event.table, *found, event.old_rowid, event.old_values), held)
        if event.new_values is not None:
            before.setdefault(_key(event.table, *found, event.new_rowid, event.new_values), None)
    return before


def _meant(ours: Sequence[Change], columns_of: ColumnsOf) -> dict[Key, _Meant]:
    meant: dict[Key, _Meant] = {}
    for change in ours:
        if not isinstance(change, RowChange):
            continue
        found = columns_of(change.table)
        # By the key that the table has now, where the image still has its columns.
        pk_columns = found[1] if found is not None and set(found[1]) <= set(change.columns) else change.pk_columns
        if change.old_values is not None:
            key = _key(change.table, change.columns, pk_columns, change.old_rowid, change.old_values)
            seen: dict[str, Value] = dict(zip(change.columns, change.old_values, strict=True))
            known = meant.setdefault(key, _Meant(change.old_rowid, seen, change, False))
            known.change, known.stays = change, False
        if change.new_values is not None:
            key = _key(change.table, change.columns, pk_columns, change.new_rowid, change.new_values)
            known = meant.setdefault(key, _Meant(None, None, change, True))
            known.change, known.stays = change, True
    return meant


def _key(table: str, columns: tuple[str, ...], pk_columns: tuple[str, ...], rowid: int | None, values: Row) -> Key:
    return table.lower(), row_key(tuple([values[columns.index(name)] for name in pk_columns or ()]), rowid)


def _same(seen: Mapping[str, Value], row: Mapping[str, Value]) -> bool:
    """Equal to the bit, as far as both have the same columns: those added since were not there to be seen."""
    return all(type(seen[name]) is type(row[name]) and seen[name] == row[name] for name in seen.keys() & row.keys())


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
