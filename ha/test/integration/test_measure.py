"""``python -m ha.bench`` runs: a short one, whose figures are looked at, not believed; and what it shares with these tests."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.bench.cluster import DATABASE, Cluster
from ha.bench.template import OURS
from ha.bench.workloads import WORKLOADS
from ha.test.integration.nodes import die_with_parent, environment, free_ports, temporary_folder


class PortTests(SynchronousTestCase):
    """Who starts nodes takes ports for them before they listen there."""

    def test_processes_take_different_ones(self) -> None:
        """Though they do not know of one another."""
        program = (
            "import sys; from ha.bench.processes import free_ports; print(free_ports(3), flush=True); sys.stdin.read()"
        )
        blocks = {port // 1000 for port in free_ports(3)}
        self.assertEqual(len(blocks), 1)
        for _ in range(3):
            other = subprocess.Popen(
                [sys.executable, "-c", program],
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                preexec_fn=die_with_parent,
            )
            self.addCleanup(other.communicate)
            assert other.stdout is not None
            (block,) = {port // 1000 for port in json.loads(other.stdout.readline())}
            self.assertNotIn(block, blocks)
            blocks.add(block)


class BenchTests(SynchronousTestCase):
    """The whole bench in seconds."""

    def run_bench(self, *words: str) -> tuple[dict[str, Any], str]:
        """Its figures, and what it printed."""
        folder = temporary_folder(self)
        done = subprocess.run(
            [sys.executable, "-m", "ha.bench", *words, "--json", "figures.json", "--svg", "figures.svg"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=100,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((folder / "figures.svg").read_text().startswith("<svg"))
        return json.loads((folder / "figures.json").read_text()), done.stdout

    def test_every_workload_gives_figures(self) -> None:
        """And no errors; what is written says how far the second node is behind."""
        figures, said = self.run_bench("--seconds", "0.3", "--clients", "2", "--only", "PostgreSQL|HTTP|limits")
        lines = {line["name"]: line for line in figures["lines"]}
        self.assertLessEqual({workload.name for workload in WORKLOADS}, set(lines))
        for name, line in lines.items():
            self.assertGreater(line["per_s"], 0, name)
            self.assertEqual(line["timing"]["errors"], 0, name)
        for workload in WORKLOADS:
            self.assertEqual(lines[workload.name]["lag"] is not None, workload.table is not None)
        self.assertIn("of the path without the wire", said)

    def test_what_is_done_once_gives_figures(self) -> None:
        """Small, all of it."""
        figures, _ = self.run_bench(
            "--only", "copy|join|apply", "--rows", "5000", "--messages", "2000", "--join-mib", "8"
        )
        self.assertEqual(len(figures["once"]), 6)
        for one in figures["once"]:
            self.assertTrue(all(number >= 0 for number in one["figures"].values()), one)

    def test_a_peer_is_driven_in_the_same_rounds(self) -> None:
        """Whatever server it is: here a node of our own."""
        with tempfile.TemporaryDirectory() as name, Cluster(Path(name), []) as cluster:
            template = Path(name) / "peer.json"
            template.write_text(json.dumps({"url": f"http://127.0.0.1:{cluster.first.http_port}", **OURS}))
            where = f"postgresql://ha:ha@127.0.0.1:{cluster.first.pg_port}/{DATABASE}"
            peers = ["--peer", f"other={where}", "--peer", f"other={template}"]
            figures, _ = self.run_bench(
                "--seconds", "0.3", "--clients", "2", "--rounds", "2", "--only", "read by key", *peers
            )
        self.assertEqual([line["server"] for line in figures["lines"]], ["ha", "other"] * 2)
        self.assertEqual(len(figures["ratios"]), 4)
