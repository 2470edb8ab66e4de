"""Tests of ha.sql.namespaces."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql import namespaces
from ha.sql.namespaces import beside, joined, parted, path_of
from ha.sql.statements import client_position, in_path, split


def sql(text: str) -> str:
    (statement,) = split(text)
    return statement.sql


class Found:
    """A search_path that finds `t` and `u` in the schema `s`."""

    def of(self, name: str) -> str:
        return f"s.{name}" if name in ("t", "u") else name

    def new(self) -> str | None:
        return "s"


class NameTests(SynchronousTestCase):
    """One name of SQLite's for a schema and what is in it."""

    def test_public_has_the_plain_names(self) -> None:
        self.assertEqual(joined("s", "t"), "s.t")
        for schema in (None, "public", "main"):
            self.assertEqual(joined(schema, "t"), "t")

    def test_the_first_dot_parts_them(self) -> None:
        self.assertEqual(parted("s.t.u"), ("s", "t.u"))
        for name in ("t", ".t", "t."):
            self.assertEqual(parted(name), (None, name))
        self.assertEqual(beside("s.t", "i"), "s.i")
        self.assertEqual(beside("t", "i"), "i")

    def test_paths(self) -> None:
        """Public alone, however it is said, needs no looking."""
        for text in ('"$user", public', "public", "", '""', "pg_catalog, public", '"$user"'):
            self.assertEqual(path_of(text), (), text)
        self.assertEqual(path_of('"$user", s, public'), ("s", "public"))
        self.assertEqual(path_of('S, "Mine"'), ("s", "Mine"))
        self.assertEqual(path_of('"s, public"'), ("s", "public"))


class PlacingTests(SynchronousTestCase):
    """What a client calls ``s.t`` is SQLite's ``"s.t"``, and the rest of the statement finds it."""

    def test_reading(self) -> None:
        for text, expected in (
            (
                "SELECT t.a, s.u.b FROM s.t JOIN s.u USING (id)",
                'SELECT t.a, u.b FROM "s.t" AS "t" JOIN "s.u" AS "u" USING (id)',
            ),
            ("SELECT x.a FROM s.t x, s.u AS y", 'SELECT x.a FROM "s.t" x, "s.u" as y'),
            ("SELECT * FROM a JOIN b ON a.i = b.i, s.t", 'SELECT * FROM a JOIN b ON a.i = b.i, "s.t" AS "t"'),
            (
                "SELECT * FROM (s.t JOIN s.u USING (id)) x",
                'SELECT * FROM ("s.t" AS "t" JOIN "s.u" AS "u" USING (id)) x',
            ),
            ("SELECT 1 WHERE EXISTS (SELECT 1 FROM s.t)", 'SELECT 1 WHERE EXISTS (SELECT 1 FROM "s.t" AS "t")'),
            ("SELECT b FROM s.t UNION SELECT c FROM t", 'SELECT b FROM "s.t" AS "t" UNION SELECT c FROM t'),
            ("TABLE s.t", 'SELECT * FROM "s.t" AS "t"'),
            ('SELECT * FROM "S x"."T"', 'SELECT * FROM "S x.T" AS "T"'),
            ("SELECT * FROM pg_temp.t", "SELECT * FROM temp.t"),
        ):
            self.assertEqual(sql(text).lower(), expected.lower(), text)

    def test_one_name_for_two_tables(self) -> None:
        """The one with the schema is called by its whole name."""
        self.assertEqual(
            sql("SELECT t.id, s.t.id FROM t JOIN s.t ON t.id = s.t.id"),
            'SELECT t.id, "s.t".id FROM t JOIN "s.t" ON t.id = "s.t".id',
        )

    def test_writing(self) -> None:
        """SQLite's RETURNING knows no alias of the target."""
        for text, expected in (
            ("INSERT INTO s.t (a) SELECT a FROM s.t", 'INSERT INTO "s.t" (a) SELECT a FROM "s.t" AS "t"'),
            (
                "INSERT INTO s.t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = t.a + excluded.a RETURNING s.t.a",
                'INSERT INTO "s.t" (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = "s.t".a + excluded.a RETURNING a',
            ),
            (
                "UPDATE s.t SET a = u.b FROM s.u WHERE s.t.id = u.id RETURNING t.a",
                'UPDATE "s.t" SET a = u.b FROM "s.u" AS "u" WHERE "s.t".id = u.id RETURNING a',
            ),
            ("DELETE FROM s.t WHERE s.t.id = 1", 'DELETE FROM "s.t" WHERE "s.t".id = 1'),
        ):
            self.assertEqual(sql(text), expected, text)

    def test_defining(self) -> None:
        """An index lies in its table's schema."""
        for text, expected, schema in (
            ("CREATE TABLE s.t (r int REFERENCES r.u (id))", 'CREATE TABLE "s.t" (r int REFERENCES "r.u" (id))', "s"),
            ("CREATE INDEX i ON s.t (a)", 'CREATE INDEX "s.i" ON "s.t" (a)', None),
            ("CREATE INDEX ON s.t (a)", 'CREATE INDEX "s.t_a_idx" ON "s.t" (a)', None),
            ("CREATE VIEW s.v AS SELECT t.a FROM s.t", 'CREATE VIEW "s.v" AS SELECT t.a FROM "s.t" AS "t"', "s"),
            ("SELECT a INTO s.n FROM t", 'CREATE TABLE "s.n" AS SELECT a   FROM t', "s"),
            ("CREATE TEMP TABLE pg_temp.t (a int)", "CREATE TEMP TABLE t (a int)", None),
        ):
            (statement,) = split(text)
            self.assertEqual((statement.sql, statement.schema), (expected, schema), text)

    def test_what_is_no_relation(self) -> None:
        """Columns, calls, types and the schemas that others know stay as they are."""
        for text in (
            "SELECT t.a, b.c FROM t, b WHERE t.a = b.c",
            "SELECT a IS DISTINCT FROM t.b FROM t",
            "UPDATE t SET a = b.c FROM b WHERE b.id = t.id",
            "CREATE TABLE t (a numeric(3, 1) CHECK (a > 1.5))",
        ):
            self.assertEqual(sql(text), text)
        self.assertEqual(sql("SELECT EXTRACT(year FROM t.a) FROM t"), "SELECT date_part('year' , t.a) FROM t")
        self.assertEqual(sql("SELECT t.a FROM public.t"), "SELECT t.a FROM t")

    def test_sqlites_own_clients_have_databases(self) -> None:
        (statement,) = split("SELECT * FROM temp.t, main.u", sqlite_order=True)
        self.assertEqual(statement.sql, statement.text)

    def test_places(self) -> None:
        """What SQLite points at is found again in the client's words."""
        text = "SELECT 1; SELECT now()::text, nosuch FROM s.t JOIN s.u ON s.u.wrong = 1"
        statement = split(text)[1]
        for word in ("nosuch", "wrong"):
            self.assertEqual(text[client_position(statement, statement.sql.index(word)) :][: len(word)], word)
        self.assertEqual(statement.words, text[10:])


