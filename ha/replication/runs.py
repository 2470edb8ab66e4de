"""Many rows inserted into one table, one behind the other, as JSON at once. [pure]

They differ in nothing but their values, so what is the same is written once, and what must be asked of each value is asked of a whole
column. A third of what :mod:`ha.replication.change` needs for one change after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import NamedTuple

import orjson

from ha.sqlite.rowchange import INSERT, Inserted, RowChange, Shape
from ha.values import Row, Value

#: Beyond this a JSON number that a reader takes for a 64-bit float is another number.
EXACT_INTEGER_MAX = 2**53

#: Changes below which each is written on its own: looking at whole columns costs as much as seven of them.
RUN_ROWS_MIN = 8

#: Rows that are written together: one that must be told otherwise sends so many the long way.
RUN_ROWS_MAX = 1_000

_JSON_TYPES = frozenset((int, float, str, type(None)))


class Run(NamedTuple):
    """Rows inserted into one table; what :class:`RowChange` says of each of them stands here once.

    :param stamps: when each was captured.
    """

    table: str
    columns: tuple[str, ...]
    pk_columns: tuple[str, ...]
    shape: Shape | None
    rowids: Sequence[int | None]
    rows: Sequence[Row]
    stamps: Sequence[int]

    def each(self) -> Iterator[RowChange]:
        """The rows as changes of their own."""
        for rowid, row, stamp in zip(self.rowids, self.rows, self.stamps, strict=True):
            yield RowChange(
                self.table, INSERT, self.columns, self.pk_columns, None, rowid, None, row, stamp, self.shape
            )


def runs(changes: Iterable[RowChange | Inserted]) -> Iterator[Run]:
    """These INSERTs into one table, as many together as can be."""
    single: list[RowChange] = []
    for change in changes:
        if type(change) is Inserted:
            yield from _together(single)
            single = []
            for at in range(0, len(change.rows), RUN_ROWS_MAX):
                rows = change.rows[at : at + RUN_ROWS_MAX]
                rowids = change.rowids[at : at + RUN_ROWS_MAX]
                stamps = (change.ts_ns,) * len(rows)
                yield Run(change.table, change.columns, change.pk_columns, change.shape, rowids, rows, stamps)
        else:
            single.append(change)  # type: ignore[arg-type]
            if len(single) == RUN_ROWS_MAX:
                yield from _together(single)
                single = []
    yield from _together(single)


def _together(changes: Sequence[RowChange]) -> Iterator[Run]:
    """One run, unless something changed between them."""
    if not changes:
        return
    first = changes[0]
    _, _, columns, keys, _, rowids, _, rows, stamps, shapes = zip(*changes, strict=True)
    count = len(changes)
    alike = columns.count(first.columns), keys.count(first.pk_columns), shapes.count(first.shape)
    if alike == (count, count, count):
        yield Run(first.table, first.columns, first.pk_columns, first.shape, rowids, rows, stamps)
    else:
        for change in changes:
            yield from _together((change,))


def insertions(run: Run) -> bytes | None:
    """The entries of a run with commas between them; None where one must be told in another way."""
    table, columns, pk_columns, shape, rowids, rows, stamps = run
    if shape is None or not shape.plain or not pk_columns:
        return None
    without = rowids.count(None)
    if without not in (0, len(rows)):
        return None
    if not all(_is_plain(values, at, shape) for at, values in enumerate(zip(*rows, strict=True))):
        return None
    head = orjson.dumps(
        {"database": "main", "table": table, "columns": columns, "pk_columns": pk_columns, "operation": INSERT}
    )
    begin = b'{"new_values":' if without else b'{"new_rowid":'
    told = orjson.dumps(
        [{"new_values": row, "ts_ns": stamp} for row, stamp in zip(rows, stamps, strict=True)]
        if without
        else [
            {"new_rowid": rowid, "new_values": row, "ts_ns": stamp}
            for rowid, row, stamp in zip(rowids, rows, stamps, strict=True)
        ]
    )
    # Nowhere else: inside a string each quote has a backslash before it.
    return told[1:-1].replace(begin, b"%b,%b" % (head[:-1], begin[1:]))


def _is_plain(values: Sequence[Value], at: int, shape: Shape) -> bool:
    """Does a reader that makes every number a float and knows no BLOB keep these values of the column at `at`?"""
    kinds = set(map(type, values))
    if not kinds <= _JSON_TYPES or (at in shape.key and type(None) in kinds):
        return False
    if float in kinds and not all(isfinite(value) for value in values if type(value) is float):
        return False
    if int in kinds:
        numbers = [value for value in values if type(value) is int]
        return at not in shape.loose and -EXACT_INTEGER_MAX <= min(numbers) and max(numbers) <= EXACT_INTEGER_MAX
    return True
