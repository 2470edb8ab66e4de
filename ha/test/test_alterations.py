"""ALTER TABLE: what SQLite can do itself, and what is read into actions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Alteration, AlterTable, Kind
from ha.sql.statements import split


class AlterationTests(SynchronousTestCase):
    """One text, one reading."""

    def test_sqlites_own_words_pass(self) -> None:
        """As they are written, or said its way."""
        for text, sql in (
            ("alter table t add column z int", "alter table t add column z int"),
            ("alter table t alter column a set not null", "alter table t alter column a set not null"),
        ):
            (statement,) = split(text)
            self.assertEqual((statement.kind, statement.sql, statement.verb), (Kind.SQL, sql, "ALTER TABLE"), text)

    def test_the_rest_are_actions(self) -> None:
        """In SQLite's words where they carry some."""
        for text, actions in (
            ("alter table t add primary key (a)", (Alteration("add constraint", None, "primary key (a)"),)),
            (
                "alter table t add constraint c foreign key (a) references public.u(id) not valid",
                (Alteration("add constraint", "c", "foreign key (a) references u(id)"),),
            ),
            ("alter table t alter a type varchar(5) using a::text", (Alteration("type", "a", "varchar(5)"),)),
            ('alter table t alter a type "public"."Mood"', (Alteration("type", "a", '"Mood"'),)),
            (
                "alter table t alter a set default 'x'::text, alter b drop default",
                (Alteration("set default", "a", "DEFAULT 'x'"), Alteration("drop default", "b")),
            ),
            ("alter table t add column if not exists a int", (Alteration("add column", "a", "a int", True),)),
            ("alter table t rename to u", (Alteration("rename to", None, "u"),)),
            ("alter table public.t rename a to b", (Alteration("rename column", "a", "b"),)),
            ("alter table t drop constraint if exists c cascade", (Alteration("drop constraint", "c", "", True),)),
        ):
            argument = split(text)[0].argument
            assert isinstance(argument, AlterTable)
            made = tuple(
                Alteration(one.action, one.name, one.text.replace("default", "DEFAULT"), one.if_exists)
                for one in argument.actions
            )
            self.assertEqual((argument.table, made), ("t", actions), text)

    def test_what_does_not_parse_says_where(self) -> None:
        """And what cannot be done says so."""
        self.assertEqual(self.assertRaises(StatementError, split, "alter table t frobnicate").position, 15)
        self.assertEqual(
            self.assertRaises(StatementError, split, "alter table t add exclude (a with =)").sqlstate, "0A000"
        )
