"""Tests of ha.sql.functiondefinitions."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.kinds import CreateFunction, DropFunction, Kind
from ha.sql.statements import split
from ha.sql.storedfunctions import Argument, Function


class DefinitionTests(SynchronousTestCase):
    """CREATE FUNCTION, in the order in which its clauses come."""

    def created(self, text: str) -> Function:
        """The function that a statement makes."""
        (statement,) = split(text)
        assert isinstance(statement.argument, CreateFunction), statement
        return statement.argument.function

    def test_what_it_says(self) -> None:
        """Names or none, defaults, STRICT, how often it may be computed."""
        one = self.created(
            "CREATE FUNCTION f(a int, double precision, c IN varchar(3) DEFAULT 'x', d text = 'y') RETURNS bigint"
            " LANGUAGE SQL STABLE STRICT PARALLEL SAFE COST 5 AS $$ SELECT a + length(c); $$"
        )
        arguments = (
            Argument("a", "int4"),
            Argument("", "float8"),
            Argument("c", "varchar(3)", "'x'"),
            Argument("d", "text", "'y'"),
        )
        self.assertEqual(
            one, Function("f", arguments, "int8", "SELECT a + length(c)", True, "s", "sql", " SELECT a + length(c); ")
        )
        self.assertEqual((one.signature, one.least), ("f(int4, float8, varchar(3), text)", 2))

    def test_other_bodies(self) -> None:
        """RETURN, and PL/pgSQL that is nothing but that."""
        self.assertEqual(self.created("CREATE FUNCTION f(a int) RETURNS int RETURN a + 1").query, "SELECT a + 1")
        body = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int AS $$ BEGIN RETURN a + 1; END; $$ LANGUAGE plpgsql"
        one = self.created(body)
        self.assertEqual((one.query, one.language), ("SELECT a + 1", "plpgsql"))

    def test_what_cannot_be_made(self) -> None:
        """Is refused with a word on what can."""
        for text in (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
            "CREATE FUNCTION f() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION f() RETURNS TABLE (a int) LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION f(OUT a int) LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION f(a INOUT int, b IN text) AS 'BEGIN a := 1; END;' LANGUAGE plpgsql",
            "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (a) RETURNING a'",
            "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2'",
            "CREATE FUNCTION f(a int) RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''s'')'",
            "CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM 1; RETURN 1; END'",
            "CREATE FUNCTION f(a int) RETURNS int LANGUAGE c AS 'lib', 'f'",
            "CREATE FUNCTION s.f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ):
            self.assertIs(split(text)[0].kind, Kind.REFUSED, text)

    def test_dropping(self) -> None:
        """By name, or by the types of the arguments."""
        argument = split("DROP FUNCTION IF EXISTS f, g(a int, text) CASCADE")[0].argument
        self.assertEqual(argument, DropFunction((("f", None), ("g", ("int4", "text"))), True))
