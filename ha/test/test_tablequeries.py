"""CREATE TABLE … AS, read."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import DELETE_ROWS, CreateTableAs, Kind
from ha.sql.statements import split


class ReadingTests(SynchronousTestCase):
    """What it says, apart from its query."""

    def test_what_it_says(self) -> None:
        """Names, storage without meaning, WITH NO DATA, ON COMMIT."""
        (statement,) = split(
            "create temp table if not exists T (a, b) with (fillfactor = 70) on commit delete rows as "
            "select 1, 2 union select 3, 4 with no data"
        )
        argument = statement.argument
        assert isinstance(argument, CreateTableAs)
        self.assertEqual(
            (
                argument.name,
                argument.columns,
                argument.filled,
                argument.if_not_exists,
                argument.temporary,
                argument.at_commit,
            ),
            ("t", ("a", "b"), False, True, True, DELETE_ROWS),
        )
        self.assertEqual(argument.query.sql, "select 1, 2 union select 3, 4")

    def test_others_are_sqlites(self) -> None:
        """A table of columns, one with parameters, SQLite's own kinds, another door's."""
        for text in (
            "create table t (a int)",
            "create table t as select $1::int",
            "create virtual table t using fts5(a)",
        ):
            self.assertIs(split(text)[0].kind, Kind.SQL, text)
        self.assertIs(split("create table t as select 1", sqlite_order=True)[0].kind, Kind.SQL)

    def test_what_is_no_query(self) -> None:
        """Is refused, or a syntax error."""
        self.assertIs(split("create table t as execute q")[0].kind, Kind.REFUSED)
        self.assertEqual(self.assertRaises(StatementError, split, "create table t as").sqlstate, "42601")
