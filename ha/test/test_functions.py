"""PostgreSQL's functions, asked through SQL as a client asks."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import split
from ha.sql.variables import Variables
from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.functions import Context, register


class FunctionCase(SynchronousTestCase):
    """A database with every function."""

    connection: Connection

    def setUp(self) -> None:
        """With a client of which the functions can ask."""
        self.connection = open_writer(str(Path(self.mktemp()).absolute()), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        register(self.connection)
        variables = Variables("ann", "shop")
        self.connection.context = Context(user="ann", database="shop", variables=variables, pid=7, now=1_767_323_045.5)

    def answer(self, text: str, values: tuple[object, ...] = ()) -> object:
        """The one value of a SELECT in PostgreSQL's words."""
        (statement,) = split(text)
        rows = self.connection.execute(statement.sql, values).fetchall()
        return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows

    def answers(self, table: tuple[tuple[str, object], ...]) -> None:
        """Each expression gives its value."""
        for expression, wanted in table:
            found = self.answer(f"select {expression}")
            self.assertEqual((found, type(found)), (wanted, type(wanted)), expression)

    def refused(self, table: tuple[tuple[str, str], ...]) -> None:
        """Each expression is an error with its code."""
        for expression, sqlstate in table:
            error = self.assertRaises(StatementError, self.answer, f"select {expression}")
            self.assertEqual(error.sqlstate, sqlstate, expression)


class ContextTests(FunctionCase):
    """Who asks, when, with which settings."""

    def test_who_and_where(self) -> None:
        """The client's own words for itself."""
        self.answers(
            (
                ("current_user", "ann"),
                ("session_user", "ann"),
                ("current_database()", "shop"),
                ("current_schema()", "public"),
                ("pg_backend_pid()", 7),
                ("current_setting('statement_timeout')", "0"),
                ("current_setting('no.such', true)", None),
            )
        )
        self.assertIn("PostgreSQL 15.", str(self.answer("select pg_catalog.version()")))

    def test_the_age_of_a_transactions_number(self) -> None:
        """DataGrip asks it of ``xmin``."""
        self.answers((("age(2)", 0), ("age('3')", 0), ("age(timestamp '2026-01-01')", "1 day")))

    def test_now_stands_still(self) -> None:
        """For a whole transaction; the clock goes on."""
        self.answers(
            (
                ("now()", "2026-01-02 03:04:05.5+00:00"),
                ("localtimestamp", "2026-01-02 03:04:05.5"),
                ("transaction_timestamp() = statement_timestamp()", 1),
            )
        )
        self.assertNotEqual(self.answer("select clock_timestamp()"), self.answer("select now()"))

    def test_settings_can_be_set(self) -> None:
        """And are the session's."""
        self.assertEqual(self.answer("select set_config('lock_timeout', '2000', false)"), "2s")
        assert self.connection.context is not None
        self.assertEqual(self.connection.context.variables.get("lock_timeout"), "2s")
        self.refused((("set_config('nosuch', '1', false)", "42704"), ("current_setting('nosuch')", "42704")))

    def test_without_a_context_nobody_asks(self) -> None:
        """Our own statements, and a replica that applies."""
        self.connection.context = None
        self.assertEqual(self.answer("select current_user"), "ha")

    def test_a_view_may_call_what_is_steady(self) -> None:
        """But not what acts."""
        self.connection.execute("create view v as select left('abc', 1) as a, now() as b")
        self.assertEqual(self.answer("select a from v"), "a")
        self.connection.execute("create view w as select set_config('lock_timeout', '1', 0) as a")
        self.assertRaises(apsw.SQLError, self.connection.execute, "select * from w")

    def test_a_function_does_not_keep_its_connection(self) -> None:
        """A closed connection is forgotten."""
        connection = open_writer(str(Path(self.mktemp()).absolute()), synchronous="NORMAL")
        register(connection)
        found = weakref.ref(connection)
        connection.close()
        del connection
        gc.collect()
        self.assertIsNone(found())


class DateOrderTests(FunctionCase):
    """``2/1/2003`` means what the session's DateStyle says."""

    def test_both_orders(self) -> None:
        """In every cast; other spellings mean one thing."""
        asked = "SELECT pg_date('2/1/2003'), pg_timestamp('2/1/2003 04:05'), pg_timestamptz('2/1/2003'), pg_date('2003-02-01')"
        for style, day in (("ISO, MDY", "2003-02-01"), ("SQL, DMY", "2003-01-02")):
            assert self.connection.context is not None
            self.connection.context.variables.set("DateStyle", style)
            self.assertEqual(
                self.connection.execute(asked).fetchone(),
                (day, f"{day} 04:05:00", f"{day} 00:00:00+00:00", "2003-02-01"),
            )


class DivisionTests(FunctionCase):
    """PostgreSQL refuses to divide by zero; SQLite gives NULL."""

    def test_by_zero(self) -> None:
        """Refused, whatever the zero is written as."""
        self.refused((("1/0", "22012"), ("1 % 0", "22012"), ("5.0 / (1 - 1)", "22012"), ("1/-0", "22012")))

    def test_by_others(self) -> None:
        """As SQLite divides."""
        self.answers((("7/2", 3), ("7.0/2", 3.5), ("-7 % 3", -1), ("12/3/2", 2), ("1/null::int", None), ("8/(1+1)", 4)))

    def test_sqlites_own(self) -> None:
        """Are left alone: its clients' statements, and what the schema keeps."""
        self.assertEqual(split("select 1/x from t", sqlite_order=True)[0].sql, "select 1/x from t")
        self.assertEqual(
            split("create view v as select 1/x as y from t")[0].sql, "create view v as select 1/x as y from t"
        )
