"""Sequences and columns that count."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Kind, Script
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
        for text in ("create sequence s increment by 2", "create sequence s cycle"):
            self.assertEqual(self.assertRaises(StatementError, split, text).sqlstate, "0A000")

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
