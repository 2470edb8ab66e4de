"""Clients that ask too much, leave too early or read too slowly, against a real node."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import Node, eventually

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class DemandingClientTests(SynchronousTestCase):
    """One client's work is its own: others read and write on."""

    def setUp(self) -> None:
        self.node = Node(self).start()
        self.client, self.other = self.connect(), self.connect()
        self.client.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, x TEXT)")

    def connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.node.dsn(), autocommit=True)
        self.addCleanup(connection.close)
        return connection

    def in_background(self, sql: str) -> tuple[Thread, list[str | None]]:
        states: list[str | None] = []

        def run() -> None:
            try:
                self.client.execute(sql)
                states.append(None)
            except psycopg.Error as error:
                states.append(error.sqlstate)

        thread = Thread(target=run, daemon=True)
        thread.start()
        return thread, states

    def test_reads_go_on_beside_a_statement_without_end(self) -> None:
        self.client.execute("SET statement_timeout = '1s'")
        for sql in (f"SELECT sum(i) FROM ({ENDLESS})", f"INSERT INTO t(i) {ENDLESS}"):
            thread, states = self.in_background(sql)
            time.sleep(0.2)
            reads = 0
            while thread.is_alive():
                self.other.execute("SELECT count(*) FROM t").fetchall()
                reads += 1
            self.assertEqual(states, ["57014"])
            self.assertGreater(reads, 50)
        self.other.execute("INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(self.other.execute("SELECT i FROM t").fetchall(), [(1,)])

    def test_a_client_that_leaves_is_interrupted_and_rolled_back(self) -> None:
        leaving = psycopg.connect(self.node.dsn())
        leaving.execute("INSERT INTO t VALUES (1, 'x')")
        leaving.pgconn.send_query(f"INSERT INTO t(i) {ENDLESS} WHERE i > 1".encode())
        time.sleep(0.3)
        leaving.close()
        self.other.execute("SET statement_timeout = '10s'")
        self.other.execute("INSERT INTO t VALUES (2, 'y')")
        self.assertEqual(self.other.execute("SELECT i FROM t").fetchall(), [(2,)])

    def test_cancelling_reaches_who_waits_for_the_writer(self) -> None:
        holding = psycopg.connect(self.node.dsn())
        self.addCleanup(holding.close)
        holding.execute("INSERT INTO t VALUES (1, 'x')")
        self.client.execute("BEGIN")
        thread, states = self.in_background("INSERT INTO t VALUES (2, 'y')")
        time.sleep(0.2)
        self.client.cancel_safe()
        thread.join(5)
        self.assertEqual(states, ["57014"])
        holding.commit()
        self.other.execute("INSERT INTO t VALUES (3, 'z')")

    def test_a_million_rows_to_a_slow_client_take_little_memory(self) -> None:
        before = peak = self.memory_mib()
        rows = 0
        for _ in self.client.cursor().stream(f"SELECT i, 'a row of text ' || i FROM ({ENDLESS} LIMIT 1000000)"):
            rows += 1
            if rows % 50_000 == 0:
                time.sleep(0.02)
                peak = max(peak, self.memory_mib())
        self.assertEqual(rows, 1_000_000)
        self.assertLess(peak - before, 30)

    def test_five_hundred_idle_clients_take_little_memory(self) -> None:
        before = self.memory_mib()
        clients = [self.connect() for _ in range(500)]
        clients[-1].execute("SELECT 1")
        self.assertLess(self.memory_mib() - before, 25)

    def test_temporary_tables_belong_to_their_session(self) -> None:
        for name, client in (("one", self.client), ("other", self.other)):
            client.execute("CREATE TEMP TABLE mine (a text)")
            client.execute("INSERT INTO mine VALUES (%s)", [name])
        self.client.execute("INSERT INTO t(x) SELECT a FROM mine")
        self.assertEqual(self.other.execute("SELECT a FROM mine").fetchall(), [("other",)])
        self.assertEqual(self.other.execute("SELECT x FROM t").fetchall(), [("one",)])

    def memory_mib(self) -> float:
        assert self.node.process is not None
        status = Path(f"/proc/{self.node.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


class ScarcityTests(SynchronousTestCase):
    """What runs out is refused, and comes back."""

    def test_a_node_out_of_descriptors_reads_on(self) -> None:
        node = Node(self, connections_max=1000)
        node.start()
        client = psycopg.connect(node.dsn(), autocommit=True)
        self.addCleanup(client.close)
        assert node.process is not None
        used = len(list(Path(f"/proc/{node.process.pid}/fd").iterdir()))
        limits = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (used + 8, limits[1]))
        more: list[Any] = []
        for _ in range(20):
            try:
                more.append(psycopg.connect(node.dsn(), autocommit=True, connect_timeout=2))
                self.addCleanup(more[-1].close)
            except psycopg.Error:
                break
        self.assertEqual(client.execute("SELECT 1").fetchall(), [(1,)])
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, limits)
        eventually(lambda: self.writes(client), "writes resume", 15)

    @staticmethod
    def writes(client: psycopg.Connection[Any]) -> bool:
        client.execute("CREATE TABLE IF NOT EXISTS t (a)")
        return True
