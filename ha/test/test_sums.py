"""Sums with times and intervals, and division."""

from __future__ import annotations

from ha.test.translated import RuleTests

TABLE = (
    ("select now() - interval '1 day'", "select pg_time_subtract(now() , pg_interval('1 day'))"),
    ("select a - b - 1", "select a - b - 1"),
)


class SumTests(RuleTests):
    """Each rule by its example."""

    table = TABLE
