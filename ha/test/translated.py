"""What the tests of SQL's rules have in common: a client's words, and what SQLite is given."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import split, with_schema
from ha.test.two_tables import Schema


def plain(text: str) -> str:
    """With white space made one blank, where it does not matter."""
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")").replace(" ,", ",")


def argument(text: str) -> object:
    """What the one statement carries."""
    (statement,) = split(text)
    return statement.argument


class RuleTests(SynchronousTestCase):
    """Each rule of a module by its example."""

    #: What a client writes, and what SQLite is given.
    table: Sequence[tuple[str, str]] = ()
    #: The same with the schema of :mod:`ha.test.two_tables` at hand.
    typed: Sequence[tuple[str, str]] = ()
    #: What is refused with 0A000.
    refused: Sequence[str] = ()

    def test_each_rule(self) -> None:
        """The words SQLite is given."""
        for text, wanted in self.table:
            (statement,) = split(text)
            self.assertEqual(plain(statement.sql), plain(wanted), text)

    def test_each_rule_that_knows_the_schema(self) -> None:
        """The words SQLite is given then; the statement asked for them."""
        for text, wanted in self.typed:
            (statement,) = split(text)
            self.assertTrue(statement.asks, text)
            self.assertEqual(plain(with_schema(statement, Schema()).sql), plain(wanted), text)

    def test_what_cannot_be_said_is_refused(self) -> None:
        """With 0A000 and, nearly always, a hint."""
        for text in self.refused:
            error = self.assertRaises(StatementError, split, text)
            self.assertEqual(error.sqlstate, "0A000", text)
