"""What a SELECT is grouped by."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.groupedby import SETS_MAX, aggregates, sets
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import tokenize
from ha.sql.translate import translate


def rewriting(text: str) -> Rewriting:
    """A text's tokens."""
    return Rewriting(text, tokenize(text), "SELECT", False, translate)


def said(text: str) -> list[tuple[str, ...]]:
    """The sets of a list of terms, each term by its words."""
    one = rewriting(text)
    return [
        tuple(text[one.tokens[first].start : one.tokens[last - 1].end] for first, last in terms)
        for terms in sets(one, 0, len(one.tokens))
    ]


class SetTests(SynchronousTestCase):
    """The sets that a GROUP BY says."""

    def test_each_way_to_say_them(self) -> None:
        """They multiply; a bracket's terms go together."""
        for text, wanted in (
            ("a, f(b, c)", [("a", "f(b, c)")]),
            ("()", [()]),
            ("(a, b), c", [("a", "b", "c")]),
            ("rollup(a, (b, c))", [("a", "b", "c"), ("a",), ()]),
            ("cube(a, b)", [("a", "b"), ("a",), ("b",), ()]),
            ("a, rollup(b)", [("a", "b"), ("a",)]),
            ("grouping sets (a, (b, c), (), rollup(d))", [("a",), ("b", "c"), (), ("d",), ()]),
        ):
            self.assertEqual(said(text), wanted, text)

    def test_there_are_not_too_many(self) -> None:
        """54001, before they are made."""
        for text in ("cube(" + ", ".join("abcdefghijklm") + ")", ", ".join(["rollup(a)"] * 40)):
            self.assertEqual(self.assertRaises(StatementError, said, text).sqlstate, "54001", text)
        self.assertEqual(len(said(", ".join(["rollup(a)"] * 12))), SETS_MAX)

    def test_what_is_no_list(self) -> None:
        """Is a syntax error."""
        for text in ("rollup()", "a,", "rollup(a,)"):
            self.assertEqual(self.assertRaises(StatementError, said, text).sqlstate, "42601", text)


class AggregateTests(SynchronousTestCase):
    """Which words aggregate."""

    def test_each_form(self) -> None:
        """Not over a window, not in a subquery, not SQLite's max of two."""
        for text, wanted in (
            ("count(*)", True),
            ("1 + coalesce(max(a), 0)", True),
            ("sum(a) filter (where b)", True),
            ("mode() within group (order by a)", True),
            ("count(*) over ()", False),
            ("sum(a) filter (where b) over (order by c)", False),
            ("sum(count(*)) over ()", True),
            ("(select count(*))", False),
            ("max(a, b)", False),
            ("upper(a)", False),
        ):
            one = rewriting(text)
            self.assertEqual(aggregates(one, 0, len(one.tokens)), wanted, text)
