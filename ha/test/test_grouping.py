"""What a grouped query may name."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken


class GroupingTests(SynchronousTestCase):
    """Each as PostgreSQL 15 answers it."""

    def setUp(self) -> None:
        """Customers and orders."""
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE c (id int PRIMARY KEY, name text, city text)")
        self.spoken.query("CREATE TABLE o (id int PRIMARY KEY, cid int, amount int)")
        self.spoken.query("INSERT INTO c VALUES (1,'Ann','Rome'),(2,'Bob','Oslo'),(3,'Cid','Rome')")

    def test_refused(self) -> None:
        """Neither grouped nor aggregated."""
        for text, column in (
            ("SELECT city, name FROM c GROUP BY city", "c.name"),
            ("SELECT name, count(*) FROM c", "c.name"),
            ("SELECT x.name, o.amount, sum(amount) FROM c x JOIN o ON o.cid = x.id GROUP BY x.id", "o.amount"),
            ("SELECT city FROM c GROUP BY city HAVING name = 'Ann'", "c.name"),
            ("SELECT city, count(*) FROM c GROUP BY city ORDER BY name", "c.name"),
            ("SELECT count(*) FROM c ORDER BY id", "c.id"),
            ("SELECT upper(city), city FROM c GROUP BY upper(city)", "c.city"),
            ("SELECT city || name FROM c GROUP BY city", "c.name"),
            ("SELECT *, count(*) FROM c GROUP BY name", "c.id"),
            ("SELECT (SELECT name FROM c GROUP BY city)", "c.name"),
        ):
            error = self.spoken.error(text)
            self.assertEqual((error.sqlstate, column in error.message), ("42803", True), f"{text}: {error.message}")

    def test_allowed(self) -> None:
        """Grouped by the column, the expression, its number or alias, or the primary key; within aggregates and windows."""
        for text in (
            "SELECT city, count(*) FROM c GROUP BY city HAVING count(*) > 1 ORDER BY count(*) DESC, city",
            "SELECT upper(city), count(*) FROM c GROUP BY upper(city) ORDER BY 1",
            "SELECT coalesce(city, 'x') AS ct, count(*) FROM c GROUP BY ct ORDER BY ct",
            "SELECT city AS town, count(*) FROM c GROUP BY 1 ORDER BY town",
            "SELECT id, name, count(*) FROM c GROUP BY id",
            "SELECT c.name, sum(o.amount) FROM c LEFT JOIN o ON o.cid = c.id GROUP BY c.id ORDER BY c.name",
            "SELECT max(name) FILTER (WHERE id > 1), city FROM c GROUP BY city",
            "SELECT name, count(*) OVER (PARTITION BY city) FROM c",
            "SELECT city, (SELECT count(*) FROM o) FROM c GROUP BY city",
            "SELECT c.city, lower(c.city) || '!' FROM c GROUP BY city",
            "SELECT sum(amount) / greatest(count(amount), 1) FROM o",
            "SELECT city, sum(count(*)) OVER (ORDER BY city) FROM c GROUP BY city",
            "SELECT count(*) AS id FROM c ORDER BY id",
        ):
            self.spoken.rows(text)

    def test_distinct_rows_come_by_what_is_shown(self) -> None:
        """And the first of each group by what makes the groups."""
        for text in (
            "SELECT DISTINCT city FROM c ORDER BY name",
            "SELECT DISTINCT ON (city) city, name FROM c ORDER BY name",
        ):
            self.assertEqual(self.spoken.error(text).sqlstate, "42P10", text)
        for text in (
            "SELECT DISTINCT city FROM c ORDER BY city DESC",
            "SELECT DISTINCT city AS name FROM c ORDER BY name",
            "SELECT DISTINCT lower(city) FROM c ORDER BY 1",
            "SELECT DISTINCT ON (city) city, name FROM c ORDER BY city, name DESC",
            "SELECT DISTINCT ON (city, name) city, name FROM c ORDER BY name, city",
            "SELECT DISTINCT ON (city) city, name FROM c ORDER BY 1, 2",
        ):
            self.spoken.rows(text)

    def test_a_name_that_nothing_has(self) -> None:
        """Is told before what is not grouped."""
        self.assertEqual(self.spoken.error("SELECT id FROM c GROUP BY nosuch").sqlstate, "42703")
        self.assertEqual(self.spoken.error("SELECT id FROM c LIMIT -1").sqlstate, "2201W")
