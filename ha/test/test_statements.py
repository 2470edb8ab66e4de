"""Statements: cutting a text, its kinds, and the way back to the client's positions."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Kind
from ha.sql.statements import CACHED_TEXT_MAX, client_position, split
from ha.sql.tokens import tokenize


class SplitTests(SynchronousTestCase):
    """Where one statement ends and the next begins."""

    def test_semicolons_part_statements(self) -> None:
        """Each knows its place in the whole."""
        text = " select 1 ; ;\n insert into t values (';') -- x;y\n; commit"
        found = split(text)
        self.assertEqual([one.text for one in found], ["select 1", "insert into t values (';') -- x;y", "commit"])
        self.assertEqual([one.verb for one in found], ["SELECT", "INSERT", "COMMIT"])
        for one in found:
            self.assertEqual(text[one.offset : one.offset + len(one.text)], one.text)

    def test_nothing_is_an_empty_statement(self) -> None:
        """Whatever nothing looks like."""
        for text in ("", ";", " ;; ", "-- ping", "/* ping */", "\ufeff"):
            self.assertEqual([one.kind for one in split(text)], [Kind.EMPTY], text)

    def test_a_trigger_is_one_statement(self) -> None:
        """Its body's semicolons are its own, a CASE's END too."""
        trigger = "create temp trigger if not exists x after insert on t begin select case when 1 then 2 end; update t set a=1; end"
        self.assertEqual([one.text for one in split(f"{trigger}; select 2;")], [trigger, "select 2"])
        self.assertEqual(len(split("create table trigger_log(begin_ int); select 1; select 2")), 3)

    def test_bad_text_is_refused_as_a_whole(self) -> None:
        """A literal without end, a lone surrogate."""
        self.assertEqual(self.assertRaises(StatementError, split, "select 1; select 'x").position, 18)
        self.assertEqual(self.assertRaises(StatementError, split, "select '\ud800'").sqlstate, "22021")

    def test_equal_texts_are_cut_once(self) -> None:
        """But long ones are not kept."""
        self.assertIs(split("select 'kept'"), split("select 'kept'"))
        long = f"select '{'x' * CACHED_TEXT_MAX}'"
        self.assertIsNot(split(long), split(long))

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.sampled_from(["select 1", "select ';'", "-- a;b\n", "begin", "x[1]", "$$;$$", "/*;*/", " "]), max_size=6
        )
    )
    def test_splitting_loses_nothing(self, parts: list[str]) -> None:
        """The statements and what lies between them are the text."""
        text = ";".join(parts)
        at = 0
        for one in split(text):
            self.assertFalse([token for token in tokenize(text[at : one.offset]) if token.key != ";"])
            self.assertEqual(text[one.offset : one.offset + len(one.text)], one.text)
            at = one.offset + len(one.text)

    @settings(max_examples=400, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                "select from where array any [ ] ( ) , ; :: int date '2026-01-01' interval '1 day' $1 ? :n + - * -> #>> @> case when end "
                "limit offset fetch first row rows only create table index view or replace alter add column copy set begin declare cursor "
                "for update values default insert into using delete order by desc nulls generate_series unnest as t a b with ordinality "
                "extract trim both cast distinct on prepare execute fetch all in lateral similar to at time zone drop constraint primary key".split()
            ),
            max_size=14,
        )
    )
    def test_word_salad_raises_nothing_but_statement_errors(self, words: list[str]) -> None:
        """Rules that look for operands and brackets do not find what they look for."""
        try:
            split(" ".join(words))
        except StatementError:
            pass


class KindTests(SynchronousTestCase):
    """What the first words make of a statement."""

    def test_kinds_and_tags(self) -> None:
        """PostgreSQL's command tags."""
        for text, kind, verb in (
            ("values (1)", Kind.SQL, "SELECT"),
            ("(select 1) union select 2", Kind.SQL, "SELECT"),
            ("with a as (select 1) insert into t select * from a", Kind.SQL, "INSERT"),
            ("with a as (select 1) select * from a", Kind.SQL, "SELECT"),
            ("replace into t values (1)", Kind.SQL, "INSERT"),
            ("pragma table_info(t)", Kind.SQL, "PRAGMA"),
            ("create unique index i on t(a)", Kind.SQL, "CREATE INDEX"),
            ("start transaction read only", Kind.BEGIN, "START TRANSACTION"),
            ("end", Kind.COMMIT, "COMMIT"),
            ("abort", Kind.ROLLBACK, "ROLLBACK"),
            ("discard all", Kind.DISCARD, "DISCARD ALL"),
            ("deallocate all", Kind.DEALLOCATE, "DEALLOCATE ALL"),
            ("truncate t", Kind.SCRIPT, "TRUNCATE TABLE"),
            ("lock table t", Kind.NOTHING, "LOCK TABLE"),
            ("grant select on t to u", Kind.NOTHING, "GRANT"),
            ("do $$ begin end $$", Kind.DO, "DO"),
            ("selec 1", Kind.SQL, "SELEC"),
        ):
            (one,) = split(text)
            self.assertEqual((one.kind, one.verb), (kind, verb), text)

    def test_parameters_are_counted(self) -> None:
        """The highest number, and which were cast."""
        (one,) = split("select $2, $1::int, $2, cast($3 as varchar(10))")
        self.assertEqual((one.parameters, one.casts), (3, ((1, "int4"), (3, "varchar"))))
        self.assertIn("?2, pg_int4(?1)", one.sql)
        self.assertEqual(split("select ?, :a, $b")[0].parameters, 0)
        self.assertEqual(self.assertRaises(StatementError, split, "select $65536").sqlstate, "42P02")


class PositionTests(SynchronousTestCase):
    """SQLite's place in our text is a place in the client's."""

    def test_places_before_and_after_what_was_changed(self) -> None:
        """Also in the second statement of a text."""
        text = "select 1; select wrong::int, $1, é, nosuch from public.t"
        one = split(text)[1]
        for word in ("wrong", "é", "nosuch", "t"):
            self.assertEqual(client_position(one, one.sql.rindex(word)), text.rindex(word), word)

    def test_the_end_is_the_end(self) -> None:
        """An error at the end of input."""
        (one,) = split("select $1 +")
        self.assertEqual(client_position(one, len(one.sql)), len("select $1 +"))

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 200))
    def test_never_outside(self, offset: int) -> None:
        """Whatever SQLite says."""
        (one,) = split("select a::int, E'x', now() - interval '1 day' from public.t order by 1")
        self.assertTrue(0 <= client_position(one, offset) <= len(one.text))


class LongTests(SynchronousTestCase):
    """A dump's INSERT of many rows is not cut into tokens; nobody can tell."""

    def test_the_same_statement(self) -> None:
        """As the slow way gives, and a word of PostgreSQL's takes the slow way."""
        rows = ",\n".join(f"({number}, 'it''s; {number}', -1.5e3, NULL, true)" for number in range(1000))
        for head in ("INSERT INTO t VALUES ", 'insert into "T" (a, "b c", c)\nvalues '):
            for tail in (
                "",
                ";",
                " ; \n",
                ", (1 + 1)",
                ", (E'a\\nb')",
                ", ('x'::text)",
                " on conflict do nothing; select 1",
            ):
                text = head + rows + tail
                found = split(text)
                slowly = split("select 1;" + text)
                self.assertEqual(len(found) + 1, len(slowly))
                for quick, slow in zip(found, slowly[1:], strict=True):
                    self.assertEqual(
                        (quick.text, quick.sql, quick.verb, quick.offset + 9),
                        (slow.text, slow.sql, slow.verb, slow.offset),
                    )
