"""A statement's tokens, read as a query."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.reading import Reading


class ReadingTests(SynchronousTestCase):
    """Items and the tables around them."""

    def test_items_are_cut_at_their_commas(self) -> None:
        """Those of the result, of RETURNING and of VALUES; an alias is no part of its item."""
        for text, items in (
            ("select f(a, b) as x, c y, * from t", [("f(a, b)", "x"), ("c", "y"), ("*", None)]),
            ("with q as (select 1) select a from q union select b from q", [("a", None)]),
            ("insert into t values (1) returning id", [("id", None)]),
            ("values (1, 2)", [("1", "column1"), ("2", "column2")]),
            ("explain select 1", []),
        ):
            reading = Reading(text)
            found = [
                (text[reading.tokens[item.first].start : reading.tokens[item.last - 1].end], item.alias)
                for item in reading.items()
            ]
            self.assertEqual(found, items, text)

    def test_the_tables_around_an_item(self) -> None:
        """By their aliases: tables, subqueries, functions of rows."""
        reading = Reading("select 1 from users u join orders on true, (select 2 as z) d, generate_series(1, 3) as g(n)")
        (item,) = reading.items()
        scope = reading.scopes[item.first]
        self.assertEqual(scope.tables, {"u": "users", "orders": "orders"})
        self.assertEqual([one.alias for one in scope.derived["d"][0]], ["z"])
        column, call = scope.called["g"]
        self.assertEqual((column, call.name), ("n", "generate_series"))
