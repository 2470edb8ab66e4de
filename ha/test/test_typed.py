"""What the schema tells of a statement's operands."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import split, with_schema
from ha.sql.tokens import tokenize
from ha.sql.typed import Types
from ha.sqlite.connection import open_writer
from ha.sqlite.declared import Declared
from ha.test.two_tables import Schema

_COLUMNS = ("id", "v", "n", "b", "d", "ts", "i", "x", "f")
_LEAVES = (
    *_COLUMNS,
    "t.n",
    "s.d",
    "1",
    "'2026-01-01'",
    "'x'",
    "null",
    "true",
    "1.5",
    "$1",
    "now()",
    "interval '1 day'",
    "'5'",
)
_OPERATORS = ("+", "-", "*", "/", "%", "||", "=", "<", "like", "ilike", "is", "and")


def expressions() -> st.SearchStrategy[str]:
    """Whatever can be made of the columns of two tables."""
    return st.recursive(
        st.sampled_from(_LEAVES),
        lambda inner: st.one_of(
            st.builds("{} {} {}".format, inner, st.sampled_from(_OPERATORS), inner),
            st.builds("({})".format, inner),
            st.builds("{}({}, {})".format, st.sampled_from(("coalesce", "max", "nullif")), inner, inner),
            st.builds("case when {} then {} else {} end".format, inner, inner, inner),
            st.builds(
                "{}::{}".format, st.sampled_from(_COLUMNS), st.sampled_from(("int", "numeric(5,2)", "date", "text"))
            ),
            st.builds("(select {} from s where {})".format, inner, inner),
            st.builds("{} in ({}, {})".format, st.sampled_from(_COLUMNS), inner, inner),
            st.builds("{} between {} and {}".format, st.sampled_from(_COLUMNS), inner, inner),
            st.builds("exists (select 1 from s where {})".format, inner),
        ),
        max_leaves=8,
    )


_STATEMENTS = st.one_of(
    st.builds("select {} as a, {} from t, s where {} order by 1".format, expressions(), expressions(), expressions()),
    st.builds("update t set {} = {} where {}".format, st.sampled_from(_COLUMNS), expressions(), expressions()),
    st.builds("insert into t({}) select {} from t, s".format, st.sampled_from(_COLUMNS), expressions()),
    st.builds("insert into t({}) select {} from t, s union select 1".format, st.sampled_from(_COLUMNS), expressions()),
    st.builds("delete from t where {}".format, expressions()),
)
_INTRUDERS = (
    "", "(", ")", "[", "]", ",", ";", "::", "'", '"', "select", "in (", "case", "end", "with", "as", "values", "any(", "interval", "between",
    "group by", "operator(", "is distinct", "*", ".", "$1", "array[",
)  # fmt: skip


class FittedTests(SynchronousTestCase):
    """Statements on columns of many types, before SQLite."""

    def setUp(self) -> None:
        """Two tables."""
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        self.connection.execute(
            "create table t(id integer primary key, v varchar(5), n numeric(8,2), b boolean, d date, ts timestamp, i int4, x text,"
            " f float8); create table s(id int, v varchar(9), d date, n numeric)"
        )

    @settings(max_examples=300, deadline=None)
    @given(_STATEMENTS)
    def test_what_could_be_prepared_still_can(self, text: str) -> None:
        """With the words that the schema asked for; or it is refused with a reason."""
        try:
            (statement,) = split(text)
            self.connection.facts(statement.sql)
        except (StatementError, apsw.Error):
            return
        try:
            fitting = with_schema(statement, Declared(self.connection))
        except StatementError as error:
            self.assertIn(error.sqlstate, ("0A000", "22003", "42803", "42883"), text)
            return
        self.connection.facts(fitting.sql)

    @settings(max_examples=500, deadline=None)
    @given(_STATEMENTS, st.integers(0, 200), st.integers(0, 12), st.sampled_from(_INTRUDERS))
    def test_a_mutilated_statement_is_read_or_refused(self, text: str, at: int, lost: int, intruder: str) -> None:
        """Something left out, something put in: nothing but an error of the statement."""
        with contextlib.suppress(StatementError):
            for statement in split(f"{text[:at]} {intruder} {text[at + lost :]}"):
                with_schema(statement, Declared(self.connection))

    def test_ends_that_come_too_early(self) -> None:
        """As the fuzz of the door found them."""
        for text in (
            "COPY t FROM STDIN (FORMAT ",
            "select case when i > 1 then x end from t group b , y 1 having count(*) > 0",
        ):
            with contextlib.suppress(StatementError):
                for statement in split(text):
                    with_schema(statement, Declared(self.connection))


class TypesTests(SynchronousTestCase):
    """Of operands, of literals beside them, of columns."""

    def test_a_name_is_looked_up_where_it_stands(self) -> None:
        """In its own query first, then in those around it; never in one beside it."""
        for text, type_name in (
            ("select day from orders", "date"),
            ("select 1 from users where exists (select 1 from orders where day is null)", "date"),
            ("select (select day) from orders", "date"),
            ("select day from users where id in (select id from orders)", None),
            ("with o as (select 'x' as day from orders) select 1 from o where o.id = 1 and day is null", "text"),
            ("update orders set amount = 1 where day is null", "date"),
        ):
            at = text.rindex("day")
            tokens = tokenize(text)
            index = next(index for index, token in enumerate(tokens) if token.start == at)
            self.assertEqual(Types(text, tokens, Schema()).of(index, index), type_name, text)

    def test_parameters_are_what_the_client_declared(self) -> None:
        """Where a driver binds a date and a number, ``+`` means days."""
        (statement,) = split("select $1 + $2, $1 - $1")
        for declared, sql in (
            (("date", "int4"), "select pg_time_add(?1,?2),pg_time_subtract(?1,?1)"),
            (("int4", "int4"), "select ?1+?2,?1-?1"),
        ):
            made = with_schema(replace(statement, given=declared), Schema()).sql
            self.assertEqual(made.replace(" ", "").replace("select", "select "), sql)

    def test_a_bracket_without_an_end_is_a_syntax_error(self) -> None:
        """Whichever rule looks into it."""
        for text in (
            "select 1 from users where id in (1, 2",
            "select concat(id, name from users",
            "insert into users values (1, 2",
        ):
            (statement,) = split(text)
            try:
                with_schema(statement, Schema())
            except StatementError as error:
                self.assertEqual(error.sqlstate, "42601")

    def test_a_columns_declaration(self) -> None:
        """With its modifiers."""
        column = Types("select 1", tokenize("select 1"), Schema()).column("orders", "amount")
        assert column is not None
        self.assertEqual((column.name, column.modifiers), ("numeric", (10, 2)))
