"""Tests of ha.sqlite.schemas."""

from __future__ import annotations

from typing import Any

from ha.sqlite import schemas
from ha.test.clients import BackendCase, Client, Served


class SchemaTests(BackendCase):
    """CREATE SCHEMA, DROP SCHEMA, and what is in them."""

    def setUp(self) -> None:
        super().setUp()
        self.client.run("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, a text UNIQUE)")
        self.client.run("INSERT INTO s.t VALUES (1, 'x')")

    def test_tables_of_one_name(self) -> None:
        self.client.run("INSERT INTO t (id, a) VALUES (7, 'public')")
        self.assertEqual(self.client.rows("SELECT id FROM s.t"), [(1,)])
        self.assertEqual(self.client.rows("SELECT t.id, s.t.id FROM t, s.t"), [(7, 1)])

    def test_making_one(self) -> None:
        self.assertEqual(self.client.refused("CREATE SCHEMA s"), "42P06")
        (notice,) = self.client.run("CREATE SCHEMA IF NOT EXISTS s").notices
        self.assertEqual(notice.message, 'schema "s" already exists, skipping')
        self.assertEqual(self.client.refused("CREATE SCHEMA pg_mine"), "42939")
        self.client.run("CREATE SCHEMA AUTHORIZATION somebody")
        self.client.run("CREATE TABLE somebody.t (a int)")

    def test_one_that_would_swallow_a_table(self) -> None:
        self.client.run('CREATE TABLE "r.t" (a int)')
        self.assertEqual(self.client.refused("CREATE SCHEMA r"), "0A000")

    def test_one_that_is_not_there(self) -> None:
        for text in (
            "CREATE TABLE r.t (a int)",
            "CREATE VIEW r.v AS SELECT 1",
            "CREATE SEQUENCE r.q",
            "DROP TABLE r.t",
            "DROP SCHEMA r",
        ):
            self.assertEqual(self.client.refused(text), "3F000", text)
        for text in ("SELECT * FROM r.t", "INSERT INTO r.t VALUES (1)"):
            self.assertEqual(self.client.refused(text), "42P01", text)
        self.client.run("DROP SCHEMA IF EXISTS r")

    def test_errors_name_the_table_in_its_schema(self) -> None:
        error = self.client.fails(self.client.message("INSERT INTO s.t VALUES (2, 'x')"))
        self.assertEqual((error.sqlstate, error.schema, error.table, error.constraint), ("23505", "s", "t", "t_a_key"))
        self.assertIn('"t_a_key"', error.message)
        self.client.run("CREATE TABLE c (id int PRIMARY KEY, r int REFERENCES s.t)")
        error = self.client.fails(self.client.message("INSERT INTO c VALUES (1, 9)"))
        self.assertEqual(
            (error.schema, error.table, error.detail), (None, "c", 'Key (r)=(9) is not present in table "t".')
        )

    def test_dropping_one(self) -> None:
        self.client.run(
            "CREATE TABLE c (id int PRIMARY KEY, r int REFERENCES s.t, q int REFERENCES s.t); CREATE VIEW s.v AS SELECT id FROM s.t"
        )
        self.client.run("INSERT INTO c VALUES (1, 1, 1)")
        error = self.client.fails(self.client.message("DROP SCHEMA s"))
        self.assertEqual(
            (error.sqlstate, error.detail), ("2BP01", "table s.t depends on schema s\nview s.v depends on schema s")
        )
        self.client.run("BEGIN; DROP SCHEMA s CASCADE; ROLLBACK")
        self.assertEqual(self.client.rows("SELECT id FROM s.v"), [(1,)])
        self.client.run("DROP SCHEMA s CASCADE")
        self.assertEqual(self.client.refused("SELECT id FROM s.t"), "42P01")
        self.client.run("INSERT INTO c VALUES (2, 9, 9)")
        self.assertEqual(self.client.rows("SELECT nspname FROM pg_namespace WHERE nspname = 's'"), [])

    def test_emptying_public(self) -> None:
        self.client.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE t (b int)")
        self.assertEqual(self.client.rows("SELECT b FROM t"), [])
        self.assertEqual(self.client.rows("SELECT id FROM s.t"), [(1,)])

    def test_moving_a_table(self) -> None:
        self.client.run("CREATE SCHEMA r; CREATE INDEX i ON s.t (id, a); ALTER TABLE s.t SET SCHEMA r")
        self.assertEqual(self.client.rows("SELECT id FROM r.t"), [(1,)])
        self.client.run("DROP INDEX r.i")
        self.client.run("CREATE TABLE s.t (a int)")
        self.assertEqual(self.client.refused("ALTER TABLE r.t SET SCHEMA s"), "42P07")
        self.assertEqual(self.client.refused("ALTER TABLE r.t SET SCHEMA nosuch"), "3F000")
        self.client.run("ALTER TABLE r.t RENAME TO u; ALTER TABLE r.u SET SCHEMA public")
        self.assertEqual(self.client.rows("SELECT id FROM u"), [(1,)])

    def test_constraints_and_columns_of_one(self) -> None:
        self.client.run("ALTER TABLE s.t ADD CONSTRAINT both_ UNIQUE (id, a), ADD CONSTRAINT small CHECK (id < 9)")
        self.assertEqual(self.client.refused("INSERT INTO s.t VALUES (10, 'z')"), "23514")
        self.client.run("ALTER TABLE s.t DROP CONSTRAINT both_; ALTER TABLE s.t DROP CONSTRAINT small")
        self.client.run("ALTER TABLE s.t ALTER COLUMN a TYPE varchar(3); INSERT INTO s.t VALUES (10, 'z')")
        self.assertEqual(
            self.client.rows("SELECT conname FROM pg_constraint WHERE conrelid = 's.t'::regclass ORDER BY 1"),
            [("t_a_key",), ("t_pkey",)],
        )

    def test_identities(self) -> None:
        self.client.run("CREATE TABLE s.i (id int GENERATED BY DEFAULT AS IDENTITY (START 42) PRIMARY KEY, a int)")
        self.client.run("INSERT INTO s.i (a) VALUES (1), (2)")
        self.assertEqual(self.client.rows("SELECT id FROM s.i"), [(42,), (43,)])

    def test_sequences(self) -> None:
        self.client.run("CREATE SEQUENCE s.q; CREATE TABLE s.n (id serial PRIMARY KEY)")
        self.client.run("INSERT INTO s.n DEFAULT VALUES")
        self.assertEqual(
            self.client.rows("SELECT currval('s.n_id_seq'), nextval('s.q'), nextval('s.n_id_seq')"), [(1, 1, 2)]
        )
        self.assertEqual(self.client.refused("SELECT nextval('q')"), "42P01")
        self.assertEqual(self.client.rows("SELECT pg_get_serial_sequence('s.n', 'id')"), [("s.n_id_seq",)])

    def test_the_catalog(self) -> None:
        self.client.run(
            "CREATE INDEX i ON s.t (a); CREATE VIEW s.v AS SELECT t.a FROM s.t; CREATE TABLE c (r int REFERENCES s.t)"
        )
        self.assertEqual(
            self.client.rows(
                "SELECT c.relname, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 's'"
                " ORDER BY 1"
            ),
            [(name, "s") for name in ("i", "t", "t_a_key", "t_pkey", "v")],
        )
        self.assertEqual(
            self.client.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 's' ORDER BY 1"),
            [("t",), ("v",)],
        )
        for expression, expected in (
            ("pg_get_viewdef('s.v'::regclass)", " SELECT t.a FROM s.t;"),
            ("pg_get_indexdef('s.i'::regclass)", "CREATE INDEX i ON s.t USING btree (a)"),
            ("'s.t'::regclass::text", "s.t"),
            ("pg_table_is_visible('s.t'::regclass)", 0),
            ("'s'::regnamespace::text", "s"),
            (
                "(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'c_r_fkey')",
                "FOREIGN KEY (r) REFERENCES s.t(id)",
            ),
            ("(SELECT unique_constraint_schema FROM information_schema.referential_constraints)", "s"),
        ):
            self.assertEqual(self.client.rows(f"SELECT {expression}"), [(expected,)], expression)

    def test_it_reaches_the_other_nodes(self) -> None:
        far = Served(self, "far", self.served.network)
        far.settle()
        there = Client(self, far)
        self.assertEqual(there.rows("SELECT a FROM s.t"), [("x",)])
        self.assertEqual(there.refused("CREATE SCHEMA s"), "42P06")
        there.run("INSERT INTO s.t VALUES (2, 'y')")
        self.served.settle()
        self.assertEqual(self.client.rows("SELECT id FROM s.t"), [(1,), (2,)])


