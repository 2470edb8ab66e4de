"""SELECT DISTINCT ON."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken, types


class DistinctOnTests(SynchronousTestCase):
    """The first row of each group, as PostgreSQL gives it."""

    def setUp(self) -> None:
        """Readings of two sensors."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create table r (sensor text, at timestamp, value numeric(5,1));"
            "insert into r values ('a', '2026-01-01', 1), ('a', '2026-01-02', 2), ('b', '2026-01-01', 3), ('b', null, 4)"
        )

    def test_rows(self) -> None:
        """By columns, aliases, numbers, expressions; NULLs where PostgreSQL puts them."""
        for text, rows in (
            ("select distinct on (sensor) sensor, value from r order by sensor, at desc", [("a", "2.0"), ("b", "4.0")]),
            ("select distinct on (sensor) sensor, value from r order by sensor, at", [("a", "1.0"), ("b", "3.0")]),
            (
                "select distinct on (s) r.sensor as s, value v from r order by s desc, value desc limit 1",
                [("b", "4.0")],
            ),
            ("select distinct on (1) sensor, 1 from r where value < 4 order by 1 desc", [("b", "1"), ("a", "1")]),
            ("select distinct on (at::date) value from r where sensor = 'a' order by at::date", [("1.0",), ("2.0",)]),
            (
                "select count(*) from (select distinct on (sensor) * from r order by sensor, value) x where value > 1",
                [("1",)],
            ),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_names_and_types(self) -> None:
        """Of a star, too."""
        heard = self.spoken.query("select distinct on (sensor) * from r")
        self.assertEqual(types(heard), [("sensor", 25), ("at", 1114), ("value", 1700)])
        heard = self.spoken.query("select distinct on (sensor) sensor as x, max(value) from r group by sensor")
        self.assertEqual(types(heard), [("x", 25), ("max", 1700)])

    def test_the_star_of_a_table_beside_a_subquery(self) -> None:
        """It is the table's that is meant; pgAdmin asks so for the properties of columns."""
        self.assertEqual(
            self.spoken.rows(
                "with q as (select 'a' as s) select distinct on (r.sensor) q.s, r.* from r left join q on q.s = r.sensor order by r.sensor, r.at"
            ),
            [("a", "a", "2026-01-01 00:00:00", "1.0"), (None, "b", "2026-01-01 00:00:00", "3.0")],
        )

    def test_what_is_not_seen_through_is_refused(self) -> None:
        """With a hint."""
        for text in (
            "select distinct on (sensor) * from (select sensor from r) x",
            "select distinct on (sensor) sensor from r union select 'x'",
        ):
            error = self.spoken.error(text)
            self.assertEqual(error.sqlstate, "0A000")
            self.assertTrue(error.hint)
