"""What is compared, sorted and grouped, as PostgreSQL does it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.spoken import Spoken


class IntervalTests(SynchronousTestCase):
    """Their texts have another order than they."""

    def setUp(self) -> None:
        """Six intervals, of which two pairs are equal."""
        self.spoken = Spoken(self)
        self.spoken.query("CREATE TABLE iv (id int PRIMARY KEY, i interval)")
        self.spoken.query(
            "INSERT INTO iv VALUES (1,'1 day'),(2,'24 hours'),(3,'1 month'),(4,'30 days'),(5,'10 days'),(6,'9 days'),(7,NULL)"
        )

    def ids(self, rest: str) -> list[int]:
        """The rows that the rest of the statement gives."""
        return [int(row[0] or 0) for row in self.spoken.rows("SELECT id FROM iv " + rest)]

    def test_compared(self) -> None:
        """With literals, lists, ranges, arrays and one another."""
        self.assertEqual(self.ids("WHERE i > '2 days' ORDER BY id"), [3, 4, 5, 6])
        self.assertEqual(self.ids("WHERE i = '24:00:00' ORDER BY id"), [1, 2])
        self.assertEqual(self.ids("WHERE i IN ('1 day', '10 days') ORDER BY id"), [1, 2, 5])
        self.assertEqual(self.ids("WHERE i BETWEEN '1 day' AND '9 days' ORDER BY id"), [1, 2, 6])
        self.assertEqual(self.ids("WHERE i = ANY (ARRAY['1 mon']::interval[]) ORDER BY id"), [3, 4])
        self.assertEqual(self.ids("WHERE i + interval '1 day' > '5 days' ORDER BY id"), [3, 4, 5, 6])
        self.assertEqual(self.ids("WHERE (i, id) > ('1 day'::interval, 2) ORDER BY id"), [3, 4, 5, 6])
        self.assertEqual(self.ids("WHERE i = (SELECT max(i) FROM iv) ORDER BY id"), [3, 4])

    def test_sorted(self) -> None:
        """By column, number, alias, and in a window."""
        self.assertEqual(self.ids("ORDER BY i, id"), [1, 2, 6, 5, 3, 4, 7])
        self.assertEqual(self.ids("ORDER BY i DESC, id"), [7, 3, 4, 5, 6, 1, 2])
        self.assertEqual([row[0] for row in self.spoken.rows("SELECT id, i FROM iv ORDER BY 2, 1")], list("1265347"))
        self.assertEqual(
            [row[0] for row in self.spoken.rows("SELECT id, i AS x FROM iv ORDER BY x, 1")], list("1265347")
        )
        ranks = self.spoken.rows("SELECT rank() OVER (ORDER BY i) FROM iv ORDER BY id")
        self.assertEqual([row[0] for row in ranks], ["1", "1", "5", "5", "4", "3", "7"])

    def test_told_apart(self) -> None:
        """Groups, DISTINCT, UNION."""
        self.assertEqual(
            self.spoken.rows("SELECT count(*) FROM iv GROUP BY i ORDER BY i"), [("2",), ("1",), ("1",), ("2",), ("1",)]
        )
        self.assertEqual(self.spoken.rows("SELECT count(DISTINCT i) FROM iv"), [("4",)])
        self.assertEqual(len(self.spoken.rows("SELECT DISTINCT i FROM iv")), 5)
        self.assertEqual(len(self.spoken.rows("SELECT i FROM iv UNION SELECT interval '720 hours'")), 5)

    def test_the_type_is_announced(self) -> None:
        """As without a collation."""
        self.assertEqual(self.spoken.rows("SELECT min(i) FROM iv WHERE id > 4"), [("9 days",)])


class OtherTests(SynchronousTestCase):
    """Types besides."""

    def setUp(self) -> None:
        """One row."""
        self.spoken = Spoken(self)

    def test_a_date_beside_a_time(self) -> None:
        """Midnight is what it means."""
        self.assertEqual(
            self.spoken.rows(
                "SELECT date '2026-01-01' = timestamp '2026-01-01 00:00:00', date '2026-01-02' BETWEEN timestamp '2026-01-01 12:00:00'"
                " AND timestamp '2026-01-02 00:00:00', timestamp '2026-01-01 00:00:00' IN (date '2026-01-01')"
            ),
            [("t", "t", "t")],
        )

    def test_arrays_and_documents(self) -> None:
        """Numbers as numbers, objects by what they hold."""
        self.assertEqual(
            self.spoken.rows('SELECT array[10] > array[9], \'{"a":1,"b":2}\'::jsonb = \'{"b": 2, "a": 1.0}\'::jsonb'),
            [("t", "t")],
        )

    def test_blanks_at_the_end_of_a_char(self) -> None:
        """Mean nothing."""
        self.assertEqual(self.spoken.rows("SELECT 'abc'::char(5) = 'abc'"), [("t",)])


class UnlikeTests(SynchronousTestCase):
    """Types that have no order between them."""

    def test_a_text_is_no_number(self) -> None:
        """SQLite would find them unequal, or make a text of the number."""
        spoken = Spoken(self)
        spoken.query("CREATE TABLE t (id int PRIMARY KEY, name text, b boolean)")
        for condition in ("name = 1", "name > 2.5", "id = name"):
            error = spoken.error(f"SELECT id FROM t WHERE {condition}")
            self.assertEqual((error.sqlstate, "operator does not exist" in error.message), ("42883", True), condition)
        for condition in (
            "name = '1'",
            "name = 1::text",
            "b = true",
            "b = 1",
            "id = true",
            "b = '1'",
            "id = '1'",
            "lower(name) = 'x'",
        ):
            self.assertEqual(spoken.rows(f"SELECT id FROM t WHERE {condition}"), [])


class CitextTests(SynchronousTestCase):
    """A citext is compared without regard to case."""

    def setUp(self) -> None:
        self.spoken = Spoken(self)
        self.spoken.query("CREATE EXTENSION IF NOT EXISTS citext")
        self.spoken.query("CREATE TABLE c (id int PRIMARY KEY, a citext UNIQUE, t text)")
        self.spoken.query("INSERT INTO c VALUES (1, 'Ab', 'aB'), (2, 'Cd', 'cd')")

    def ids(self, condition: str) -> list[str | None]:
        """The rows of which a condition holds."""
        return [row[0] for row in self.spoken.rows(f"SELECT id FROM c WHERE {condition} ORDER BY id")]

    def test_compared(self) -> None:
        """With literals, lists, patterns; beside a text both are texts, as in PostgreSQL."""
        for condition, wanted in (
            ("a = 'aB'", ["1"]),
            ("'AB' = a", ["1"]),
            ("a IN ('CD', 'x')", ["2"]),
            ("a = ANY (ARRAY['cd'])", ["2"]),
            ("a > 'b'", ["2"]),
            ("a LIKE 'A%'", ["1"]),
            ("a NOT LIKE 'a%'", ["2"]),
            ("a ~~ '%D'", ["2"]),
            ("a !~~ '%D'", ["1"]),
            ("a ~ '^aB$'", ["1"]),
            ("a !~ '^aB$'", ["2"]),
            ("a = t", []),
            ("t = a", []),
            ("a = t::citext", ["1", "2"]),
            ("a = 'aB'::text", []),
            ("a::text = 'aB'", []),
            ("t LIKE 'A%'", []),
            ("t ~ '^A'", []),
        ):
            self.assertEqual(self.ids(condition), wanted, condition)
        self.assertEqual(
            self.spoken.rows("SELECT 'Ab'::citext = 'aB', max(x) FROM (VALUES ('b'::citext), ('A')) v(x)"), [("t", "b")]
        )

    def test_a_key(self) -> None:
        """Holds one of both, whichever way the column came to its type."""
        self.assertEqual(self.spoken.error("INSERT INTO c VALUES (3, 'AB')").sqlstate, "23505")
        self.spoken.query("ALTER TABLE c ADD COLUMN n citext; ALTER TABLE c ALTER COLUMN t TYPE citext")
        self.spoken.query("UPDATE c SET n = 'x'; CREATE UNIQUE INDEX ON c (t)")
        self.assertEqual(self.spoken.error("CREATE UNIQUE INDEX ON c (n)").sqlstate, "23505")
        self.assertEqual(self.spoken.error("INSERT INTO c VALUES (3, 'z', 'CD')").sqlstate, "23505")
        self.spoken.query("UPDATE c SET n = CASE id WHEN 1 THEN 'y' ELSE 'Y' END")
        self.assertEqual(self.spoken.error("CREATE UNIQUE INDEX ON c (n)").sqlstate, "23505")
        self.spoken.query("CREATE TABLE d AS SELECT n FROM c")
        self.assertEqual(self.spoken.error("CREATE UNIQUE INDEX ON d (n)").sqlstate, "23505")
        self.spoken.query("ALTER TABLE c ALTER COLUMN n TYPE text; CREATE UNIQUE INDEX ON c (n)")
        self.assertEqual(self.ids("n = 'Y'"), ["2"])

    def test_the_type(self) -> None:
        """Is announced, and found by its name."""
        description = self.spoken.query("SELECT a, 'x'::citext FROM c")[0]
        self.assertEqual([column.type_oid for column in description.columns], [16_382, 16_382])
        shown = "SELECT format_type(atttypid, atttypmod), typname FROM pg_attribute JOIN pg_type t ON t.oid = atttypid"
        self.assertEqual(
            self.spoken.rows(f"{shown} WHERE attrelid = 'c'::regclass AND attname = 'a'"), [("citext", "citext")]
        )
