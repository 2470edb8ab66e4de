"""Statements about objects and about the server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import (
    DELETE_ROWS,
    DROP,
    Comment,
    CreateDatabase,
    Drop,
    DropDatabase,
    Execute,
    Kind,
    OnCommit,
    Script,
    Truncate,
)
from ha.sql.statements import split


class DefinitionTests(SynchronousTestCase):
    """What is accepted, said otherwise, or refused."""

    def test_some_mean_nothing_here(self) -> None:
        """They answer their tag, so that dumps and frameworks go on."""
        for text in (
            "grant select on t to u",
            "revoke all on t from u",
            "comment on extension pgcrypto is 'x'",
            "comment on constraint c on domain d is 'x'",
            "create extension if not exists pgcrypto",
            "create schema if not exists public",
            "alter sequence s owned by t.id",
            "alter table t owner to u",
            "vacuum analyze t",
            "vacuum (full) t",
            "vacuum",
            "vacuum main",
            "checkpoint",
        ):
            self.assertEqual(split(text)[0].kind, Kind.NOTHING, text)

    def test_comments(self) -> None:
        """Know what they are about."""
        for text, argument in (
            ("comment on table public.t is 'it''s'", Comment("table", "t", None, "it's")),
            ("comment on column public.t.c is null", Comment("column", "t", "c", None)),
            ("comment on column t.c is $$x$$", Comment("column", "t", "c", "x")),
            ("comment on constraint k on t is 'x'", Comment("constraint", "t", "k", "x")),
            ("comment on materialized view v is 'x'", Comment("view", "v", None, "x")),
        ):
            (statement,) = split(text)
            self.assertEqual((statement.kind, statement.verb, statement.argument), (Kind.SCRIPT, "COMMENT", argument))

    def test_some_are_impossible(self) -> None:
        """They say so, and what to do instead."""
        for text in (
            "create function f() returns setof int as 'select 1' language sql",
            "create database x template other",
            "create database x encoding 'LATIN1'",
            "create role r",
            "create schema foo create table t (a int)",
            "call p()",
            "alter user u password 'x'",
        ):
            (statement,) = split(text)
            self.assertEqual(statement.kind, Kind.REFUSED, text)
            self.assertEqual(statement.argument[0], "0A000")  # type: ignore[index]

    def test_databases(self) -> None:
        """Are the node's; owner and locale mean nothing."""
        for text, argument in (
            ("create database Mine", CreateDatabase("mine")),
            (
                "CREATE DATABASE \"Mine\" WITH OWNER = ha ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE='C'",
                CreateDatabase("Mine"),
            ),
            ("drop database mine", DropDatabase("mine", False, False)),
            ("DROP DATABASE IF EXISTS mine WITH (FORCE)", DropDatabase("mine", True, True)),
        ):
            (statement,) = split(text)
            self.assertEqual((statement.kind, statement.argument), (Kind.DATABASE, argument), text)
            self.assertEqual(statement.verb, text[: text.upper().index(" DATABASE") + 9].upper())

    def test_several_in_one(self) -> None:
        """PostgreSQL's one statement, SQLite's several."""
        for text, texts in (
            (
                "create or replace view v as select 1::int as a",
                ('DROP VIEW IF EXISTS "v"', "create  view v as select CAST(1 AS INTEGER) as a"),
            ),
        ):
            argument = split(text)[0].argument
            assert isinstance(argument, Script)
            self.assertEqual(
                [" ".join(one.split()) for one in argument.texts], [" ".join(one.split()) for one in texts], text
            )
        self.assertEqual(
            split("truncate table only a, b restart identity cascade")[0].argument, Truncate(("a", "b"), True, True)
        )

    def test_on_commit(self) -> None:
        """What a TEMP table loses; without a word, or PRESERVE ROWS, nothing."""
        for text, expected in (
            ("create temp table T (a int) on commit drop", OnCommit("t", DROP)),
            ("create local temporary table if not exists t (a) on commit delete rows", OnCommit("t", DELETE_ROWS)),
            ("create temp table pg_temp.t (a int) on commit preserve rows", None),
            ("create temp table t (a int)", None),
        ):
            (statement,) = split(text)
            self.assertEqual(statement.argument, expected, text)
            self.assertNotIn("commit", statement.sql)
        self.assertEqual(
            self.assertRaises(StatementError, split, "create table t (a) on commit drop").sqlstate, "42P16"
        )

    def test_views_anew(self) -> None:
        """A TEMP view takes the place of a TEMP view."""
        argument = split("create or replace temp view v as select 1")[0].argument
        assert isinstance(argument, Script)
        self.assertTrue(argument.temporary)
        self.assertEqual(argument.texts[0], 'DROP VIEW IF EXISTS temp."v"')

    def test_explain_with_postgresqls_options(self) -> None:
        """One column QUERY PLAN; EXPLAIN QUERY PLAN is SQLite's, and at SQLite's door a bare EXPLAIN."""
        (statement,) = split("explain (analyze, format json) select 'x'")
        self.assertEqual(
            statement.sql, "SELECT pg_json(plan) AS \"QUERY PLAN\" FROM pg_explain('select ''x''', 'json', 1, '')"
        )
        (statement,) = split("explain (verbose, format json) execute s(null)")
        self.assertEqual((statement.kind, statement.verb), (Kind.EXECUTE, "EXPLAIN"))
        assert isinstance(statement.argument, Execute)
        self.assertEqual((statement.argument.name, statement.argument.explained), ("s", "json"))
        self.assertNotIn("pg_explain", split("explain query plan select 1")[0].sql)
        self.assertEqual(split("explain select 1", sqlite_order=True)[0].sql, "explain select 1")

    def test_drop(self) -> None:
        """What is there the schema tells; at SQLite's own door SQLite."""
        for text, drop in (
            ("drop table a, public.b cascade", Drop("TABLE", (("a", "a"), ("b", '"b"')), False, True)),
            ("drop index concurrently if exists I, j", Drop("INDEX", (("i", "I"), ("j", "j")), True, False)),
            ("drop sequence if exists public.s", Drop("TABLE", (("s", '"s"'),), True, False)),
            ("drop table temp.t", Drop("TABLE", (("t", '"temp"."t"'),), False, False)),
        ):
            self.assertEqual(split(text)[0].argument, drop, text)

    def test_drop_in_sqlites_words(self) -> None:
        """What it does not know is left out."""
        for text, sql in (
            ("drop table t cascade", "DROP TABLE t"),
            ("drop trigger tr on t", "DROP TRIGGER tr"),
            ("drop materialized view v", "DROP VIEW v"),
            ("analyze", "ANALYZE main"),
            ("analyze verbose", "ANALYZE main"),
            ("analyze verbose t", 'ANALYZE "t"'),
            ("reindex table t", 'REINDEX "t"'),
        ):
            self.assertEqual(split(text, sqlite_order=True)[0].sql, sql, text)
