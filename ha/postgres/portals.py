"""Prepared statements and portals: what a client has named and may come back to. [pure]

A :class:`Portal` is PostgreSQL's word for a statement under way: bound by the extended protocol or declared as an SQL cursor,
both in one namespace. It owns the answer's `rest`, and whoever drops a portal must :meth:`Portal.close` it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time
from typing import Any

from ha.errors import StatementError
from ha.postgres.decoding import exact_reader, reader
from ha.postgres.manner import Manner
from ha.postgres.pgtypes import NUMERIC, TEXT
from ha.postgres.shapes import Shape
from ha.sql.kinds import Statement
from ha.values import Answer, Row, RowStream, Value

#: Rows asked of a stream at a time.
ROWS_PER_BATCH = 500
#: Rows of a cursor that are kept in memory so that it can go back, or outlive its transaction.
ROWS_KEPT_MAX = 100_000


class Prepared:
    """A statement with a name, a type for each parameter, and the shape of its rows (None: no rows).

    :ivar exact: the parameters, from 1, that keep all their digits, where they are numerics.
    :ivar announced: the client was told of the shape.
    :ivar made: when, in seconds since 1970.
    :ivar by_sql: by PREPARE.
    """

    __slots__ = ("statement", "parameters", "exact", "shape", "announced", "made", "by_sql", "_readers")

    def __init__(
        self, statement: Statement, parameters: tuple[int, ...], shape: Shape | None, exact: tuple[int, ...] = ()
    ) -> None:
        self.statement = statement
        self.parameters = parameters
        self.exact = exact
        self.shape = shape
        self.announced = False
        self.made = time()
        self.by_sql = False
        self._readers: tuple[Any, list[Callable[[bytes], Value]]] = (None, [])

    def readers(self, formats: tuple[int, ...], manner: Manner | None) -> list[Callable[[bytes], Value]]:
        """What makes values of a Bind's parameters, one for each.

        :param formats: as Bind gives them: none, one for all, or one each.
        """
        wanted, found = self._readers
        if wanted != (formats, manner):
            each = formats if len(formats) > 1 else (formats or (TEXT,)) * len(self.parameters)
            found = [reader(oid, format, manner) for oid, format in zip(self.parameters, each, strict=True)]
            for number in self.exact:
                if self.parameters[number - 1] == NUMERIC:
                    found[number - 1] = exact_reader(each[number - 1])
            self._readers = ((formats, manner), found)
        return found


class Portal:
    """A statement with its values, and how far its rows have been taken.

    :ivar shape: of its rows; None without rows.
    :ivar formats: of its columns, as :meth:`Shape.formats` gives them.
    :ivar announced: the client was told of the shape, and every value must fit it.
    :ivar born: the number it was given, rising with each.
    :ivar answer: None until it has run.
    :ivar position: the row the cursor stands on, from 1; 0 before the first.
    :ivar held: lives on after its transaction.
    :ivar made: when it was declared, in seconds since 1970; the protocol's own do not look.
    """

    # Values of the class: each Bind makes a portal, and most of this is for cursors.
    announced = False
    answer: Answer | None = None
    born = 0
    position = 0
    held = False
    made = 0.0
    declared = False
    scroll: bool | None = None
    _rows: Sequence[Row] = ()
    _at = 0
    _kept: list[Row] | None = None
    _ended = False

    def __init__(
        self, statement: Statement, values: tuple[Value, ...], shape: Shape | None, formats: tuple[int, ...] = ()
    ) -> None:
        self.statement = statement
        self.values = values
        self.shape = shape
        self.formats = formats

    def begin(self, answer: Answer) -> None:
        """It has run; its rows can be taken."""
        self.answer = answer
        self._rows = answer.rows

    def close(self) -> None:
        """Give back what it holds. May be called twice."""
        self._rows = ()
        self._at = 0
        self._ended = True
        if self.answer is not None and self.answer.rest is not None:
            rest, self.answer.rest = self.answer.rest, None
            rest.close()

    async def take(self, rows_max: int) -> Sequence[Row]:
        """The next rows, at least one unless there are no more, at most `rows_max` (0: as many as come at once)."""
        rows, at = self._rows, self._at
        if at < len(rows):
            if rows_max and len(rows) - at > rows_max:
                self._at = at + rows_max
                return rows[at : self._at]
            self._rows, self._at = (), 0
            return rows[at:] if at else rows
        rest: RowStream | None = self.answer.rest if self.answer is not None else None
        while rest is not None:
            rows, last = await rest.next(rows_max or ROWS_PER_BATCH)
            if last:
                self.close()
                rest = None
            if rows:
                return rows
        self._ended = True
        return []

    async def keep(self) -> None:
        """Take all rows into memory, so that the cursor outlives its transaction.

        :raises StatementError: 54000, too many.
        """
        rows: list[Row] = []
        while more := await self.take(0):
            rows += more
            if len(rows) > ROWS_KEPT_MAX:
                raise StatementError("54000", f"a cursor WITH HOLD keeps at most {ROWS_KEPT_MAX} rows")
        self.close()
        self._rows, self._ended = rows, False

    # --- FETCH and MOVE ---

    async def fetch(self, direction: str, count: int | None) -> list[Row]:
        """The rows of one FETCH, moving the cursor (https://www.postgresql.org/docs/15/sql-fetch.html).

        :param direction: forward, backward, absolute or relative.
        :param count: None for ALL.
        :raises StatementError: 55000, the cursor cannot go there.
        """
        if direction == "absolute":
            return await self._to(count or 0)
        if direction == "relative":
            return await self._to(max(self.position + (count or 0), 0), here=count == 0)
        if direction == "backward":
            count = None if count is None else -count
            if count is None:
                return await self._backward(self.position)
        if count is None:
            return await self._forward(None)
        if count == 0:
            return await self._to(self.position, here=True)
        return await self._forward(count) if count > 0 else await self._backward(-count)

    def _history(self) -> list[Row] | None:
        """The rows taken so far, when they are kept: from the first FETCH of a cursor that may scroll."""
        if self._kept is None and self.position == 0 and self.declared and self.scroll is not False:
            self._kept = []
        return self._kept

    async def _forward(self, count: int | None) -> list[Row]:
        found: list[Row] = []
        kept = self._history()
        if kept is not None and self.position < len(kept):
            end = len(kept) if count is None else self.position + count
            found = kept[self.position : end]
            self.position += len(found)
        while count is None or len(found) < count:
            rows = await self.take(0 if count is None else count - len(found))
            if not rows:
                self.position = max(self.position, self._taken()) + 1 if not self._past() else self.position
                break
            found += rows
            self.position += len(rows)
            if kept is not None:
                kept += rows
                if len(kept) > ROWS_KEPT_MAX:
                    kept = self._kept = None
                    self.scroll = False
        return found

    def _taken(self) -> int:
        return len(self._kept) if self._kept is not None else self.position

    def _past(self) -> bool:
        """Already beyond the last row?"""
        return self._ended and self._kept is not None and self.position > len(self._kept)

    def _backwards(self) -> list[Row]:
        kept = self._history()
        if kept is None:
            raise StatementError(
                "55000", "cursor can only scan forward", hint="Declare it with SCROLL option to enable backward scan."
            )
        return kept

    async def _backward(self, count: int) -> list[Row]:
        kept = self._backwards()
        first = max(self.position - 1 - count, 0)
        found = kept[first : max(self.position - 1, 0)][::-1]
        self.position = self.position - count if self.position - count >= 1 else 0
        return found

    async def _to(self, row: int, *, here: bool = False) -> list[Row]:
        """Stand on row number `row`, counted from the end when negative."""
        if row < 0:
            kept = self._backwards()
            await self._forward(None)
            row = max(len(kept) + 1 + row, 0)
        if row > self.position:
            rows = await self._forward(row - self.position)
            return rows[-1:] if self.position == row else []
        if row < self.position or (here and row):
            kept = self._backwards()
            self.position = row
            return kept[row - 1 : row] if row else []
        if row:
            return self._backwards()[row - 1 : row]
        return []


def aborted() -> StatementError:
    """A failed block hears only how it ends."""
    return StatementError("25P02", "current transaction is aborted, commands ignored until end of transaction block")


def no_statement(name: str) -> StatementError:
    """No such name."""
    if not name:
        return StatementError("26000", "unnamed prepared statement does not exist")
    return StatementError("26000", f'prepared statement "{name}" does not exist')


def no_portal(name: str) -> StatementError:
    """No such name."""
    return StatementError("34000", f'portal "{name}" does not exist')
