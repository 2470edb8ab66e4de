"""Nodes whose log goes away, comes back another, loses its past, or is kept by three servers."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.natsd import find_binary
from ha.test.identities import Authority, Nkey
from ha.test.integration.nodes import Node, Refused, agree, eventually, free_ports


def reasons(node: Node) -> list[str]:
    """Why it is not ready; empty when it is."""
    status, body = node.get("/readyz")
    return [] if status == 200 else list(json.loads(body)["reasons"])


def ready(node: Node, timeout_s: float = 30) -> None:
    """Wait for it."""
    eventually(lambda: node.get("/readyz")[0] == 200, f"{node.folder} is ready: {reasons(node)}", timeout_s)


class CutOffTests(SynchronousTestCase):
    """A node starts while the log is out of reach."""

    def setUp(self) -> None:
        """Two nodes with a row each; both have ended."""
        self.first = Node(self).start()
        self.first.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b)", "INSERT INTO t VALUES (1, 'first')")
        self.second = Node(self, peer=self.first, replication_timeout="1s").start()
        self.second.run("INSERT INTO t VALUES (2, 'second')")
        agree(self.first, self.second)
        self.second.stop()
        self.first.stop()

    def test_reads_and_queued_writes(self) -> None:
        """It serves what it has, takes writes for later, says so, and joins when the log appears."""
        self.second.start()
        self.assertEqual(self.second.rows("SELECT a FROM t"), [[1], [2]])
        self.second.run("INSERT INTO t VALUES (3, 'alone')")
        self.assertIn("out of reach", " ".join(reasons(self.second)))
        self.first.start()
        ready(self.second)
        held = agree(self.first, self.second)
        self.assertEqual([row[0] for row in held["t"]], [1, 2, 3])

    def test_writes_are_refused_if_so_told(self) -> None:
        """Nothing is changed then."""
        self.second.options["when-disconnected"] = "refuse"
        self.second.start()
        with self.assertRaises(Refused) as caught:
            self.second.run("INSERT INTO t VALUES (3, 'alone')")
        self.assertEqual(caught.exception.status, 503)
        self.assertEqual(self.second.rows("SELECT a FROM t"), [[1], [2]])


class LostLogTests(SynchronousTestCase):
    """The log is another one than the file followed."""

    def test_a_node_alone_begins_it_anew(self) -> None:
        """From its file, under a new epoch; and who joins then gets everything."""
        node = Node(self).start()
        node.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        node.stop()
        shutil.rmtree(node.folder / "ha-data" / "nats")
        node.start()
        node.run("INSERT INTO t VALUES (2)")
        self.assertEqual(node.rows("SELECT a FROM t"), [[1], [2]])
        with closing(sqlite3.connect(node.path)) as connection:
            self.assertEqual(connection.execute("SELECT epoch FROM ha_cluster").fetchall(), [(2,)])
        agree(node, Node(self, peer=node).start())

    def test_a_cluster_asks_the_operator(self) -> None:
        """Both nodes stand still and say why; one is told that its file is the truth, the other follows."""
        first = Node(self).start()
        second = Node(self, peer=first).start()
        first.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        agree(first, second)
        second.run("INSERT INTO t VALUES (2)")
        agree(first, second)
        first.stop()
        shutil.rmtree(first.folder / "ha-data" / "nats")
        process = first.spawn()
        self.assertEqual(process.wait(30), 1)
        self.assertIn("--reseed", first.output())
        first.words = lambda: [*Node.words(first), "--reseed"]  # type: ignore[method-assign]
        first.start()
        eventually(lambda: "--replace-local" in " ".join(reasons(second)), "the second node says what decides", 30)
        with self.assertRaises(Refused):
            second.run("INSERT INTO t VALUES (3)")
        self.assertEqual(second.rows("SELECT a FROM t"), [[1], [2]])
        second.stop()
        second.words = lambda: [*Node.words(second), "--replace-local"]  # type: ignore[method-assign]
        second.start()
        second.run("INSERT INTO t VALUES (4)")
        self.assertEqual([row[1] for row in agree(first, second)["t"]], [1, 2, 4])
        self.assertTrue(list(second.folder.glob("mydatabase.db.replaced-*")))


class SnapshotTests(SynchronousTestCase):
    """The log is trimmed behind snapshots, and who was away restores one."""

    def test_a_node_that_was_away_for_too_long(self) -> None:
        """Its next message is gone from the log: it restores by itself, while others write."""
        first = Node(self, snapshot_interval="1s", replication_max_bytes="1KiB").start()
        first.run("CREATE TABLE t (a, b)")
        second = Node(self, peer=first).start()
        agree(first, second)
        second.stop(signal.SIGKILL)
        for number in range(150):
            first.run(("INSERT INTO t VALUES (?, ?)", [number, "x" * 100]))
        eventually(lambda: "messages trimmed" in first.output(), "the log is trimmed", 30)
        status, body = first.request("POST", "/snapshot")
        self.assertEqual(status, 200, body)
        second.start()
        second.run("INSERT INTO t VALUES (1000, 'after')")
        self.assertEqual(len(agree(first, second)["t"]), 151)
        self.assertIn("taking the snapshot at", second.output())


class QuorumTests(SynchronousTestCase):
    """Three nodes, each with a nats-server, keep the log together."""

    def test_any_one_may_be_killed(self) -> None:
        """Writes go on at the two others, and it catches up when it is back."""
        routes = free_ports(3)
        nodes = [
            Node(
                self,
                nats_cluster_name="ha-test",
                nats_cluster_port=port,
                nats_routes=",".join(f"nats://127.0.0.1:{one}" for one in routes),
                replicas=3,
                replication_timeout="2s",
            )
            for port in routes
        ]
        for node in nodes:
            node.spawn()
        for node in nodes:
            node.wait_ready(60)
        nodes[0].run("CREATE TABLE t (a)", "INSERT INTO t VALUES (0)")
        agree(*nodes)
        for number, victim in enumerate(nodes, 1):
            others = [node for node in nodes if node is not victim]
            victim.stop(signal.SIGKILL)

            def written(node: Node = others[0], number: int = number) -> bool:
                node.run(("INSERT INTO t VALUES (?)", [number]))
                return True

            eventually(written, "writes go on", 30)
            for node in others:
                ready(node, 30)
            agree(*others)
            victim.start()
            ready(victim, 30)
        held = agree(*nodes)
        self.assertEqual(sorted({row[1] for row in held["t"]}), [0, 1, 2, 3])


class ComparisonTests(SynchronousTestCase):
    """Nodes compare what they hold."""

    def test_a_row_that_differs(self) -> None:
        """Somebody wrote to a file behind its node's back: every node says in which table."""
        first = Node(self, check_interval="1s").start()
        second = Node(self, peer=first).start()
        first.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        agree(first, second)
        second.stop()
        with closing(sqlite3.connect(second.path)) as connection, connection:
            connection.execute("UPDATE t SET a = 2")
        second.start()
        for node in (first, second):
            eventually(lambda node=node: "differs from node" in " ".join(reasons(node)), "it is said", 20)
            self.assertRegex(" ".join(reasons(node)), r"at position \d+: t$")


