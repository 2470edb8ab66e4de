"""Expressions of the file as PostgreSQL shows them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.spoken import function_of, spoken, spoken_query

TABLE = (
    # in the file, as pg_get_expr() shows it, and pretty
    ("amount >= CAST(0 AS NUMERIC)", "(amount >= (0)::numeric)", "amount >= 0::numeric"),
    ("((price >= CAST((0) AS NUMERIC)))", "(price >= (0)::numeric)", "price >= 0::numeric"),
    ("CAST(CAST(a AS TEXT) AS INTEGER) > 1", "(((a)::text)::integer > 1)", "(a::text)::integer > 1"),
    ("CAST('x' AS TEXT) <> a", "('x'::text <> a)", "'x'::text <> a"),
    ("lower(name)", "lower(name)", "lower(name)"),
    ("(a) AND (b)", "((a) AND (b))", "a AND b"),
    ("NOT (a)", "(NOT (a))", "NOT (a)"),
    ("active", "active", "active"),
    ("((a >= 0) AND (b < f((c))))", "((a >= 0) AND (b < f((c))))", "a >= 0 AND b < f((c))"),
    ("((a) OR (b AND c))", "((a) OR (b AND c))", "a OR (b AND c)"),
    ("(name)::text <> ''", "((name)::text <> '')", "name::text <> ''"),
    ("(a * 2)", "(a * 2)", "a * 2"),
    ("CAST(a AS unheard)", "CAST(a AS unheard)", "CAST(a AS unheard)"),
)


class SpokenTests(SynchronousTestCase):
    """Each by its example."""

    def test_table(self) -> None:
        for stored, plain, pretty in TABLE:
            self.assertEqual((spoken(stored), spoken(stored, pretty=True)), (plain, pretty), stored)

    def test_what_is_shown_is_shown_alike_again(self) -> None:
        """A dump that is restored and dumped again stays as it is."""
        for stored, plain, _ in TABLE:
            self.assertEqual(spoken(f"({spoken(stored)})"), plain)

    def test_queries_have_their_casts(self) -> None:
        self.assertEqual(
            spoken_query("SELECT a FROM t WHERE (b < CAST((20) AS NUMERIC))"),
            "SELECT a FROM t WHERE (b < (20)::numeric)",
        )

    def test_calls(self) -> None:
        self.assertEqual(function_of("Lower(a)"), "lower")
        for text in ("a", "f(a) + g(b)", "(f(a))", ""):
            self.assertIsNone(function_of(text), text)

    def test_no_expression_is_left_as_it_is(self) -> None:
        self.assertEqual(spoken("'open"), "'open")
