"""The README's walk, typed line by line, with other ports and in an empty folder."""

from __future__ import annotations

import json
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import (
    READY_TIMEOUT_S,
    Node,
    die_with_parent,
    environment,
    eventually,
    free_ports,
    listens,
    temporary_folder,
)
from ha.test.readme import Command, commands, readme

#: The ports that the README names. A test must not need just these to be free.
NAMED_PORTS = ("8080", "8081", "5432", "5433", "4222")


class WalkthroughTests(SynchronousTestCase):
    """Everything between installing and testing."""

    def setUp(self) -> None:
        """An empty folder, and a free port for each that the README names."""
        self.folder = temporary_folder(self)
        self.ports = dict(zip(NAMED_PORTS, free_ports(len(NAMED_PORTS)), strict=True))
        self.outputs = 0

    def test_every_line_does_what_it_shows(self) -> None:
        """Twice in a row, from nothing."""
        walk = [one for one in commands(readme()) if not one.text.startswith("pip ")]
        self.assertGreaterEqual(len(walk), 10)
        for command in walk:
            if command.stays:
                self.leave_running(command)
            else:
                self.assert_shows(command)

    def with_ports(self, text: str) -> str:
        """The command with the test's ports: also where the README relies on a default."""
        for named, port in self.ports.items():
            text = text.replace(named, str(port))
        if "twistd" in text and "--port" not in text:
            text += f" --port {self.ports['8080']} --pg-port {self.ports['5432']} --nats-port {self.ports['4222']}"
        if "psql" in text and " -p " not in text:
            text = text.replace("psql -h localhost", f"psql -h localhost -p {self.ports['5432']}")
        return text

    def leave_running(self, command: Command) -> None:
        """Start a node as a reader does in a terminal, and wait as a reader does until it answers."""
        self.outputs += 1
        path = self.folder / f"output{self.outputs}"
        with open(path, "wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", self.with_ports(command.text).replace("twistd", "exec twistd")],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        doors = [self.ports[name] for name in (("8081", "5433") if "--port" in command.text else ("8080", "5432"))]
        try:
            eventually(lambda: process.poll() is not None or all(map(listens, doors)), command.text, READY_TIMEOUT_S)
        finally:
            self.assertIs(process.poll(), None, path.read_text())

    def assert_shows(self, command: Command) -> None:
        """Run it; it ends well, and shows what the README shows. JSON may be spaced in another way."""
        done = subprocess.run(
            ["bash", "-c", self.with_ports(command.text).replace("curl", "curl -sS")],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, f"{command.text}\n{done.stdout}{done.stderr}")
        shown = "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())  # psql fills columns up
        expected = command.shown
        if expected.startswith("{"):
            self.assertEqual(json.loads(shown), json.loads(expected), command.text)
        else:
            self.assertEqual(shown, expected, command.text)


class DaemonTests(SynchronousTestCase):
    """``twistd ha`` without ``-n``, as it stands in the README's first lines."""

    def test_it_goes_to_the_background_and_ends_on_sigterm(self) -> None:
        """With twistd's own pid file and log in the folder where it was started."""
        node = Node(self)
        done = subprocess.run(
            ["twistd", "ha", *node.words()],
            cwd=node.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        pid = int((node.folder / "twistd.pid").read_text())
        self.addCleanup(subprocess.run, ["kill", "-9", str(pid)], capture_output=True)
        node.wait_ready()
        node.run("CREATE TABLE t (a)", ("INSERT INTO t VALUES (?)", [1]))
        self.assertEqual(node.rows("SELECT a FROM t"), [[1]])
        subprocess.run(["kill", str(pid)], check=True)
        eventually(lambda: not (node.folder / "twistd.pid").exists(), "the pid file is gone", READY_TIMEOUT_S)
        self.assertFalse(listens(node.http_port))
        eventually(lambda: not listens(node.nats_port), "nats-server is gone", READY_TIMEOUT_S)
