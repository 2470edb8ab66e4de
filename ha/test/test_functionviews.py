"""Tests of ha.sqlite.functionviews."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.storedfunctions import Argument, Function
from ha.sqlite import functionviews
from ha.sqlite.connection import open_writer

ONE = Function(
    "f",
    (Argument("a", "int4"), Argument("", "text", "'it''s'")),
    "bool",
    "SELECT a > 1",
    True,
    "i",
    "plpgsql",
    "BEGIN\nEND",
)


class KeptTests(SynchronousTestCase):
    """A view holds each function."""

    def setUp(self) -> None:
        self.connection = open_writer(str(Path(self.mktemp()).absolute()), synchronous="NORMAL")
        self.addCleanup(self.connection.close)

    def test_there_and_back(self) -> None:
        """All of it, and several of one name."""
        other = Function("f", (), "int4", "SELECT 1", source="SELECT 1")
        for one in (ONE, other):
            self.connection.execute(functionviews.text(one))
        self.assertEqual(functionviews.kept(self.connection), {"f": (ONE, other)})
        self.connection.execute(functionviews.gone(ONE))
        self.assertEqual(functionviews.kept(self.connection), {"f": (other,)})

    def test_another_view_is_none(self) -> None:
        """Whatever it is called."""
        self.connection.execute('CREATE VIEW "function f()" AS SELECT 1')
        self.assertEqual(functionviews.kept(self.connection), {})
