"""Statements that write: with the session's own connection, too."""

from __future__ import annotations

from ha.test.clients import BackendCase, Client, Served

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class TemporaryTableTests(BackendCase):
    """A session's TEMP tables are its own, and never leave the node."""

    def setUp(self) -> None:
        super().setUp()
        self.client.run("CREATE TEMP TABLE mine (a)")
        self.client.run("INSERT INTO mine VALUES (1)")

    def test_nobody_else_sees_it(self) -> None:
        self.assertEqual(self.client.rows("SELECT * FROM mine"), [(1,)])
        other = self.another()
        self.assertEqual(other.refused("SELECT * FROM mine"), "42P01")
        other.run("CREATE TEMP TABLE mine (b, c)")
        self.assertEqual(other.rows("SELECT * FROM mine"), [])

    def test_it_never_leaves_the_node(self) -> None:
        self.assertEqual(len(self.served.network.stream.entries("s.mydatabase_db")), 1)  # type: ignore[union-attr]

    def test_ordinary_tables_are_everybodys(self) -> None:
        self.assertEqual(self.client.run("INSERT INTO t SELECT a, 'x' FROM mine").affected, 1)
        self.assertEqual(self.another().rows("SELECT * FROM t"), [(1, "x")])
        self.client.run("ALTER TABLE t ADD COLUMN b")
        self.another().run("INSERT INTO t VALUES (2, 'y', 3)")
        self.assertEqual(self.client.rows("SELECT b FROM t WHERE id = 2"), [(3,)])

    def test_blocks(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO mine VALUES (2)")
        self.client.run("SAVEPOINT a")
        self.client.run("INSERT INTO mine VALUES (3)")
        self.client.run("ROLLBACK TO a")
        self.assertEqual(self.client.rows("SELECT a FROM mine"), [(1,), (2,)])
        self.client.run("ROLLBACK")
        self.assertEqual(self.client.rows("SELECT a FROM mine"), [(1,)])
        self.client.run("BEGIN; INSERT INTO mine VALUES (2); INSERT INTO t VALUES (1, 'x'); COMMIT")
        self.assertEqual(self.client.rows("SELECT a FROM mine"), [(1,), (2,)])
        self.another().run("INSERT INTO t VALUES (2, 'y')")

    def test_snapshots(self) -> None:
        self.client.run("BEGIN ISOLATION LEVEL SERIALIZABLE")
        self.assertEqual(self.client.rows("SELECT count(*) FROM mine, t"), [(0,)])
        self.client.run("INSERT INTO mine VALUES (2)")
        self.client.run("COMMIT")
        self.assertEqual(self.client.rows("SELECT a FROM mine"), [(1,), (2,)])

    def test_one_made_in_a_block(self) -> None:
        other = self.another()
        other.run("BEGIN; CREATE TEMP TABLE k AS SELECT 5 AS a; INSERT INTO t SELECT a, 'x' FROM k; COMMIT")
        self.assertEqual(other.rows("SELECT * FROM k"), [(5,)])

    def test_the_first_one_after_a_write(self) -> None:
        other = self.another()
        other.run("BEGIN; INSERT INTO t VALUES (7, 'z'); SAVEPOINT s")
        other.run("CREATE TEMP TABLE k AS SELECT id FROM t")
        other.run("ROLLBACK TO s")
        self.assertEqual(other.refused("SELECT id FROM k"), "42P01")
        other.run("ROLLBACK TO s; CREATE TEMP TABLE k AS SELECT id FROM t; INSERT INTO k VALUES (8); COMMIT")
        self.assertEqual(other.rows("SELECT id FROM k"), [(7,), (8,)])
        self.assertEqual(self.client.refused("SELECT id FROM k"), "42P01")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(7,)])
        self.another().run("INSERT INTO t VALUES (9, 'y')")
        other.run("INSERT INTO t SELECT 100 + id, 'k' || id FROM k")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(7,), (9,), (107,), (108,)])

    def test_the_first_one_after_a_write_is_undone_with_it(self) -> None:
        other = self.another()
        other.run("BEGIN; INSERT INTO t VALUES (7, 'z'); CREATE TEMP TABLE k (a); ROLLBACK")
        self.assertEqual(other.refused("SELECT a FROM k"), "42P01")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [])
        self.assertEqual(other.run("INSERT INTO t VALUES (7, 'z')").affected, 1)

    def test_the_first_one_after_a_snapshot(self) -> None:
        other = self.another()
        other.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t")
        self.client.run("CREATE TABLE u (a)")
        other.run("ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t; CREATE TEMP TABLE k (a); COMMIT")
        self.assertEqual(other.rows("SELECT a FROM k"), [])

    def test_no_session_sees_the_tables_of_one_whose_connection_was_everybodys(self) -> None:
        """The one that wrote with it went on with it."""
        for name in "kl":
            other = self.another()
            other.run(
                f"BEGIN; INSERT INTO t (a) VALUES ('{name}'); CREATE TEMP TABLE mine AS SELECT '{name}' AS a; COMMIT"
            )
            self.assertEqual(other.rows("SELECT a FROM mine"), [(name,)])
        self.assertEqual(self.client.rows("SELECT a FROM mine"), [(1,)])
        self.assertEqual(self.another().refused("INSERT INTO mine VALUES (1)"), "42P01")

    def test_on_commit(self) -> None:
        """DROP and DELETE ROWS; a table that is there already keeps what it was promised."""
        other = self.another()
        other.run("BEGIN; INSERT INTO t VALUES (7, 'z')")
        other.run("CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT 1 AS a")
        other.run("CREATE TEMP TABLE emptied (a int) ON COMMIT DELETE ROWS; INSERT INTO emptied VALUES (1)")
        other.run("CREATE TEMP TABLE kept (a int) ON COMMIT PRESERVE ROWS; INSERT INTO kept VALUES (1)")
        other.run("CREATE TEMP TABLE IF NOT EXISTS kept (a int) ON COMMIT DELETE ROWS")
        self.assertEqual(other.rows("SELECT a FROM gone JOIN emptied USING (a) JOIN kept USING (a)"), [(1,)])
        other.run("COMMIT")
        self.assertEqual(other.refused("SELECT a FROM gone"), "42P01")
        self.assertEqual(other.rows("SELECT a FROM emptied"), [])
        self.assertEqual(other.rows("SELECT a FROM kept"), [(1,)])
        self.assertEqual(other.refused("CREATE TABLE u (a) ON COMMIT DROP"), "42P16")

    def test_the_catalog_shows_them_to_their_session(self) -> None:
        """In a schema of its own, before everybody's table of the same name; and no longer when they are gone."""
        other = self.another()
        other.run(
            "CREATE TEMP TABLE t (b int PRIMARY KEY, c int UNIQUE) ON COMMIT DELETE ROWS; CREATE TEMP VIEW v AS SELECT c FROM t"
        )
        temporary = "SELECT relname FROM pg_class WHERE relpersistence = 't' ORDER BY 1"
        self.assertEqual(other.rows(temporary), [(name,) for name in ("t", "t_c_key", "t_pkey", "v")])
        self.assertEqual(self.client.rows(temporary), [("mine",)])
        columns = "SELECT attname FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"
        self.assertEqual(other.rows(columns.format("t")), [("b",), ("c",)])
        self.assertEqual(other.rows(columns.format("public.t"))[0], ("id",))
        self.assertEqual(other.rows("SELECT pg_get_viewdef('v'::regclass)"), [(" SELECT c FROM t;",)])
        other.run("DROP VIEW v; BEGIN; DROP TABLE t")
        self.assertEqual(other.rows(columns.format("t"))[0], ("id",))
        other.run("ROLLBACK")
        self.assertEqual(other.rows(columns.format("t")), [("b",), ("c",)])

    def test_a_session_without_any_writes_with_the_others_again(self) -> None:
        other = self.another()
        other.run("BEGIN; CREATE TEMP TABLE k (a) ON COMMIT DROP; INSERT INTO t VALUES (7, 'z'); COMMIT")
        self.assertIsNone(other.backend.private)
        other.run("CREATE TEMP TABLE k (a)")
        self.assertIsNotNone(other.backend.private)
        other.run("DROP TABLE k")
        self.assertIsNone(other.backend.private)

    def test_views(self) -> None:
        self.client.run("CREATE TEMP VIEW seen AS SELECT a + 1 AS b FROM mine")
        self.assertEqual(self.client.rows("SELECT b FROM seen"), [(2,)])

    def test_batches(self) -> None:
        answers = self.another().batch(
            "CREATE TEMP TABLE k (a)",
            "INSERT INTO k VALUES (5)",
            "INSERT INTO t SELECT a, 'x' FROM k",
            "SELECT * FROM k",
        )
        self.assertEqual(answers[-1].rows, [(5,)])
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(5,)])

    def test_it_goes_with_its_session(self) -> None:
        self.client.run("DISCARD TEMP")
        self.assertEqual(self.client.refused("SELECT * FROM mine"), "42P01")
        self.client.run("CREATE TEMP TABLE mine (b)")
        self.assertEqual(self.client.rows("SELECT b FROM mine"), [])

    def test_a_statement_that_another_node_came_before_runs_again(self) -> None:
        far = Served(self, "far", self.served.network)
        there = Client(self, far)
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        far.settle()
        one = self.client.start(self.client.message("UPDATE t SET a = a || (SELECT a FROM mine)"))
        other = there.start(there.message("UPDATE t SET a = a || 'y'"))
        for _ in range(3):
            self.served.settle()
            far.settle()
        self.successResultOf(one)
        self.successResultOf(other)
        self.assertIn(self.client.rows("SELECT a FROM t"), ([("xy1",)], [("x1y",)]))