class ForeignServerTests(SynchronousTestCase):
    """A NATS server of somebody else's, which wants to know who comes."""

    def setUp(self) -> None:
        """Where it stands."""
        self.where = Node(self)  # never started: it lends its ports and its folder
        self.folder = self.where.folder

    def serve(self, *lines: str) -> None:
        """Run it with these lines in its configuration, until the test ends."""
        conf = self.folder / "nats.conf"
        store = self.folder / "nats"
        conf.write_text(
            "\n".join(
                [f"port: {self.where.nats_port}", 'host: "127.0.0.1"', f'jetstream {{ store_dir: "{store}" }}', *lines]
            )
        )
        process = subprocess.Popen(
            [find_binary(), "-c", str(conf), "-l", str(self.folder / "nats.log")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def file(self, name: str, content: bytes) -> str:
        """A file with this content; its path."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def works(self, **options: str) -> None:
        """A node told this writes and reads."""
        node = Node(self, peer=self.where, **options).start()
        node.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        self.assertEqual(node.rows("SELECT a FROM t"), [[1]])
        node.stop()

    def waits(self, word: str, **options: str) -> None:
        """A node told this waits, and says why."""
        node = Node(self, peer=self.where, **options)
        node.spawn()
        try:
            eventually(lambda: word in node.output(), f"it says {word}", 20)
        except TimeoutError as error:
            log = (self.folder / "nats.log").read_text()
            raise AssertionError(f"{error}; it printed:\n{node.output()}\nThe server:\n{log}") from None
        node.stop()

    def test_a_token(self) -> None:
        """With the right one the node works; with the wrong one it waits, and says what the server said."""
        self.serve('authorization { token: "s3cret" }')
        self.waits("uthorization", nats_token="other")
        self.works(nats_token="s3cret")

    def test_a_password(self) -> None:
        """Likewise."""
        self.serve('authorization { user: "ha", password: "s3cret" }')
        self.waits("uthorization", nats_user="ha", nats_password="other")
        self.works(nats_user="ha", nats_password="s3cret")

    def test_certificates(self) -> None:
        """Theirs is checked against ours, and ours is asked for."""
        ours, strange = Authority(), Authority()
        chain, key = ours.issue("127.0.0.1")
        self.serve(
            f'tls {{ cert_file: "{self.file("server.pem", chain)}", key_file: "{self.file("server.key", key)}",'
            f' ca_file: "{self.file("ca.pem", ours.pem)}", verify: true }}'
        )
        chain, key = ours.issue("node")
        known = {"nats_cert": self.file("node.pem", chain), "nats_key": self.file("node.key", key)}
        self.waits("certificate verify failed", nats_ca=self.file("strange.pem", strange.pem), **known)
        self.works(nats_ca=str(self.folder / "ca.pem"), **known)

    def test_a_credentials_file(self) -> None:
        """The server's challenge is signed with the user's key."""
        operator, system, account, user, stranger = map(Nkey, "OAAUU")
        boundless = dict.fromkeys(
            (
                "subs",
                "data",
                "payload",
                "imports",
                "exports",
                "conn",
                "leaf",
                "mem_storage",
                "disk_storage",
                "streams",
                "consumer",
            ),
            -1,
        )
        ours: dict[str, Any] = {"type": "account", "version": 2, "limits": boundless | {"wildcards": True}}
        theirs = ours | {"limits": ours["limits"] | {"mem_storage": 0, "disk_storage": 0}}
        self.serve(
            f"operator: {operator.says(operator, {'type': 'operator', 'version': 2})}",
            f"system_account: {system.name}",
            "resolver: MEMORY",
            f"resolver_preload: {{ {account.name}: {operator.says(account, ours)}",
            f"{system.name}: {operator.says(system, theirs)} }}",
        )
        jwt = account.says(user, {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1})
        self.waits("uthorization", nats_creds=self.file("stranger.creds", stranger.credentials(jwt)))
        self.works(nats_creds=self.file("user.creds", user.credentials(jwt)))
