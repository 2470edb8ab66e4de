"""Tests of ha.sql.rangerules."""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.statements import split, with_schema
from ha.test.translated import RuleTests
from ha.test.two_tables import Schema


class RangeRuleTests(RuleTests):
    """Operators and functions of ranges."""

    typed = (
        ("select '[1,5)'::int4range @> 3", "select pg_range_contains(pg_int4range('[1,5)') , 3, 'int4range')"),
        ("select 3 <@ '[1,5)'::int4range", "select pg_range_contained(3 , pg_int4range('[1,5)'), 'int4range')"),
        ("select '{}'::nummultirange && $1", "select pg_range_overlaps(pg_nummultirange('{}') , ?1, 'nummultirange')"),
        ("select lower('[1,5)'::int8range)", "select pg_range_lower(pg_int8range('[1,5)'), 'int8range')"),
        ("select lower('A')", "select lower('A')"),
        ("select '{1}'::int4[] @> '{1}'", "select pg_contains(pg_array('{1}') , '{1}')"),
    )

    def test_what_cannot_be_computed(self) -> None:
        """Is no number."""
        for text in ("select '[1,5)'::int4range * '[2,3)'", "select int4range(1, 2) + int4range(2, 3)"):
            (statement,) = split(text)
            self.assertEqual(
                self.assertRaises(StatementError, with_schema, statement, Schema()).sqlstate, "0A000", text
            )
