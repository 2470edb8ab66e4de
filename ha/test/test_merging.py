"""MERGE as a client of PostgreSQL's says it."""

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import CommandComplete, NoData
from ha.test.spoken import Spoken


class MergingTests(SynchronousTestCase):
    """What it does to the rows of a table."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        for text in (
            "CREATE TABLE t (id int PRIMARY KEY, a int, b text)",
            "CREATE TABLE s (id int, a int)",
            "INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y'), (3, 30, 'z')",
            "INSERT INTO s VALUES (1, 11), (2, NULL), (5, 50)",
        ):
            self.spoken.query(text)

    def test_the_first_when_that_holds_is_done(self) -> None:
        """For each row; the tag counts what was changed, DO NOTHING is no change."""
        heard = self.spoken.query(
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND s.a IS NULL THEN DELETE"
            " WHEN MATCHED THEN UPDATE SET a = t.a + s.a, b = b || '!'"
            " WHEN NOT MATCHED AND s.id > 100 THEN DO NOTHING WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.a)"
        )
        self.assertIn(CommandComplete("MERGE 3"), heard)
        self.assertEqual(
            self.spoken.rows("SELECT * FROM t ORDER BY id"), [("1", "21", "x!"), ("3", "30", "z"), ("5", "50", None)]
        )

    def test_no_row_sees_what_another_did(self) -> None:
        """Values and conditions are those before the statement."""
        self.spoken.query(
            "MERGE INTO t USING t AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = (SELECT sum(a) FROM t)"
        )
        self.assertEqual(self.spoken.rows("SELECT DISTINCT a FROM t"), [("60",)])

    def test_a_row_that_is_met_twice_is_refused(self) -> None:
        """And nothing of it stays; where the second has nothing to do, it may."""
        twice = "MERGE INTO t USING (VALUES (1), (1)) AS v (i) ON t.id = v.i WHEN MATCHED THEN"
        self.assertEqual(self.spoken.error(f"{twice} UPDATE SET a = 0").sqlstate, "21000")
        self.assertEqual(self.spoken.rows("SELECT a FROM t WHERE id = 1"), [("10",)])
        self.assertIn(CommandComplete("MERGE 0"), self.spoken.query(f"{twice} DO NOTHING"))

    def test_a_table_without_rowids(self) -> None:
        """Its rows are known by their key, which may be changed."""
        self.spoken.query("CREATE TABLE w (k text, j int, PRIMARY KEY (k, j)) WITHOUT ROWID")
        self.spoken.query("INSERT INTO w VALUES ('a', 1), ('a', 2), ('b', 1)")
        self.spoken.query(
            "MERGE INTO w USING (VALUES ('a', 1), ('b', 1)) v(x, y) ON k = x AND j = y"
            " WHEN MATCHED AND k = 'b' THEN DELETE WHEN MATCHED THEN UPDATE SET j = 9"
        )
        self.assertEqual(self.spoken.rows("SELECT * FROM w ORDER BY 1, 2"), [("a", "2"), ("a", "9")])

    def test_parameters_take_their_columns_types(self) -> None:
        """It is described as a statement without rows."""
        heard = self.spoken.extended(
            "MERGE INTO t USING (SELECT $1::int AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET b = $2, a = $3",
            b"2",
            b"7",
            b"8",
        )
        self.assertIn(NoData(), heard)
        self.assertIn(CommandComplete("MERGE 1"), heard)
        self.assertEqual(self.spoken.rows("SELECT a, b FROM t WHERE id = 2"), [("8", "7")])

    def test_a_broken_constraint_undoes_all_of_it(self) -> None:
        """With the error that the statement for one row would give."""
        error = self.spoken.error(
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (3)"
        )
        self.assertEqual((error.sqlstate, error.constraint), ("23505", "t_pkey"))
        self.assertEqual(self.spoken.rows("SELECT count(*) FROM t"), [("3",)])

    def test_a_view_is_no_target(self) -> None:
        """As in PostgreSQL 15."""
        self.spoken.query("CREATE VIEW v AS SELECT * FROM t")
        error = self.spoken.error("MERGE INTO v USING s ON v.id = s.id WHEN MATCHED THEN DELETE")
        self.assertEqual(error.sqlstate, "0A000")

    def test_serial_numbers_go_on(self) -> None:
        """lastval() tells of what a MERGE inserted."""
        self.spoken.query("CREATE TABLE n (id serial PRIMARY KEY, a int)")
        self.spoken.query("MERGE INTO n USING s ON false WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)")
        self.assertEqual(self.spoken.rows("SELECT lastval(), max(id) FROM n"), [("3", "3")])
