"""Nodes whose log goes away, comes back another, loses its past, or is kept by three servers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.natsd import find_binary
from ha.test.identities import Authority, Nkey
from ha.test.integration.nodes import (
    Node,
    Refused,
    agree,
    children,
    environment,
    eventually,
    free_ports,
    position,
)


def reasons(node: Node) -> list[str]:
    """Why it is not ready; empty when it is."""
    status, body = node.get("/readyz")
    return [] if status == 200 else list(json.loads(body)["reasons"])


def ready(node: Node, timeout_s: float = 30) -> None:
    """Wait for it."""
    eventually(lambda: node.get("/readyz")[0] == 200, f"{node.folder} is ready: {reasons(node)}", timeout_s)


def ask_nats(port: int, subject: str, body: bytes = b"") -> dict[str, Any]:
    """One question to a nats-server, past every node; its answer."""
    with socket.create_connection(("localhost", port), timeout=10) as connection:
        stream = connection.makefile("rwb")
        stream.readline()
        stream.write(b'CONNECT {"verbose":false}\r\nSUB answer 1\r\n')
        stream.write(f"PUB {subject} answer {len(body)}\r\n".encode() + body + b"\r\n")
        stream.flush()
        while not stream.readline().startswith(b"MSG"):
            pass
        answer: dict[str, Any] = json.loads(stream.readline())
        return answer


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

    def test_an_index_that_both_wrote(self) -> None:
        """Is whole, and has the rows of both; one that keeps nothing of its rows is named, and the nodes are ready all the same."""
        self.first.start()
        self.first.run(
            "CREATE VIRTUAL TABLE words USING fts5(a)",
            "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)",
            "CREATE VIRTUAL TABLE bare USING fts5(a, content='')",
        )
        self.second.start()
        agree(self.first, self.second)
        self.first.stop()
        for node, number, word in ((self.second, 1, "queued"), (self.first, 2, "first")):
            if node is self.first:
                self.second.stop()
                self.first.start()
            for text in ("INSERT INTO words (a) VALUES ('{word}')", "INSERT INTO boxes VALUES ({number}, 1, 2)"):
                node.run(text.format(number=number, word=word))
            node.run(f"INSERT INTO words (rowid, a) VALUES ({number + 5}, '{word}')")
            node.run(f"INSERT INTO bare (rowid, a) VALUES ({number}, '{word}')")
        self.second.start()
        ready(self.second)
        agree(self.first, self.second)
        for node in (self.first, self.second):
            self.assertEqual(
                node.rows("SELECT rowid, a FROM words ORDER BY 1"), [[1, "queued"], [6, "queued"], [7, "first"]]
            )
            self.assertEqual(node.rows("SELECT rowid FROM words WHERE words MATCH 'queued' ORDER BY 1"), [[1], [6]])
            self.assertEqual(node.rows("SELECT id, rtreecheck('boxes') FROM boxes ORDER BY 1"), [[1, "ok"], [2, "ok"]])
            self.assertEqual(node.rows("SELECT rowid FROM bare WHERE bare MATCH 'first OR queued'"), [[2]])
            notices = json.loads(node.get("/readyz")[1])["notices"]
            self.assertIn('rows were left out of "bare"', " ".join(notices))

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

    def test_a_node_that_only_reads_is_a_member(self) -> None:
        """It is away when the log is lost, and never wrote: the other one knows of it all the same, and asks the operator."""
        first = Node(self).start()
        second = Node(self, peer=first).start()
        first.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        agree(first, second)
        second.stop()
        first.stop()
        shutil.rmtree(first.folder / "ha-data" / "nats")
        process = first.spawn()
        self.assertEqual(process.wait(30), 1)
        self.assertIn("--reseed", first.output())

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

    def test_the_stream_is_deleted_under_a_node_alone(self) -> None:
        """It notices while it is connected, begins the log anew, and loses nothing."""
        node = Node(self).start()
        node.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        ask_nats(node.nats_port, "$JS.API.STREAM.DELETE.ha_replication")

        def written() -> bool:
            try:
                node.run("INSERT INTO t VALUES (2)")
            except Refused as error:
                self.assertEqual(error.status, 503)
                return False
            return True

        eventually(written, "writes are taken again", 30)
        ready(node)
        self.assertEqual(node.rows("SELECT DISTINCT a FROM t"), [[1], [2]])
        agree(node, Node(self, peer=node).start())

    def test_the_stream_is_deleted_under_a_cluster(self) -> None:
        """Both nodes stop writing, go on reading, and tell the two commands that decide."""
        first = Node(self, when_disconnected="refuse").start()
        second = Node(self, peer=first, when_disconnected="refuse").start()
        first.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        agree(first, second)
        second.run("INSERT INTO t VALUES (2)")
        agree(first, second)
        ask_nats(first.nats_port, "$JS.API.STREAM.DELETE.ha_replication")
        for node in (first, second):
            eventually(lambda node=node: "--reseed" in " ".join(reasons(node)), "it says what decides", 30)
            with self.assertRaises(Refused):
                node.run("INSERT INTO t VALUES (3)")
            self.assertEqual(node.rows("SELECT a FROM t"), [[1], [2]])

    def older_store(self, node: Node) -> None:
        """The log's storage goes back to what it was a row ago, as after a restore from a backup."""
        node.stop()
        store = node.folder / "ha-data" / "nats"
        shutil.copytree(store, node.folder / "older")
        node.start()
        node.run("INSERT INTO t VALUES (2)")
        self.addCleanup(shutil.rmtree, node.folder / "older", ignore_errors=True)

    def test_a_node_alone_whose_log_lost_its_tail(self) -> None:
        """Its file is the truth: the log begins anew from it."""
        node = Node(self).start()
        node.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        self.older_store(node)
        node.stop()
        store = node.folder / "ha-data" / "nats"
        shutil.rmtree(store)
        shutil.move(node.folder / "older", store)
        node.start()
        ready(node)
        self.assertIn("the log lost messages", node.output())
        node.run("INSERT INTO t VALUES (3)")
        self.assertEqual(node.rows("SELECT a FROM t"), [[1], [2], [3]])
        agree(node, Node(self, peer=node).start())

    def test_a_cluster_whose_log_lost_its_tail(self) -> None:
        """Somebody wrote on it before anybody noticed: both say so, and one takes the other's rows when it is told to."""
        first = Node(self).start()
        second = Node(self, peer=first).start()
        first.run("CREATE TABLE t (a)")
        agree(first, second)
        second.run("INSERT INTO t VALUES (1)")
        agree(first, second)
        second.stop()
        self.older_store(first)
        second.start()
        agree(first, second)
        second.stop()
        first.stop()
        store = first.folder / "ha-data" / "nats"
        shutil.rmtree(store)
        shutil.move(first.folder / "older", store)
        process = first.spawn()
        self.assertEqual(process.wait(30), 1)
        self.assertRegex(first.output(), "the log lost messages; start with --replace-local .* or with --reseed")
        first.words = lambda: [*Node.words(first), "--reseed"]  # type: ignore[method-assign]
        first.start()
        ready(first)
        self.assertEqual(first.rows("SELECT a FROM t"), [[1], [2]])
        second.words = lambda: [*Node.words(second), "--replace-local"]  # type: ignore[method-assign]
        second.start()
        first.run("INSERT INTO t VALUES (3)")
        self.assertEqual([row[1] for row in agree(first, second)["t"]], [1, 2, 3])


