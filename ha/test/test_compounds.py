"""What stands between SELECTs."""

from __future__ import annotations

from cProfile import Profile
from pstats import Stats

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.statements import split, with_schema
from ha.test.spoken import Spoken
from ha.test.two_tables import Schema


class CompoundTests(SynchronousTestCase):
    """UNION, INTERSECT, EXCEPT."""

    def setUp(self) -> None:
        """Places, of which some are equal."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create table p (id int primary key, city text, n numeric(5,1), span interval);"
            "insert into p values (1, 'Rome', 1, '1 day'), (2, 'Oslo', 2, '24 hours'), (3, 'Rome', 1, '2 days'), (4, null, 3, null)"
        )

    def test_intersect_comes_first(self) -> None:
        """SQLite takes all of them from left to right."""
        for text, rows in (
            ("select 1 union select 2 intersect select 2 order by 1", [("1",), ("2",)]),
            ("select 1 union all select 2 intersect select 2 union select 3 order by 1", [("1",), ("2",), ("3",)]),
            ("(select 1 union select 2) intersect select 2", [("2",)]),
            ("select 2 intersect select 2 union select 3 order by 1", [("2",), ("3",)]),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_all_counts_equal_rows(self) -> None:
        """NULLs are equal, too; so are intervals that are written otherwise."""
        for text, rows in (
            ("select city from p except all select 'Rome' order by 1", [("Oslo",), ("Rome",), (None,)]),
            (
                "select city from p intersect all values ('Rome'), ('Rome'), ('Rome'), (null)",
                [("Rome",)] * 2 + [(None,)],
            ),
            ("select count(*) from (select city, n from p except all select 'Rome', 1) q", [("3",)]),
            ("(select city from p where id < 3) except all (select city from p limit 1) order by city", [("Oslo",)]),
            ("select * from p except all select * from p where id > 1", [("1", "Rome", "1.0", "1 day")]),
            ("select 1 union select 9 except all select 1 order by 1", [("9",)]),
            ("select 1 union all select 1 union all select 1 except all select 1 except all select 1", [("1",)]),
            ("select count(*) from (select span from p intersect all select interval '1 day') q", [("1",)]),
            ("with q as (select city as c from p intersect all select 'Oslo') select c || '!' from q", [("Oslo!",)]),
        ):
            self.assertEqual(sorted(self.spoken.rows(text), key=str), sorted(rows, key=str), text)
        self.spoken.query("insert into p (id, city) select 5, 'Bonn' except all select 6, 'Bonn'")
        self.assertEqual(self.spoken.rows("select city from p where id = 5"), [("Bonn",)])
        self.spoken.query("create view v as select city, upper(city) from p except all select 'Rome', 'ROME'")
        self.assertEqual(self.spoken.rows("select upper from v where city = 'Rome'"), [("ROME",)])

    def test_a_star_of_what_is_not_known_is_refused(self) -> None:
        """Its columns cannot be counted."""
        error = self.spoken.error("select * from p join (select 1 as id) q using (id) except all select 1")
        self.assertEqual(error.sqlstate, "0A000")
        self.assertTrue(error.hint)

    def test_many_are_looked_at_once(self) -> None:
        """Four times the SELECTs are four times the steps, with and without the schema."""
        for word in ("union all", "intersect", "except all"):
            steps = []
            for count in (50, 200):
                (statement,) = split(f" {word} ".join(["select name, id from users"] * count))
                profile = Profile()
                profile.runcall(with_schema, statement, Schema())
                steps.append(Stats(profile).total_calls)  # type: ignore[attr-defined]
            self.assertLess(steps[1], 5 * steps[0], word)
