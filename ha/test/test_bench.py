"""The bench's own arithmetic, words and bytes. That it runs is tried in ha/test/integration."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from ha.bench.bulk import lines
from ha.bench.catchup import PLAIN, messages
from ha.bench.load import Client, HttpClient, Job, PostgresClient, requests
from ha.bench.pgbench import read_log, script
from ha.bench.pgsocket import Address, message, scram_proof
from ha.bench.plot import plot
from ha.bench.processes import alive, children, cpu_s, family, forget_peak, listener, memory_bytes, peak_bytes
from ha.bench.report import Figures, Lag, Timing, bar, middle, ratios, sentences, table, timing, together
from ha.bench.servers import peers
from ha.bench.template import OURS, template
from ha.bench.workloads import KEY_MAX, WORKLOADS
from ha.replication.change import decode


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
        """Words to the left, numbers to the right; rows only where an operation has many."""
        seen = Timing(5000, 1.0, 1.0, 2.0, 3.0)
        one = Figures("insert", "ha", "own", 16, seen, 100, {"node": 61.4}, {"node": 50.2}, Lag(1.0, 12.4, 13.0))
        heading, line = table([one]).splitlines()
        self.assertEqual(len(heading), len(line))
        words = ["insert", "ha", "(own)", "16", "5,000", "500,000", "1.00", "2.00", "3.00"]
        self.assertEqual(line.split(), [*words, "node", "61", "12", "node", "50", "0"])

    def test_drivers_of_two_nodes(self) -> None:
        """Their operations add up; the worse latency is told."""
        seen = together([Timing(10, 1.0, 1.0, 5.0, 6.0, 1), Timing(30, 1.1, 2.0, 4.0, 7.0)])
        self.assertEqual(seen, Timing(40, 1.1, 2.0, 5.0, 7.0, 1))

    def test_ratios_compare_the_same_round(self) -> None:
        """The middle one counts, the spread is told."""

        def line(server: str, per_s: int, cost: float) -> Figures:
            return Figures("read", server, "own", 1, Timing(per_s, 1.0, 0, 0, 0), cpu_us={"a": cost, "b": cost})

        mine = [line("ha", count, 10) for count in (100, 300, 80)]
        its = [line("other", count, 40) for count in (100, 100, 40)]
        speed, cost = ratios(mine, its)
        self.assertEqual((speed.middle, speed.lowest, speed.highest), (2.0, 1.0, 3.0))
        self.assertEqual((cost.middle, cost.peer), (0.25, "other"))
        self.assertIn("throughput 2.00 x other's (1.00 to 3.00)", sentences([speed])[0])
        self.assertEqual(middle(mine).timing.per_s, 100)

    def test_a_peer_that_is_not_watched_gives_no_ratio_of_cpu(self) -> None:
        """A server on another machine has no processes here."""
        one = Figures("read", "x", "own", 1, Timing(5, 1.0, 0, 0, 0))
        self.assertEqual([ratio.what for ratio in ratios([one], [one])], ["per_s"])

    def test_the_bar_is_full_at_the_end(self) -> None:
        """And never longer than itself."""
        self.assertIn("[##########]", bar(3, 3, "x", 10))
        self.assertIn("[#####.....]", bar(1, 2, "x", 10))
        self.assertIn("[##########]", bar(9, 3, "x", 10))


class PlotTests(SynchronousTestCase):
    """The picture."""

    def test_a_bar_for_each_line(self) -> None:
        """As long as its share of its group's longest; well-formed, whatever the names."""
        lines = [
            Figures("a < b", server, "own", 1, Timing(count, 1.0, 0, 0, 0)) for server, count in (("x", 100), ("y", 25))
        ]
        drawn = ElementTree.fromstring(plot(lines, "title & more"))
        bars = [one for one in drawn if one.tag.endswith("rect") and one.get("height") == "12"]
        long, short = (float(one.get("width", "")) for one in bars)
        self.assertAlmostEqual(long / short, 4.0, places=1)
        self.assertIn("a < b, 1", [one.text for one in drawn])


class PgbenchTests(SynchronousTestCase):
    """PostgreSQL's load generator as a driver."""

    def test_a_random_key_is_its_own_variable(self) -> None:
        """pgbench draws it."""
        self.assertEqual(script("SELECT {key}"), f"\\set key random(1, {KEY_MAX})\nSELECT :key;\n")
        self.assertEqual(script("SELECT 1"), "SELECT 1;\n")

    def test_its_log(self) -> None:
        """Microseconds in the third column; what failed is counted apart."""
        seen = read_log(["0 1 2000 0 1700000000 5", "1 1 4000 0 1700000000 9", "0 2 failed 0 1700000001 1"], 2.0)
        self.assertEqual((seen.operations, seen.errors, seen.p50_ms), (2, 1, 4.0))


def client(kind: type[Client]) -> Client:
    """One that has no socket: its answers are looked at from outside."""
    made = kind.__new__(kind)
    return made


