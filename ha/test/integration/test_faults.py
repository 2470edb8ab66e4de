"""Nodes that are killed, stopped and cut off under load; a counter that all increment; a node that is far away.

A bounded part of :mod:`ha.test.soak`, which runs as long as one likes.
"""

from __future__ import annotations

import contextlib
import json
import threading
from unittest import SkipTest

import psycopg
from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import Node, Refused, agree, eventually, temporary_folder
from ha.test.proxy import Proxy
from ha.test.soak import Soak, mounted

#: What each client of a soak writes around each fault, whatever the machine could do.
WRITES = 100

#: What has to be written before a test looks, and for how long it waits for that.
INCREMENTS_EACH = 20
FAR_ROWS = 50
PATIENCE_S = 120.0


class FaultTests(SynchronousTestCase):
    """One round of the soak, of either policy."""

    def test_what_is_refused_and_what_is_not(self) -> None:
        """Writes are refused while the log is out of reach: every row and every increment is accounted for."""
        soak = Soak(self, seed=4, count=3, policy="refuse", say=lambda line: None)
        soak.round(1, faults=3, clients=1, pause_s=1, writes=WRITES)
        self.assertGreater(soak.tally["acknowledged"], 0)

    def test_what_is_queued(self) -> None:
        """Writes go on: every row is there, or kept as the loser of a conflict."""
        soak = Soak(self, seed=5, count=2, policy="queue", say=lambda line: None)
        soak.round(1, faults=3, clients=1, pause_s=1, writes=WRITES)
        self.assertGreater(soak.tally["acknowledged"], 0)


class FullDiskTests(SynchronousTestCase):
    """The disk that holds a node and its nats-server's store is full for a while."""

    def test_writes_go_on_when_there_is_room(self) -> None:
        """By themselves, though nats-server never stores anything again after a write that failed."""
        folder = temporary_folder(self) / "small"
        if not mounted(self, folder):
            raise SkipTest("nothing can be mounted here")
        node = Node(self, folder, when_disconnected="refuse", replication_timeout="1s").start()
        node.run("CREATE TABLE t (a)")
        ballast = folder / "ballast"
        with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        self.assertRaises(Refused, node.run, "INSERT INTO t VALUES (randomblob(100000))")
        eventually(lambda: node.get("/readyz")[0] == 503, "it says that it cannot write", 30)
        self.assertEqual(node.rows("SELECT count(*) FROM t"), [[0]])
        ballast.unlink()

        def writes() -> bool:
            node.run("INSERT INTO t VALUES (1)")
            return True

        eventually(writes, "it writes", 30)
        eventually(lambda: node.get("/readyz")[0] == 200, "it is ready", 30)


class Increments(threading.Thread):
    """Reads a counter and writes one more, in one transaction at SERIALIZABLE, again and again."""

    def __init__(self, node: Node, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.node, self.ended = node, stop
        self.done = self.refused = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        """Until told to stop."""
        try:
            with contextlib.closing(psycopg.connect(self.node.dsn())) as connection:
                connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
                while not self.ended.is_set():
                    try:
                        with connection.transaction():
                            row = connection.execute("SELECT n FROM counters").fetchone()
                            assert row is not None
                            connection.execute("UPDATE counters SET n = %s", [row[0] + 1])
                        self.done += 1
                    except psycopg.errors.SerializationFailure:
                        self.refused += 1
        except Exception as error:  # told by the test, which is another thread
            self.failure = error


class CounterTests(SynchronousTestCase):
    """Three nodes, eight clients each, one row."""

    def test_increments_add_up(self) -> None:
        """Though every client writes what it computed from what it read."""
        first = Node(self).start()
        nodes = [first, Node(self, peer=first).start(), Node(self, peer=first).start()]
        first.run("CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER)", "INSERT INTO counters VALUES (1, 0)")
        agree(*nodes)
        stop = threading.Event()
        clients = [Increments(node, stop) for node in nodes for _ in range(8)]
        for client in clients:
            client.start()
        try:
            eventually(
                lambda: (
                    any(client.failure for client in clients)
                    or all(sum(one.done for one in clients if one.node is node) >= INCREMENTS_EACH for node in nodes)
                ),
                "each node has its increments",
                PATIENCE_S,
            )
        finally:
            stop.set()
        for client in clients:
            client.join(60)
            self.assertFalse(client.is_alive())
        self.assertEqual([client.failure for client in clients if client.failure], [])
        held = agree(*nodes)
        self.assertEqual(held["counters"], [(1, 1, sum(client.done for client in clients))])


class Inserts(threading.Thread):
    """Autocommitted rows, one after the other."""

    def __init__(self, node: Node, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.node, self.ended = node, stop
        self.done = 0

    def run(self) -> None:
        """Until told to stop."""
        with contextlib.closing(psycopg.connect(self.node.dsn(), autocommit=True)) as connection:
            while not self.ended.is_set():
                connection.execute("INSERT INTO t VALUES (1)")
                self.done += 1


class FarNodeTests(SynchronousTestCase):
    """One node has 20 ms to the log, the other is beside it and busy."""

    def test_it_gets_its_share(self) -> None:
        """Through turns: without them it stores nothing at all, where the near one is fast."""
        near = Node(self).start()
        proxy = Proxy(near.nats_port, delay_s=0.01)
        self.addCleanup(proxy.close)
        far = Node(self, peer=near)
        far.options["replication-url"] = f"nats://127.0.0.1:{proxy.port}"
        far.start()
        near.run("CREATE TABLE t (a)")
        agree(near, far)
        stop = threading.Event()
        clients = [Inserts(node, stop) for node in (near, far) for _ in range(8)]
        for client in clients:
            client.start()
        shares = {near: 0, far: 0}

        def far_has_its_share() -> bool:
            for node in shares:
                shares[node] = sum(client.done for client in clients if client.node is node)
            return shares[far] >= FAR_ROWS

        try:
            eventually(far_has_its_share, "the far node has written", PATIENCE_S)
        finally:
            stop.set()
        for client in clients:
            client.join(60)
            self.assertFalse(client.is_alive())
        eventually(lambda: near.get("/readyz")[0] == far.get("/readyz")[0] == 200, "both are ready", 30)
        self.assertEqual(len(agree(near, far)["t"]), sum(client.done for client in clients))
        self.assertGreater(shares[near], shares[far] / 4)
        asked, waited = (json.loads(node.get("/status")[1])["databases"][node.path.name] for node in (far, near))
        self.assertGreater(asked["turns_asked"], 0)
        self.assertGreater(waited["waited_for_turns_s"], 0)
