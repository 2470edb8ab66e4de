"""Names and types that are read from a statement's words."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.pgtypes import of_name
from ha.sql import infer
from ha.sql.statements import split, with_schema
from ha.test.two_tables import Schema, Source

RECORDED = Path(__file__).parent / "data" / "pgwire" / "column_names_and_oids.json"


class ColumnTests(SynchronousTestCase):
    """What a result is called, and of which type it is."""

    def test_as_postgresql_answered(self) -> None:
        """The recorded answers, but those of plain columns, whose types SQLite knows itself."""
        for recorded in json.loads(RECORDED.read_text()):
            (statement,) = split(recorded["sql"])
            if ".*" in statement.text:
                continue
            sources = [Source(name) for name, _ in recorded["columns"]]
            columns = infer.columns(statement, sources, Schema())
            found = [[column.name, of_name(column.expression or "text")[0]] for column in columns]
            self.assertEqual(found, recorded["columns"], statement.text)

    def test_a_casts_modifiers_are_announced(self) -> None:
        """Of the cast that is outermost."""
        (statement,) = split("select 1::numeric(10,2), id::varchar(5) as x, 1::numeric(10,2) + 1 from users")
        columns = infer.columns(statement, [Source("?")] * 3, Schema())
        self.assertEqual([column.expression for column in columns], ["numeric(10,2)", "varchar(5)", "numeric"])
        (statement,) = split("select $1::timestamp(3) with time zone, null::varchar(4)[], null::interval(0)")
        columns = infer.columns(statement, [Source("?")] * 3, Schema())
        self.assertEqual([column.expression for column in columns], ["timestamptz(3)", "_varchar(4)", "interval(0)"])

    def test_a_star_leaves_its_columns_to_sqlite(self) -> None:
        """What stands before and after it is known."""
        (statement,) = split("select 1 as a, *, count(*) from users")
        sources = [
            Source("a"),
            Source("id", "INTEGER", "users", "id"),
            Source("name", "text", "users", "name"),
            Source("count(*)"),
        ]
        columns = infer.columns(statement, sources, Schema())
        self.assertEqual([column.name for column in columns], ["a", "id", "name", "count"])
        self.assertEqual([column.expression for column in columns], ["int4", None, None, "int8"])

    def test_parameters_have_types_too(self) -> None:
        """Declared by the client when it prepared the statement, or told by what stands beside them."""
        for text, given_types, expected in (
            ("select $1 as x", ("bool",), "bool"),
            ("select $1::text", ("int4",), "text"),
            ("select coalesce($1, $2)", (None, "date"), "date"),
            ("select $1 + 1", (), "int4"),
            ("select now() at time zone 'UTC'", (), "timestamp"),
            ("select date_trunc('day', $1 at time zone 'UTC')", ("timestamp",), "timestamptz"),
            ("select $1", (), None),
            ("select $1", (None,), None),
        ):
            (statement,) = split(text)
            statement = replace(statement, given=given_types)
            (column,) = infer.columns(statement, [Source("x")], Schema())
            self.assertEqual(column.expression, expected, text)

    def test_what_is_a_column_of_a_table(self) -> None:
        """SQLite names one for scalar subqueries and UNIONs, too; PostgreSQL does not."""
        source = Source("id", "INTEGER", "users", "id")
        for text, table in (
            ("select u.id from users u", "users"),
            ("select * from users", "users"),
            ("select (select id from users) from t", None),
            ("select id from users union select id from users", None),
            ("select id from (select id from users union all select id from users) u", None),
            ("select id from users where id in (select 1 union select 2)", "users"),
        ):
            (column,) = infer.columns(split(text)[0], [source], Schema())
            self.assertEqual((column.table, column.decltype), (table, "INTEGER"), text)


class ParameterTests(SynchronousTestCase):
    """What a statement wants."""

    def test_what_the_client_declared_comes_first(self) -> None:
        """Then a cast, then the neighbours."""
        (statement,) = split("select $1::text, $2::int2, $3 = 1")
        statement = replace(statement, given=("int4", None, None))
        self.assertEqual(infer.parameters(statement, Schema()), ("int4", "int2", "int4"))

    def test_a_series_has_ends_of_one_type(self) -> None:
        """And counts in int8 where nothing says otherwise."""
        for text, expected in (
            ("select generate_series(1, $1)", ("int4",)),
            ("select * from generate_series($1, $2)", ("int8", "int8")),
            ("select generate_series($1, now(), '1 day'::interval)", ("timestamptz",)),
        ):
            (statement,) = split(text)
            self.assertEqual(infer.parameters(statement, Schema()), expected, text)

    def described(self, text: str, *types: str | None) -> list[str | None]:
        """The types of a result whose statement was prepared with `types`."""
        statement = replace(split(text)[0], given=types)
        sources = [Source("x")] * (text.count(",") + 1)
        return [column.expression for column in infer.columns(statement, sources, Schema())]

    def test_a_parameter_is_what_the_client_said(self) -> None:
        """Also where it is the result itself."""
        self.assertEqual(self.described("select $1, $2, $3", "_int4", None, "date"), ["_int4", None, "date"])
        self.assertEqual(self.described("select $1::int8, coalesce($2)", None, "uuid"), ["int8", "uuid"])
        self.assertEqual(self.described("select $1 + 1", "float8"), ["float8"])

    def test_pg_typeof_answers_what_is_inferred(self) -> None:
        """Of columns, parameters and literals; None leaves it to the value."""
        text = "select pg_typeof($1), pg_typeof(name), pg_typeof('x'), pg_typeof(NULL), pg_typeof(nosuch), pg_typeof($2) from users"
        statement = replace(split(text)[0], given=("bool",))
        self.assertTrue(statement.asks_types)
        wanted = infer.parameters(statement, Schema())
        self.assertEqual(infer.asked(statement, Schema(), wanted), ("bool", "text", "unknown", "unknown", None, "text"))

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                "select $1 , ( ) [ ] case when end id as from users where = in :: int values insert into any between and * ' "
                "update set ( , day orders 'x' / + on conflict do default with union".split()
            ),
            max_size=12,
        )
    )
    def test_word_salad_raises_nothing(self, words: list[str]) -> None:
        """Whatever could be cut into statements can be read."""
        try:
            statements = split(" ".join(words))
        except StatementError:
            return
        for statement in statements:
            infer.parameters(statement, Schema())
            infer.columns(statement, [Source("x")] * 2, Schema())
            try:
                with_schema(statement, Schema())
            except StatementError:
                pass


def calls_of(text: str) -> int:
    """How many functions are called until everything is known of a statement."""
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event.endswith("call")

    # The same work each time, whatever else the machine does.
    sys.setprofile(called)
    try:
        (statement,) = split(text)
        if statement.asks:
            statement = with_schema(statement, Schema())
        infer.columns(statement, [Source("x")] * 3, Schema())
    finally:
        sys.setprofile(None)
    return count


class LengthTests(SynchronousTestCase):
    """Statements of a megabyte keep nobody waiting: what must be done grows as they do, not faster."""

    def test_many_of_the_same(self) -> None:
        for form, part in (
            ("select * from users where name in ({})", "'v{0}'"),
            ("select * from users where id in ({})", "${0}"),
            ("select array[{}]", "('v{0}')"),
            ("insert into users(name, id) values {} returning id", "('v{0}', {0} + 1)"),
            ("insert into users(name, id) values {}", "('v{0}'::text, ${0})"),
            ("select * from (values {}) as v(a, b)", "({0}, 'v{0}')"),
            ("select {} from users", "id + {0} as x{0}"),
            ("update users set {}", "name = 'v{0}'"),
        ):
            few, many = (
                calls_of(form.format(", ".join(part.format(at) for at in range(1, number + 1))))
                for number in (100, 400)
            )
            self.assertLess(many, 5 * few, form)
