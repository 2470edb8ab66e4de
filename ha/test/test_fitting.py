"""A message is put in once, and as far as it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message, RowChange
from ha.sqlite.connection import open_writer
from ha.sqlite.fitting import put_once
from ha.sqlite.images import CannotPut
from ha.sqlite.schema import install


class FittingTests(SynchronousTestCase):
    """In a database of its own, at position 5."""

    def setUp(self) -> None:
        self.connection = open_writer(str(Path(self.mktemp())), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        install(self.connection)
        trusted = self.connection.guard.trusted()
        trusted.__enter__()
        self.addCleanup(trusted.__exit__, None, None, None)
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v NOT NULL)")
        self.connection.execute("BEGIN")

    def put(self, *rows: tuple[Any, ...], at: int = 3, group: int = 1, columns: tuple[str, ...] = ("id", "v")) -> bool:
        """Insert rows by a message that was executed at a position."""
        changes = [RowChange("t", "INSERT", columns, ("id",), None, row[0], None, row, 0) for row in rows]
        return put_once(self.connection, Message("n", 1, "a.db", group, at, 0, changes), 5)

    def rows(self) -> list[Any]:
        """What is there."""
        return self.connection.execute("SELECT * FROM t ORDER BY id").fetchall()

    def test_once(self) -> None:
        """The second time it is nothing."""
        self.assertTrue(self.put((1, "x")))
        self.connection.execute("DELETE FROM t")
        self.assertFalse(self.put((1, "x")))
        self.assertEqual(self.rows(), [])

    def test_what_does_not_fit_is_left_out(self) -> None:
        """The rest is not."""
        self.assertTrue(self.put((1, "x"), (2, None), (3, "z")))
        self.assertEqual(self.rows(), [(1, "x"), (3, "z")])

    def test_what_was_executed_here_must_fit(self) -> None:
        """Or the file is not what it should be."""
        self.assertRaises(apsw.ConstraintError, self.put, (2, None), at=5)

    def test_a_table_that_is_gone(self) -> None:
        """Takes nothing; at its own position that is an error."""
        self.connection.execute("DROP TABLE t")
        self.assertTrue(self.put((1, "x")))
        self.assertRaises(CannotPut, self.put, (1, "x"), at=5, group=2)

    def test_a_column_that_is_gone(self) -> None:
        """Takes its row with it."""
        self.put((1, "x", 2), columns=("id", "v", "w"))
        self.assertEqual(self.rows(), [])

    def test_columns_that_are_new(self) -> None:
        """Get their defaults, where these are the same everywhere."""
        self.connection.execute("ALTER TABLE t ADD COLUMN w DEFAULT 'it''s'")
        self.connection.execute("ALTER TABLE t ADD COLUMN x DEFAULT -1.5")
        self.connection.execute("ALTER TABLE t ADD COLUMN y DEFAULT (1 + 1)")
        self.put((1, "x"))
        self.assertEqual(self.rows(), [(1, "x", "it's", -1.5, None)])
