"""Translation: PostgreSQL's words as SQLite's, and SQLite's own left alone."""

from __future__ import annotations

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Kind
from ha.sql.statements import split, with_schema
from ha.sqlite.connection import open_writer
from ha.sqlite.declared import Declared
from ha.test.translated import RuleTests

TABLE = (("select /* a /* b */ c */ 1", "select 1"),)

REFUSED = (
    "create table t(id serial, a text primary key)",
    "create table t(id serial, b serial)",
    "create table t(a int) partition by range (a)",
    "create table t(a int, exclude using gist (a with =))",
)


class TableTests(RuleTests):
    """What several rules do together, and the definitions that are refused."""

    table = TABLE
    refused = REFUSED

    def test_sqlites_order_on_demand(self) -> None:
        """For the door that speaks SQLite."""
        self.assertEqual(split("select a from t order by a", sqlite_order=True)[0].sql, "select a from t order by a")


#: Pieces of SQLite's dialect that no rule of PostgreSQL's touches.
_VALUES = (
    "1",
    "'it''s'",
    "x'00'",
    ":name",
    "?",
    "?2",
    "@a",
    "$b",
    "a",
    "t.b",
    "[a]",
    "`b`",
    '"a"',
    "null",
    "rowid",
    "~1",
    "-a",
    "abs(a)",
    "count(*) over ()",
    "cast(a as text)",
    "case a when 1 then 2 else 3 end",
    "(select max(a) from t)",
    "json_array(1,2)",
    "date('now')",
    "strftime('%Y', b)",
    "a -> '$.x'",
    "typeof(a)",
)
_OPERATORS = (
    "+",
    "-",
    "*",
    "||",
    "=",
    "==",
    "<>",
    "is",
    "is not",
    "glob",
    "and",
    "or",
    "<<",
    "&",
    "in",
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement that SQLite prepares."""
    values = st.sampled_from(_VALUES)

    def expression() -> str:
        parts = [draw(values)]
        # Not both: SQLite joins before it computes, and PostgreSQL after.
        left_out = draw(st.sampled_from((("||",), ("+", "-", "*"))))
        for _ in range(draw(st.integers(0, 2))):
            operator = draw(st.sampled_from([one for one in _OPERATORS if one not in left_out]))
            parts += [operator, f"({draw(values)})" if operator == "in" else draw(values)]
        return " ".join(parts)

    listed = ", ".join(expression() for _ in range(draw(st.integers(1, 3))))
    tail = draw(
        st.sampled_from(("", " where a > 1", " limit 3 offset 1", " limit 1, 2", " group by a", " -- x", " /* y */"))
    )
    shape = draw(st.integers(0, 4))
    if shape == 0:
        return f"select {listed} from t{tail}"
    if shape == 1:
        return f"insert or ignore into t select 1, {expression()} from t"
    if shape == 2:
        return f"update t set a = {expression()} where b = {draw(values)}".replace("count(*) over ()", "1")
    if shape == 3:
        return f"with x as (select a, b from t) select {listed} from x as t{tail}".replace("rowid", "a")
    return f"delete from t where {expression()}".replace("count(*) over ()", "1")


class PassingTests(SynchronousTestCase):
    """SQLite's own dialect."""

    def setUp(self) -> None:
        """A table without types."""
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.execute("create table t(a, b)")

    @settings(max_examples=300, deadline=None)
    @given(statements())
    def test_sqlites_statements_pass_byte_for_byte(self, text: str) -> None:
        """Whatever SQLite accepts and no rule of PostgreSQL's names."""
        try:
            self.connection.facts(text)
        except (apsw.SQLError, StatementError):
            return
        (statement,) = split(text)
        self.assertEqual(statement.kind, Kind.SQL)
        self.assertEqual(statement.sql, text)
        self.assertEqual(statement.edits, ())
        if (
            statement.asks and "'" not in text
        ):  # columns without a type ask for nothing; a text beside a number is read as one
            try:
                fitting = with_schema(statement, Declared(self.connection))
            except StatementError as error:
                self.assertIn(error.sqlstate, ("42803", "42883"))  # what PostgreSQL would not run is not run
            else:
                self.assertEqual(fitting.sql, text)

    def test_sqlites_ddl_passes(self) -> None:
        """Words that both know, meaning SQLite's."""
        for text in (
            "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)",
            "create table if not exists t(a int default 1, b text default 'x' not null, c as (a+1) stored, primary key (a, b)) without rowid",
            "create table t(a timestamp default current_timestamp, b datetime default (datetime('now')), check (a > 1)) strict",
            "create virtual table f using fts5(a, b, tokenize='porter')",
            "create trigger x after update of a on t when new.a > 1 begin insert into t values (1); delete from t; end",
            "create index i on t(a desc, b collate nocase) where a is not null",
            "create view v(a) as select a from t order by a limit 1",
            "alter table t add column z int",
            "alter table t rename column a to b",
            "alter table t drop column a",
            "insert into t values (1) on conflict(a) do update set b = excluded.b where a > 1 returning *",
            "explain query plan select 1",
            "pragma foreign_key_list('t')",
            "vacuum into 'x'",
            "reindex t",
            "analyze t",
            "drop table if exists t",
        ):
            (statement,) = split(text)
            self.assertEqual(statement.sql, text)
