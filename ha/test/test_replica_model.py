"""A third-party replica that knows only the documented fields ends with our rows."""

from __future__ import annotations

import time
from typing import Any

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message, encode
from ha.sqlite import wholerow
from ha.sqlite.rowchange import RowChange
from ha.sqlite.tables import Tables
from ha.test.filenode import Group, Node
from ha.test.histories import write
from ha.test.replica_model import Replica

#: A few dozen random histories; longer runs belong to a person's evening.
SECONDS = 4.0


def contents(connection: apsw.Connection) -> dict[str, Any]:
    """Schema and rows; rowids only where they are the key, for such a replica knows no other."""
    tables = Tables(connection)
    tables.refresh()
    found: dict[str, Any] = {"schema": sorted(tables.schema().items())}
    for name in tables.names():
        table = tables[name]
        if table.kind != "virtual":
            rows = wholerow.read_all(connection, table)
            found[name] = sorted(map(repr, rows.items() if table.keyed_by_rowid else rows.values()))
    return found


def is_repeatable(changes: list[Any]) -> bool:
    """May such a replica apply them once more? Not ALTER, and not rows with NULL in their key, which nothing finds again."""
    return all(
        type(change) is RowChange
        and not any(row[at] is None for row in (change.old_values, change.new_values) if row for at in change.shape.key)  # type: ignore[union-attr]
        for change in changes
    )


class ReplicaTests(SynchronousTestCase):
    """Our stream, replayed; each message twice where that is promised, as by a replica that resumes all the time."""

    def follow(self, groups: list[Group], told: str) -> None:
        """Run the groups on a node, apply their messages on a replica, and compare."""
        node, replica = Node(":memory:"), Replica()
        try:
            for number, group in enumerate(groups, 1):
                done = node.execute(group)
                changes, sequences = done.changes, done.sequences
                body = encode(Message("n", 1, "f", number, 0, 0, changes, (), sequences))
                replica.apply(body)
                if is_repeatable(changes):
                    replica.apply(body)
            with node.connection.guard.trusted():
                held = contents(node.connection)
            held["schema"] = [one for one in held["schema"] if one[0][0] != "trigger"]
            self.assertEqual(contents(replica.connection), held, told)
        finally:
            node.close()

    def test_what_floats_and_bare_names_would_spoil(self) -> None:
        """Each arrives exactly: BLOBs, large integers, infinities, quoted names, rowids that are keys, NULL in keys."""
        statements = (
            'CREATE TABLE "my table"("order" INTEGER PRIMARY KEY, "two words" BLOB)',
            "INSERT INTO \"my table\" VALUES (9007199254740993, x'00ff'), (2, 'plain'), (3, CAST(x'ff' AS TEXT))",
            'UPDATE "my table" SET "order" = "order" + 1',
            "CREATE TABLE bare(a, b TEXT)",
            "INSERT INTO bare(rowid, a) VALUES (5, 1), (9223372036854775807, 1.0), (7, 9e999)",
            "DELETE FROM bare WHERE rowid <> 5",
            "CREATE TABLE loose(k PRIMARY KEY, v)",
            "INSERT INTO loose VALUES (NULL, 1), (NULL, 1), ('a', -9e999), (2, 'it''s' || char(0))",
            "UPDATE loose SET v = 2 WHERE rowid = 1",
            "DELETE FROM loose WHERE rowid = 2",
        )
        self.follow([Group(0, (statements,), False, False)], "")

    def test_random_histories(self) -> None:
        """Triggers, which it never gets, included."""
        seed, end = 1, time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.follow(write(seed), f"seed {seed}")
            seed += 1

    def test_triggers_do_not_fire_twice(self) -> None:
        """Neither those before a row, nor those that a trigger's own rows set off."""
        statements = (
            "CREATE TABLE counted(n)",
            "INSERT INTO counted VALUES (0)",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
            "CREATE TRIGGER counts BEFORE INSERT ON t BEGIN UPDATE counted SET n = n + 1; END",
            "CREATE TRIGGER again AFTER INSERT ON t BEGIN UPDATE t SET v = v + 1 WHERE id = new.id; END",
            "CREATE TRIGGER audits AFTER UPDATE ON t BEGIN INSERT INTO counted VALUES (new.v); END",
            "INSERT INTO t VALUES (1, 1), (2, 1)",
            "DROP TRIGGER counts",
            "UPDATE t SET v = v + 1",
        )
        self.follow([Group(0, ((sql,),), False, False) for sql in statements], "")

    def test_the_last_message_once_more(self) -> None:
        """Rows that take over each other's keys and unique values within one message."""
        opening = (
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v)",
            "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')",
        )
        for statements in (
            ("DELETE FROM t WHERE id = 2", "UPDATE t SET id = 2"),
            ("INSERT INTO t VALUES (3, 3, 'c')", "UPDATE t SET id = 4 WHERE id = 3"),
            (
                "UPDATE t SET id = -1 WHERE id = 1",
                "UPDATE t SET id = 1 WHERE id = 2",
                "UPDATE t SET id = 2 WHERE id = -1",
            ),
            ("UPDATE t SET u = 7 WHERE id = 1", "UPDATE t SET u = 8 WHERE id = 1", "UPDATE t SET u = 7 WHERE id = 2"),
            ("UPDATE t SET u = -1 WHERE id = 1", "UPDATE t SET u = 1 WHERE id = 2", "UPDATE t SET u = 2 WHERE id = 1"),
            ("UPDATE OR REPLACE t SET u = 2 WHERE id = 1", "INSERT INTO t VALUES (5, 1, 'd')", "UPDATE t SET v = u"),
        ):
            self.follow([Group(0, (opening,), False, False), Group(0, (statements,), False, False)], str(statements))

    def test_definitions_once_more(self) -> None:
        """A replica that begins with a copy applies the copy's last message again, often the one that made the tables."""
        node, replica = Node(":memory:"), Replica()
        self.addCleanup(node.close)
        for sql in (
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE);  -- what people send",
            "CREATE UNIQUE INDEX by_u ON t(u)",
            "CREATE VIEW v AS SELECT u FROM t",
            "CREATE VIRTUAL TABLE words USING fts5(a)",
            "CREATE TABLE copied AS SELECT 1 AS a",
            "DROP VIEW v",
            "DROP TABLE words",
            "DROP TABLE t",
        ):
            changes = node.execute(Group(0, ((sql,),), False, False)).changes
            body = encode(Message("n", 1, "f", 1, 0, 0, changes))
            replica.apply(body)
            replica.apply(body)
        with node.connection.guard.trusted():
            self.assertEqual(contents(replica.connection), contents(node.connection))
