"""Scalar subqueries give one row."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken


class SingleTests(SynchronousTestCase):
    """A second row is an error, not the first one's value."""

    def setUp(self) -> None:
        """Two tables."""
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE c (id int PRIMARY KEY, name text)")
        self.spoken.query("CREATE TABLE o (id int PRIMARY KEY, cid int, amount int)")
        self.spoken.query("INSERT INTO c VALUES (1,'Ann'),(2,'Bob')")
        self.spoken.query("INSERT INTO o VALUES (1,1,5),(2,1,6),(3,2,7)")

    def test_refused(self) -> None:
        """In a list, a condition, an assignment, a call; correlated or not."""
        for text in (
            "SELECT (SELECT id FROM c)",
            "SELECT name, (SELECT amount FROM o WHERE o.cid = c.id) FROM c",
            "SELECT * FROM c WHERE id = (SELECT cid FROM o)",
            "SELECT coalesce((SELECT id FROM c), 0)",
            "UPDATE c SET name = (SELECT amount::text FROM o)",
            "INSERT INTO c VALUES (9, (SELECT name FROM c))",
            "SELECT (SELECT id FROM c UNION SELECT 3)",
            "SELECT (SELECT id AS x FROM c ORDER BY id LIMIT 2)",
        ):
            self.assertEqual(self.spoken.error(text).sqlstate, "21000", text)

    def test_one_row_or_none(self) -> None:
        """Is the value, or NULL; the type is the column's."""
        for text, expected in (
            ("SELECT (SELECT amount FROM o WHERE cid = 2)", "7"),
            ("SELECT (SELECT amount FROM o WHERE cid = 9)", None),
            ("SELECT (SELECT name FROM c WHERE c.id = o.cid) FROM o WHERE id = 3", "Bob"),
            ("SELECT (SELECT amount FROM o WHERE o.cid = c.id ORDER BY id LIMIT 1) FROM c WHERE id = 1", "5"),
            ("SELECT (SELECT max(amount) FROM o)", "7"),
            ("SELECT count(*) FROM c WHERE id IN (SELECT cid FROM o)", "2"),
            ("SELECT count(*) FROM c WHERE EXISTS (SELECT 1 FROM o WHERE o.cid = c.id)", "2"),
            ("SELECT count(*) FROM (SELECT 1 FROM c) q, (SELECT 2 FROM o) r", "6"),
        ):
            self.assertEqual(self.spoken.rows(text), [(expected,)], text)

    def test_where_it_is_certain_nothing_changes(self) -> None:
        """A key that is given needs no watching."""
        plan = self.spoken.rows("EXPLAIN SELECT (SELECT name FROM c WHERE c.id = o.cid) FROM o")
        self.assertNotIn("pg_single", str(plan))
