"""Tests of ha.sqlite.fetch."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.capture import Capture
from ha.sqlite.connection import open_writer
from ha.sqlite.fetch import SLICE_ROWS, Allowance, Cursor, bytes_of, facts_of, insert_rows, run_write

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"


class FetchTests(SynchronousTestCase):
    """Rows come in batches that have a bound."""

    def setUp(self) -> None:
        self.connection = open_writer(":memory:", synchronous="NORMAL")
        self.addCleanup(self.connection.close)

    def test_all_rows_come_once_and_in_order_whatever_the_batch(self) -> None:
        for rows_max in (1, 2, SLICE_ROWS - 1, SLICE_ROWS, SLICE_ROWS + 1, 1_000):
            for count in (1, SLICE_ROWS - 1, SLICE_ROWS, SLICE_ROWS + 1, 2 * SLICE_ROWS, 200):
                cursor = Cursor(self.connection, NUMBERS.format(count), ())
                found: list[int] = []
                while not cursor.finished:
                    batch = cursor.take(rows_max)
                    self.assertLessEqual(len(batch), rows_max)
                    found += [row[0] for row in batch]  # type: ignore[misc]
                self.assertEqual(found, list(range(1, count + 1)))

    def test_a_result_that_just_fits_is_finished(self) -> None:
        cursor = Cursor(self.connection, NUMBERS.format(5), ())
        self.assertEqual(len(cursor.take(5)), 5)
        self.assertTrue(cursor.finished)

    def test_a_batch_of_large_values_ends_early(self) -> None:
        cursor = Cursor(self.connection, f"SELECT zeroblob(1000000) FROM ({NUMBERS.format(1000)})", ())
        self.assertLess(len(cursor.take(1_000)), 1_000)
        self.assertFalse(cursor.finished)

    def test_what_must_be_held_at_once_has_a_bound(self) -> None:
        cursor = Cursor(self.connection, f"SELECT zeroblob(1000000) FROM ({NUMBERS.format(1000)})", ())
        with self.assertRaises(StatementError) as caught:
            cursor.take_all(Allowance(10_000_000))
        self.assertEqual(caught.exception.sqlstate, "54000")

    def test_an_error_on_the_way_is_ours(self) -> None:
        with self.assertRaises(StatementError) as caught:
            Cursor(self.connection, "SELECT * FROM nowhere", ())
        self.assertEqual(caught.exception.sqlstate, "42P01")

    def test_facts_of_what_cannot_be_prepared(self) -> None:
        with self.assertRaises(StatementError) as caught:
            facts_of(self.connection, "SELECT nowhere")
        self.assertEqual(caught.exception.sqlstate, "42703")

    def test_a_write_says_what_it_did(self) -> None:
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        capture = Capture(self.connection)
        with self.connection.guard.trusted():
            self.connection.execute("BEGIN IMMEDIATE")
        capture.begin()
        sql = "INSERT INTO t (a) VALUES (?), (?) RETURNING id"
        rows, changed, last = run_write(
            self.connection, capture, sql, (1, 2), facts_of(self.connection, sql), Allowance(1_000)
        )
        self.assertEqual((rows, changed, last), ([(1,), (2,)], 2, 2))
        self.assertEqual(len(capture.take()[0]), 2)

    def test_rows_are_inserted_as_copy_does(self) -> None:
        self.connection.execute('CREATE TABLE "a ""b" (x, y)')
        capture = Capture(self.connection)
        with self.connection.guard.trusted():
            self.connection.execute("BEGIN IMMEDIATE")
        capture.begin()
        self.assertEqual(insert_rows(self.connection, 'a "b', ("y", "x"), [(1, 2), (3, 4)]), 2)
        self.assertEqual(self.connection.execute('SELECT x, y FROM "a ""b"').fetchall(), [(2, 1), (4, 3)])

    def test_rows_fit_their_columns(self) -> None:
        """And the row that does not is named by the error's place among them."""
        self.connection.execute("CREATE TABLE sized (a varchar(3), n numeric(5,1), k int UNIQUE)")
        capture = Capture(self.connection)
        with self.connection.guard.trusted():
            self.connection.execute("BEGIN IMMEDIATE")
        capture.begin()
        insert_rows(self.connection, "sized", (), [("abc  ", 1.25, 1), (None, None, 2)])
        self.assertEqual(self.connection.execute("SELECT * FROM sized").fetchall(), [("abc", 1.3, 1), (None, None, 2)])
        for rows, sqlstate, detail in (
            ([("abcd", 1, 3)], "22001", None),
            (
                [("x", 12345.6, 3)],
                "22003",
                "A field with precision 5, scale 1 must round to an absolute value less than 10^4.",
            ),
            ([("x", 1, 3), ("y", 1, 2)], "23505", "Key (k)=(2) already exists."),
        ):
            error = self.assertRaises(StatementError, insert_rows, self.connection, "sized", (), rows)
            self.assertEqual((error.sqlstate, error.detail), (sqlstate, detail))

    def test_bytes_of_counts_text_and_blobs(self) -> None:
        self.assertEqual(bytes_of([("abc", b"de", 1, None, 2.0)]), 5)
