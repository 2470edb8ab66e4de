"""Rows whose images are known before they are inserted are what SQLite's hook would have seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.insertion import foresee, insert_each
from ha.test.test_rowchange import exactly

#: One table each, all called t, with columns that the rows below are for.
TABLES = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INTEGER)",
    "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a REAL, b NUMERIC)",
    "CREATE TABLE t(id, a TEXT, b REAL)",
    "CREATE TABLE t(id INT PRIMARY KEY, a, b) WITHOUT ROWID",
    "CREATE TABLE t(a TEXT, b TEXT DEFAULT 'x', id INTEGER PRIMARY KEY, c DEFAULT 7)",
    "CREATE TABLE t(id, a UNIQUE ON CONFLICT REPLACE, b)",
    "CREATE TABLE t(id, a UNIQUE ON CONFLICT IGNORE, b)",
    "CREATE TABLE t(id, a, b, c AS (a) STORED, d AS (b))",
    "CREATE TABLE t(id, a CHECK (a <> 'no'), b NOT NULL)",
    "CREATE TABLE t(rowid, _rowid_, oid, id PRIMARY KEY, a, b)",
    "CREATE TABLE t(id INTEGER, a TEXT, b ANY) STRICT",
)
TRIGGER = "CREATE TRIGGER t_i AFTER INSERT ON t BEGIN UPDATE t SET b = NULL WHERE a = 'no'; END"

INTEGERS = st.one_of(st.integers(-3, 3), st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1]))
REALS = st.sampled_from([0.0, -0.0, 1.0, 1.5, float("inf"), float("nan")])
TEXTS = st.sampled_from(["", "no", "5", "5.0", " 7", "text\0more", "é"])
VALUES = st.one_of(st.none(), INTEGERS, REALS, TEXTS, st.binary(max_size=2))
#: Most columns hold values of one type.
COLUMNS = st.sampled_from([INTEGERS, REALS, TEXTS, st.one_of(st.none(), TEXTS), st.none(), VALUES])
ROWS = st.tuples(COLUMNS, COLUMNS, COLUMNS).flatmap(
    lambda columns: st.lists(st.lists(st.tuples(*columns), min_size=1, max_size=4), min_size=1, max_size=3)
)


class Twin:
    """A writer in memory with one table, whose transaction is open."""

    def __init__(self, *schema: str) -> None:
        self.connection: Connection = open_writer(":memory:", synchronous="NORMAL")
        self.capture = Capture(self.connection)
        with self.connection.guard.trusted():
            for sql in schema:
                self.connection.execute(sql)
            self.connection.execute("BEGIN IMMEDIATE")
        self.capture.begin()

    def changes(self) -> list[Any]:
        """What was collected, to the bit, but for its time."""
        changes, sequences = self.capture.take()
        return [*[(one[:6], exactly(one[6]), exactly(one[7]), one[9]) for one in changes], sequences]  # type: ignore[misc]

    def rows(self) -> list[Any]:
        """What is in the file."""
        with self.connection.guard.trusted():
            return [exactly(row) for row in self.connection.execute("SELECT * FROM t")]


def outcome(insert: Any, twin: Twin) -> str:
    """How it ended; then it is as if it had not been."""
    mark = twin.capture.mark()
    with twin.connection.guard.trusted():
        twin.connection.execute("SAVEPOINT s")
    try:
        insert()
    except (apsw.Error, OverflowError) as error:
        with twin.connection.guard.trusted():
            twin.connection.execute("ROLLBACK TO s")
        twin.capture.cut(mark)
        return repr(error)
    return "done"


def inserted(schema: Sequence[str], names: Sequence[str], *batches: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What the two ways of collecting say, and leave in the file, after each batch."""
    sql = f"INSERT INTO t({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    foreseen, seen = Twin(*schema), Twin(*schema)
    try:
        told = []
        for rows in batches:
            ends = []
            ends.append(outcome(lambda rows=rows: insert_each(foreseen.connection, sql, "t", names, rows), foreseen))
            ends.append(outcome(lambda rows=rows: seen.connection.cursor().executemany(sql, rows), seen))
            seen.capture.after_statement(sql, may_change_schema=False)
            told.append((ends[0], foreseen.changes(), foreseen.rows(), ends[1], seen.changes(), seen.rows()))
        return told
    finally:
        foreseen.connection.close()
        seen.connection.close()


class InsertionTests(SynchronousTestCase):
    """With the hook and without."""

    @settings(max_examples=200, deadline=None)
    @given(
        st.sampled_from(TABLES),
        st.booleans(),
        st.permutations(["id", "a", "b"]),
        st.integers(1, 3),
        ROWS,
    )
    def test_both_ways_say_the_same(
        self, table: str, triggers: bool, names: list[str], width: int, batches: list[list[tuple[Any, ...]]]
    ) -> None:
        """Images, rowids, sequences and errors, whatever the table does with the values."""
        schema = (table, TRIGGER) if triggers and "WITHOUT" not in table else (table,)
        short = [[row[:width] for row in rows] for rows in batches]
        for left, changes, rows, right, other_changes, other_rows in inserted(schema, names[:width], *short):
            self.assertEqual((left, changes, rows), (right, other_changes, other_rows))

    def test_rowids_are_told_where_they_are_known(self) -> None:
        """Chosen by SQLite behind the largest, or given; not where a trigger might do something, or a value be changed."""
        twin = Twin("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)")
        self.addCleanup(twin.connection.close)
        sql = "INSERT INTO t VALUES (?, ?)"
        for rows, rowids in (
            ([(7, "a"), (3, "b")], [7, 3]),
            ([(None, "a"), (None, "b")], [8, 9]),
            ([(None, "a"), (20, "b")], None),
            ([(30, 5)], None),
        ):
            told = foresee(twin.connection, "t", (), rows)
            self.assertEqual(told and list(told.rowids), rowids)
            insert_each(twin.connection, sql, "t", (), rows)
        self.assertEqual(len(twin.capture.take()[0]), 7)

    def test_numbers_go_on_behind_a_row_that_went_away(self) -> None:
        """Where the table counts; and behind the largest number there is none to foresee."""
        twin = Twin(
            "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a)", "INSERT INTO t VALUES (40, 1)", "DELETE FROM t"
        )
        self.addCleanup(twin.connection.close)
        insert_each(twin.connection, "INSERT INTO t(a) VALUES (?)", "t", ("a",), [("x",), ("y",)])
        self.assertEqual([change.new_rowid for change in twin.capture.take()[0]], [41, 42])  # type: ignore[union-attr]
        full = Twin("CREATE TABLE t(a)", f"INSERT INTO t(rowid, a) VALUES ({2**63 - 2}, 1)")
        self.addCleanup(full.connection.close)
        self.assertIsNone(foresee(full.connection, "t", ("a",), [("x",), ("y",)]))
        insert_each(full.connection, "INSERT INTO t(a) VALUES (?)", "t", ("a",), [("x",), ("y",)])
        self.assertEqual(len(full.capture.take()[0]), 2)
