"""Functions written with words, or under other names."""

from __future__ import annotations

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
