"""More parameters than SQLite takes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.carried import BOUND_MAX
from ha.sql.statements import split
from ha.test.clients import BackendCase

MOST = 65_535


class CarriedTests(SynchronousTestCase):
    """What becomes of the marks."""

    def test_as_many_as_sqlite_takes_stay(self) -> None:
        for mark in ("$%d", "?%d"):
            (statement,) = split("SELECT " + ", ".join(mark % number for number in (1, BOUND_MAX)))
            self.assertEqual(statement.sql, f"SELECT ?1, ?{BOUND_MAX}")

    def test_of_more_each_is_asked_for(self) -> None:
        """The first one, too: the only parameter is the row of them all."""
        (statement,) = split(
            f"SELECT $1, $2::int, $1 || $40000 FROM t WHERE a IN ($3) AND b = '$4' -- $5\n AND c <> ${MOST}"
        )
        self.assertIn("pg_parameter(?1, 1), ", statement.sql)
        self.assertIn("pg_int4(pg_parameter(?1, 2))", statement.sql)
        self.assertIn("pg_parameter(?1, 1) || pg_parameter(?1, 40000)", statement.sql)
        self.assertIn("IN (pg_parameter(?1, 3)) AND b = '$4' -- $5", statement.sql)
        self.assertEqual(statement.parameters, MOST)

    def test_marks_without_numbers(self) -> None:
        """Those of HTTP's clients."""
        for order in (True, False):
            (statement,) = split(f"SELECT {', '.join('?' * (BOUND_MAX + 1))}", sqlite_order=order)
            self.assertTrue(statement.sql.endswith(f"pg_parameter(?1, {BOUND_MAX}), pg_parameter(?1, {BOUND_MAX + 1})"))
            self.assertEqual(statement.parameters, BOUND_MAX + 1)


class ValuesTests(BackendCase):
    """Each mark gets its value."""

    def marks(self, count: int) -> str:
        """Two to a row."""
        return ", ".join(f"(${number}, ${number + 1})" for number in range(1, count, 2))

    def test_a_write(self) -> None:
        values = [value for number in range(MOST // 2) for value in (number, f"é{number}")]
        answer = self.client.run(f"INSERT INTO t VALUES {self.marks(len(values))}", *values)
        self.assertEqual(answer.affected, MOST // 2)
        self.assertEqual(
            self.another().rows("SELECT count(*), sum(id), count(*) FILTER (WHERE a = 'é' || id) FROM t"),
            [(MOST // 2, sum(range(MOST // 2)), MOST // 2)],
        )

    def test_every_kind_of_value(self) -> None:
        given = [None, 2**62, -1.5, "x\0y", b"\0\xff", ""]
        values = [*given, *([0] * (MOST - len(given)))]
        (row,) = self.client.rows(f"SELECT $1, $2, $3, $4, $5, $6, ${MOST}", *values)
        self.assertEqual(row, (*given, 0))
        rest = "), (".join("?" * (MOST - len(given)))
        (statement,) = self.client.backend.parse(
            f"SELECT {', '.join('?' * len(given))}, count(*) FROM (VALUES ({rest}))"
        )
        (answer,) = self.client.wait(self.client.backend.execute_batch([(statement, values)]))
        self.assertEqual(answer.rows, [(*given, MOST - len(given))])

    def test_too_few_or_too_many_values(self) -> None:
        text = f"SELECT $1, ${MOST}"
        self.assertEqual(self.client.refused(text, *range(BOUND_MAX)), "42P02")
        self.assertEqual(self.client.refused(text, *range(MOST + 1)), "07001")
        self.assertEqual(self.client.refused(text), "42P02")

    def test_an_error_tells_the_value(self) -> None:
        """As it does where SQLite binds it."""
        values = [value for number in range(BOUND_MAX // 2 + 1) for value in (number // 2 * 2, "x")]
        error = self.client.fails(self.client.message(f"INSERT INTO t VALUES {self.marks(len(values))}", values))
        self.assertEqual((error.sqlstate, error.detail), ("23505", "Key (id)=(0) already exists."))

    def test_it_is_not_to_be_called_by_name(self) -> None:
        self.assertEqual(self.client.refused("SELECT pg_parameter('abc', 1)"), "42883")
