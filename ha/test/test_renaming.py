"""Other names for indexes, views and constraints; what is materialized."""

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import CommandComplete
from ha.test.spoken import Spoken


class RenamingTests(SynchronousTestCase):
    """What was called otherwise is found by the new name."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        self.spoken.query(
            "CREATE TABLE t (id int, a int CONSTRAINT pos CHECK (a > 0), b int UNIQUE, c int CHECK (c > 1), CONSTRAINT tu UNIQUE (a, b))"
        )
        self.spoken.query("CREATE INDEX ti ON t (c)")

    def refused(self, text: str, sqlstate: str) -> None:
        self.assertEqual(self.spoken.error(text).sqlstate, sqlstate, text)

    def test_indexes(self) -> None:
        """Of a key, the constraint is called so as well."""
        self.spoken.query("ALTER INDEX ti RENAME TO tj")
        self.spoken.query("ALTER INDEX t_b_key RENAME TO bu")
        self.assertEqual(
            self.spoken.rows("SELECT indexname FROM pg_indexes WHERE tablename = 't' ORDER BY 1"),
            [("bu",), ("tj",), ("tu",)],
        )
        self.refused("ALTER INDEX ti RENAME TO x", "42P01")
        self.refused("ALTER INDEX tj RENAME TO t", "42P07")
        self.assertIn(CommandComplete("ALTER INDEX"), self.spoken.query("ALTER INDEX IF EXISTS ti RENAME TO x"))

    def test_a_view_as_a_table(self) -> None:
        """ALTER TABLE takes a view, too: so dbt puts a new one in the old one's place."""
        self.spoken.query("CREATE VIEW v AS SELECT 7 AS x")
        self.spoken.query("ALTER TABLE v RENAME TO w")
        self.assertEqual(self.spoken.rows("SELECT x FROM w"), [("7",)])
        self.refused("ALTER TABLE v RENAME TO w", "42P01")

    def test_constraints(self) -> None:
        """Those with a name of their own, and those that have PostgreSQL's."""
        self.spoken.query("INSERT INTO t VALUES (1, 1, 1, 2)")
        for old, new, row in (
            ("pos", "positive", "(2, -1, 2, 2)"),
            ("t_c_check", "big", "(2, 2, 2, 0)"),
            ("t_b_key", "bu", "(2, 2, 1, 2)"),
        ):
            self.spoken.query(f"ALTER TABLE t RENAME CONSTRAINT {old} TO {new}")
            self.assertEqual(self.spoken.error(f"INSERT INTO t VALUES {row}").constraint, new)
        self.spoken.query("ALTER TABLE t ADD UNIQUE (c)")
        self.spoken.query("ALTER TABLE t RENAME CONSTRAINT t_c_key TO cu")
        self.assertEqual(self.spoken.error("INSERT INTO t VALUES (3, 3, 3, 2)").constraint, "cu")
        self.refused("ALTER TABLE t RENAME CONSTRAINT nobody TO x", "42704")
        self.refused("ALTER TABLE t RENAME CONSTRAINT cu TO big", "42710")

    def test_views(self) -> None:
        """One that another names keeps its name."""
        self.spoken.query("CREATE VIEW v AS SELECT id FROM t")
        self.spoken.query("COMMENT ON VIEW v IS 'hello'")
        self.spoken.query("ALTER VIEW v RENAME TO w")
        self.assertEqual(self.spoken.rows("SELECT count(*), obj_description('w'::regclass) FROM w"), [("0", "hello")])
        self.refused("ALTER VIEW t RENAME TO x", "42809")
        self.spoken.query("CREATE VIEW over AS SELECT * FROM w")
        self.refused("ALTER VIEW w RENAME TO x", "0A000")


class MaterializedTests(SynchronousTestCase):
    """Views whose rows PostgreSQL would keep."""

    def test_they_are_told_from_others(self) -> None:
        """When they are made, refreshed and dropped."""
        spoken = Spoken(self)
        spoken.query("CREATE TABLE t AS SELECT 1 AS a UNION SELECT 2")
        for text, tag in (
            ("CREATE MATERIALIZED VIEW m AS SELECT * FROM t", "SELECT 2"),
            ("CREATE MATERIALIZED VIEW IF NOT EXISTS m AS SELECT * FROM t", "CREATE MATERIALIZED VIEW"),
            ("CREATE MATERIALIZED VIEW n (x) AS SELECT a FROM t WITH NO DATA", "CREATE MATERIALIZED VIEW"),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", "REFRESH MATERIALIZED VIEW"),
            ("ALTER MATERIALIZED VIEW m RENAME TO o", "ALTER MATERIALIZED VIEW"),
            ("DROP MATERIALIZED VIEW n", "DROP MATERIALIZED VIEW"),
            ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
        ):
            self.assertIn(CommandComplete(tag), spoken.query(text), text)
        for text, sqlstate in (
            ("REFRESH MATERIALIZED VIEW nobody", "42P01"),
            ("REFRESH MATERIALIZED VIEW t", "0A000"),
            ("REFRESH MATERIALIZED VIEW v", "42809"),
            ("DROP VIEW o", "42809"),
            ("DROP TABLE o", "42809"),
            ("DROP MATERIALIZED VIEW v", "42809"),
            ("CREATE MATERIALIZED VIEW o AS SELECT 1", "42P07"),
        ):
            self.assertEqual(spoken.error(text).sqlstate, sqlstate, text)
