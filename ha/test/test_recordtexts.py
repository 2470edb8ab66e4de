"""Records in PostgreSQL's writing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql import recordtexts


class RecordTextTests(SynchronousTestCase):
    """``(1,"a b",)``."""

    @given(st.lists(st.none() | st.text(st.sampled_from('ab ,()"\\{}\n\x1c'), max_size=8), min_size=2, max_size=4))
    def test_fields_come_back(self, fields: list[str | None]) -> None:
        """Whatever they hold."""
        self.assertEqual(recordtexts.read(recordtexts.write(fields)), fields)

    def test_what_postgresql_writes(self) -> None:
        """Quotes where it has them; blanks count."""
        for text, fields in (
            ("(1,abc)", ["1", "abc"]), ("(,)", [None, None]), ('("",x)', ["", "x"]), (' ( a ,"b ""c"" \\\\")', [" a ", 'b "c" \\']),
            (r"(a\,b)", ["a,b"]), ('(a"b"c)', ["abc"]), ("()", [None]),
        ):  # fmt: skip
            self.assertEqual(recordtexts.read(text), fields, text)
        self.assertEqual(recordtexts.write(["a b", "", None, '"', "\\", "plain"]), '("a b","",,"""","\\\\",plain)')

    def test_what_is_none(self) -> None:
        """22P02, and what is wrong with it."""
        for text, detail in (
            ("1,2", "Missing left parenthesis."), ("(1", "Unexpected end of input."), ('("a)', "Unexpected end of input."),
            ("(1) x", "Junk after right parenthesis."),
        ):  # fmt: skip
            error = self.assertRaises(StatementError, recordtexts.read, text)
            self.assertEqual((error.sqlstate, error.detail), ("22P02", detail), text)
        for text, count in (("(1,2)", 1), ("(1)", 2), ("()", 2)):
            self.assertEqual(
                self.assertRaises(StatementError, recordtexts.fitting, text, count).sqlstate, "22P02", text
            )
        self.assertEqual(recordtexts.fitting("()", 0), [])
