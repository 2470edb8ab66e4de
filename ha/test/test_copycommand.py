"""COPY and its options."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Copy
from ha.sql.statements import split
from ha.test.translated import argument


class CopyTests(SynchronousTestCase):
    """COPY in both spellings of its options."""

    def test_options(self) -> None:
        """New and old ones mean the same."""
        for text, wanted in (
            ("copy t from stdin", Copy("t", (), None, False)),
            ('copy public.t(a, "B") to stdout', Copy("t", ("a", "B"), None, True)),
            ("copy t from stdin (format csv, header)", Copy("t", (), None, False, "csv", ",", "", True)),
            ("copy t from stdin csv header", Copy("t", (), None, False, "csv", ",", "", True)),
            ("copy t from stdin with delimiter as '|' null 'x'", Copy("t", (), None, False, "text", "|", "x")),
            ("copy t to stdout with (format 'binary')", Copy("t", (), None, True, "binary")),
            ("copy t from stdin with (freeze on)", Copy("t", (), None, False)),
            (
                "copy t to stdout (format csv, force_quote *, quote '''', escape '\\')",
                Copy("t", (), None, True, "csv", ",", "", False, "'", "\\", ("*",)),
            ),
        ):
            self.assertEqual(argument(text), wanted, text)

    def test_a_query(self) -> None:
        """It is translated."""
        copied = argument("copy (select a::int from t) to stdout")
        assert isinstance(copied, Copy) and copied.statement is not None
        self.assertEqual(copied.statement.sql, "select pg_int4(a) from t")

    def test_what_is_refused(self) -> None:
        """The server's files above all."""
        for text, sqlstate in (
            ("copy t to '/etc/passwd'", "42501"),
            ("copy t from program 'sh'", "42501"),
            ("copy t from stdin (format xml)", "22023"),
            ("copy t from stdin (nosuch)", "42601"),
            ("copy t from stdin delimiter 'ab'", "0A000"),
            ("copy t from stdin quote '|'", "0A000"),
            ("copy t from stdin binary delimiter ','", "42601"),
            ("copy t from stdin encoding 'latin1'", "0A000"),
        ):
            self.assertEqual(self.assertRaises(StatementError, split, text).sqlstate, sqlstate, text)
