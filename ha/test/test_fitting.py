"""Tests of ha.sqlite.fitting: messages of a node that had not seen the newest schema."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message, RowChange
from ha.sqlite.connection import open_writer
from ha.sqlite.fitting import put_once, put_what_fits
from ha.sqlite.schema import install


def insert(table: str, columns: tuple[str, ...], *values: object) -> RowChange:
    return RowChange(table, "INSERT", columns, ("id",), None, values[0], None, values, 0)  # type: ignore[arg-type]


def message(group: int, position: int, *changes: RowChange) -> Message:
    return Message("n", 1, "f", group, position, 0, changes)


class FittingTests(SynchronousTestCase):
    """What the schema does not take any more is left out, the rest is put."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        install(self.connection)
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b DEFAULT 'd')")
        self.connection.guard.trusted().__enter__()

    def rows(self) -> list[object]:
        return list(self.connection.execute("SELECT * FROM t").fetchall())

    def test_a_message_counts_once(self) -> None:
        first = message(1, 0, insert("t", ("id", "a", "b"), 1, "x", "y"))
        self.assertTrue(put_once(self.connection, first, 0))
        self.assertFalse(put_once(self.connection, first, 1))
        self.assertEqual(self.rows(), [(1, "x", "y")])

    def test_a_row_from_before_a_column_gets_its_default(self) -> None:
        put_what_fits(self.connection, message(1, 0, insert("t", ("id", "a"), 1, "x")))
        self.assertEqual(self.rows(), [(1, "x", "d")])

    def test_a_table_that_is_gone_takes_no_rows_and_stops_nothing(self) -> None:
        gone, there = insert("gone", ("id", "a"), 1, "x"), insert("t", ("id", "a", "b"), 2, "x", "y")
        put_what_fits(self.connection, message(1, 0, gone, there))
        self.assertEqual(self.rows(), [(2, "x", "y")])
