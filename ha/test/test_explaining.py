"""EXPLAIN as PostgreSQL tells it."""

import json
from xml.etree.ElementTree import fromstring

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import CommandComplete
from ha.test.spoken import Spoken, types


class ExplainingTests(SynchronousTestCase):
    """What a client reads."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        for text in (
            "CREATE TABLE t (id bigint, a int, b text)",
            "CREATE INDEX ti ON t (a)",
            "CREATE TABLE s (t_id int)",
            "INSERT INTO s VALUES (1), (2)",
        ):
            self.spoken.query(text)

    def lines(self, text: str) -> list[str]:
        return [row[0] or "" for row in self.spoken.rows(text)]

    def test_a_tree_of_nodes(self) -> None:
        """Joins, sorts, conditions; what writes stands above."""
        heard = self.spoken.query("EXPLAIN SELECT * FROM t")
        self.assertEqual(types(heard), [("QUERY PLAN", 25)])
        self.assertIn(CommandComplete("EXPLAIN"), heard)
        self.assertEqual(self.lines("EXPLAIN SELECT * FROM t"), ["Seq Scan on t"])
        self.assertEqual(self.lines("EXPLAIN SELECT 1"), ["Result"])
        self.assertEqual(
            self.lines("EXPLAIN (COSTS OFF) SELECT * FROM s JOIN t ON t.a = s.t_id ORDER BY t.b"),
            ["Sort", "  ->  Nested Loop", "        ->  Seq Scan on s", "        ->  Index Scan using ti on t", "              Index Cond: (a=?)"],
        )  # fmt: skip
        self.assertEqual(self.lines("EXPLAIN DELETE FROM s WHERE t_id > 1"), ["Delete on s", "  ->  Seq Scan on s"])
        self.assertEqual(self.lines("EXPLAIN INSERT INTO s VALUES (1)"), ["Insert on s", "  ->  Result"])
        self.assertEqual(self.lines("EXPLAIN MERGE INTO s USING t ON false WHEN MATCHED THEN DELETE")[0], "Merge on s")

    def test_each_form_can_be_read(self) -> None:
        """By whoever reads such."""
        asked = "SELECT a FROM t WHERE a > 1 ORDER BY b"
        plan = json.loads(self.lines(f"EXPLAIN (FORMAT JSON, ANALYZE off, BUFFERS) {asked}")[0])[0]["Plan"]
        self.assertEqual((plan["Node Type"], plan["Plans"][0]["Index Name"]), ("Sort", "ti"))
        root = fromstring(self.lines(f"EXPLAIN (FORMAT XML) {asked}")[0])
        kinds = root.iter("{http://www.postgresql.org/2009/explain}Node-Type")
        self.assertEqual([one.text for one in kinds], ["Sort", "Index Scan"])
        self.assertIn(
            '\n      - Node Type: "Index Scan"\n        Index Name: "ti"',
            self.lines(f"EXPLAIN (FORMAT YAML) {asked}")[0],
        )

    def test_analyze_runs_it(self) -> None:
        """Rows and times are real; what writes is not run for this."""
        first, planning, execution = self.lines("EXPLAIN ANALYZE SELECT * FROM s")
        self.assertRegex(first, r"^Seq Scan on s \(actual time=\d+\.\d{3}\.\.\d+\.\d{3} rows=2 loops=1\)$")
        self.assertRegex(planning + execution, r"^Planning Time: [\d.]+ msExecution Time: [\d.]+ ms$")
        self.assertEqual(self.spoken.error("EXPLAIN ANALYZE DELETE FROM s").sqlstate, "0A000")

    def test_parameters_and_errors(self) -> None:
        """Values are taken and not looked at; the place of an error is the client's."""
        heard = self.spoken.extended("EXPLAIN SELECT * FROM t WHERE a = $1", b"7")
        self.assertIn(CommandComplete("EXPLAIN"), heard)
        error = self.spoken.error("EXPLAIN SELECT * FROM nobody")
        self.assertEqual((error.sqlstate, error.position), ("42P01", 23))
        for text, sqlstate in (("EXPLAIN (foo) SELECT 1", "42601"), ("EXPLAIN (FORMAT bar) SELECT 1", "22023")):
            self.assertEqual(self.spoken.error(text).sqlstate, sqlstate)
