"""Functions that give rows."""

from __future__ import annotations

from ha.test.test_functions import FunctionCase


class SeriesTests(FunctionCase):
    """In FROM, in a select list, beside a table."""

    def test_numbers_and_times(self) -> None:
        """Up, down, by months."""
        for text, wanted in (
            ("select * from generate_series(1, 3)", [(1,), (2,), (3,)]),
            ("select n from generate_series(3, 1, -2) as n", [(3,), (1,)]),
            ("select generate_series(1, 2) * 2", [(2,), (4,)]),
            (
                "select d from generate_series(timestamp '2026-01-31', timestamp '2026-03-31', interval '1 month') as s(d)",
                [("2026-01-31 00:00:00",), ("2026-02-28 00:00:00",), ("2026-03-31 00:00:00",)],
            ),
            ("select * from unnest(array[1,2], array['a']) as t(n, c)", [(1, "a"), (2, None)]),
            ("select * from unnest(array[1], array[2], array[3], array[4], array['five'])", [(1, 2, 3, 4, "five")]),
            (f"select * from unnest({', '.join(f'array[{n}]' for n in range(100))})", [tuple(range(100))]),
            (f"select * from unnest({'null::int[], ' * 17}array[1])", [(*[None] * 17, 1)]),
            ("select x, o from unnest(array['a','b']) with ordinality as t(x, o)", [("a", 1), ("b", 2)]),
            ("select v.a, x from (values ('{1,2}')) v(a), unnest(v.a) as x", [("{1,2}", 1), ("{1,2}", 2)]),
            ("select * from regexp_split_to_table('a, b', ',\\s*')", [("a",), ("b",)]),
            ("select * from regexp_matches('banana', 'a(.)', 'g')", [('["n"]',), ('["n"]',)]),
            ("select * from regexp_matches('banana', 'a.')", '["an"]'),
            ('select * from json_each_text(\'{"a": 1, "b": "x"}\')', [("a", "1"), ("b", "x")]),
            ("select s from generate_subscripts('{a,b}'::text[], 1) s", [(1,), (2,)]),
        ):
            self.assertEqual(self.answer(text), wanted, text)
        self.assertEqual(self.answer("select count(*) from generate_series(1, null)"), 0)
        self.refused((("generate_series(1, 2, 0)", "22023"),))

    def test_an_endless_series_can_be_left(self) -> None:
        """Rows are made when they are asked for."""
        self.assertEqual(self.answer("select * from generate_series(1, 1000000000000) limit 1"), 1)
