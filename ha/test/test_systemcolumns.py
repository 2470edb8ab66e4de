"""The columns that every table of PostgreSQL's has."""

from __future__ import annotations

from ha.test.spoken import Spoken, types
from ha.test.translated import RuleTests


class SystemColumnTests(RuleTests):
    """What SQLite is given, and what a client sees."""

    typed = (
        ("select ctid, users.ctid from users", "select +rowid AS ctid, +rowid AS ctid from users"),
        (
            "select u.ctid from users u, orders where u.ctid = orders.ctid",
            'select +"u".rowid AS ctid from users u, orders where "u".rowid = "orders".rowid',
        ),
        ("select tableoid::regclass from users", "select pg_regclass_name(4711) from users"),
        (
            "insert into users(id) values (1) on conflict (id) do update set id = 1 returning xmax = 0",
            "insert into users(id) values (1) on conflict (id) do update set id = 1 "
            "returning ((last_insert_rowid() = rowid) IS NOT 1) = 0",
        ),
        ("insert into users(id) values (1) returning xmax = 0", "insert into users(id) values (1) returning 0 = 0"),
    )

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE t (id int PRIMARY KEY, a text)")
        self.spoken.query("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (70000, 'a')")

    def test_a_rows_place(self) -> None:
        """It is shown as PostgreSQL's, compared and sorted as what it is."""
        heard = self.spoken.query("SELECT ctid FROM t")
        self.assertEqual(types(heard), [("ctid", 27)])
        self.assertEqual(
            self.spoken.rows("SELECT ctid::text FROM t WHERE a = 'a' ORDER BY ctid"), [("(0,1)",), ("(0,3)",)]
        )
        self.assertEqual(self.spoken.rows("SELECT id FROM t WHERE ctid = '(0,2)'"), [("2",)])
        heard = self.spoken.extended("SELECT id FROM t WHERE ctid = $1", b"(0,2)")
        self.assertEqual([message.values for message in heard if hasattr(message, "values")], [(b"2",)])
        self.spoken.query("DELETE FROM t WHERE ctid NOT IN (SELECT min(ctid) FROM t GROUP BY a)")
        self.assertEqual(self.spoken.rows("SELECT id FROM t ORDER BY 1"), [("1",), ("2",)])

    def test_which_rows_were_inserted(self) -> None:
        """An earlier INSERT of the same row does not count."""
        upsert = "INSERT INTO t VALUES ({}) ON CONFLICT (id) DO UPDATE SET a = excluded.a RETURNING id, (xmax = 0) AS inserted"
        self.assertEqual(self.spoken.rows(upsert.format("5, 'x'")), [("5", "t")])
        self.assertEqual(self.spoken.rows(upsert.format("5, 'y'), (6, 'z'")), [("5", "f"), ("6", "t")])
        self.assertEqual(self.spoken.rows(upsert.format("6, 'y'")), [("6", "f")])
        self.assertEqual(self.spoken.rows("SELECT xmax FROM t WHERE id = 6"), [("0",)])

    def test_what_no_row_knows(self) -> None:
        """Is refused, but where the table has such a column; a view has none."""
        self.assertEqual(self.spoken.error("SELECT xmin FROM t").sqlstate, "0A000")
        self.spoken.query("CREATE VIEW v AS SELECT * FROM t")
        self.assertEqual(self.spoken.error("SELECT ctid FROM v").sqlstate, "42703")
        self.spoken.query("CREATE TABLE own (xmin int)")
        self.assertEqual(self.spoken.rows("SELECT xmin FROM own"), [])
