"""FETCH FIRST … WITH TIES."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken, types


class TiesTests(SynchronousTestCase):
    """The rows that equal the last one come, too."""

    def setUp(self) -> None:
        """Numbers, of which some are equal."""
        self.spoken = Spoken(self)
        self.spoken.query(
            "create table s (id int4 primary key, c int4, a text, i interval);"
            "insert into s values (1, 1, 'x', '1 day'), (2, 2, 'x', '24 hours'), (3, 2, 'y', '2 days'), (4, 3, null, null)"
        )

    def test_rows(self) -> None:
        """By columns, numbers, names, what is not selected; behind OFFSET, in subqueries, of several SELECTs."""
        for text, rows in (
            ("select id, c from s order by c fetch first 2 rows with ties", [("1", "1"), ("2", "2"), ("3", "2")]),
            (
                "select id as x from s order by c desc offset 1 row fetch first row with ties for update",
                [("2",), ("3",)],
            ),
            ("select * from s order by a nulls first fetch next 1 row with ties", [("4", "3", None, None)]),
            (
                "select c as d, count(*) from s group by c order by count(*) desc fetch first 1 row with ties",
                [("2", "2")],
            ),
            ("select distinct a from s order by 1 fetch first 1 rows with ties", [("x",)]),
            ("select i from s order by i fetch first (1 - 0) row with ties", [("1 day",), ("24:00:00",)]),
            ("select count(*) from (select id from s order by c / 2 fetch first 2 rows with ties) q", [("4",)]),
            (
                "select 1 as n union all select 1 union all select 2 order by n fetch first 1 row with ties",
                [("1",), ("1",)],
            ),
        ):
            self.assertEqual(self.spoken.rows(text), rows, text)

    def test_names_and_types(self) -> None:
        """Are the query's own."""
        heard = self.spoken.query("select *, c + 1, c as x from s order by c fetch first 1 row with ties")
        wanted = [("id", 23), ("c", 23), ("a", 25), ("i", 1186), ("?column?", 23), ("x", 23)]
        self.assertEqual(types(heard), wanted)

    def test_what_is_wrong_or_not_seen_through(self) -> None:
        """No order, or one of several SELECTs by what they do not give."""
        self.assertEqual(self.spoken.error("select c from s fetch first 1 row with ties").sqlstate, "42601")
        text = "select c from s union select 1 order by c + 1 fetch first 1 row with ties"
        self.assertEqual(self.spoken.error(text).sqlstate, "0A000")
