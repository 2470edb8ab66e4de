"""Sequences and columns that count."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Kind, Script
from ha.sql.sequencedefinitions import COLUMNS, Counting, counting_of
from ha.sql.statements import split


class SequenceTests(SynchronousTestCase):
    """Where they begin."""

    def test_sequences(self) -> None:
        """Are tables that count; a column that counts by itself needs none."""
        table = "(last_value INTEGER PRIMARY KEY AUTOINCREMENT)"
        for text, texts in (
            ("create sequence s increment by 1 no maxvalue cache 1", (f'CREATE TABLE "s" {table}',)),
            ("alter sequence s restart with 7", ("SELECT setval('\"s\"', 7, 0)",)),
            ("alter sequence public.t_id_seq owned by public.t.id", ('DROP TABLE IF EXISTS "t_id_seq"',)),
        ):
            statement = split(text)[0]
            found = statement.argument.texts if statement.argument else (statement.sql,)  # type: ignore[union-attr]
            self.assertEqual(found, texts, text)

    def test_sequences_of_their_own_manner(self) -> None:
        """Have it as the defaults of columns; PostgreSQL's own defaults for what is not said."""
        for text, manner in (
            ("create sequence s increment by 5 start 3", (3, 5, 1, 2**63 - 1, 0)),
            ("create sequence s increment -1", (-1, -1, -(2**63), -1, 0)),
            ("create sequence s as int minvalue 2 maxvalue 4 cycle", (2, 1, 2, 4, 1)),
            ("create sequence s as smallint", (1, 1, 1, 2**15 - 1, 0)),
        ):
            argument = split(text)[0].argument
            assert isinstance(argument, Script)
            self.assertIn(Counting(*manner).words(), argument.texts[0])
        for text in (
            "create sequence s increment by 0",
            "create sequence s start 0",
            "create sequence s maxvalue 5 start 6",
            "create sequence s minvalue 5 maxvalue 5",
        ):
            self.assertEqual(self.assertRaises(StatementError, split, text).sqlstate, "22023", text)

    def test_counting(self) -> None:
        """Up or down, to the end or around."""
        self.assertEqual([Counting(1, 5).next(-4), Counting(1, 5).next(1)], [1, 6])
        self.assertEqual([Counting(2, 1, 2, 4, cycles).next(4) for cycles in (0, 1)], [None, 2])
        self.assertEqual([Counting(-1, -1, -2, -1, cycles).next(-2) for cycles in (0, 1)], [None, -1])
        self.assertEqual(
            counting_of({"last_value": None, **dict(zip(COLUMNS, "35192", strict=True))}), Counting(3, 5, 1, 9, 2)
        )
        self.assertEqual(counting_of({"id": None, "start_value": "7"}), Counting())

    def test_identities_count_from_where_they_shall(self) -> None:
        """And by one: what asks for something else is refused."""
        argument = split(
            "create table if not exists s.t (id int generated always as identity (start with 42) primary key)"
        )[0].argument
        assert isinstance(argument, Script)
        self.assertIn("SELECT 's.t', 41 WHERE NOT EXISTS", argument.texts[1])
        self.assertIs(
            split("create table t (id int generated always as identity (cache 5) primary key)")[0].kind, Kind.SQL
        )
        text = "create table t (id int generated always as identity (increment by 2) primary key)"
        self.assertEqual(self.assertRaises(StatementError, split, text).sqlstate, "0A000")
