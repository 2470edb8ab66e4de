"""A third-party replica that knows only the documented fields ends with our rows."""

from __future__ import annotations

import time
from typing import Any

import apsw
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Message, encode
from ha.sqlite import wholerow
from ha.sqlite.tables import Tables
from ha.test.histories import Group, Node, write
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


class ReplicaTests(SynchronousTestCase):
    """Our stream, replayed."""

    def follow(self, groups: list[Group], told: str) -> None:
        """Run the groups on a node, apply their messages on a replica, and compare."""
        node, replica = Node(":memory:"), Replica()
        try:
            for number, group in enumerate(groups, 1):
                changes, _, sequences, _ = node.execute(group)
                replica.apply(encode(Message("n", 1, "f", number, 0, 0, changes, (), sequences)))
            with node.connection.guard.trusted():
                self.assertEqual(contents(replica.connection), contents(node.connection), told)
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
        """Without triggers: such a replica fires its own as well, and counters among them would count twice."""
        seed, end = 1, time.monotonic() + SECONDS
        while time.monotonic() < end:
            groups = []
            for group in write(seed):
                kept = [[sql for sql in sqls if not sql.startswith("CREATE TRIGGER")] for sqls in group.transactions]
                groups.append(Group(group.writer, tuple(map(tuple, kept)), False, False))
            self.follow(groups, f"seed {seed}")
            seed += 1