class LoadTests(SynchronousTestCase):
    """The bytes of our own driver."""

    def test_a_simple_query(self) -> None:
        """Is done when the server is ready again, whatever it said before; not before the last byte."""
        answer = message(b"C", b"SELECT 1\0") + message(b"Z", b"I")
        ended = client(PostgresClient).ended
        self.assertEqual([ended(answer[:size]) for size in range(len(answer))], [None] * len(answer))
        self.assertIs(ended(answer), True)

    def test_an_error(self) -> None:
        """Is counted when the server is ready again."""
        self.assertIs(client(PostgresClient).ended(message(b"E", b"\0") + message(b"Z", b"I")), False)

    def test_http_answers_of_both_forms(self) -> None:
        """With a length and in chunks; an error may come with a good status."""
        http = client(HttpClient)
        http.error = b"oops"  # type: ignore[attr-defined]
        answers = {
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}": True,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n": True,
            b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n": False,
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops": False,
        }
        for octets, good in answers.items():
            self.assertEqual((http.ended(octets), http.ended(octets[:-1])), (good, None), octets)

    def test_a_job_travels(self) -> None:
        """As JSON, to another process."""
        form = template({"url": "http://localhost:1", **OURS})
        job = Job([[1, "SELECT {key}"]], 1, 2, 3.0, Address("h", 1, "u", "p", "d"), form)  # type: ignore[arg-type]
        self.assertEqual(Job.read(json.dumps(asdict(job))), job)

    def test_statements_are_drawn_by_their_weight(self) -> None:
        """Each unit of weight has its own requests."""
        job = Job(((9, "SELECT {key}"), (1, "x")), 1, 1, 1.0, Address("h", 1, "u", "p", "d"))
        drawn = requests(job)
        self.assertEqual([len(one) > 1 for one in drawn], [True] * 9 + [False])
        self.assertEqual(drawn[-1], [b"Q\0\0\0\x06x\0"])


class PgsocketTests(SynchronousTestCase):
    """The blocking client."""

    def test_scram(self) -> None:
        """RFC 7677's own example."""
        first = "n=user,r=rOprNGfwEbeRWgbNEkqO"
        nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        proof = scram_proof("pencil", first, f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        self.assertEqual(proof.decode(), f"c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")


class TemplateTests(SynchronousTestCase):
    """JSON with holes."""

    def given(self, **changed: object) -> dict[str, object]:
        """A template in full."""
        return {
            "url": "http://h:7",
            "write": "/w",
            "read": "/r",
            "one": ["{sql}"],
            "many": ["{sql}"],
            "error": "e",
        } | changed

    def test_reads_and_writes_have_their_paths(self) -> None:
        """And the length is right."""
        form = template(self.given())
        head, _, body = form.request('SELECT "x"').partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"POST /r HTTP/1.1\r\nHost: h\r\n"))
        self.assertEqual(json.loads(body), ['SELECT "x"'])
        self.assertIn(b"Content-Length: %d" % len(body), head)
        self.assertTrue(form.request("INSERT").startswith(b"POST /w "))

    def test_a_batch_repeats_the_innermost_list(self) -> None:
        """Whatever stands around it."""
        form = template(self.given(many={"transaction": True, "do": [{"sql": "{sql}"}]}))
        body = json.loads(form.request("x", 3).partition(b"\r\n\r\n")[2])
        self.assertEqual(body, {"transaction": True, "do": [{"sql": "x"}] * 3})

    def test_what_is_missing_is_named(self) -> None:
        """Before anything is driven."""
        self.assertRaisesRegex(ValueError, "read, url", template, {"write": "", "one": "", "many": "", "error": ""})
        self.assertRaisesRegex(ValueError, "sql", template, self.given(one="x"))


class ServersTests(SynchronousTestCase):
    """What ``--peer`` says."""

    def test_one_name_may_have_both_doors(self) -> None:
        """PostgreSQL by its URL, HTTP by a file."""
        path = self.mktemp()
        Path(path).write_text(json.dumps({"url": "http://h:7", **OURS}))
        (server,) = peers(["x=postgresql://u:p%40@db.example:7/d", f"x={path}"])
        self.assertEqual(server.address, Address("db.example", 7, "u", "p@", "d"))
        self.assertTrue(server.serves("http"))
        self.assertRaises(ValueError, peers, ["postgresql://u@h/d"])


class CatchupTests(SynchronousTestCase):
    """The messages that nobody wrote."""

    def test_they_are_what_a_node_would_have_published(self) -> None:
        """Each executed on the state before it; all of one process, numbered."""
        made = [decode(body) for body in messages(PLAIN, "a.db", 3, 7)]
        self.assertEqual([one.snapshot_seq for one in made], [7, 8, 9])
        self.assertEqual([one.group for one in made], [1, 2, 3])
        self.assertEqual([one.changes[0].new_values[0] for one in made], [1, 2, 3])


class BulkTests(SynchronousTestCase):
    """The rows to copy."""

    def test_every_row_once(self) -> None:
        """The last piece may be shorter."""
        rows = b"".join(lines(2_500)).splitlines()
        self.assertEqual([int(row.split(b"\t")[0]) for row in rows], list(range(1, 2_501)))


class WorkloadsTests(SynchronousTestCase):
    """The table of what clients do."""

    def test_every_row_can_be_driven(self) -> None:
        """By a door that exists; names are unique, inserts name their table."""
        self.assertEqual(len({workload.name for workload in WORKLOADS}), len(WORKLOADS))
        for workload in WORKLOADS:
            self.assertIn(workload.door, ("postgres", "http"))
            inserts = any(sql.startswith("INSERT") for _, sql in workload.statements)
            self.assertEqual(workload.table is not None, inserts)


class ProcessesTests(SynchronousTestCase):
    """What /proc tells of this very process."""

    def test_it_lives_and_costs(self) -> None:
        """CPU time never shrinks."""
        me = os.getpid()
        before = cpu_s([me])
        self.assertTrue(alive(me))
        self.assertGreater(memory_bytes([me]), 1 << 20)
        self.assertGreaterEqual(cpu_s([me]), before)
        self.assertIn(me, family(me))
        forget_peak([me])
        self.assertGreaterEqual(peak_bytes([me]), memory_bytes([me]) // 2)

    def test_a_process_that_is_none(self) -> None:
        """Is not alive, has no children and takes nothing."""
        gone = 2**22 + 1
        self.assertFalse(alive(gone))
        self.assertEqual((children(gone), cpu_s([gone]), memory_bytes([gone])), ([], 0.0, 0))
        self.assertIsNone(listener(1))
