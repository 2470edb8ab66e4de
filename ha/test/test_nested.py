"""Arrays in PostgreSQL's writing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.nested import array_literal, record_binary


class ArrayTests(SynchronousTestCase):
    """Braces, quotes, NULL."""

    def test_literals(self) -> None:
        """Nested, quoted, with bounds."""
        for text, items in (
            ("{}", []), ("{1,NULL}", ["1", None]), ('{"a b","NULL","\\"",{}}', ["a b", "NULL", '"', []]), ("[0:1]={1,2}", ["1", "2"]),
            ('{ "a", " b " , c d }', ["a", " b ", "c d"]),
            ("{a\\ \\ , \\NULL, x\\  }", ["a  ", "NULL", "x "]),
            ("{\x1c,\u00a0,a\u2003}", ["\x1c", "\u00a0", "a\u2003"]),
            ("{{1,2},{3,4}}", [["1", "2"], ["3", "4"]]),
        ):  # fmt: skip
            self.assertEqual(array_literal(text), items, text)

    def test_what_is_none(self) -> None:
        """Braces that do not close, commas without elements."""
        for text in ("", "1,2", "{1", "{,1}", "{1}}", "{{{{{{{1}}}}}}}"):
            self.assertEqual(self.assertRaises(StatementError, array_literal, text).sqlstate, "22P02", text)

    def test_records(self) -> None:
        """Their fields have no types in the file."""
        self.assertEqual(
            record_binary("(1,a)").hex(),
            "00000002" + "00000017" + "00000004" + "00000001" + "000002c1" + "00000001" + "61",
        )
