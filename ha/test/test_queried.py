"""CREATE TABLE … AS, made and filled."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.answers import CommandComplete, NoticeResponse
from ha.test.spoken import Spoken, types


class QueriedTests(SynchronousTestCase):
    """Tables made of a query."""

    def setUp(self) -> None:
        """A table of several types."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create type mood as enum ('sad', 'ok');"
            "create table t (a int4, b varchar(9), c boolean, d timestamp with time zone, e numeric(6,2), f mood, g text[]);"
            "insert into t values (1, 'x', true, '2026-01-02 03:04:05+00', 1.5, 'ok', '{a,b}'), (2, null, false, null, 2, 'sad', null)"
        )

    def tag(self, text: str) -> str:
        """The command tag of a statement that succeeds."""
        return next(one.command_tag for one in self.spoken.query(text) if isinstance(one, CommandComplete))

    def test_types_and_rows(self) -> None:
        """Are those of the query; the tag counts the rows."""
        self.assertEqual(
            self.tag("create table u as select *, a > 1, count(*) over (), d::timestamp(3) as at from t"), "SELECT 2"
        )
        of_t, of_u = (types(self.spoken.query(f"select a, b, c, d, e, f, g from {name}")) for name in "tu")
        self.assertEqual(of_u, of_t)
        self.assertEqual(
            types(self.spoken.query('select "?column?", count, at from u')),
            [("?column?", 16), ("count", 20), ("at", 1114)],
        )
        self.assertEqual(
            self.spoken.rows("select * from u where a = 1"),
            [("1", "x", "t", "2026-01-02 03:04:05+00", "1.50", "ok", "{a,b}", "f", "2", "2026-01-02 03:04:05")],
        )
        self.assertEqual(self.spoken.error("insert into u (b) values ('more than nine')").sqlstate, "22001")

    def test_names_and_no_data(self) -> None:
        """The first columns may be named; two of one name are refused."""
        self.assertEqual(self.tag("create table u (x, y) as select a, b, c from t with no data"), "CREATE TABLE AS")
        self.assertEqual(types(self.spoken.query("select * from u")), [("x", 23), ("y", 1043), ("c", 16)])
        self.assertEqual(self.spoken.rows("select * from u"), [])
        self.assertEqual(self.spoken.error("create table w as select count(*), count(a) from t").sqlstate, "42701")
        self.assertEqual(self.spoken.error("create table w (x, y) as select 1").sqlstate, "42601")

    def test_one_that_is_there(self) -> None:
        """Is said, and nothing done, where that was allowed."""
        self.assertEqual(self.spoken.error("create table t as select 1").sqlstate, "42P07")
        heard = self.spoken.query("create table if not exists t as select 1")
        self.assertEqual([one.sqlstate for one in heard if isinstance(one, NoticeResponse)], ["42P07"])
        self.assertEqual(self.tag("create table if not exists t as select 1"), "CREATE TABLE AS")

    def test_temporary_ones(self) -> None:
        """Are the session's own, and keep what they promise at COMMIT."""
        self.assertEqual(self.tag("create temp table u as select a from t"), "SELECT 2")
        self.assertEqual(self.spoken.rows("select count(*) from pg_temp.u"), [("2",)])
        self.spoken.query("begin; create temp table w on commit drop as select 1 as one; commit")
        self.assertEqual(self.spoken.error("select * from w").sqlstate, "42P01")

    def test_a_query_that_writes_is_refused(self) -> None:
        """It is two statements."""
        text = "create table u as with q as (insert into t (a) values (9) returning a) select * from q"
        self.assertEqual(self.spoken.error(text).sqlstate, "0A000")
