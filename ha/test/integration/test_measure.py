"""``python -m ha.bench`` runs: a short one, whose figures are looked at, not believed."""

from __future__ import annotations

import json
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import environment, temporary_folder


class BenchTests(SynchronousTestCase):
    """The whole bench in seconds."""

    def test_every_workload_gives_figures(self) -> None:
        """And leaves no process behind."""
        folder = temporary_folder(self)
        words = ["--seconds", "1", "--clients", "2", "--lag-seconds", "0", "--json", "figures.json"]
        done = subprocess.run(
            [sys.executable, "-m", "ha.bench", *words],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=100,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads((folder / "figures.json").read_text())
        self.assertEqual(len(figures["lines"]), 5)
        for line in [*figures["lines"], *figures["limits"]]:
            self.assertGreater(line["per_s"], 0, line["name"])
            self.assertEqual(line["timing"]["errors"], 0, line["name"])
        self.assertEqual(len(figures["memory_mib"]), 3)
        self.assertIn("of the limit", done.stdout)
