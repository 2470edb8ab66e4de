"""Our stream, read by somebody who knows only what is documented."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import defer
from twisted.trial.unittest import TestCase

from ha.replication.entry import Entry
from ha.replication.log import Log
from ha.test.integration.nodes import Node, position
from ha.test.replica_model import Replica


class ReplicaTests(TestCase):
    """A node's messages, replayed through the model of a third-party replica."""

    timeout = 60

    async def test_it_holds_the_same(self) -> None:
        """Whatever JSON, floats and unquoted names would spoil is sent in another way."""
        from twisted.internet import reactor, threads

        node = Node(self).start()  # type: ignore[arg-type]
        node.run(
            "CREATE TABLE plain (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)",
            'CREATE TABLE "odd name" ("select" , "b c")',
            "CREATE TABLE keyless (x)",
            "CREATE TABLE twofold (a TEXT, b INTEGER, c, PRIMARY KEY (b, a)) WITHOUT ROWID",
        )
        node.run(
            "INSERT INTO plain(name) VALUES ('one'), ('two'), (NULL)", "UPDATE plain SET name = 'zwei' WHERE id = 2"
        )
        node.run("""INSERT INTO "odd name" VALUES (x'00ff', 9223372036854775807), (9e999, 'it''s')""")
        node.run("INSERT INTO keyless VALUES (1), (2), (2.5)", "DELETE FROM keyless WHERE x = 2")
        node.run("INSERT INTO twofold VALUES ('a', 1, x''), ('b', 1, -9e999)", "UPDATE twofold SET b = 2 WHERE a = 'a'")
        node.run("DELETE FROM plain WHERE id = 1", "ALTER TABLE keyless RENAME TO unlocked")
        node.run("INSERT INTO unlocked VALUES ('after')")
        replica = Replica()
        for body in await self.messages(node, reactor):
            replica.apply(body)
        held = await threads.deferToThread(node.contents)
        for table, rows in held.items():
            if table in ("schema", "sqlite_sequence"):
                continue
            columns = "*" if table == "twofold" else "rowid, *"
            found = replica.connection.execute(f'SELECT {columns} FROM "{table}"').fetchall()
            ours = [tuple(one.encode() if isinstance(one, str) else one for one in row) for row in found]
            self.assertEqual(sorted(ours, key=repr), sorted(rows, key=repr), table)
        self.assertEqual(json.loads(node.get("/replications")[1]), [])

    async def messages(self, node: Node, reactor: Any) -> list[bytes]:
        """All that is on the log."""
        log, bodies = Log(reactor, "ha_replication"), []
        goal = position(node.path)
        done: defer.Deferred[None] = defer.Deferred()

        def take(entry: Entry) -> None:
            bodies.append(entry.body)
            if entry.sequence >= goal and not done.called:
                done.callback(None)

        await log.connect(f"nats://localhost:{node.nats_port}", timeout_s=10)
        try:
            log.follow("ha_replication.mydatabase_db", 1, take, lambda reason: done.errback(reason))
            await done
        finally:
            await log.close()
        return bodies
