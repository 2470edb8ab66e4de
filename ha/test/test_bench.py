"""The bench's own arithmetic, words and bytes. That it runs is tried in ha/test/integration."""

from __future__ import annotations

import asyncio
import os
import struct

from twisted.trial.unittest import SynchronousTestCase

from ha.bench.load import HttpConnection, Job, PostgresConnection
from ha.bench.pgbench import read_log, script
from ha.bench.processes import alive, children, cpu_s, memory_bytes
from ha.bench.report import Figures, Timing, bar, table, timing
from ha.bench.workloads import WORKLOADS, Workload


class ReportTests(SynchronousTestCase):
    """What is made of measurements."""

    def test_percentiles(self) -> None:
        """Of latencies in any order."""
        seen = timing([n / 1000 for n in reversed(range(1000))], 2.0, errors=3)
        self.assertEqual((seen.operations, seen.per_s, seen.errors), (1000, 500.0, 3))
        self.assertEqual((seen.p50_ms, seen.p99_ms, seen.p999_ms), (500.0, 990.0, 999.0))

    def test_nothing_measured(self) -> None:
        """Is zero, not a crash at the end of a long run."""
        self.assertEqual(timing([], 0.0), Timing(0, 0.0, 0.0, 0.0, 0.0))
        self.assertEqual(timing([], 0.0).per_s, 0.0)

    def test_the_table_is_aligned(self) -> None:
        """Names to the left, numbers to the right."""
        one = Figures(
            "insert", "own", 16, Timing(5000, 1.0, 1.0, 2.0, 3.0), {"node": 61.4}, {"node": 50.2}, 4000.4, 0.125
        )
        heading, line = table([one]).splitlines()
        self.assertEqual(len(heading), len(line))
        words = ["insert", "(own)", "16", "5,000", "1.00", "2.00", "node", "61", "4,000", "0.12", "node", "50", "0"]
        self.assertEqual(line.split(), words)

    def test_the_bar_is_full_at_the_end(self) -> None:
        """And never longer than itself."""
        self.assertIn("[##########]", bar(3, 3, "x", 10))
        self.assertIn("[#####.....]", bar(1, 2, "x", 10))
        self.assertIn("[##########]", bar(9, 3, "x", 10))


class PgbenchTests(SynchronousTestCase):
    """PostgreSQL's load generator as a driver."""

    def test_a_random_key_is_its_own_variable(self) -> None:
        """pgbench draws it."""
        self.assertEqual(
            script(Workload("read", "postgres", "SELECT {key}")), "\\set key random(1, 10000)\nSELECT :key;\n"
        )
        self.assertEqual(script(Workload("one", "postgres", "SELECT 1")), "SELECT 1;\n")

    def test_its_log(self) -> None:
        """Microseconds in the third column; what failed is counted apart."""
        seen = read_log(["0 1 2000 0 1700000000 5", "1 1 4000 0 1700000000 9", "0 2 failed 0 1700000001 1"], 2.0)
        self.assertEqual((seen.operations, seen.errors, seen.p50_ms), (2, 1, 4.0))


class Conversation:
    """Both ends of a connection without a socket: what the server will say, and what it was told."""

    def __init__(self, answers: bytes) -> None:
        self.reader = asyncio.StreamReader(loop=asyncio.new_event_loop())
        self.reader.feed_data(answers)
        self.told = b""

    def write(self, octets: bytes) -> None:
        """Kept."""
        self.told += octets


def at_once(coroutine: object) -> object:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


class LoadTests(SynchronousTestCase):
    """The bytes of our own driver."""

    def test_a_simple_query(self) -> None:
        """Is done when the server is ready again, whatever it said before."""
        answers = b"C" + struct.pack("!i", 13) + b"SELECT 1\0" + b"Z" + struct.pack("!i", 5) + b"I"
        wire = Conversation(answers)
        connection = PostgresConnection(wire.reader, wire)  # type: ignore[arg-type]
        self.assertIs(at_once(connection.do("SELECT 1")), True)
        self.assertEqual(wire.told, b"Q" + struct.pack("!i", 13) + b"SELECT 1\0")

    def test_an_error(self) -> None:
        """Is counted, and the connection goes on."""
        answers = b"E" + struct.pack("!i", 5) + b"\0" + b"Z" + struct.pack("!i", 5) + b"I"
        wire = Conversation(answers)
        self.assertIs(at_once(PostgresConnection(wire.reader, wire).do("x")), False)  # type: ignore[arg-type]

    def test_http_answers_of_both_forms(self) -> None:
        """With a length and in chunks, on one connection."""
        wire = Conversation(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
            b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n"
        )
        connection = HttpConnection(wire.reader, wire)  # type: ignore[arg-type]
        self.assertEqual([at_once(connection.do("SELECT 1")) for _ in range(3)], [True, True, False])

    def test_a_job_is_plain(self) -> None:
        """It travels as JSON."""
        self.assertEqual(Job("http", 1, "a.db", "SELECT 1", 2, 3.0).clients, 2)


class WorkloadsTests(SynchronousTestCase):
    """The table of what clients do."""

    def test_every_row_can_be_driven(self) -> None:
        """By a door that exists; names are unique, writes name their table."""
        self.assertEqual(len({workload.name for workload in WORKLOADS}), len(WORKLOADS))
        for workload in WORKLOADS:
            self.assertIn(workload.door, ("postgres", "http"))
            self.assertEqual(workload.table is not None, workload.sql.startswith("INSERT"))


class ProcessesTests(SynchronousTestCase):
    """What /proc tells of this very process."""

    def test_it_lives_and_costs(self) -> None:
        """CPU time never shrinks."""
        me = os.getpid()
        before = cpu_s([me])
        self.assertTrue(alive(me))
        self.assertGreater(memory_bytes([me]), 1 << 20)
        self.assertGreaterEqual(cpu_s([me]), before)
        self.assertIsInstance(children(me), list)

    def test_a_process_that_is_none(self) -> None:
        """Is not alive, and has no children."""
        self.assertFalse(alive(2**22 + 1))
        self.assertEqual(children(2**22 + 1), [])
