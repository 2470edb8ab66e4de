"""Aggregates that SQLite does not have."""

from __future__ import annotations

from ha.test.test_functions import FunctionCase


class AggregateTests(FunctionCase):
    """Over three rows and over none."""

    def test_values(self) -> None:
        """PostgreSQL's answers; NULL for no rows."""
        for function, wanted in (
            ("array_agg(a)", "[1,2,4]"),
            ("json_agg(a)", "[1, 2, 4]"),
            ("jsonb_object_agg(a, b)", '{"1": "x", "2": null, "4": "z"}'),
            ("bool_and(a > 1)", 0),
            ("bool_or(a > 3)", 1),
            ("every(a > 0)", 1),
            ("bit_or(a)", 7),
            ("round(stddev(a), 4)", 1.5275),
            ("round(var_pop(a), 4)", 1.5556),
            ("corr(a, a * 2)", 1.0),
            ("string_agg(b, ',' order by a desc)", "z,x"),
        ):
            rows = "(values (1,'x'),(2,null),(4,'z')) v(a,b)"
            self.assertEqual(self.answer(f"select {function} from {rows}"), wanted, function)
            self.assertIsNone(self.answer(f"select {function} from {rows} where a > 9"), function)
