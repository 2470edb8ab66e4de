"""The README can be believed: its commands exist, its options too, its links lead somewhere.

That the commands do what it shows is tried by :mod:`ha.test.integration.test_walkthrough`.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from ha.settings import TABLE
from ha.test.readme import Command, commands, readme
from ha.test.repository import repository


class CommandsTests(SynchronousTestCase):
    """How the commands are read out of a text."""

    def test_a_block_holds_commands_and_what_they_show(self) -> None:
        """Lines without a dollar sign are the answer to the command above."""
        start = ".. code-block:: console\n\n"
        text = f"A\n\n{start}    $ one\n    1\n\n    2\n    $ two\n\nB\n\n{start}    $ three\n"
        self.assertEqual(commands(text), [Command("one", "1\n\n2"), Command("two", ""), Command("three", "")])

    def test_a_node_in_the_foreground_stays(self) -> None:
        """The reader goes on in another terminal."""
        self.assertTrue(Command("mkdir x && twistd -n ha --db x/a.db", "").stays)
        self.assertFalse(Command("curl localhost", "").stays)


class ReadmeTests(SynchronousTestCase):
    """What the page says, against what is there."""

    def setUp(self) -> None:
        """The page."""
        self.text = readme()

    def test_every_option_exists(self) -> None:
        """Those of twistd itself aside."""
        known = {f"--{setting.name}" for setting in TABLE} | {"--reactor", "--help", "--pidfile"}
        named = set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", self.text))
        self.assertEqual(named - known, set())

    def test_every_link_leads_somewhere(self) -> None:
        """Inside the repository, at least."""
        links = re.findall(r"<([^>:]+)>`_", self.text)
        self.assertTrue(links)
        self.assertEqual([link for link in links if not (repository() / link).exists()], [])

    def test_ci_runs_the_test_command(self) -> None:
        """So that the page and the machine agree on what passes."""
        typed = next(command.text for command in commands(self.text) if "trial" in command.text)
        script = (repository() / ".ci" / "run").read_text()
        for part in typed.split(" && "):
            self.assertIn(part.replace("pip install", "").strip(), script)
