"""One statement being rewritten: its operands, its levels, and what is written."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.rewriting import Rewriting
from ha.sql.tokens import tokenize
from ha.sql.translate import translate


def rewriting(text: str) -> Rewriting:
    """Of a whole text."""
    return Rewriting(text, tokenize(text), "SELECT", False, translate)


class OperandTests(SynchronousTestCase):
    """Where an operand begins and ends."""

    def test_before_and_after(self) -> None:
        """Names with dots, calls with FILTER, brackets, casts, CASE, elements of arrays."""
        for left, right in (
            ("a.b", "c.d"),
            ("f(x) filter (where y)", "pg_catalog.f(x, (y))"),
            ("(a + b)", "-5"),
            ("case when x then y end", "case x when 1 then 2 end"),
            ("a[1][2]", "array[1, 2]::int[]"),
            ("date '2026-01-01'", "interval '1 day'"),
            ("x::int::text", "$1::timestamp with time zone"),
        ):
            text = f"select {left} ~ {right} from t"
            one = rewriting(text)
            at = next(index for index in range(len(one.tokens)) if one.key(index) == "~")
            first, last = one.operand_before(at), one.operand_after(at + 1)
            self.assertEqual(text[one.tokens[first].start : one.tokens[at - 1].end], left)
            self.assertEqual(text[one.tokens[at + 1].start : one.tokens[last].end], right)

    def test_no_operand_is_a_syntax_error(self) -> None:
        """At the token that wanted one."""
        one = rewriting("select , ~ 1")
        error = self.assertRaises(StatementError, one.operand_before, 2)
        self.assertEqual((error.sqlstate, error.position), ("42601", 10))


class WrittenTests(SynchronousTestCase):
    """What comes out."""

    def test_what_later_rules_say_is_further_out(self) -> None:
        """And every change is an edit, so that positions can be mapped back."""
        one = rewriting("select a, b")
        one.before(1, "f(")
        one.before(1, "g(")
        one.after(1, ")")
        one.last(1, ")")
        one.instead[3] = "c"
        made = one.written(0, len(one.text))
        self.assertEqual(made.sql, "select g(f(a)), c")
        self.assertEqual(made.edits, ((7, 7), (7, 11), (8, 14), (10, 16), (11, 17)))
