"""Values as PostgreSQL writes them."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite import outputs

POINT = 'composite ["pt", ["x", "int4"], ["y", "bool"]]'


class OutputTests(SynchronousTestCase):
    """By their types."""

    def test_texts(self) -> None:
        """A cast's text of a boolean is a word, an output function's a letter."""
        for kind, value, expected in (
            ("bool", 1, "true"),
            ("float8", 1e15, "1e+15"),
            ("float8", 100000000000000.0, "100000000000000"),
            ("float8", 0.1, "0.1"),
            ("numeric", 0.00001, "0.00001"),
            ("_text", '["a b",null,"NULL",""]', '{"a b",NULL,"NULL",""}'),
            ("_bool", "[1,0]", "{t,f}"),
            ("jsonb", '{"b":1,"a":2}', '{"a": 2, "b": 1}'),
            ("bpchar", "ab  ", "ab"),
            ("text", "x", "x"),
            (POINT, '{"x":1,"y":true}', "(1,t)"),
            ("_" + POINT, '[{"x":null,"y":false},null]', '{"(,f)",NULL}'),
        ):
            self.assertEqual(outputs.shown(value, kind, UTC), expected)
            self.assertIsNone(outputs.shown(None, kind, UTC))
        self.assertEqual(outputs.put(0, "bool", UTC), "f")

    def test_a_time_is_where_the_session_is(self) -> None:
        """Its offset in full only where it has minutes."""
        east = timezone(timedelta(hours=5, minutes=30))
        self.assertEqual(outputs.shown("2026-01-02 03:04:05+00:00", "timestamptz", east), "2026-01-02 08:34:05+05:30")
        self.assertEqual(outputs.shown("2026-01-02 03:04:05+00:00", "timestamptz", UTC), "2026-01-02 03:04:05+00")

    def test_dates_outside_of_the_usual_years(self) -> None:
        """Alone, in arrays and in ranges."""
        for kind, value, expected in (
            ("date", "/9956 BC 0044-03-15", "0044-03-15 BC"),
            ("date", "2026-01-02", "2026-01-02"),
            ("timestamp", "Y0012345-01-02 03:04:05", "12345-01-02 03:04:05"),
            ("timestamptz", "/9956 BC 0044-03-15 00:00:00+00:00", "0044-03-15 00:00:00+00 BC"),
            ("_date", '["/9956 BC 0044-03-15",null]', '{"0044-03-15 BC",NULL}'),
            ("daterange", '["/9956 BC 0044-03-15",Y0012345-01-02)', '["0044-03-15 BC",12345-01-02)'),
            ("tstzmultirange", '{["2026-01-01 00:00:00+00:00",)}', '{["2026-01-01 00:00:00+00",)}'),
        ):
            self.assertEqual(outputs.shown(value, kind, UTC), expected)
