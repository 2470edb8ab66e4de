"""Names and types that are read from a statement's words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.pgtypes import of_name
from ha.sql import infer
from ha.sql.statements import split

RECORDED = Path(__file__).parent / "data" / "pgwire" / "column_names_and_oids.json"

TABLES = {
    "users": {"id": "INTEGER", "name": "text", "email": "varchar(50)", "active": "boolean", "created": "timestamp"},
    "orders": {"id": "INTEGER", "amount": "numeric(10,2)", "day": "date"},
}


class Schema:
    """Two tables."""

    def column_type(self, table: str, column: str) -> str | None:
        """Of a known column."""
        return TABLES.get(table, {}).get(column)

    def columns(self, table: str) -> Sequence[str] | None:
        """Of a known table."""
        return list(TABLES[table]) if table in TABLES else None


@dataclass(frozen=True)
class Source:
    """A column of which SQLite knows only its text."""

    name: str
    decltype: str | None = None
    table: str | None = None
    origin: str | None = None


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

    def test_names(self) -> None:
        """Aliases of every kind; unquoted ones are folded."""
        for text, names in (
            ('select 1 as Foo, 2 "Bar", 3 baz, a.b, t."C", x::int, f(x)', ["foo", "Bar", "baz", "b", "C", "x", "f"]),
            ("select 1::double precision, 'x'::text || 'y', (a), ((select 1 as z))", ["float8", "?column?", "a", "z"]),
            ("insert into t values (1) returning id, upper(name)", ["id", "upper"]),
            ("with q as (select 1) select count(*) over (), a[1] from q", ["count", "a"]),
            ("values (1, 2)", ["column1", "column2"]),
            ("select a is null b, not a c from t", ["b", "c"]),
            (
                "select case when a then 1 end, cast(a as text), array[1], date '2026-01-01'",
                ["case", "a", "array", "date"],
            ),
        ):
            (statement,) = split(text)
            columns = infer.columns(statement, [Source("?")] * len(names), Schema())
            self.assertEqual([column.name for column in columns], names, text)

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

    def test_types(self) -> None:
        """Operators, functions, branches."""
        for text, name in (
            ("select id + 1 from users", "int8"),
            ("select amount * 2 from orders", "numeric"),
            ("select name || 'x' from users", "text"),
            ("select id in (1, 2) from users", "bool"),
            ("select not active from users", "bool"),
            ("select id between 1 and 2 and active from users", "bool"),
            ("select max(created) from users", "timestamp"),
            ("select coalesce(null, id) from users", "int8"),
            ("select case when active then amount end from users, orders", "numeric"),
            ("select u.created - interval '1 day' from users u", "timestamp"),
            ("select day - day from orders", "int4"),
            ("select day + 1 from orders", "date"),
            ("select now()", "timestamptz"),
            ("select array_agg(name) from users", "_text"),
            ("select (array[1,2])[1]", "int4"),
            ("select '{}'::jsonb -> 'a'", "jsonb"),
            ("select exists (select 1)", "bool"),
            ("select (select name from users)", "text"),
            ("select nosuch(1)", None),
            ("select $1", None),
            ("select count(*) > 1", "bool"),
        ):
            (statement,) = split(text)
            (column,) = infer.columns(statement, [Source("?")], Schema())
            self.assertEqual(column.expression, name, text)


class ParameterTests(SynchronousTestCase):
    """What a statement wants."""

    def test_neighbours_tell(self) -> None:
        """Columns, casts, lists, LIMIT; and nothing where nothing does."""
        for text, types in (
            ("select * from users where id = $1 and name like $2 limit $3", ("int8", "text", "int8")),
            ("insert into users(name, email, active) values ($1,$2,$3),($4,$5,$6)", ("text", "varchar", "bool") * 2),
            ("insert into users values ($1,$2,$3,$4,$5)", ("int8", "text", "varchar", "bool", "timestamp")),
            ("insert into users(id, name) select $1, $2", ("int8", "text")),
            ("update users set name = $1, active = $2 where id = $3", ("text", "bool", "int8")),
            (
                "select * from users u where u.id = any($1) and created between $2 and $3",
                ("_int8", "timestamp", "timestamp"),
            ),
            ("select * from users where id in ($1, $2) or $3 < id", ("int8", "int8", "int8")),
            ("select * from users where lower(name) = $1 and count(*) > $2", ("text", "int8")),
            ("select $1::int, $2", ("int4", None)),
            ("delete from users where active = $1", ("bool",)),
            ("select coalesce($1, id) from users", ("int8",)),
        ):
            (statement,) = split(text)
            self.assertEqual(infer.parameters(statement, Schema()), types, text)

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                "select $1 , ( ) [ ] case when end a.b as from users where = in :: int values insert into any between and * '".split()
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
