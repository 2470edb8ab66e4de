"""SET CONSTRAINTS."""

from __future__ import annotations

import apsw

from ha.errors import StatementError
from ha.sqlite.deferral import set_constraints
from ha.test.indatabase import InDatabase


class DeferralTests(InDatabase):
    """Foreign keys in one transaction."""

    def setUp(self) -> None:
        super().setUp()
        self.connection.execute("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p)")
        with self.connection.guard.trusted():
            self.connection.execute("PRAGMA foreign_keys = ON; BEGIN")

    def test_they_wait(self) -> None:
        """For COMMIT, by which the other row is there."""
        self.assertRaises(apsw.ConstraintError, self.connection.execute, "INSERT INTO c VALUES (1)")
        set_constraints(self.connection, deferred=True)
        self.connection.execute("INSERT INTO c VALUES (1); INSERT INTO p VALUES (1)")
        set_constraints(self.connection, deferred=False)
        self.assertRaises(apsw.ConstraintError, self.connection.execute, "INSERT INTO c VALUES (2)")

    def test_what_does_not_hold_is_not_forgotten(self) -> None:
        """When they are to hold at once, and when the transaction ends."""
        set_constraints(self.connection, deferred=True)
        self.connection.execute("INSERT INTO c VALUES (1)")
        error = self.assertRaises(StatementError, set_constraints, self.connection, deferred=False)
        self.assertEqual(error.sqlstate, "23503")
        with self.connection.guard.trusted():
            self.assertRaises(apsw.ConstraintError, self.connection.execute, "COMMIT")
            self.connection.execute("ROLLBACK")
