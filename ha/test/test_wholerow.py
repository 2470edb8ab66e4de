"""Rows read by SQL, to the bit."""

from __future__ import annotations

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.rowchange import RawText
from ha.sqlite.tables import Tables
from ha.sqlite.wholerow import read_all, read_row


class ReadingTests(SynchronousTestCase):
    """What apsw alone would not read."""

    def setUp(self) -> None:
        self.connection = apsw.Connection(":memory:")

    def test_every_kind_of_value(self) -> None:
        """Text that is not UTF-8 and text with NUL among them."""
        self.connection.execute("CREATE TABLE t(a, g AS (a), b)")
        self.connection.execute("INSERT INTO t(a, b) VALUES (CAST(x'ff' AS TEXT), x'ff'), ('a' || char(0), 5.0)")
        table = Tables(self.connection)["t"]
        self.assertEqual(
            repr(read_all(self.connection, table)), repr({1: (RawText(b"\xff"), b"\xff"), 2: ("a\x00", 5.0)})
        )
        self.assertIsNone(read_row(self.connection, table, 3))

    def test_a_table_without_rowids_is_read_by_its_key(self) -> None:
        """In table order."""
        self.connection.execute(
            "CREATE TABLE t(a, b, c, PRIMARY KEY (b, a)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2, 3)"
        )
        self.assertEqual(read_all(self.connection, Tables(self.connection)["t"]), {(1, 2): (1, 2, 3)})

    def test_rows_are_read_from_the_table_itself(self) -> None:
        """An index may already hold a row whose hook is still running."""
        self.connection.execute("CREATE TABLE t(k PRIMARY KEY, name, UNIQUE (name, k)) WITHOUT ROWID")
        table = Tables(self.connection)["t"]
        found = []
        self.connection.preupdate_hook(lambda _: found.append(read_all(self.connection, table)))
        self.connection.execute("INSERT INTO t VALUES ('a', 1)")
        self.assertEqual(found, [{}])
