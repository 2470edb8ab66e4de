"""Our stream, read by somebody who knows only what is documented."""

from __future__ import annotations

import asyncio
import json

import nats
from nats.js.api import AckPolicy, ConsumerConfig
from twisted.internet import defer
from twisted.trial.unittest import TestCase

from ha.test.integration.nodes import Node, position
from ha.test.replica_model import Replica

SUBJECT = "ha_replication.mydatabase_db"


class ReplicaTests(TestCase):
    """A node's messages, replayed through the model of a third-party replica."""

    timeout = 60

    async def test_it_holds_the_same(self) -> None:
        """Whatever JSON, floats and unquoted names would spoil is sent in another way."""
        from twisted.internet import threads

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
        node.run(
            "CREATE TABLE seen (id INTEGER PRIMARY KEY, name TEXT)",
            "CREATE TRIGGER sees BEFORE INSERT ON plain BEGIN INSERT INTO seen(name) VALUES (new.name); END",
            "CREATE TRIGGER marks AFTER INSERT ON plain BEGIN UPDATE plain SET name = name || '!' WHERE id = new.id; END",
            "INSERT INTO plain(name) VALUES ('three'), ('four')",
        )
        large = "INSERT INTO unlocked WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT hex(zeroblob(8000)) || i FROM n"
        node.run(large)
        replica = Replica()
        bodies = await self.messages(node)
        self.assertGreater(sum(len(body) > 2**20 for body in bodies), 1)  # a large transaction is several
        for body in bodies:
            replica.apply(body)
        held = await threads.deferToThread(node.contents)
        for table, rows in held.items():
            if table in ("schema", "sqlite_sequence"):
                continue
            columns = "*" if table == "twofold" else "rowid, *"
            found = replica.connection.execute(f'SELECT {columns} FROM "{table}"').fetchall()
            ours = [tuple(one.encode() if isinstance(one, str) else one for one in row) for row in found]
            self.assertEqual(sorted(ours, key=repr), sorted(rows, key=repr), table)
        (reader,) = json.loads(node.get("/replications")[1])
        self.assertEqual((reader["name"], reader["pending"]), ("reader", 0))
        self.assertEqual(node.request("DELETE", "/replications/reader")[0], 200)
        self.assertEqual(json.loads(node.get("/replications")[1]), [])

    async def messages(self, node: Node) -> list[bytes]:
        """All that is on the log, one by one, as such a replica takes it: by a durable consumer that acknowledges each."""
        goal, bodies = position(node.path), []

        async def read() -> None:
            client = await nats.connect(f"nats://localhost:{node.nats_port}")
            try:
                config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=1)
                subscription = await client.jetstream().pull_subscribe(SUBJECT, "reader", "ha_replication", config)
                sequence = 0
                while sequence < goal:
                    (message,) = await subscription.fetch(1, timeout=20)
                    bodies.append(message.data)
                    sequence = message.metadata.sequence.stream
                    await message.ack_sync()
            finally:
                await client.close()

        await defer.Deferred.fromFuture(asyncio.ensure_future(read()))
        return bodies
