"""Versions that lost their places, put back; messages that were passed over."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite.connection import open_writer
from ha.sqlite.losses import count_quarantined, list_losses, one_loss, put_back, quarantine
from ha.sqlite.rowchange import packed
from ha.sqlite.schema import install


class LossTests(SynchronousTestCase):
    """A database with a keyed and a keyless table."""

    def setUp(self) -> None:
        """Both hold a row that won."""
        self.connection = open_writer(self.mktemp(), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        install(self.connection)
        self.connection.execute(
            "CREATE TABLE keyed (a TEXT, b, PRIMARY KEY (a)); INSERT INTO keyed VALUES ('k', 'winner');"
            'CREATE TABLE "key less" (x); INSERT INTO "key less" (rowid, x) VALUES (5, 1)'
        )

    def lose(self, table: str, columns: list[str], values: tuple[Any, ...], key: tuple[Any, ...], **more: Any) -> int:
        """Record a losing version; its number."""
        read, types = packed(values)
        known, known_types = packed(key)
        image = {"columns": columns, "values": read, "types": types, "rowid": more.get("rowid")}
        with self.connection.guard.trusted():
            self.connection.execute(
                'INSERT INTO ha_conflicts (created_ns, reason, "table", key, operation, image, winner_node, winner_seq)'
                " VALUES (1000000000, 'overwritten', ?, ?, ?, ?, 'far', 9)",
                (
                    table,
                    orjson.dumps({"values": known, "types": known_types}).decode(),
                    more.get("operation", "UPDATE"),
                    orjson.dumps(image).decode(),
                ),
            )
        return self.connection.last_insert_rowid()

    def test_they_are_shown_as_they_were(self) -> None:
        """Every value of SQLite's, and who won."""
        number = self.lose("keyed", ["a", "b"], ("k", b"\x00\xff"), ("k",))
        shown = one_loss(self.connection, number)
        assert shown is not None
        self.assertEqual((shown["table"], shown["key"], shown["values"]), ("keyed", ("k",), ("k", b"\x00\xff")))
        self.assertEqual((shown["winner_node"], shown["winner_position"]), ("far", 9))
        self.assertEqual((shown["created_at"], shown["restored_at"]), (1.0, None))

    def test_the_list_goes_on_behind_a_number(self) -> None:
        """So that a long one can be read in pieces."""
        first = self.lose("keyed", ["a", "b"], ("k", 1), ("k",))
        second = self.lose("keyed", ["a", "b"], ("k", 2), ("k",))
        self.assertEqual([one["id"] for one in list_losses(self.connection)], [first, second])
        self.assertEqual([one["id"] for one in list_losses(self.connection, first)], [second])

    def test_one_is_put_back(self) -> None:
        """Over what stands there now; and it is remembered when."""
        number = self.lose("keyed", ["a", "b"], ("k", float("inf")), ("k",))
        told = put_back(self.connection, number)
        self.assertEqual(self.connection.execute("SELECT * FROM keyed").fetchall(), [("k", float("inf"))])
        self.assertTrue(told["restored_at"])
        self.assertEqual(one_loss(self.connection, number), told)

    def test_without_a_key_the_rowid_is_the_key(self) -> None:
        """The row takes its old place."""
        put_back(self.connection, self.lose("key less", ["x"], (7,), (5,), rowid=5))
        self.assertEqual(self.connection.execute('SELECT rowid, x FROM "key less"').fetchall(), [(5, 7)])

    def test_a_key_that_is_null_names_no_row(self) -> None:
        """Its rowid does, and it stays that one row: put back twice, then deleted."""
        self.connection.execute("INSERT INTO keyed (rowid, a, b) VALUES (5, NULL, 'winner'), (6, NULL, 'other')")
        lost = partial(self.lose, "keyed", ["a", "b"], (None, "lost"), (None, 5), rowid=5)
        for number in (lost(), lost()):
            put_back(self.connection, number)
        read = "SELECT rowid, b FROM keyed WHERE a IS NULL ORDER BY 1"
        self.assertEqual(self.connection.execute(read).fetchall(), [(5, "lost"), (6, "other")])
        put_back(self.connection, lost(operation="DELETE"))
        self.assertEqual(self.connection.execute(read).fetchall(), [(6, "other")])

    def test_a_lost_delete_deletes(self) -> None:
        """That is what its writer had wanted."""
        put_back(self.connection, self.lose("keyed", ["a", "b"], ("k", "winner"), ("k",), operation="DELETE"))
        self.assertEqual(self.connection.execute("SELECT * FROM keyed").fetchall(), [])

    def test_none_of_that_number(self) -> None:
        """Says so."""
        self.assertIsNone(one_loss(self.connection, 4))
        self.assertEqual(self.assertRaises(StatementError, put_back, self.connection, 4).sqlstate, "02000")

    def test_it_does_not_fit_any_more(self) -> None:
        """Its table is gone: the error is a client's."""
        number = self.lose("gone", ["a"], (1,), (1,), rowid=1)
        self.assertEqual(self.assertRaises(StatementError, put_back, self.connection, number).sqlstate, "42P01")

    def test_quarantine(self) -> None:
        """What is passed over is kept."""
        with self.connection.guard.trusted():
            quarantine(self.connection, 12, "no such table", "n:1:1", b"{}")
        self.assertEqual(count_quarantined(self.connection), 1)