class MaterializedViewTests(BackendCase):
    """A materialized view is a view that is always new; its indexes mean nothing."""

    def test_it_is_shown_as_one(self) -> None:
        self.client.run("CREATE SCHEMA s; CREATE MATERIALIZED VIEW s.m (x) AS SELECT a FROM t WITH NO DATA")
        self.client.run(
            "CREATE UNIQUE INDEX i ON s.m (x); REFRESH MATERIALIZED VIEW s.m; INSERT INTO t (id, a) VALUES (1, 'y')"
        )
        self.assertEqual(self.client.rows("SELECT x FROM s.m"), [("y",)])
        self.assertEqual(
            self.client.rows("SELECT relname FROM pg_class WHERE relkind = 'm' AND relhasindex = false"), [("m",)]
        )
        self.assertEqual(
            self.client.rows("SELECT schemaname, definition FROM pg_matviews"), [("s", " SELECT a FROM t;")]
        )
        self.client.run("CREATE VIEW v AS SELECT 1 AS a")
        self.client.refused("CREATE INDEX ON v (a)")
        self.client.run("DROP MATERIALIZED VIEW s.m")


class PathTests(BackendCase):
    """search_path: where names without a schema are looked for."""

    def setUp(self) -> None:
        super().setUp()
        self.client.run(
            "CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, b text); INSERT INTO s.t VALUES (1, 'x')"
        )
        self.client.run("INSERT INTO t (id, a) VALUES (7, 'public')")

    def asked(self, expression: str) -> Any:
        return self.client.rows(f"SELECT {expression}")[0][0]

    def test_the_first_that_has_it(self) -> None:
        self.client.run("SET search_path TO s, public")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(1,)])
        self.assertEqual(self.client.rows("SELECT id FROM public.t"), [(7,)])
        self.client.run("SET search_path TO public, s")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(7,)])
        self.client.run("RESET search_path")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(7,)])

    def test_public_is_not_searched_unless_it_is_named(self) -> None:
        self.client.run("CREATE TABLE only_public (a int); SET search_path TO s")
        self.assertEqual(self.client.refused("SELECT * FROM only_public"), "42P01")

    def test_where_things_are_made(self) -> None:
        self.client.run("SET search_path TO nosuch, s, public; CREATE TABLE n (a int); INSERT INTO n VALUES (5)")
        self.assertEqual(self.client.rows("SELECT a FROM s.n"), [(5,)])
        self.client.run("SET search_path TO nosuch")
        self.assertEqual(self.client.refused("CREATE TABLE n (a int)"), "3F000")

    def test_in_a_transaction(self) -> None:
        """What it made is found, SET LOCAL ends with it."""
        self.client.run("BEGIN; SET LOCAL search_path TO s; CREATE TABLE n (a int); INSERT INTO n VALUES (5)")
        self.assertEqual(self.client.rows("SELECT a FROM n"), [(5,)])
        self.client.run("COMMIT")
        self.assertEqual(self.client.refused("SELECT a FROM n"), "42P01")
        self.assertEqual(self.client.rows("SELECT a FROM s.n"), [(5,)])

    def test_temporary_tables_come_first(self) -> None:
        self.client.run("SET search_path TO s; CREATE TEMP TABLE t (z int)")
        self.assertEqual(self.client.rows("SELECT z FROM t"), [])

    def test_what_functions_tell(self) -> None:
        self.assertEqual(self.asked("current_schema()"), "public")
        self.client.run("SET search_path TO nosuch, s, public")
        self.assertEqual(self.asked("current_schema()"), "s")
        self.assertEqual(self.asked("current_schemas(true)"), '["pg_catalog", "s", "public"]')
        self.assertEqual(self.asked("'t'::regclass::text"), "t")
        self.assertEqual(self.asked("'public.t'::regclass::text"), "public.t")
        self.assertEqual(self.asked("pg_table_is_visible('public.t'::regclass)"), 0)

    def test_a_table_made_by_somebody_else_is_found(self) -> None:
        self.client.run("SET search_path TO s, public")
        self.assertEqual(self.client.refused("SELECT * FROM late"), "42P01")
        self.another().run("CREATE TABLE late (a int)")
        self.assertEqual(self.client.rows("SELECT * FROM late"), [])
        self.another().run("CREATE TABLE s.late (a int); INSERT INTO s.late VALUES (1)")
        self.assertEqual(self.client.rows("SELECT * FROM late"), [(1,)])


class KeptTests(BackendCase):
    """How a schema is kept in the file."""

    def test_a_view_says_so(self) -> None:
        self.client.run("""CREATE SCHEMA "it's"; CREATE VIEW "schema x" AS SELECT 1""")
        connection = self.served.replica.database.writer
        self.assertEqual(schemas.names(connection), frozenset({"it's"}))
        self.assertEqual(self.client.rows('SELECT * FROM "schema it\'s"'), [("it's",)])
