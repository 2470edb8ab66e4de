"""INSERT, UPDATE and DELETE."""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql.statements import split, with_schema
from ha.test.translated import RuleTests
from ha.test.two_tables import Schema

TABLE = (
    ("insert into t(a,b) values (default,1),(default,2)", "insert into t(b) values (1),(2)"),
    ("insert into t(a) values (default)", "insert into t DEFAULT VALUES"),
    (
        "insert into t select b from u on conflict do nothing",
        "insert into t select b from u WHERE true on conflict do nothing",
    ),
    (
        "insert into t select b from u join v on u.a = v.a on conflict (a) do update set a = 1",
        "insert into t select b from u join v on u.a = v.a WHERE true on conflict (a) do update set a = 1",
    ),
    ("insert into t select 1 on conflict do nothing", "insert into t select 1 on conflict do nothing"),
    (
        "insert into t select b from u where b on conflict do nothing",
        "insert into t select b from u where b on conflict do nothing",
    ),
    ("insert into t values (1) on conflict do nothing", "insert into t values (1) on conflict do nothing"),
    ("insert into t(a) overriding system value values (1)", "insert into t(a) values (1)"),
    (
        "delete from t using u where t.a=u.a returning t.a",
        "delete from t WHERE rowid IN (SELECT t.rowid FROM t, u where t.a=u.a) returning a",
    ),
)


TYPED = (
    (
        "insert into users (email) select * from u on conflict do nothing",
        "insert into users (email) SELECT pg_fit_varchar(ha_0, 50) FROM (WITH ha_given(ha_0) AS (select * from u) SELECT * FROM ha_given) WHERE true on conflict do nothing",
    ),
    (
        "insert into users(id, name) values (1, default), (2, 'x')",
        "insert into users(id, name) values (1, ('nobody')), (2, 'x')",
    ),
    ("insert into orders values (default, 2, default)", "insert into orders values ((NULL), 2, (NULL))"),
    (
        "insert into users(id) values (1) on conflict on constraint users_pkey do nothing",
        "insert into users(id) values (1) on conflict do nothing",
    ),
    (
        "insert into users(id) values (1) on conflict on constraint users_pkey do update set id = 2",
        'insert into users(id) values (1) on conflict ("id") do update set id = 2',
    ),
)


class WriteTests(RuleTests):
    """Each rule by its example."""

    table = TABLE
    typed = TYPED

    def test_no_such_constraint(self) -> None:
        """As PostgreSQL says it."""
        text = "insert into users(id) values (1) on conflict on constraint nosuch do update set id = 2"
        error = self.assertRaises(StatementError, with_schema, split(text)[0], Schema())
        self.assertEqual(
            (error.sqlstate, error.message), ("42704", 'constraint "nosuch" for table "users" does not exist')
        )

    def test_sqlites_own_door_has_no_schema_at_hand(self) -> None:
        """So what would need one is refused there."""
        for text in (
            "update t set a = default",
            "insert into t(a) values (1) on conflict on constraint x do update set a=1",
            "insert into t values (default, 1)",
            "insert into t(a, b) values (default, 1), (2, 3)",
        ):
            error = self.assertRaises(StatementError, split, text, sqlite_order=True)
            self.assertEqual(error.sqlstate, "0A000", text)

    def test_deleting_from_nothing(self) -> None:
        """A syntax error, at the word that should have been a table."""
        error = self.assertRaises(StatementError, split, "delete from using u where true")
        self.assertEqual((error.sqlstate, error.position), ("42601", 13))