class SilenceTests(SynchronousTestCase):
    """The nats-server stands still: nobody knows what becomes of what was sent to it."""

    def test_the_outcome_is_unknown_until_the_log_tells(self) -> None:
        """The client hears just that, over both doors; and then it happened once, or not at all."""
        node = Node(self, when_disconnected="refuse", replication_timeout="1s").start()
        node.run("CREATE TABLE t (a)")
        assert node.process is not None
        (server,) = children(node.process.pid)
        os.kill(server, signal.SIGSTOP)
        try:
            with self.assertRaises(Refused) as caught:
                node.run("INSERT INTO t VALUES (1)")
            self.assertEqual((caught.exception.status, caught.exception.error["sqlstate"]), (504, "40003"))
            self.assertIn("40003", node.psql(r"\set VERBOSITY sqlstate", "INSERT INTO t VALUES (2)"))
        finally:
            os.kill(server, signal.SIGCONT)
        ready(node)
        node.run("INSERT INTO t VALUES (3)")
        rows = [row for (row,) in node.rows("SELECT a FROM t ORDER BY a")]
        self.assertEqual(rows, sorted(set(rows)))
        self.assertEqual(rows[-1], 3)
        self.assertEqual(
            [row[1] for row in agree(node, Node(self, peer=node).start())["t"]], sorted(rows, key=rows.index)
        )


class PoisonTests(SynchronousTestCase):
    """The log holds what no node can apply."""

    def test_nodes_stand_still_before_it_until_it_is_passed_over(self) -> None:
        """They say where and why, reads go on, nothing is skipped; an operator passes over it on each."""
        first = Node(self).start()
        second = Node(self, peer=first).start()
        first.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        agree(first, second)
        at = position(first.path) + 1
        ask_nats(first.nats_port, "ha_replication.mydatabase_db", b"what is this")
        for node in (first, second):
            eventually(lambda node=node: f"log position {at}" in " ".join(reasons(node)), "it says where", 20)
            self.assertEqual(node.rows("SELECT a FROM t"), [[1]])
            with self.assertRaises(Refused) as caught:
                node.run("INSERT INTO t VALUES (2)")
            self.assertEqual(caught.exception.status, 503)
            self.assertEqual(position(node.path), at - 1)
        for node in (first, second):
            script = [sys.executable, "-c", "from ha.command import main; main()"]
            words = ["--url", f"http://localhost:{node.http_port}", "skip", str(at)]
            done = subprocess.run([*script, *words], env=environment(), capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        first.run("INSERT INTO t VALUES (2)")
        self.assertEqual([row[1] for row in agree(first, second)["t"]], [1, 2])
        with closing(sqlite3.connect(second.path)) as connection:
            self.assertEqual(
                connection.execute("SELECT sequence, body FROM ha_quarantine").fetchall(), [(at, b"what is this")]
            )


class SnapshotTests(SynchronousTestCase):
    """The log is trimmed behind snapshots, and who was away restores one."""

    def test_a_node_that_was_away_for_too_long(self) -> None:
        """Its next message is gone from the log: it restores by itself, while others write."""
        first = Node(self, snapshot_interval="1s", replication_max_bytes="1KiB").start()
        first.run("CREATE TABLE t (a, b)")
        second = Node(self, peer=first).start()
        agree(first, second)
        second.stop()
        for number in range(150):
            first.run(("INSERT INTO t VALUES (?, ?)", [number, "x" * 100]))
        # Not under a feed, but its own is gone with it.
        eventually(lambda: re.search(r"trimmed below \d{3}", first.output()), "the log is trimmed", 30)
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
