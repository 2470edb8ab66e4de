"""Composite values in SQL."""

from __future__ import annotations

from datetime import UTC

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.made import Composite
from ha.sqlite.composites import pg_composite, pg_row

POINT = Composite("pt", (("x", "int4"), ("y", "numeric(10,2)")))
PAIR = Composite("pair", (("a", POINT.words), ("b", "_" + POINT.words), ("c", "bool"), ("d", "json"), ("e", "bytea")))


def fitted(value: object, words: str) -> str | None:
    return pg_composite(value, words, lambda: UTC)


class CompositeTests(SynchronousTestCase):
    """What is cast or assigned has one form."""

    def test_one_form(self) -> None:
        """From PostgreSQL's writing, from ROW(…), from what was kept: numbers are numbers, and the scale holds."""
        kept = '{"x":1,"y":2.5}'
        row = pg_row(Composite("", (("f1", "unknown"), ("f2", "numeric"))).words, "1", 2.499999)
        for value in ("(1,2.5)", "( 1 ,2.50)", '{"x": 1, "y": 2.5}', row):
            self.assertEqual(fitted(value, POINT.words), kept, value)
        self.assertEqual(fitted('{"(1,2.5)",NULL}', "_" + POINT.words), f"[{kept},null]")
        self.assertIsNone(fitted(None, POINT.words))

    def test_composite_values_within(self) -> None:
        """And what JSON has no form for."""
        kept = fitted(r'("(1,2)","{""(3,4)""}",yes,"{""k"":[1]}","\\xff")', PAIR.words)
        self.assertEqual(kept, r'{"a":{"x":1,"y":2},"b":[{"x":3,"y":4}],"c":true,"d":"{\"k\":[1]}","e":"\\xff"}')
        self.assertEqual(fitted(kept, PAIR.words), kept)

    def test_what_is_none(self) -> None:
        """As PostgreSQL says it."""
        for value, sqlstate in (
            ("1,2", "22P02"), ("(1)", "22P02"), ("(x,2)", "22P02"), ("(1,123456789)", "22003"), ("{", "22P02"), ('{"f1":1}', "42846"),
        ):  # fmt: skip
            self.assertEqual(self.assertRaises(StatementError, fitted, value, POINT.words).sqlstate, sqlstate, value)
