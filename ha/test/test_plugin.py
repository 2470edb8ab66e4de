"""The plugin: found by twistd, and nothing of the house or of a reactor is imported until it is chosen.

Which reactor a process has can be decided once, so each of these asks in a Python process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

REPOSITORY = Path(__file__).parents[2]


def python(*words: str) -> tuple[int, str, str]:
    """Run Python in the repository: exit status, output, errors."""
    done = subprocess.run([sys.executable, *words], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def twistd(*words: str) -> tuple[int, str, str]:
    """Run twistd, as its script does."""
    return python("-c", "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()", *words)


class PluginTests(SynchronousTestCase):
    """What twistd and the reactor see."""

    def test_twistd_lists_it(self) -> None:
        """Without choosing a reactor for the other plugins."""
        status, out, _ = twistd("--help")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"(?m)^    ha +A replicated SQLite server")

    def test_looking_at_it_imports_nothing(self) -> None:
        """twistd loads every plugin whenever it runs any."""
        look = (
            "import sys, twisted.plugins.ha_plugin as p; p.ha.description; "
            "print([m for m in sys.modules if m.split('.')[0] == 'ha' or m == 'twisted.internet.reactor'])"
        )
        self.assertEqual(python("-c", look), (0, "[]", ""))

    def test_choosing_it_installs_the_asyncio_reactor(self) -> None:
        """And asking twice is no harm."""
        ask = (
            "import twisted.plugins.ha_plugin as p; p.ha.options; p.ha.options; "
            "from twisted.internet import reactor; print(type(reactor).__name__)"
        )
        self.assertEqual(python("-c", ask), (0, "AsyncioSelectorReactor", ""))

    def test_another_reactor_is_named_in_one_line(self) -> None:
        """The operator learns what to leave out."""
        status, out, error = twistd("-n", "--reactor=poll", "ha", "--db", "a.db")
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(error, r"^ha: the asyncio reactor is needed, but PollReactor is installed already: [^\n]+$")

    def test_the_asyncio_reactor_may_be_named(self) -> None:
        """It only repeats what the plugin does."""
        status, out, _ = twistd("--reactor=asyncio", "ha", "--version")
        self.assertEqual((status, out.split()[0]), (0, "ha"))

    def test_a_mistake_is_one_line(self) -> None:
        """On standard error, with status 1."""
        status, out, error = twistd("-n", "ha", "--db", "a.db", "--port", "http")
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(error, r"^ha: --port: 'http' is not a port[^\n]+$")
