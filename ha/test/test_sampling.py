"""Rows by chance."""

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.sampling import sampled
from ha.test.spoken import Spoken


class SamplingTests(SynchronousTestCase):
    """Which rows are chosen."""

    def test_about_so_many(self) -> None:
        """None and all are certain; a seed chooses the same ones again, another others."""
        self.assertEqual([sum(sampled(percent) for _ in range(1000)) for percent in (0, 100)], [0, 1000])
        first, again, other = ([row for row in range(1000) if sampled(20, seed, row)] for seed in (1, 1, 2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertTrue(150 < len(first) < 250, len(first))

    def test_what_cannot_be_chosen_by(self) -> None:
        """With PostgreSQL's SQLSTATEs."""
        for given, sqlstate in (((None,), "2202H"), ((101,), "2202H"), ((-1,), "2202H"), ((5, None, 1), "2202G")):
            self.assertEqual(self.assertRaises(StatementError, sampled, *given).sqlstate, sqlstate, given)

    def test_a_client_asks_for_some_rows(self) -> None:
        """Beside a join, with names and parameters."""
        spoken = Spoken(self)
        spoken.query("CREATE TABLE t (id int PRIMARY KEY, a date)")
        spoken.query("INSERT INTO t SELECT g, '2026-01-01' FROM generate_series(1, 200) g")
        chosen = (
            "SELECT x.id, x.a FROM t AS x TABLESAMPLE SYSTEM (30) REPEATABLE (7) JOIN t y ON x.id = y.id ORDER BY 1"
        )
        self.assertEqual(spoken.rows(chosen), spoken.rows(chosen))
        self.assertTrue(30 < len(spoken.rows(chosen)) < 90)
        self.assertEqual(spoken.rows("SELECT count(t.id) FROM t TABLESAMPLE bernoulli(100)"), [("200",)])
        self.assertEqual(spoken.rows("SELECT count(*) FROM public.t TABLESAMPLE bernoulli(0)"), [("0",)])
        self.assertEqual(spoken.error("SELECT 1 FROM t TABLESAMPLE bernoulli(101)").sqlstate, "2202H")
