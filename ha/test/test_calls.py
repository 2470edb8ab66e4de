"""Functions written with words, or under other names."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.statements import split
from ha.test.translated import RuleTests

TABLE = (
    ("select extract(epoch from x)", "select date_part('epoch' , x)"),
    ("select position('a' in b)", "select pg_position('a' , b)"),
    ("select substring(x from 2 for 3), substring(x, 2)", "select substring(x , 2 , 3), substring(x, 2)"),
    ("select jsonb_build_object('a',1)", "select json_object('a',1)"),
)


class CallTests(RuleTests):
    """Each rule by its example."""

    table = TABLE


class TextSearchTests(SynchronousTestCase):
    """Full-text search is SQLite's own."""

    def test_postgresqls_is_refused(self) -> None:
        """In statements and in indexes, with a word on what there is."""
        for text in (
            "SELECT to_tsvector('english', a) FROM t",
            "SELECT a FROM t WHERE a @@ 'x'",
            "CREATE INDEX i ON t USING gin (to_tsvector('english', a))",
            "SELECT ts_rank(a, plainto_tsquery('x')) FROM t",
        ):
            error = self.assertRaises(StatementError, split, text)
            self.assertEqual(error.sqlstate, "0A000", text)
            self.assertIn("fts5", error.hint or "")

    def test_a_column_may_be_called_so(self) -> None:
        """Only a call is one."""
        self.assertEqual(split("SELECT setweight FROM t")[0].sql, "SELECT setweight FROM t")
