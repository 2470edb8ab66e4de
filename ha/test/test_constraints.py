"""Tests of ha.sql.constraints."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.constraints import constraints, generated, index_terms, names_in, query_of


class ConstraintTests(SynchronousTestCase):
    """What the text of a definition says and the pragmas do not."""

    def test_named_and_unnamed_constraints(self) -> None:
        sql = "CREATE TABLE t (a int CONSTRAINT positive CHECK (a > 0), b int UNIQUE, CONSTRAINT pk PRIMARY KEY (a, b))"
        names = {one.name for one in constraints(sql)}
        self.assertLessEqual({"positive", "pk"}, names)

    def test_generated_columns(self) -> None:
        self.assertIn("b", generated("CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)"))

    def test_terms_of_an_index(self) -> None:
        terms, where = index_terms("CREATE INDEX i ON t (a, lower(b) DESC) WHERE a > 1")
        self.assertEqual(len(terms), 2)
        self.assertIn("a > 1", where or "")

    def test_the_query_of_a_view(self) -> None:
        self.assertEqual(query_of("CREATE VIEW v AS SELECT 1 AS one").strip(), "SELECT 1 AS one")

    def test_names_in_an_expression(self) -> None:
        self.assertLessEqual({"a", "b"}, names_in("a > b AND 'c' = 'c'"))
