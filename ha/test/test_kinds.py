"""The kinds of statement and what they carry."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.kinds import Kind, Statement


class StatementTests(SynchronousTestCase):
    """Plain values."""

    def test_statements_are_shared_and_so_never_change(self) -> None:
        """The cache gives the same ones to every client."""
        statement = Statement("select 1", 0, Kind.SQL, "select 1", "SELECT")
        self.assertRaises(FrozenInstanceError, setattr, statement, "sql", "drop table t")
        self.assertEqual(hash(statement), hash(Statement("select 1", 0, Kind.SQL, "select 1", "SELECT")))