class PathTests(SynchronousTestCase):
    """Names without a schema, for a client with a search_path."""

    def test_what_it_finds(self) -> None:
        for text, expected in (
            ("SELECT t.a, w.b FROM t JOIN w USING (id)", 'SELECT t.a, w.b FROM "s.t" AS "t" JOIN w USING (id)'),
            ("WITH t AS (SELECT 1) SELECT * FROM t, u", 'WITH t AS (SELECT 1) SELECT * FROM t, "s.u" AS "u"'),
            ("SELECT t.a FROM public.t", "SELECT t.a FROM t"),
            ("UPDATE t SET a = 1 RETURNING t.a", 'UPDATE "s.t" SET a = 1 RETURNING a'),
            ("CREATE TABLE k (a int REFERENCES t)", 'CREATE TABLE "s.k" (a int REFERENCES "s.t")'),
            ("CREATE INDEX i ON t (a)", 'CREATE INDEX "s.i" ON "s.t" (a)'),
            ("CREATE TEMP TABLE k (a int)", "CREATE TEMP TABLE k (a int)"),
            ("SELECT a FROM json_each('[1]') t", "SELECT a FROM pg_json_each('[1]') t"),
        ):
            self.assertEqual(in_path(split(text)[0], Found()).sql, expected, text)

    def test_what_is_found_stays_found(self) -> None:
        """Asked again, it is the same."""
        once = in_path(split("SELECT t.a FROM t WHERE t.b = s.u.c")[0], Found())
        self.assertEqual(in_path(once, Found()), once)

    def test_errors_keep_their_place(self) -> None:
        text = "SELECT 1; SELECT a::nosuch FROM t"
        statement = split("SELECT 1; SELECT a::int4 FROM t")[1]
        self.assertEqual(in_path(statement, Found()).offset, text.index("SELECT a"))


class LeftAloneTests(SynchronousTestCase):
    """A statement without schemas is not read a second time."""

    def test_nothing_to_place(self) -> None:
        text = "SELECT t.a FROM t JOIN b ON t.id = b.id WHERE t.c IN (1, 2)"
        from ha.sql.tokens import tokenize

        self.assertIsNone(namespaces.placed(text, tokenize(text), 0, len(text)))
