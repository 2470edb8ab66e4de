"""Queries of WITH that write; each answer is PostgreSQL 15's own."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import CommandComplete
from ha.sql.modifying import named
from ha.test.spoken import Spoken, texts, types


class ModifyingTests(SynchronousTestCase):
    """They run first, and what they return goes on."""

    def setUp(self) -> None:
        """Two tables."""
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE c (id int8 PRIMARY KEY, name text)")
        self.spoken.query("CREATE TABLE o (id int8 PRIMARY KEY, cid int8 REFERENCES c(id), amount int8)")
        self.spoken.query("INSERT INTO c VALUES (1,'Ann'),(2,'Bob')")

    def test_rows_go_on(self) -> None:
        """To a SELECT, to another part, to an INSERT; columns may be named."""
        for text, expected in (
            ("WITH i AS (INSERT INTO c VALUES (10, 'ten') RETURNING id, name) SELECT * FROM i", [("10", "ten")]),
            (
                "WITH u AS (UPDATE c SET name = 'x' WHERE id < 3 RETURNING *) SELECT count(*), max(name) FROM u",
                [("2", "x")],
            ),
            ("WITH i(a) AS (INSERT INTO c VALUES (11, 'e') RETURNING id) SELECT a + 1 FROM i", [("12",)]),
            (
                "WITH a AS (INSERT INTO c VALUES (12, 'q') RETURNING id), b AS (INSERT INTO o SELECT 1, id, 5 FROM a RETURNING cid)"
                " SELECT a.id, b.cid FROM a, b",
                [("12", "12")],
            ),
            (
                "WITH d AS (DELETE FROM o RETURNING *) INSERT INTO o SELECT id + 1, cid, amount FROM d RETURNING id",
                [("2",)],
            ),
            ("WITH d AS (DELETE FROM c WHERE id > 99 RETURNING id) SELECT * FROM d", []),
            ("WITH i AS (INSERT INTO c VALUES (13, 'n')) SELECT 1", [("1",)]),
            (
                "WITH q AS (SELECT 14 AS n), i AS (INSERT INTO c(id) SELECT n FROM q RETURNING id) SELECT id, n FROM i, q",
                [("14", "14")],
            ),
        ):
            self.assertEqual(self.spoken.rows(text), expected, text)
        self.assertEqual(self.spoken.rows("SELECT count(*), count(name) FROM c"), [("7", "6")])

    def test_with_parameters(self) -> None:
        """Which the whole statement shares; the types are the columns'."""
        heard = self.spoken.extended(
            "WITH i AS (INSERT INTO c VALUES ($1, $2) RETURNING id) INSERT INTO o SELECT $3, id, $1 FROM i RETURNING cid, amount",
            b"20",
            b"x",
            b"7",
        )
        self.assertEqual((texts(heard), types(heard)), ([("20", "20")], [("cid", 20), ("amount", 20)]))
        self.assertIn(CommandComplete("INSERT 0 1"), heard)

    def test_all_or_nothing(self) -> None:
        """What fails behind a part undoes it."""
        text = "WITH i AS (INSERT INTO c VALUES (30, 'x') RETURNING id) INSERT INTO o SELECT 1, 999, id FROM i"
        self.assertEqual(self.spoken.error(text).sqlstate, "23503")
        self.assertEqual(self.spoken.rows("SELECT count(*) FROM c"), [("2",)])

    def test_nothing_is_seen_but_what_is_returned(self) -> None:
        """PostgreSQL would show the table as it was before; that is refused, not answered wrongly."""
        for text in (
            "WITH d AS (DELETE FROM c WHERE id = 2 RETURNING id) SELECT count(*) FROM c",
            "WITH u AS (UPDATE c SET name = 'y' RETURNING id), d AS (DELETE FROM c WHERE id IN (SELECT id FROM u)) SELECT 1",
        ):
            self.assertEqual(self.spoken.error(text).sqlstate, "0A000", text)
        self.assertEqual(self.spoken.rows("SELECT count(*) FROM c WHERE name = 'y'"), [("0",)])


class NameTests(SynchronousTestCase):
    """What a statement says for itself."""

    def test_outside_of_its_parts(self) -> None:
        """And not what it inserts into."""
        found = named("WITH a AS (DELETE FROM x RETURNING id) INSERT INTO y SELECT id FROM a JOIN z ON true")
        self.assertEqual({"x", "y"} & found, set())
        self.assertTrue({"a", "z"} <= found)
