"""Tests of ha.sql.typedefinitions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import (
    AlterComposite,
    AlterDomain,
    AlterEnum,
    Attribute,
    CreateComposite,
    CreateDomain,
    CreateEnum,
    DropType,
    Kind,
)
from ha.sql.statements import split


class TypeDefinitionTests(SynchronousTestCase):
    """CREATE TYPE, ALTER TYPE, DROP TYPE."""

    def test_what_they_say(self) -> None:
        """Names are folded unless they are quoted."""
        for text, verb, argument in (
            (
                "create type public.Mood as enum ('sad', 'it''s', E'o\\nk')",
                "CREATE TYPE",
                CreateEnum("mood", ("sad", "it's", "o\nk")),
            ),
            ('create type "My Type" as enum ()', "CREATE TYPE", CreateEnum("My Type", ())),
            (
                'create type s.pt as (x integer, "Y" numeric(10, 2), z varchar(3)[], p other.t[], c text collate "C")',
                "CREATE TYPE",
                CreateComposite(
                    "s.pt",
                    (("x", "int4"), ("Y", "numeric(10,2)"), ("z", "varchar[](3)"), ("p", '"other.t"[]'), ("c", "text")),
                ),
            ),
            (
                "create domain s.age as integer default 1 + 1 not null check (value > 0) constraint c check (f(value, 1))",
                "CREATE DOMAIN",
                CreateDomain("s.age", "int4", True, "1 + 1", ((None, "value > 0"), ("c", "f(value, 1)"))),
            ),
            ("create domain d text null", "CREATE DOMAIN", CreateDomain("d", "text", False, None, ())),
            ("drop domain if exists d cascade", "DROP DOMAIN", DropType(("d",), True, True, domain=True)),
            ("create type nothing as ()", "CREATE TYPE", CreateComposite("nothing", ())),
            ("alter type mood add value 'x'", "ALTER TYPE", AlterEnum("mood", "add value", "x")),
            (
                "alter type mood add value if not exists 'x' before 'y'",
                "ALTER TYPE",
                AlterEnum("mood", "add value", "x", beside="y", before=True, if_not_exists=True),
            ),
            ("alter type mood add value 'x' after 'y'", "ALTER TYPE", AlterEnum("mood", "add value", "x", beside="y")),
            ("alter type mood rename value 'x' to 'y'", "ALTER TYPE", AlterEnum("mood", "rename value", "x", "y")),
            ("alter type mood rename to feeling", "ALTER TYPE", AlterEnum("mood", "rename to", new="feeling")),
            ("drop type mood, public.other cascade", "DROP TYPE", DropType(("mood", "other"), False, True)),
            ("drop type if exists mood restrict", "DROP TYPE", DropType(("mood",), True, False)),
            (
                "alter domain d add constraint c check (value > 1) not valid",
                "ALTER DOMAIN",
                AlterDomain("d", "add constraint", "c", "value > 1", valid=False),
            ),
            (
                "alter type t drop attribute if exists a cascade, alter attribute b type int",
                "ALTER TYPE",
                AlterComposite("t", (Attribute("drop", "a", "", True), Attribute("type", "b", "int4"))),
            ),
        ):
            (statement,) = split(text)
            self.assertEqual((statement.kind, statement.verb, statement.argument), (Kind.SCRIPT, verb, argument), text)

    def test_what_means_nothing(self) -> None:
        """One owner, one schema."""
        for text in ("alter type mood owner to u", "alter domain d owner to u", "alter type mood set schema public"):
            self.assertEqual(split(text)[0].kind, Kind.NOTHING, text)

    def test_what_is_impossible(self) -> None:
        """Says so, with a hint."""
        for text in (
            "create type r as range (subtype = float8)",
            "create type t",
            "alter type t set schema other",
            "alter domain d set schema other",
        ):
            self.assertEqual(split(text)[0].kind, Kind.REFUSED, text)

    def test_what_is_none(self) -> None:
        """Is a syntax error."""
        for text in (
            "create type m as enum ('a' 'b')",
            "create type m as enum (a)",
            "create type m as (a)",
            "create type m as (a int",
            "create domain d as int check ()",
            "create domain d as int check value > 0",
            "alter type m add value",
            "drop type",
        ):
            self.assertEqual(self.assertRaises(StatementError, split, text).sqlstate, "42601", text)
