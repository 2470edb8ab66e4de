"""Portals: taking rows in pieces, keeping them, going back."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres import portals
from ha.postgres.portals import Portal, Prepared
from ha.sql.kinds import Kind, Statement
from ha.values import Answer, Row

SELECT = Statement("SELECT", 0, Kind.SQL, "SELECT", "SELECT")


class Stream:
    """Rows that follow a first batch."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.closed = 0

    async def next(self, rows_max: int) -> tuple[list[Row], bool]:
        found, self.rows = self.rows[:rows_max], self.rows[rows_max:]
        return found, not self.rows

    def close(self) -> None:
        self.closed += 1


class PortalTests(SynchronousTestCase):
    """One statement under way."""

    def portal(self, first: int, rest: int) -> tuple[Portal, Stream]:
        """Rows 1, 2, 3 …: so many in the first batch, so many in the stream."""
        rows: list[Row] = [(i,) for i in range(1, first + rest + 1)]
        stream = Stream(rows[first:])
        portal = Portal(SELECT, (), None)
        portal.begin(Answer("SELECT", rows=rows[:first], rest=stream if rest else None))
        return portal, stream

    def now(self, doing: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(doing))

    def test_taking_rows(self) -> None:
        """At most so many; none only when there are no more, and the stream is closed by then."""
        portal, stream = self.portal(3, 4)
        sizes = [len(self.now(portal.take(2))) for _ in range(6)]
        self.assertEqual(sizes, [2, 1, 2, 2, 0, 0])
        self.assertEqual(stream.closed, 1)

    def test_closing_twice(self) -> None:
        """Gives the stream back once."""
        portal, stream = self.portal(1, 1)
        portal.close()
        portal.close()
        self.assertEqual((stream.closed, self.now(portal.take(0))), (1, []))

    def test_keeping(self) -> None:
        """All rows are taken into memory, and the stream is given back; not without end."""
        portal, stream = self.portal(2, 3)
        self.now(portal.keep())
        self.assertEqual((stream.closed, len(self.now(portal.take(0)))), (1, 5))
        self.patch(portals, "ROWS_KEPT_MAX", 3)
        portal, _ = self.portal(2, 3)
        error = self.failureResultOf(Deferred.fromCoroutine(portal.keep()), StatementError).value
        self.assertEqual(error.sqlstate, "54000")

    def test_going_back_is_for_declared_cursors(self) -> None:
        """Rows of a portal of the protocol are not kept."""
        portal, _ = self.portal(3, 0)
        self.assertEqual(self.now(portal.fetch("forward", 2)), [(1,), (2,)])
        error = self.failureResultOf(Deferred.fromCoroutine(portal.fetch("backward", 1)), StatementError).value
        self.assertEqual(error.sqlstate, "55000")

    def test_a_long_cursor_forgets_how_to_go_back(self) -> None:
        """Its memory is limited; forward it goes on."""
        self.patch(portals, "ROWS_KEPT_MAX", 3)
        portal, _ = self.portal(2, 8)
        portal.declared = True
        self.assertEqual(len(self.now(portal.fetch("forward", 6))), 6)
        error = self.failureResultOf(Deferred.fromCoroutine(portal.fetch("backward", 1)), StatementError).value
        self.assertEqual(error.sqlstate, "55000")
        self.assertEqual(self.now(portal.fetch("forward", None)), [(7,), (8,), (9,), (10,)])

    def test_a_prepared_statement(self) -> None:
        """Nothing was announced yet."""
        self.assertFalse(Prepared(SELECT, (), None).announced)
