"""Tests of ha.sqlite.declared."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import Source, open_writer
from ha.sqlite.declared import Declared


class DeclaredTests(SynchronousTestCase):
    """The schema's own words."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, Name varchar(20), x)")
        self.declared = Declared(self.connection)

    def test_types_in_the_declared_words(self) -> None:
        self.assertEqual(self.declared.column_type("t", "name"), "varchar(20)")
        self.assertEqual(self.declared.column_type("T", "NAME"), "varchar(20)")
        self.assertEqual(self.declared.column_type("t", "x"), "")
        self.assertIsNone(self.declared.column_type("t", "nothing"))

    def test_columns_in_their_order(self) -> None:
        self.assertEqual(self.declared.columns("t"), ("id", "Name", "x"))
        self.assertIsNone(self.declared.columns("nothing"))

    def test_integers_of_32_bits(self) -> None:
        """Where a session has asked for them."""
        narrow = Declared(self.connection, narrow=True)
        self.assertEqual(narrow.column_type("t", "id"), "int4")
        self.assertEqual(narrow.column_type("t", "name"), "varchar(20)")
        source = Source("id", "INTEGER", "main", "t", "id")
        self.assertEqual([one.decltype for one in narrow.sources([source])], ["int4"])
        self.assertEqual([one.decltype for one in self.declared.sources([source])], ["INTEGER"])
