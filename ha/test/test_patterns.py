"""Searching by patterns."""

from __future__ import annotations

from ha.test.test_functions import FunctionCase


class PatternTests(FunctionCase):
    """As statements see them."""

    def test_regular_expressions(self) -> None:
        """In PostgreSQL's spelling."""
        self.answers(
            (
                ("'abc' ~ '^a'", 1),
                ("'abc' ~* 'B'", 1),
                ("'abc' !~ 'x'", 1),
                ("'a word' ~ '\\mword\\M'", 1),
                ("'abc' similar to 'a%'", 1),
                ("'abc' similar to 'b%'", 0),
                ("regexp_replace('foobar', 'o(.)', '\\1x')", "foxbar"),
                ("regexp_replace('foo', 'o', 'x', 'g')", "fxx"),
                ("regexp_match('foobar', 'o(.)(.)')", '["o", "b"]'),
                ("substring('foobar' from 'o(.)b')", "o"),
                ("regexp_count('banana', 'a')", 3),
                ("null ~ 'x'", None),
            )
        )
        self.refused((("'a' ~ '('", "2201B"), ("'aa' ~ '(a)\\1'", "2201B")))

    def test_places_and_numbers(self) -> None:
        """The n-th match, from a place on; its first or last letter; a group of it."""
        self.answers(
            (
                ("regexp_instr('banana', 'an')", 2),
                ("regexp_instr('banana', 'an', 3)", 4),
                ("regexp_instr('banana', 'an', 1, 2, 1)", 6),
                ("regexp_substr('banana', 'a(.)', 1, 2, '', 1)", "n"),
                ("regexp_substr('banana', 'x')", None),
                ("regexp_replace('banana', 'a', 'o', 3, 1)", "banona"),
                ("regexp_split_to_array('a, b,c', ', *')", '["a", "b", "c"]'),
            )
        )
        self.refused((("regexp_substr('a', 'a', 0)", "22023"),))

    def test_no_pattern_takes_long(self) -> None:
        """This one would be exponential elsewhere."""
        self.assertEqual(self.answer(f"select '{'a' * 5000}!' ~ '^(a+)+$'"), 0)
        self.refused(((f"'a' ~ '{'a' * 10000}'", "2201B"),))
