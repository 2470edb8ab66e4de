"""TABLESAMPLE."""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.statements import split
from ha.test.translated import RuleTests

TYPED = (
    (
        "select * from users tablesample bernoulli (10)",
        'select * from (SELECT * FROM users WHERE pg_sampled(10)) AS "users" ',
    ),
    (
        "select * from users as u tablesample system ($1) repeatable (3), orders",
        "select * from (SELECT * FROM users WHERE pg_sampled(?1, 3, rowid)) as u , orders",
    ),
)


class SamplesTests(RuleTests):
    """What SQLite is given."""

    typed = TYPED
    refused = ("create view v as select * from users tablesample system (1)",)

    def test_what_is_no_sample(self) -> None:
        """Methods that are not there, and brackets without a share."""
        for text, sqlstate in (
            ("select * from users tablesample nope (1)", "42704"),
            ("select * from users tablesample system ()", "42601"),
            ("select * from users tablesample system (1, 2)", "2202H"),
        ):
            self.assertEqual(self.assertRaises(StatementError, split, text).sqlstate, sqlstate, text)