class ReturningTests(BackendCase):
    """What RETURNING gives is announced before it is known."""

    def test_a_value_that_does_not_fit_keeps_nothing(self) -> None:
        """Alone, in a block, and in a batch of statements: the row is undone."""
        self.client.run("CREATE TABLE n (id INTEGER PRIMARY KEY, i INTEGER, s int2)")
        self.assertEqual(self.client.rows("INSERT INTO n VALUES (1, 3000000000, 1) RETURNING i"), [(3000000000,)])
        self.client.run("SET ha.integer_oid = int4")
        for text in (
            "INSERT INTO n VALUES (2, 3000000000, 1) RETURNING i",
            "INSERT INTO n VALUES (3000000000, 1, 1) RETURNING *",
            "UPDATE n SET s = 2 RETURNING id, i",
            "DELETE FROM n RETURNING i + 0",
        ):
            self.assertEqual(self.client.refused(text), "22003", text)
            self.client.run("BEGIN")
            self.client.run("SAVEPOINT a")
            self.assertEqual(self.client.refused(text), "22003", text)
            self.client.run("ROLLBACK TO a")
            self.client.run("COMMIT")
        self.assertEqual(self.client.rows("SELECT id, s FROM n"), [(1, 1)])
        self.assertEqual(self.client.rows("INSERT INTO n VALUES (4, 5, 6) RETURNING i, s"), [(5, 6)])
