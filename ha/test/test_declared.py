"""Tests of ha.sqlite.declared."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
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
