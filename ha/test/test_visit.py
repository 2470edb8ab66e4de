"""Tests of ha.sqlite.visit."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_reader, open_writer
from ha.sqlite.ledger import origin_of, write_position
from ha.sqlite.schema import Membership
from ha.sqlite.visit import adopt, look, visit

SUBJECT = "s.mydatabase_db"


class VisitTests(SynchronousTestCase):
    """What a file says of itself before anybody serves it."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "mydatabase.db"

    def script(self, text: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(text)

    def test_a_schema_without_rows_is_nobodys_data(self) -> None:
        self.script("CREATE TABLE t (a)")
        seen = visit(self.path, SUBJECT)
        self.assertEqual((seen.rows, seen.cluster_id, seen.epoch, seen.position), (False, None, None, 0))

    def test_rows_are_seen(self) -> None:
        self.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        self.assertTrue(visit(self.path, SUBJECT).rows)

    def test_an_adopted_file_belongs_and_has_its_position(self) -> None:
        self.script("CREATE TABLE t (a)")
        adopt(self.path, SUBJECT, Membership("s", "cluster", 3), 17)
        seen = visit(self.path, SUBJECT)
        self.assertEqual((seen.cluster_id, seen.epoch, seen.position), ("cluster", 3, 17))

    def test_adopted_again_it_has_the_new_position(self) -> None:
        adopt(self.path, SUBJECT, Membership("s", "cluster", 3), 17)
        adopt(self.path, SUBJECT, Membership("s", "cluster", 4), 2)
        self.assertEqual(visit(self.path, SUBJECT).position, 2)

    def test_one_moment(self) -> None:
        """Though a message is applied while it looks: position and origins fit together."""
        adopt(self.path, SUBJECT, Membership("s", "cluster", 3), 0)
        writer = open_writer(str(self.path), synchronous="NORMAL")
        self.addCleanup(writer.close)
        applied = count(1)

        def apply_one(cursor: object, sql: str, bindings: object) -> bool:
            if "ha_" in sql:
                with writer.guard.trusted():
                    number = next(applied)
                    writer.execute("BEGIN")
                    origin_of(writer, "n", 1, number)
                    write_position(writer, SUBJECT, number)
                    writer.execute("COMMIT")
            return True

        reader = open_reader(str(self.path))
        self.addCleanup(reader.close)
        reader.exec_trace = apply_one
        seen = look(reader, self.path, SUBJECT)
        self.assertGreater(next(applied), 2)
        self.assertEqual(seen.origins.get(("n", 1), 0), seen.position)
