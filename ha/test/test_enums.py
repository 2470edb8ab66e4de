"""Tests of ha.sql.enums."""

from __future__ import annotations

from dataclasses import replace

from ha.errors import StatementError
from ha.sql import made
from ha.sql.statements import split, with_schema
from ha.test.translated import RuleTests, plain
from ha.test.two_tables import MOOD, Schema


def rank(value: str) -> str:
    """A value's place among the labels."""
    return f"CASE {value} WHEN 'sad' THEN 1 WHEN 'ok' THEN 2 WHEN 'happy' THEN 3 END"


def ranked(place: str) -> str:
    """The label at a place."""
    return f"CASE {place} WHEN 1 THEN 'sad' WHEN 2 THEN 'ok' WHEN 3 THEN 'happy' END"


def checked(value: str) -> str:
    """A value that must be a label."""
    return f"pg_enum({value}, '{MOOD}')"


PLACE = rank("mood")
OK = rank("'ok'")
CALLED_M = rank('"m"')
EXTREME = ranked(f"min({OK}, {PLACE})")


class EnumTests(RuleTests):
    """Values of an enumeration, ordered as their labels were declared."""

    def test_what_order_means(self) -> None:
        """Wherever it matters; equality needs no help."""
        for text, wanted in (
            ("select name from people where mood = 'ok'", "select name from people where mood = 'ok'"),
            ("select name from people where mood > 'sad'", f"select name from people where {PLACE} > 1"),
            ("select 'sad' <= mood from people", f"select 1 <= {PLACE} from people"),
            ("select mood >= 'ok'::mood from people", f"select {PLACE} >= {OK} from people"),
            ("select mood between 'sad' and 'ok' from people", f"select {PLACE} between 1 and 2 from people"),
            ("select mood not between $1 and 'ok' from people",
             f"select {PLACE} not between {rank(checked('?1'))} and 2 from people"),
            ("select 1 from people p where p.mood < ?1",
             f"select 1 from people p where {rank('p.mood')} < {rank(checked('?1'))}"),
            ("select name from people order by mood desc, name",
             f"select name from people order by {PLACE} desc NULLS FIRST, name NULLS LAST"),
            ("select name, mood from people order by 2", f"select name, mood from people order by {PLACE} NULLS LAST"),
            ("select name, mood as m from people order by m", f"select name, mood as m from people order by {PLACE} NULLS LAST"),
            ("select max(mood) as m from people order by m",
             f"select {ranked(f'max({PLACE})')} as m from people order by {CALLED_M} NULLS LAST"),
            ("select mood as score from people order by score", f"select mood as score from people order by {PLACE} NULLS LAST"),
            ("select rank() over (order by mood) from people", f"select rank() over (order by {PLACE} NULLS LAST) from people"),
            ("select m from (select mood as m from people) x order by m",
             f"select m from (select mood as m from people) x order by {rank('m')} NULLS LAST"),
            ("select min(mood) filter (where score > 1) over () from people",
             f"select {ranked(f'min({PLACE}) filter (where score > 1) over ()')} from people"),
            ("select greatest(mood, 'ok') from people", f"select {ranked(f'greatest({PLACE}, 2)')} from people"),
            ("select max(mood)::text from people", f"select CAST({ranked(f'max({PLACE})')} AS TEXT) from people"),
            ("select name from people order by score, name < 'x'",
             "select name from people order by score NULLS LAST, name < 'x' NULLS LAST"),
        ):  # fmt: skip
            (statement,) = split(text)
            self.assertTrue(statement.may_ask)
            self.assertEqual(plain(with_schema(statement, Schema()).sql), wanted, text)

    def test_what_is_a_label(self) -> None:
        """A literal is looked at once, anything else when it is there."""
        for text, wanted in (
            ("select 'ok'::mood", "select 'ok'"),
            ("select name::mood from people", f"select {checked('name')} from people"),
            ("select cast($1 as mood)", f"select {checked('?1')}"),
            ("select '{ok}'::mood[]", f"select pg_enum('{{ok}}', '_{MOOD}')"),
            ("select 1 from people where mood = $1", f"select 1 from people where mood = {checked('?1')}"),
            ("insert into people (mood) values ('ok')", "insert into people (mood) values ('ok')"),
            ("insert into people (mood) values ($1)", f"insert into people (mood) values ({checked('?1')})"),
            ("insert into people (mood) select name from people",
             f"insert into people (mood) select {checked('name')} from people"),
            ("update people set mood = $1", f"update people set mood = {checked('?1')}"),
            ("update people set mood = min('ok'::mood, mood)",
             f"update people set mood = {EXTREME}"),
            ("update people set moods = $1", f"update people set moods = pg_enum(?1, '_{MOOD}')"),
        ):  # fmt: skip
            (statement,) = split(text)
            self.assertEqual(plain(with_schema(statement, Schema()).sql), wanted, text)
        for text in (
            "select 'x'::mood",
            "select 1 from people where mood = 'x'",
            "select 1 from people where mood in ('ok', 'x')",
            "select 1 from people where mood < 'x'",
            "insert into people (mood) values ('x')",
            "update people set mood = 'x'",
            "create table t (a mood default 'x')",
        ):
            (statement,) = split(text)
            error = self.assertRaises(StatementError, with_schema, statement, Schema())
            self.assertEqual((error.sqlstate, error.message), ("22P02", 'invalid input value for enum mood: "x"'), text)
            self.assertEqual(error.position, text.index("'x'") + 1)

    def test_a_parameter_that_was_given_the_type(self) -> None:
        """By its number, as drivers do that asked the catalog."""
        (statement,) = split("select $1, $1::text")
        statement = replace(statement, given=(made.by_number(made.number_of("mood")),))
        self.assertEqual(with_schema(statement, Schema()).sql, f"select {checked('?1')}, CAST({checked('?1')} AS TEXT)")

    def test_functions_of_the_type(self) -> None:
        """Whatever value it is asked by."""
        for text, wanted in (
            ("select enum_first(null::mood)", "select 'sad'"),
            ("select enum_last(mood) from people", "select 'happy' from people"),
            ("select enum_range(null::mood)", f"select pg_enum_range(NULL, NULL, '{MOOD}')"),
            ("select enum_range('ok'::mood, null)", f"select pg_enum_range('ok', null, '{MOOD}')"),
        ):
            (statement,) = split(text)
            self.assertEqual(plain(with_schema(statement, Schema()).sql), wanted, text)
        (statement,) = split("select enum_first(1)")
        self.assertEqual(self.assertRaises(StatementError, with_schema, statement, Schema()).sqlstate, "42804")

    def test_what_would_be_wrong_is_refused(self) -> None:
        """Rather than ordered by letters."""
        for text, sqlstate in (
            ("select mood from people union select 'ok'::mood order by 1", "0A000"),
            ("select * from people order by 2", "0A000"),
            ("select max(mood) from people order by 1", "0A000"),
            ("select upper(mood)::mood as mood from people order by mood", "0A000"),
            ("select distinct on (mood) mood from people order by mood", "0A000"),
            ("select 1 from people where (mood, 1) < ('ok', 2)", "0A000"),
            ("select 1 from people order by moods", "0A000"),
            ("select 1 from people where mood < name", "42883"),
            ("select 1::nosuch", "42704"),
            ("create view v as select name from people order by mood", "0A000"),
            ("create view v as select max(mood) from people", "0A000"),
        ):
            (statement,) = split(text)
            self.assertEqual(
                self.assertRaises(StatementError, with_schema, statement, Schema()).sqlstate, sqlstate, text
            )
        for text in (
            "create view v as select name from people where mood = 'ok'",
            "create table t (a mood default 'ok')",
        ):
            (statement,) = split(text)
            self.assertIs(with_schema(statement, Schema()), statement)

    def test_sqlites_own_clients_are_not_asked(self) -> None:
        """They compare texts, and know no such type."""
        (statement,) = split("select name from people order by mood", sqlite_order=True)
        self.assertFalse(statement.may_ask)
        self.assertEqual(
            self.assertRaises(StatementError, split, "select 1::mood", sqlite_order=True).sqlstate, "42704"
        )
