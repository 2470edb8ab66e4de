"""Rows whose parents are not there."""

from __future__ import annotations

from typing import Any

from ha.sqlite.orphans import CHILDREN_MAX, orphans
from ha.sqlite.rowchange import Event
from ha.test.indatabase import InDatabase


class OrphansTests(InDatabase):
    """In a database of its own, where foreign keys are off as they are for the log."""

    def setUp(self) -> None:
        super().setUp()
        self.connection.execute("PRAGMA foreign_keys = OFF")

    def execute(self, *texts: str) -> None:
        """All of them."""
        for text in texts:
            self.connection.execute(text)

    def found(self, *events: tuple[str, Any, Any]) -> list[tuple[Any, ...]]:
        """Table, key, parent, came; each event's rowid is its row's first value."""
        return [
            (one.table, one.key, one.parent, one.came)
            for one in orphans(
                self.connection,
                [Event(table, old and old[0], new and new[0], old, new) for table, old, new in events],
            )
        ]

    def test_a_row_that_came(self) -> None:
        """Without the one it refers to."""
        self.execute(
            "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES P)"
        )
        self.execute("INSERT INTO p VALUES (1)", "INSERT INTO c VALUES (7, 1), (8, 2), (9, NULL)")
        came = [("c", None, row) for row in ((7, 1), (8, 2), (9, None))]
        self.assertEqual(self.found(*came), [("c", (8,), ("p", (2,)), True)])

    def test_a_row_that_was_moved_to_a_parent(self) -> None:
        """Only what stands at the end counts."""
        self.execute(
            "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p)"
        )
        self.execute("INSERT INTO p VALUES (1)", "INSERT INTO c VALUES (7, 1)")
        self.assertEqual(self.found(("c", None, (7, 2)), ("c", (7, 2), (7, 1))), [])

    def test_a_parent_that_went(self) -> None:
        """By a key of several columns that is not the primary one; one that came back leaves nobody."""
        self.execute("CREATE TABLE p (id INTEGER PRIMARY KEY, a, b, UNIQUE (a, b))")
        self.execute("CREATE TABLE c (x, y, FOREIGN KEY (y, x) REFERENCES p (b, a))")
        self.execute("INSERT INTO c VALUES ('a', 'b'), ('c', 'd')", "INSERT INTO p VALUES (5, 'c', 'd')")
        gone = self.found(("p", (1, "a", "b"), None), ("p", (2, "c", "d"), None), ("p", None, (5, "c", "d")))
        self.assertEqual(gone, [("c", (1,), None, False)])

    def test_tables_without_rowids(self) -> None:
        """Have keys of their own."""
        self.execute("CREATE TABLE p (a TEXT, b TEXT, PRIMARY KEY (b, a)) WITHOUT ROWID")
        self.execute(
            "CREATE TABLE c (k TEXT PRIMARY KEY, b TEXT, a TEXT, FOREIGN KEY (b, a) REFERENCES p) WITHOUT ROWID"
        )
        self.execute("INSERT INTO c VALUES ('k', 'b', 'a')")
        (gone,) = self.found(("p", ("a", "b"), None))
        self.assertEqual((gone[0], gone[1], gone[3]), ("c", ("k",), False))

    def test_nobody_reads_of_all_children(self) -> None:
        """There is an end."""
        self.execute(
            "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p)"
        )
        self.connection.executemany("INSERT INTO c VALUES (?, 1)", [(n,) for n in range(CHILDREN_MAX + 5)])
        self.assertEqual(len(self.found(("p", (1,), None))), CHILDREN_MAX)

    def test_without_foreign_keys(self) -> None:
        """There is nothing to look for."""
        self.execute("CREATE TABLE c (id INTEGER PRIMARY KEY, p)")
        self.assertEqual(self.found(("c", None, (1, 5))), [])
