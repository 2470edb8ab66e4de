"""Functions that clients make, as a client has them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.clients import Served
from ha.test.fakes import Network
from ha.test.spoken import Spoken, texts

TWICE = "CREATE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS 'SELECT x * 2'"


class FunctionTests(SynchronousTestCase):
    """One is made, called, replaced, shown and dropped."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE t (id int PRIMARY KEY, a int, b text)")
        self.spoken.query("INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y'), (3, NULL, 'x')")
        self.spoken.query(TWICE)

    def test_called(self) -> None:
        """In every clause, in writes, with parameters; its column has its name and its type."""
        self.assertEqual(self.spoken.rows("SELECT id FROM t WHERE twice(a) > 20 ORDER BY twice(id)"), [("2",)])
        self.assertEqual(self.spoken.rows("INSERT INTO t VALUES (twice(4), twice(5)) RETURNING twice(a)"), [("20",)])
        self.assertEqual(self.spoken.rows("SELECT sum(twice(id)), pg_typeof(twice(1)) FROM t"), [("28", "integer")])
        (description, row, *_) = self.spoken.extended("SELECT twice($1)", b"21")[-4:]
        self.assertEqual([(one.name, one.type_oid) for one in description.columns], [("twice", 23)])
        self.assertEqual(row.values, (b"42",))
        self.assertEqual(
            texts(self.spoken.extended("SELECT * FROM twice($1, $2) AS result", None, b"4", types=(2278, 23))), [("8",)]
        )  # pgJDBC's {? = call twice(?)}
        self.spoken.query("CREATE TABLE u AS SELECT twice(a) FROM t")
        self.assertEqual(self.spoken.rows("SELECT max(twice) FROM u"), [("40",)])

    def test_a_query_of_tables(self) -> None:
        """Its own columns come before the arguments."""
        self.spoken.query(
            "CREATE FUNCTION many(b text, least int) RETURNS bigint AS 'SELECT count(*) FROM t WHERE id >= least' LANGUAGE sql"
        )
        self.assertEqual(self.spoken.rows("SELECT many('x', id) FROM t ORDER BY id"), [("3",), ("2",), ("1",)])

    def test_replaced(self) -> None:
        """Only with OR REPLACE, and with the same result."""
        self.assertEqual(self.spoken.error(TWICE).sqlstate, "42723")
        self.assertEqual(
            self.spoken.error(
                TWICE.replace("CREATE", "CREATE OR REPLACE").replace("RETURNS int", "RETURNS text")
            ).sqlstate,
            "42P13",
        )
        self.assertEqual(self.spoken.rows("SELECT twice(2)"), [("4",)])
        self.spoken.query("CREATE OR REPLACE FUNCTION twice(x int) RETURNS int LANGUAGE sql AS 'SELECT x * 3'")
        self.assertEqual(self.spoken.rows("SELECT twice(2)"), [("6",)])
        self.spoken.query("CREATE FUNCTION twice(x int, y int) RETURNS int LANGUAGE sql AS 'SELECT twice(x) + y'")
        self.assertEqual(self.spoken.rows("SELECT twice(2, 1)"), [("7",)])
        self.assertEqual(
            self.spoken.error("CREATE FUNCTION twice(x text) RETURNS int LANGUAGE sql AS 'SELECT 1'").sqlstate, "0A000"
        )

    def test_what_is_wrong_is_told_when_it_is_made(self) -> None:
        """As PostgreSQL does."""
        for body, sqlstate in (("SELECT nosuch", "42703"), ("SELECT a FROM nosuch", "42P01"), ("SELECT 1 +", "42601")):
            error = self.spoken.error(f"CREATE FUNCTION bad(x int) RETURNS int LANGUAGE sql AS '{body}'")
            self.assertEqual(error.sqlstate, sqlstate, body)
        self.assertEqual(self.spoken.error("SELECT bad(1)").sqlstate, "42883")

    def test_the_catalog(self) -> None:
        """As ``\\df`` asks it; the view that keeps it is none there."""
        self.spoken.query(
            "CREATE FUNCTION f(a text, numeric DEFAULT 1) RETURNS bool IMMUTABLE STRICT AS 'SELECT a = ''x''' LANGUAGE sql"
        )
        shown = "SELECT proname, pg_get_function_arguments(oid), pg_get_function_result(oid) FROM pg_proc WHERE pronamespace = 2200"
        self.assertEqual(
            self.spoken.rows(shown + " ORDER BY 1"),
            [("f", "a text, numeric DEFAULT 1", "boolean"), ("twice", "x integer", "integer")],
        )
        self.assertEqual(
            self.spoken.rows("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'f'"),
            [
                (
                    "CREATE OR REPLACE FUNCTION public.f(a text, numeric DEFAULT 1)\n RETURNS boolean\n LANGUAGE sql\n IMMUTABLE STRICT\n"
                    "AS $function$SELECT a = 'x'$function$\n",
                )
            ],
        )
        self.assertEqual(
            self.spoken.rows("SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 2200"), []
        )

    def test_dropped(self) -> None:
        """One that is not there is an error, or a notice."""
        self.assertEqual(self.spoken.error("DROP FUNCTION twice(text)").sqlstate, "42883")
        self.spoken.query("DROP FUNCTION IF EXISTS nosuch, twice")
        self.assertEqual(self.spoken.error("SELECT twice(1)").sqlstate, "42883")
        self.assertEqual(self.spoken.error("DROP FUNCTION twice").sqlstate, "42883")

    def test_other_nodes_have_it(self) -> None:
        """It is a definition."""
        network = Network()
        network.create("cluster", "near", 1, 1)
        near, far = Served(self, "near", network), Served(self, "far", network)
        Spoken(self, near).query(TWICE)
        far.settle()
        self.assertEqual(Spoken(self, far).rows("SELECT twice(4)"), [("8",)])
