"""DO, run."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.clients import Client, Served


class DoTests(SynchronousTestCase):
    """One client; each DO is one message."""

    def setUp(self) -> None:
        self.client = Client(self, Served(self))
        self.client.run("CREATE TABLE t (a integer PRIMARY KEY)")

    def do(self, code: str) -> list[str]:
        """Run it; what it said."""
        answer = self.client.run(f"DO $do$ {code} $do$")
        self.assertEqual(answer.verb, "DO")
        return [f"{one.severity} {one.message}" for one in answer.notices]

    def refused(self, code: str) -> str:
        return self.client.refused(f"DO $do$ {code} $do$")

    def kept(self) -> list[int]:
        return [row[0] for row in self.client.rows("SELECT a FROM t ORDER BY a")]  # type: ignore[misc]

    def test_a_migrations_idiom(self) -> None:
        """What is there already is no error: so drizzle makes types and constraints."""
        code = "BEGIN CREATE TYPE mood AS ENUM ('sad', 'ok'); EXCEPTION WHEN duplicate_object THEN null; END"
        self.do(code)
        self.do(code)
        self.assertEqual(self.client.rows("SELECT 'ok'::mood > 'sad'"), [(1,)])

    def test_all_or_nothing(self) -> None:
        """An error that nobody catches undoes all of it."""
        self.assertEqual(self.refused("BEGIN INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); END"), "23505")
        self.assertEqual(self.kept(), [])

    def test_what_is_caught_is_undone(self) -> None:
        """Back to the block's BEGIN, and on behind its END; what it set goes, too."""
        said = self.do(
            "BEGIN INSERT INTO t VALUES (1); BEGIN SET application_name = 'inside'; INSERT INTO t VALUES (2), (1);"
            " EXCEPTION WHEN unique_violation THEN RAISE NOTICE '% %', SQLSTATE, SQLERRM; END; INSERT INTO t VALUES (3); END"
        )
        self.assertEqual(self.kept(), [1, 3])
        self.assertEqual(said, ['NOTICE 23505 duplicate key value violates unique constraint "t_pkey"'])
        self.assertNotEqual(self.client.backend.variables.get("application_name"), "inside")

    def test_inside_a_transaction(self) -> None:
        """It ends nothing, and goes with it."""
        self.client.run("BEGIN")
        self.do("BEGIN INSERT INTO t VALUES (1); END")
        self.assertEqual(self.client.backend.status, "T")
        self.client.run("ROLLBACK")
        self.assertEqual(self.kept(), [])

    def test_conditions(self) -> None:
        """The first that holds; settings are set for the session."""
        self.do(
            "BEGIN IF EXISTS (SELECT 1 FROM pg_settings WHERE name = 'plan_cache_mode') THEN"
            " SET SESSION plan_cache_mode = 'force_generic_plan'; ELSE RAISE 'no'; END IF; RETURN; RAISE 'never'; END"
        )
        self.assertEqual(self.client.rows("SHOW plan_cache_mode"), [("force_generic_plan",)])

    def test_dynamic_statements(self) -> None:
        """A text made of others."""
        self.do("BEGIN EXECUTE 'INSERT INTO ' || quote_ident('t') || ' VALUES (7)'; PERFORM a FROM t; END")
        self.assertEqual(self.kept(), [7])

    def test_raise(self) -> None:
        """Its code and words; a RAISE of what was caught is the same error."""
        self.assertEqual(self.refused("BEGIN RAISE 'no %', 1 + 1; END"), "P0001")
        self.assertEqual(self.refused("BEGIN RAISE 'no' USING ERRCODE = 'check_violation'; END"), "23514")
        self.assertEqual(
            self.refused("BEGIN INSERT INTO t VALUES ('x'); EXCEPTION WHEN OTHERS THEN RAISE; END"), "22P02"
        )
        self.assertEqual(self.refused("BEGIN RAISE; END"), "0Z002")

    def test_what_cannot_stand_there(self) -> None:
        """A SELECT whose rows go nowhere; what is the session's own."""
        self.assertEqual(self.refused("BEGIN SELECT 1; END"), "42601")
        self.assertEqual(self.refused("BEGIN COPY t TO STDOUT; END"), "0A000")
